// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cordata/cluster/cluster.h"

namespace CLI {
class Validator;
}

namespace cordata::cli {

inline constexpr std::string_view kClusterHelp = "PRESET:HOSTS, local:RANKS, or a cluster file";
inline constexpr std::string_view kProgramsHelp =
    "Write each stage's modules (StableHLO) and the ranks' lists to this folder";
inline constexpr std::string_view kCpuListHelp = "Bind each rank to a CPU, one thread each: 0,1,1";
inline constexpr std::string_view kPlannerHelp = "Planner, NAME[:key=value,...]: ";

// For flags that take a whole number: the word is one, and not less than `least`.
CLI::Validator at_least(int64_t least);
// For flags that take a time: a number above zero.
CLI::Validator some_seconds();

// cluster::resolve, with the nearest preset named when there is no such one. `cores`: as there.
cluster::Cluster resolve_cluster(const std::string& spec, std::optional<int> cores = {});

// Of ranks that this command did not start: throws a user error where there is a list for --cpu-list.
void check_unbound(const std::string& cpu_list);

// Throws a user error with the nearest planner's name when there is none of that name.
void check_planner(const std::string& name);
// "auto single data zero-2 ...", for help.
std::string planner_list();

}  // namespace cordata::cli
