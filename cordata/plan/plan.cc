// SPDX-License-Identifier: Apache-2.0
#include "cordata/plan/plan.h"

#include <nlohmann/json.hpp>

#include "cordata/base/error.h"
#include "cordata/base/files.h"

namespace cordata::plan {

std::vector<int> Plan::stage_of_layer() const {
  std::vector<int> out(num_layers, 0);
  for (int s = 0; s < static_cast<int>(stages.size()); ++s)
    for (int l = stages[s].first_layer; l < stages[s].first_layer + stages[s].num_layers; ++l)
      if (l >= 0 && l < num_layers) out[l] = s;
  return out;
}

void write_plan(const Plan& plan, const std::string& path) {
  base::write_file(path, to_json(plan).dump(1) + "\n");
}

Plan read_plan(const std::string& path) {
  nlohmann::json j;
  try {
    j = nlohmann::json::parse(base::read_file(path));
  } catch (const nlohmann::json::parse_error& e) {
    throw base::user_error("[plan] {} is not JSON: {}", path, e.what());
  }
  return from_json(j, path);
}

}  // namespace cordata::plan
