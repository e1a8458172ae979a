// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "cordata/planner/intra_op/problem.h"

namespace cordata::planner {

// In the contest's format a cost of as much forbids.
constexpr int64_t kForbidden = 1'000'000'000'000'000'000;

// Reads a problem in the format of the ASPLOS / EuroSys 2025 contest (google/iopddl), plain or gzipped: an
// object "problem" of "nodes" {"intervals", "costs", "usages"}, "edges" {"nodes", "costs"} and "usage_limit"
// (none: nothing is limited). Costs of kForbidden or more become kInfinite. Throws a user error that names
// the place in the document.
Problem read_problem(const std::string& path);
// The same of a text; `name` is what errors call it.
Problem parse_problem(std::string text, const std::string& name);

// The problem in that format; parse_problem's inverse.
std::string write_problem(const Problem& problem, std::string_view name);

}  // namespace cordata::planner
