// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/run_checked.h"

#include <algorithm>

#include "cordata/base/error.h"
#include "cordata/ir/text.h"

namespace cordata::runtime {

int CheckedRun::passed() const {
  return static_cast<int>(std::ranges::count_if(checks, [](const CheckOutcome& c) { return c.held(); }));
}

CheckedRun run_checked(const Client& client, const ir::Graph& module, Deadline deadline) {
  if (!module.args().empty()) {
    throw base::user_error("[runtime.run] wanted a module that carries its inputs (@main without arguments), got one "
                           "with {} arguments; try a module that calls a function @inputs", module.args().size());
  }
  ir::CheckedGraph checked = ir::strip_checks(module);
  Executable executable = client.compile(ir::write_module(checked.graph));
  Execution execution = executable.execute({});
  execution.done.await(deadline, "run the module");

  // Tensors that several checks look at are fetched once.
  std::vector<std::vector<std::byte>> fetched(execution.results.size());
  auto fetch = [&](int i) -> const std::vector<std::byte>& {
    if (fetched[i].empty()) {
      fetched[i].resize(execution.results[i].num_bytes());
      execution.results[i].download(fetched[i], deadline);
    }
    return fetched[i];
  };
  CheckedRun run;
  run.ops = checked.graph.num_nodes();
  for (ir::Check& check : checked.checks) {
    const std::vector<std::byte>& actual = fetch(check.actual);
    std::string difference = ir::evaluate(check, actual, fetch(check.expected));
    run.checks.push_back({std::move(check), std::move(difference)});
  }
  return run;
}

}  // namespace cordata::runtime
