// SPDX-License-Identifier: Apache-2.0
#include "cordata/models/zoo.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "cordata/base/did_you_mean.h"
#include "cordata/base/error.h"

namespace cordata::models {
namespace {

using base::user_error;
using ir::DType;

constexpr int64_t kPaperBatch = 1024;
constexpr std::string_view kPaper = "Alpa (OSDI'22): its artifact's benchmark suites";
constexpr std::string_view kOwn = "small default, for trying things";

// Learning rates: Brown et al. 2020 (GPT-3), table 2.1, for the nearest size; between its 13 B and 175 B, in
// between.
ZooEntry paper_gpt(std::string_view name, int64_t hidden, int64_t layers, int64_t heads, double lr) {
  GptConfig c{layers, hidden, heads, 1024, 51200, true, DType::kF16};
  OptimizerConfig o;
  o.lr = lr, o.beta2 = 0.95, o.weight_decay = 0.1, o.clip = 1.0;
  return {name, {std::string(name), c, o, kPaperBatch}, kPaper};
}

std::vector<ZooEntry> make_zoo() {
  return {
      {"gpt", {"gpt", GptConfig{}, {}, 8}, kOwn},  paper_gpt("gpt-125m", 768, 12, 12, 6e-4),
      paper_gpt("gpt-350m", 1024, 24, 16, 3e-4),   paper_gpt("gpt-760m", 1536, 24, 16, 2.5e-4),
      paper_gpt("gpt-1.3b", 2048, 24, 32, 2e-4),   paper_gpt("gpt-2.6b", 2560, 32, 32, 1.6e-4),
      paper_gpt("gpt-6.7b", 4096, 32, 32, 1.2e-4), paper_gpt("gpt-15b", 5120, 48, 40, 1e-4),
      paper_gpt("gpt-39b", 8192, 48, 64, 0.8e-4),  paper_gpt("gpt-76b", 10240, 60, 80, 0.6e-4),
      {"mlp", {"mlp", MlpConfig{}, {}, 8}, kOwn},
  };
}

// The known word that is closest, however far.
std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  return *std::min_element(known.begin(), known.end(), [&](auto& a, auto& b) {
    return base::edit_distance(word, a) < base::edit_distance(word, b);
  });
}

const ZooEntry* find(std::string_view name) {
  for (const ZooEntry& e : zoo())
    if (e.name == name) return &e;
  return nullptr;
}

// --- values of overrides ---
[[noreturn]] void bad(std::string_view key, std::string_view value, std::string_view wanted) {
  throw user_error("[models.zoo] {}={}: wanted {}", key, value, wanted);
}

int64_t integer(std::string_view key, std::string_view v, int64_t least) {
  int64_t n = 0;
  auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), n);
  bool read = error == std::errc() && end == v.data() + v.size();
  if (!read || n < least || n > (int64_t{1} << 40))
    bad(key, v, fmt::format("a whole number of at least {}", least));
  return n;
}

double real(std::string_view key, std::string_view v, double least, double most) {
  double x = 0;
  auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), x);
  bool read = error == std::errc() && end == v.data() + v.size() && std::isfinite(x);
  if (!read || x < least || x > most) bad(key, v, fmt::format("a number from {} to {}", least, most));
  return x;
}

DType dtype(std::string_view key, std::string_view v) {
  for (DType t : {DType::kF32, DType::kBF16, DType::kF16, DType::kF64})
    if (v == ir::name(t)) return t;
  bad(key, v, "f32, bf16, f16 or f64");
}

bool flag(std::string_view key, std::string_view v) {
  if (v != "0" && v != "1") bad(key, v, "0 or 1");
  return v == "1";
}

bool post_norm(std::string_view key, std::string_view v) {
  if (v != "pre" && v != "post") bad(key, v, "pre or post");
  return v == "post";
}

Optimizer optimizer(std::string_view key, std::string_view v) {
  if (v == "sgd") return Optimizer::kSgd;
  if (v == "momentum") return Optimizer::kMomentum;
  if (v == "adamw") return Optimizer::kAdamW;
  bad(key, v, "adamw, sgd or momentum");
}

// --- the overrides: one row each. `set` is given the model and the value; key is for its errors. ---
struct Override {
  const char* key;
  enum class Of : uint8_t { kAny, kGpt, kMlp } of;
  void (*set)(ZooModel&, std::string_view key, std::string_view value);
};
using Of = Override::Of;
GptConfig& as_gpt(ZooModel& m) { return std::get<GptConfig>(m.config); }
MlpConfig& as_mlp(ZooModel& m) { return std::get<MlpConfig>(m.config); }

