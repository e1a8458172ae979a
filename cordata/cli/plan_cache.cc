// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/plan_cache.h"

#include <filesystem>

#include "cordata/base/error.h"
#include "cordata/base/files.h"
#include "cordata/base/sha256.h"
#include "cordata/step/joint.h"

namespace cordata::cli {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "cordata.cached-plan/1";

std::string sha256(const std::string& text) {
  base::Sha256 sum;
  sum.add(std::as_bytes(std::span(text)));
  return sum.hex();
}

// All members are bound, so that a new one can't be forgotten here.
json options_json(const planner::PlannerOptions& options) {
  const auto& [name, microbatches, memory_limit, allow_idle, layers, remat, fixes, objective, schedule,
               time_limit] = options;
  (void)time_limit;  // a plan that it didn't stop is the same
  return {{"name", name},
          {"microbatches", microbatches},
          {"memory_limit_bytes", memory_limit.value},
          {"allow_idle", allow_idle},
          {"layers", layers},
          {"remat", remat ? std::string(step::name(*remat)) : "auto"},
          {"fixes", fixes},
          {"objective", planner::name(objective)},
          {"schedule", schedule}};
}

// What ops of devices take is in files of their own.
json profiles_json(const cluster::Cluster& cluster) {
  json sums = json::array();
  for (const int kind : cluster.kinds_in(0, cluster.num_devices()))
    if (const auto& path = cluster.device_at(kind).profile; !path.empty())
      sums.push_back(base::sha256_of_file(path));
  return sums;
}

json key_json(const step::TrainStep& step, const cluster::Cluster& cluster,
              const planner::PlannerOptions& options) {
  return {{"build", base::sha256_of_file("/proc/self/exe")},
          {"model_hash", fmt::format("{:016x}", step::model_hash(step))},
          {"microbatch_sizes", step.microbatch_sizes},
          {"unit", step.unit},
          {"units_per_sample", step.units_per_sample},
          {"cluster", cluster},
          {"profiles", profiles_json(cluster)},
          {"options", options_json(options)}};
}

void warn(const std::string& text) { fmt::print(stderr, "cordata: warning: {}\n", text); }

}  // namespace

PlanCache::PlanCache(const std::string& folder, const step::TrainStep& step, const cluster::Cluster& cluster,
                     const planner::PlannerOptions& options)
    : folder_(folder), key_(key_json(step, cluster, options)) {
  file_ = (std::filesystem::path(folder) / (sha256(key_.dump()) + ".json")).string();
}

std::optional<plan::Plan> PlanCache::read() const {
  std::error_code ignored;
  if (!std::filesystem::exists(file_, ignored)) return std::nullopt;
  try {
    const json entry = json::parse(base::read_file(file_));
    if (entry.at("format") != kFormat || entry.at("key") != key_ ||
        entry.at("sha256") != sha256(entry.at("plan").dump()))
      throw base::user_error("[cli.cache] {} is not what was written", file_);
    auto plan = plan::from_json(entry.at("plan"), file_);
    fmt::print(stderr, "cordata: the plan is from the cache, {}\n", file_);
    return plan;
  } catch (const std::exception& e) {
    warn(fmt::format("the cache has a damaged plan, which is looked for anew and replaced: {}", e.what()));
    return std::nullopt;
  }
}

void PlanCache::write(const plan::Plan& plan) const try {
  std::filesystem::create_directories(folder_);
  const json whole = plan::to_json(plan);
  base::write_file(
      file_,
      json{{"format", kFormat}, {"key", key_}, {"sha256", sha256(whole.dump())}, {"plan", whole}}.dump() +
          "\n");
} catch (const std::exception& e) {
  warn(fmt::format("the plan could not be kept in the cache: {}", e.what()));
}

}  // namespace cordata::cli
