// SPDX-License-Identifier: Apache-2.0
// Writes what a peer needs to take the same training steps as `cordata train MODEL --seed K`: initial
// parameters, STEPS batches, and the model's sizes as metadata.
//
//   bench_inputs MODEL SEED STEPS OUT.safetensors [DATA]
//
// Tensors: params/NAME, batches/NAME with shape [STEPS, B, ...]. DATA is what --data would be.
#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cordata/base/error.h"
#include "cordata/models/zoo.h"
#include "cordata/runtime/data.h"
#include "cordata/step/safetensors.h"

namespace cordata {
namespace {

nlohmann::json sizes(const models::ZooModel& zoo) {
  if (const auto* c = std::get_if<models::GptConfig>(&zoo.config)) {
    return {{"kind", "gpt"}, {"layers", c->layers}, {"hidden", c->hidden}, {"heads", c->heads},
            {"seq", c->seq}, {"vocab", c->vocab},   {"tied", c->tied},     {"dtype", ir::name(c->dtype)}};
  }
  const auto& c = std::get<models::MlpConfig>(zoo.config);
  return {{"kind", "mlp"}, {"layers", c.layers}};
}

nlohmann::json optimizer(const models::OptimizerConfig& o) {
  constexpr const char* kKinds[] = {"sgd", "momentum", "adamw"};
  return {{"kind", kKinds[static_cast<int>(o.kind)]},
          {"lr", o.lr},
          {"momentum", o.momentum},
          {"beta1", o.beta1},
          {"beta2", o.beta2},
          {"eps", o.eps},
          {"weight_decay", o.weight_decay},
          {"clip", o.clip},
          {"warmup", o.warmup},
          {"decay_steps", o.decay_steps},
          {"lr_end", o.lr_end}};
}

ir::Type stacked(const ir::Type& sample, std::initializer_list<int64_t> outer) {
  ir::Shape shape(outer);
  shape.insert(shape.end(), sample.shape.begin(), sample.shape.end());
  return ir::Type::tensor(sample.dtype, shape);
}

void write(const std::string& spec, uint64_t seed, int64_t steps, const std::string& path,
           const std::string& data) {
  const models::ZooModel zoo = models::parse_model(spec);
  const models::Model model = models::build_model(zoo);
  runtime::BatchShape shape{.batch = zoo.batch, .kind = model.data_kind};
  std::vector<step::TensorEntry> entries;
  for (const models::Parameter& p : model.parameters) entries.push_back({"params/" + p.name, p.type});
  for (const models::BatchInput& i : model.inputs) {
    entries.push_back({"batches/" + i.name, stacked(i.sample, {steps, zoo.batch})});
    shape.inputs.push_back({i.name, stacked(i.sample, {zoo.batch}), 0});
    shape.vocabulary.push_back(i.vocabulary);
  }
  step::SafetensorsWriter file(
      path, entries,
      {{"spec", spec}, {"model", sizes(zoo).dump()}, {"optimizer", optimizer(zoo.optimizer).dump()}});
  for (const models::Parameter& p : model.parameters) file.append(models::initial_value(p, seed).bytes);
  auto source = runtime::open_data(data, shape, seed);
  for (size_t i = 0; i < shape.inputs.size(); ++i) {
    const ir::Type& type = shape.inputs[i].microbatch_type;
    std::vector<std::byte> batch(type.num_bytes());
    for (int64_t s = 0; s < steps; ++s) {
      source->load(static_cast<int>(i), s, 0, {std::vector<int64_t>(type.rank()), type.shape}, batch);
      file.append(batch);
    }
  }
  file.finish();
}

}  // namespace
}  // namespace cordata

int main(int argc, char** argv) try {
  if (argc < 5)
    throw cordata::base::user_error("[bench.inputs] wanted MODEL SEED STEPS OUT.safetensors [DATA]");
  cordata::write(argv[1], std::strtoull(argv[2], nullptr, 10), std::strtoll(argv[3], nullptr, 10), argv[4],
                 argc > 5 ? argv[5] : "");
  return 0;
} catch (const cordata::base::Error& e) {
  fmt::print(stderr, "{}\n", e.what());
  return cordata::base::exit_status(e.kind());
}
