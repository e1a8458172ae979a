// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/run_checked.h"

#include <algorithm>
#include <map>

#include "cordata/base/error.h"
#include "cordata/ir/text.h"

namespace cordata::runtime {

int CheckedRun::passed() const {
  return static_cast<int>(std::ranges::count_if(checks, [](const CheckOutcome& c) { return c.held(); }));
}

ir::CheckedGraph checked_graph(const ir::Graph& module) {
  if (!module.args().empty()) {
    throw base::user_error(
        "[runtime.run] wanted a module that carries its inputs (@main without arguments), got one "
        "with {} arguments; try a module that calls a function @inputs",
        module.args().size());
  }
  return ir::strip_checks(module);
}

std::vector<CheckOutcome> evaluate_checks(std::vector<ir::Check> checks, const FetchResult& fetch) {
  std::map<int, std::vector<std::byte>> fetched;
  const auto once = [&](int i) -> const std::vector<std::byte>& {
    const auto [it, fresh] = fetched.try_emplace(i);
    if (fresh) it->second = fetch(i);
    return it->second;
  };
  std::vector<CheckOutcome> outcomes;
  for (ir::Check& check : checks) {
    const std::vector<std::byte>& actual = once(check.actual);
    std::string difference = ir::evaluate(check, actual, once(check.expected));
    outcomes.push_back({std::move(check), std::move(difference)});
  }
  return outcomes;
}

CheckedRun run_checked(const Client& client, const ir::Graph& module, Deadline deadline) {
  ir::CheckedGraph checked = checked_graph(module);
  const Executable executable = client.compile(ir::write_module(checked.graph));
  Execution execution = executable.execute({});
  execution.done.await(deadline, "run the module");
  CheckedRun run;
  run.ops = static_cast<int>(checked.graph.ops().size());
  run.checks = evaluate_checks(std::move(checked.checks), [&](int i) {
    std::vector<std::byte> bytes(execution.results[i].num_bytes());
    execution.results[i].download(bytes, deadline);
    return bytes;
  });
  return run;
}

}  // namespace cordata::runtime
