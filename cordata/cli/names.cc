// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/names.h"

#include <fmt/ranges.h>

#include <filesystem>

#include "cordata/base/did_you_mean.h"
#include "cordata/base/error.h"
#include "cordata/planner/planner.h"

namespace cordata::cli {

cluster::Cluster resolve_cluster(const std::string& spec) {
  const std::string head = spec.substr(0, spec.rfind(':'));
  const auto known = cluster::presets();
  std::error_code ignored;
  const bool is_preset = std::find(known.begin(), known.end(), head) != known.end();
  if (!is_preset && !std::filesystem::exists(spec, ignored))
    throw base::user_error("[cli] no cluster '{}': neither a file nor a preset.{} Presets: {} (as PRESET:HOSTS; local:RANKS is this machine)", spec,
                           base::did_you_mean(head, known), fmt::join(known, ", "));
  return cluster::resolve(spec);
}

void check_planner(const std::string& name) {
  const std::string head = name.substr(0, name.find(':'));
  const auto known = planner::planner_names();
  if (std::find(known.begin(), known.end(), head) == known.end())
    throw base::user_error("[cli] no planner '{}'.{} There are: {}", head, base::did_you_mean(head, known), fmt::join(known, ", "));
}

std::string planner_list() { return fmt::format("{}", fmt::join(planner::planner_names(), " ")); }

}  // namespace cordata::cli