using View = std::string_view;
constexpr Override kOverrides[] = {
    {"batch", Of::kAny, [](ZooModel& m, View k, View v) { m.batch = integer(k, v, 1); }},
    {"beta1", Of::kAny, [](ZooModel& m, View k, View v) { m.optimizer.beta1 = real(k, v, 0, 0.99999); }},
    {"beta2", Of::kAny, [](ZooModel& m, View k, View v) { m.optimizer.beta2 = real(k, v, 0, 0.99999); }},
    {"causal", Of::kGpt, [](ZooModel& m, View k, View v) { as_gpt(m).causal = flag(k, v); }},
    {"clip", Of::kAny, [](ZooModel& m, View k, View v) { m.optimizer.clip = real(k, v, 0, 1e9); }},
    {"decay_steps", Of::kAny,
     [](ZooModel& m, View k, View v) { m.optimizer.decay_steps = integer(k, v, 0); }},
    {"dtype", Of::kAny,
     [](ZooModel& m, View k, View v) { std::visit([&](auto& c) { c.dtype = dtype(k, v); }, m.config); }},
    {"eps", Of::kAny, [](ZooModel& m, View k, View v) { m.optimizer.eps = real(k, v, 0, 1); }},
    {"heads", Of::kGpt, [](ZooModel& m, View k, View v) { as_gpt(m).heads = integer(k, v, 1); }},
    {"hidden", Of::kAny,
     [](ZooModel& m, View k, View v) {
       std::visit([&](auto& c) { c.hidden = integer(k, v, 1); }, m.config);
     }},
    {"in", Of::kMlp, [](ZooModel& m, View k, View v) { as_mlp(m).in = integer(k, v, 1); }},
    {"layers", Of::kAny,
     [](ZooModel& m, View k, View v) {
       std::visit([&](auto& c) { c.layers = integer(k, v, 1); }, m.config);
     }},
    {"lr", Of::kAny, [](ZooModel& m, View k, View v) { m.optimizer.lr = real(k, v, 0, 1e3); }},
    {"lr_end", Of::kAny, [](ZooModel& m, View k, View v) { m.optimizer.lr_end = real(k, v, 0, 1); }},
    {"momentum", Of::kAny, [](ZooModel& m, View k, View v) { m.optimizer.momentum = real(k, v, 0, 1); }},
    {"norm", Of::kGpt, [](ZooModel& m, View k, View v) { as_gpt(m).post_norm = post_norm(k, v); }},
    {"onehot", Of::kGpt, [](ZooModel& m, View k, View v) { as_gpt(m).one_hot = flag(k, v); }},
    {"optimizer", Of::kAny, [](ZooModel& m, View k, View v) { m.optimizer.kind = optimizer(k, v); }},
    {"out", Of::kMlp, [](ZooModel& m, View k, View v) { as_mlp(m).out = integer(k, v, 1); }},
    {"seq", Of::kGpt, [](ZooModel& m, View k, View v) { as_gpt(m).seq = integer(k, v, 1); }},
    {"tied", Of::kGpt, [](ZooModel& m, View k, View v) { as_gpt(m).tied = flag(k, v); }},
    {"vocab", Of::kGpt, [](ZooModel& m, View k, View v) { as_gpt(m).vocab = integer(k, v, 2); }},
    {"warmup", Of::kAny, [](ZooModel& m, View k, View v) { m.optimizer.warmup = integer(k, v, 0); }},
    {"weight_decay", Of::kAny,
     [](ZooModel& m, View k, View v) { m.optimizer.weight_decay = real(k, v, 0, 1); }},
    {"widen", Of::kGpt, [](ZooModel& m, View k, View v) { as_gpt(m).widen = integer(k, v, 0); }},
};

bool applies(const Override& o, const ZooModel& m) {
  return o.of == Of::kAny || (o.of == Of::kGpt) == std::holds_alternative<GptConfig>(m.config);
}

void apply_override(ZooModel& m, std::string_view name, std::string_view item) {
  size_t equals = item.find('=');
  std::string_view key = item.substr(0, equals);
  if (equals == std::string_view::npos || equals == 0)
    throw user_error("[models.zoo] {}: wanted key=value between commas, got '{}'", m.spec, item);
  for (const Override& o : kOverrides)
    if (key == o.key && applies(o, m)) return o.set(m, key, item.substr(equals + 1));
  auto known = override_names(std::string(name));
  throw user_error("[models.zoo] {} has no override '{}'; did you mean {}? It has: {}", name, key,
                   nearest(key, known), fmt::join(known, ", "));
}

}  // namespace

const std::vector<ZooEntry>& zoo() {
  static const std::vector<ZooEntry> entries = make_zoo();
  return entries;
}

bool is_zoo_name(const std::string& spec) {
  return find(std::string_view(spec).substr(0, spec.find(':'))) != nullptr;
}

std::vector<std::string> override_names(const std::string& zoo_name) {
  std::vector<std::string> names;
  const ZooEntry* entry = find(zoo_name);
  for (const Override& o : kOverrides)
    if (entry && applies(o, entry->model)) names.push_back(o.key);
  return names;
}

ZooModel parse_model(const std::string& spec) {
  size_t colon = spec.find(':');
  std::string name = spec.substr(0, colon);
  const ZooEntry* entry = find(name);
  if (!entry) {
    std::vector<std::string> known;
    for (const ZooEntry& e : zoo()) known.emplace_back(e.name);
    throw user_error("[models.zoo] unknown model '{}'; did you mean {}? `cordata models` lists them", name,
                     nearest(name, known));
  }
  ZooModel model = entry->model;
  model.spec = spec;
  if (colon != std::string::npos) {
    model.batch = 8;
    std::string_view rest = std::string_view(spec).substr(colon + 1);
    for (size_t at = 0; at <= rest.size();) {
      size_t comma = std::min(rest.find(',', at), rest.size());
      apply_override(model, name, rest.substr(at, comma - at));
      at = comma + 1;
    }
  }
  if (auto* c = std::get_if<GptConfig>(&model.config); c && c->hidden % c->heads != 0)
    throw user_error(
        "[models.zoo] {}: wanted heads that divide hidden, got hidden={} and heads={}; try heads={}", spec,
        c->hidden, c->heads, std::gcd(c->hidden, c->heads));
  return model;
}

Model build_model(const ZooModel& zoo_model) {
  Model model = std::holds_alternative<GptConfig>(zoo_model.config)
                    ? gpt(std::get<GptConfig>(zoo_model.config))
                    : mlp(std::get<MlpConfig>(zoo_model.config));
  model.name = zoo_model.spec;
  return model;
}

step::TrainStep build_train_step(const ZooModel& zoo_model) {
  return make_train_step(build_model(zoo_model), zoo_model.optimizer, zoo_model.batch);
}

step::TrainStep build_train_step(const std::string& spec) { return build_train_step(parse_model(spec)); }

}  // namespace cordata::models
