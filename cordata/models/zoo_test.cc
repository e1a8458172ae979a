// SPDX-License-Identifier: Apache-2.0
#include "cordata/models/zoo.h"

#include <gmock/gmock.h>

#include "cordata/base/error.h"

namespace cordata::models {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& spec) {
  try {
    build_train_step(spec);
  } catch (const base::Error& e) {
    EXPECT_EQ(e.kind(), base::ErrorKind::kUser);
    return e.what();
  }
  return "";
}

int64_t num_parameters(const std::string& spec) {
  int64_t sum = 0;
  for (const Parameter& p : build_model(parse_model(spec)).parameters) sum += p.type.num_elements();
  return sum;
}

TEST(Zoo, HasThePapersSizes) {
  // What the names say, in billions; the published configurations round them.
  const std::pair<const char*, double> sizes[] = {{"gpt-125m", 0.125}, {"gpt-350m", 0.35}, {"gpt-760m", 0.76},
                                                  {"gpt-1.3b", 1.3},   {"gpt-2.6b", 2.6},  {"gpt-6.7b", 6.7},
                                                  {"gpt-15b", 15},     {"gpt-39b", 39},    {"gpt-76b", 76}};
  for (auto [name, billions] : sizes)
    EXPECT_NEAR(static_cast<double>(num_parameters(name)) / 1e9 / billions, 1, 0.1) << name;
}

TEST(Zoo, TakesOverrides) {
  ZooModel m = parse_model(
      "gpt:layers=2,hidden=64,heads=8,vocab=100,dtype=bf16,tied=0,optimizer=momentum,lr=2e-3,clip=1,batch="
      "12");
  const GptConfig& c = std::get<GptConfig>(m.config);
  EXPECT_EQ(c.layers, 2);
  EXPECT_EQ(c.hidden, 64);
  EXPECT_EQ(c.heads, 8);
  EXPECT_EQ(c.vocab, 100);
  EXPECT_EQ(c.dtype, ir::DType::kBF16);
  EXPECT_FALSE(c.tied);
  EXPECT_EQ(m.optimizer.kind, Optimizer::kMomentum);
  EXPECT_EQ(m.optimizer.lr, 2e-3);
  EXPECT_EQ(m.optimizer.clip, 1);
  EXPECT_EQ(m.batch, 12);
}

TEST(Zoo, HasBatch8WhenOverriddenAndThePapersOtherwise) {
  EXPECT_EQ(parse_model("gpt-125m").batch, 1024);
  EXPECT_EQ(parse_model("gpt-125m:layers=2").batch, 8);
  EXPECT_EQ(parse_model("gpt-125m:batch=64").batch, 64);
}

TEST(Zoo, SaysWhatWasMeant) {
  EXPECT_THAT(error_of("gtp"), HasSubstr("did you mean gpt"));
  EXPECT_THAT(error_of("gpt:layer=2"), HasSubstr("did you mean layers"));
  EXPECT_THAT(error_of("gpt:layers=two"), HasSubstr("a whole number of at least 1"));
  EXPECT_THAT(error_of("gpt:layers=0"), HasSubstr("a whole number of at least 1"));
  EXPECT_THAT(error_of("gpt:hidden=30,heads=4"), HasSubstr("try heads=2"));
  EXPECT_THAT(error_of("gpt:dtype=f8"), HasSubstr("f32, bf16, f16 or f64"));
  EXPECT_THAT(error_of("gpt:optimizer=adam"), HasSubstr("adamw"));
  EXPECT_THAT(error_of("gpt:layers"), HasSubstr("key=value"));
  EXPECT_THAT(error_of("gpt:lr=nan"), HasSubstr("a number"));
  EXPECT_THAT(error_of("mlp:seq=3"), HasSubstr("no override 'seq'"));
}

TEST(Zoo, KnowsItsNames) {
  for (const ZooEntry& e : zoo()) EXPECT_TRUE(is_zoo_name(std::string(e.name))) << e.name;
  EXPECT_TRUE(is_zoo_name("gpt:layers=2"));
  EXPECT_FALSE(is_zoo_name("some/directory"));
}

TEST(Zoo, StepsPassTheirValidator) {
  for (const char* spec : {"mlp:layers=2,in=4,hidden=8,out=4,optimizer=sgd",
                           "mlp:layers=2,in=4,hidden=8,out=4,optimizer=sgd,warmup=3",
                           "gpt:layers=1,hidden=16,heads=2,seq=8,vocab=32,batch=4",
                           "gpt:layers=1,hidden=16,heads=2,seq=8,vocab=32,tied=0"}) {
    EXPECT_NO_THROW(step::validate(build_train_step(std::string(spec)))) << spec;
  }
}

}  // namespace
}  // namespace cordata::models
