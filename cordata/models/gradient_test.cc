// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "cordata/models/zoo.h"

namespace cordata::models {
namespace {

void expect_gradients_like_parameters(const std::string& spec) {
  ZooModel zoo = parse_model(spec);
  Model model = build_model(zoo);
  ir::Graph grad = build_train_step(zoo).grad(zoo.batch);
  ASSERT_EQ(grad.results().size(), 1 + model.parameters.size()) << spec;
  for (size_t i = 0; i < model.parameters.size(); ++i) {
    EXPECT_EQ(grad.type(grad.results()[i + 1]), model.parameters[i].type)
        << spec << " " << model.parameters[i].name;
  }
}

TEST(ZooGradient, HasTheTypesOfTheParameters) {
  for (const char* spec :
       {"mlp:layers=3,in=8,hidden=16,out=4,batch=2", "gpt:layers=2,hidden=16,heads=2,seq=8,vocab=32,batch=2",
        "gpt:layers=1,hidden=16,heads=2,seq=8,vocab=4096,batch=2",
        "gpt:layers=1,hidden=16,heads=2,seq=8,vocab=32,batch=2,dtype=bf16"}) {
    expect_gradients_like_parameters(spec);
  }
}

}  // namespace
}  // namespace cordata::models
