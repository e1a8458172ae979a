// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

// What the launching command and its ranks agree on.
namespace cordata::runtime::launch_names {

constexpr const char* kFolder = "CORDATA_LAUNCH_FOLDER";  // private folder of a run
constexpr const char* kThreads = "CORDATA_THREADS";       // compute threads of a rank
constexpr const char* kCpus = "CORDATA_CPUS";             // "0,1,1": the CPU that each rank is bound to
constexpr const char* kSocket = "/ranks";                 // in the folder

inline std::string where_file(int rank) { return fmt::format("/where.{}", rank); }  // in the folder

// "cordata: rank 2: cause"; an executor's cause names the rank itself.
inline std::string failure_line(int rank, std::string_view cause) {
  if (cause.starts_with(fmt::format("rank {}", rank))) return fmt::format("cordata: {}", cause);
  return fmt::format("cordata: rank {}: {}", rank, cause);
}

}  // namespace cordata::runtime::launch_names
