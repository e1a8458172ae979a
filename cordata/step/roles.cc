// SPDX-License-Identifier: Apache-2.0
// roles.json, "format": "cordata.step/1".
#include <nlohmann/json.hpp>
#include <optional>

#include "cordata/base/error.h"
#include "cordata/step/directory.h"

namespace cordata::step {
namespace {

using base::user_error;
using json = nlohmann::ordered_json;

constexpr const char* kFormat = "cordata.step/1";
constexpr const char* kJoins[] = {"mean", "sum", "weighted"};
constexpr int kNumRoles = static_cast<int>(Role::kAux) + 1;

json ports_to_json(const std::vector<Port>& ports) {
  json list = json::array();
  for (const Port& p : ports) {
    json j = {{"role", name(p.role)}, {"index", p.index}, {"name", p.name}};
    if (p.role == Role::kBatch) j["batch_dim"] = p.batch_dim;
    list.push_back(std::move(j));
  }
  return list;
}

Role role_of(const std::string& word, const std::string& origin) {
  for (int r = 0; r < kNumRoles; ++r)
    if (word == name(static_cast<Role>(r))) return static_cast<Role>(r);
  throw user_error(
      "[step.roles] {}: unknown role '{}'; wanted param, opt_state, state, batch, key, grad, loss, weight or "
      "aux",
      origin, word);
}

std::vector<Port> ports_from_json(const json& list, const std::string& origin) {
  std::vector<Port> ports;
  for (const json& j : list) {
    Port p{role_of(j.at("role").get<std::string>(), origin), j.value("index", 0), j.value("name", "")};
    if (p.role == Role::kBatch) p.batch_dim = j.value("batch_dim", 0);
    ports.push_back(std::move(p));
  }
  return ports;
}

LossJoin join_of(const std::string& word, const std::string& origin) {
  for (int i = 0; i < 3; ++i)
    if (word == kJoins[i]) return static_cast<LossJoin>(i);
  throw user_error("[step.roles] {}: unknown join '{}'; wanted mean, sum or weighted", origin, word);
}

void read_fields(const json& roles, const std::string& origin, TrainStep& step) {
  step.name = roles.value("name", "");
  step.batch = roles.at("batch").get<int64_t>();
  step.join = join_of(roles.value("join", "mean"), origin);
  step.microbatch_sizes = roles.at("microbatch_sizes").get<std::vector<int64_t>>();
  step.grad_args = ports_from_json(roles.at("grad").at("args"), origin);
  step.grad_results = ports_from_json(roles.at("grad").at("results"), origin);
  step.apply_args = ports_from_json(roles.at("apply").at("args"), origin);
  step.apply_results = ports_from_json(roles.at("apply").at("results"), origin);
  step.unit = roles.value("unit", "samples");
  step.units_per_sample = roles.value("units_per_sample", int64_t{1});
  json data = roles.value("data", json::object());
  step.data_kind = data.value("kind", "");
  step.vocabulary = data.value("vocabulary", std::vector<int64_t>());
  step.vocabulary.resize(static_cast<size_t>(step.num_batch_inputs()), 0);
}

}  // namespace

json roles_to_json(const TrainStep& step) {
  return {
      {"format", kFormat},
      {"name", step.name},
      {"batch", step.batch},
      {"join", kJoins[static_cast<int>(step.join)]},
      {"microbatch_sizes", step.microbatch_sizes},
      {"grad", {{"args", ports_to_json(step.grad_args)}, {"results", ports_to_json(step.grad_results)}}},
      {"apply", {{"args", ports_to_json(step.apply_args)}, {"results", ports_to_json(step.apply_results)}}},
      {"unit", step.unit},
      {"units_per_sample", step.units_per_sample},
      {"data", {{"kind", step.data_kind}, {"vocabulary", step.vocabulary}}}};
}

void roles_from_json(const json& roles, const std::string& origin, TrainStep& step) {
  try {
    if (std::string format = roles.value("format", ""); format != kFormat)
      throw user_error("[step.roles] {}: wanted \"format\": \"{}\", got \"{}\"", origin, kFormat, format);
    read_fields(roles, origin, step);
  } catch (const nlohmann::json::exception& e) {
    throw user_error("[step.roles] {}: {}", origin, e.what());
  }
}

}  // namespace cordata::step
