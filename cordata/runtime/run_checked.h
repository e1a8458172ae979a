// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cordata/ir/checks.h"
#include "cordata/runtime/deadline.h"
#include "cordata/runtime/pjrt/client.h"

namespace cordata::runtime {

// One check of a module and what came of it.
struct CheckOutcome {
  ir::Check check;
  std::string difference;  // empty: it held

  bool held() const { return difference.empty(); }
};

struct CheckedRun {
  std::vector<CheckOutcome> checks;
  int ops = 0;  // of the module without its checks

  int passed() const;
};

// Gives result i of a module without its checks.
using FetchResult = std::function<std::vector<std::byte>(int i)>;
// Each check with what came of it. Results that several checks look at are fetched once.
std::vector<CheckOutcome> evaluate_checks(std::vector<ir::Check> checks, const FetchResult& fetch);

// Compiles what the writer prints of the module without its checks, runs it on the client's first device, and
// evaluates the checks on the host. Throws a user error for a module whose main function takes arguments: it
// has to carry its inputs. Errors of the plugin pass through.
CheckedRun run_checked(const Client& client, const ir::Graph& module, Deadline deadline);

// The module without its checks. Throws that user error.
ir::CheckedGraph checked_graph(const ir::Graph& module);

}  // namespace cordata::runtime
