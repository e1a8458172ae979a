// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/names.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "cordata/base/did_you_mean.h"
#include "cordata/base/error.h"
#include "cordata/planner/planner.h"

namespace cordata::cli {

CLI::Validator at_least(int64_t least) {
  const auto check = [least](const std::string& word) {
    int64_t n = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), n);
    const bool good = error == std::errc() && end == word.data() + word.size() && n >= least;
    return good ? std::string() : fmt::format("wanted a whole number from {} up, got '{}'", least, word);
  };
  return CLI::Validator(check, "", "whole number");
}

CLI::Validator some_seconds() {
  const auto check = [](const std::string& word) {
    char* end = nullptr;
    const double seconds = std::strtod(word.c_str(), &end);
    const bool good = !word.empty() && *end == 0 && seconds > 0 && std::isfinite(seconds);
    return good ? std::string() : fmt::format("wanted a number of seconds above 0, got '{}'", word);
  };
  return CLI::Validator(check, "", "seconds");
}

cluster::Cluster resolve_cluster(const std::string& spec, std::optional<int> cores) {
  const std::string head = spec.substr(0, spec.rfind(':'));
  const auto known = cluster::presets();
  std::error_code ignored;
  const bool is_preset = std::find(known.begin(), known.end(), head) != known.end();
  if (!is_preset && !std::filesystem::exists(spec, ignored))
    throw base::user_error(
        "[cli] no cluster '{}': neither a file nor a preset.{} Presets: {} (as PRESET:HOSTS; local:RANKS is "
        "this machine)",
        spec, base::did_you_mean(head, known), fmt::join(known, ", "));
  return cluster::resolve(spec, cores);
}

void check_unbound(const std::string& cpu_list) {
  if (!cpu_list.empty())
    throw base::user_error(
        "[cli] --cpu-list: wanted none where mpirun or srun starts the ranks, which binds them itself "
        "(--bind-to, --cpu-set), got '{}'",
        cpu_list);
}

void check_planner(const std::string& name) {
  const std::string head = name.substr(0, name.find(':'));
  const auto known = planner::planner_names();
  if (std::find(known.begin(), known.end(), head) == known.end())
    throw base::user_error("[cli] no planner '{}'.{} There are: {}", head, base::did_you_mean(head, known),
                           fmt::join(known, ", "));
}

std::string planner_list() { return fmt::format("{}", fmt::join(planner::planner_names(), " ")); }

}  // namespace cordata::cli
