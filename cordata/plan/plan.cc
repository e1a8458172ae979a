// SPDX-License-Identifier: Apache-2.0
#include "cordata/plan/plan.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cordata/base/error.h"

namespace cordata::plan {

std::vector<int> Plan::stage_of_layer() const {
  std::vector<int> out(num_layers, 0);
  for (int s = 0; s < static_cast<int>(stages.size()); ++s)
    for (int l = stages[s].first_layer; l < stages[s].first_layer + stages[s].num_layers; ++l)
      if (l >= 0 && l < num_layers) out[l] = s;
  return out;
}

void write_plan(const Plan& plan, const std::string& path) {
  const std::string temporary = path + "." + std::to_string(getpid());
  {
    std::ofstream out(temporary);
    out << to_json(plan).dump(1) << "\n";
    out.flush();
    if (!out) {
      std::remove(temporary.c_str());
      throw base::user_error("[plan] can't write {}; try another place with -o", path);
    }
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    std::remove(temporary.c_str());
    throw base::user_error("[plan] can't write {}; try another place with -o", path);
  }
}

Plan read_plan(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw base::user_error("[plan] can't read {}", path);
  nlohmann::json j;
  try {
    j = nlohmann::json::parse(in);
  } catch (const nlohmann::json::parse_error& e) {
    throw base::user_error("[plan] {} is not JSON: {}", path, e.what());
  }
  return from_json(j, path);
}

}  // namespace cordata::plan
