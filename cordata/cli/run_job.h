// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cordata/cli/verb.h"
#include "cordata/runtime/run_checked.h"

namespace cordata::cli {

struct RunOptions {
  std::vector<std::string> files;
  std::string planner = "auto", plugin, programs;
  int ranks = 1;
  double time_limit = 600;
};

// What came of one module.
struct ModuleOutcome {
  std::string file;
  std::vector<runtime::CheckOutcome> checks;
  int sharded_ops = 0, replicated_ops = 0;
  std::optional<base::Error> error;  // it could not be run

  int passed() const;
};

// Runs modules: on one device of this process, or sharded over ranks that it starts. Everything that can be
// wrong with the words and the files is found before a rank starts.
Answer run_modules(const RunOptions& options, const Context& context);

// Outcomes as `run` shows them.
Answer show(const std::vector<ModuleOutcome>& outcomes, int ranks, const std::string& planner);

// What one rank does; gives the process's status. Rank 0 prints.
int run_modules_rank(const RunOptions& options, const Context& context);

}  // namespace cordata::cli
