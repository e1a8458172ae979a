// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cordata/cli/verbs/verbs.h"
#include "cordata/ir/text.h"
#include "cordata/runtime/run_checked.h"

namespace cordata::cli {
namespace {

using nlohmann::ordered_json;

constexpr base::Seconds kLongestRun{3600};

ordered_json to_json(const runtime::CheckOutcome& c) {
  ordered_json j = {{"kind", ir::name(c.check.kind)}, {"line", c.check.line}, {"held", c.held()}};
  if (!c.held()) j["difference"] = c.difference;
  return j;
}

Answer run_module(const std::string& file, const std::string& plugin) {
  const ir::Graph module = ir::read_module_file(file);
  const runtime::Client client(runtime::Plugin::load(runtime::plugin_path(plugin)));
  const runtime::CheckedRun run = runtime::run_checked(client, module, runtime::Deadline::after(kLongestRun));
  const int checks = static_cast<int>(run.checks.size()), passed = run.passed();

  Answer answer;
  answer.json = {{"module", file}, {"checks", checks}, {"passed", passed}, {"sharded_ops", 0}, {"replicated_ops", run.ops}};
  answer.json["outcomes"] = ordered_json::array();
  for (const runtime::CheckOutcome& c : run.checks) {
    answer.json["outcomes"].push_back(to_json(c));
    if (!c.held()) answer.text += fmt::format("{}:{}: {} doesn't hold: {}\n", file, c.check.line, ir::name(c.check.kind), c.difference);
  }
  answer.text += checks == 0 ? fmt::format("{}: ran, {} ops; it has no checks\n", file, run.ops)
                             : fmt::format("{}: {} of {} checks held, {} ops\n", file, passed, checks, run.ops);
  if (passed < checks)
    answer.failure = base::Error(base::ErrorKind::kCheck,
                                 fmt::format("[run] {} of {} checks of {} did not hold", checks - passed, checks, file));
  return answer;
}

}  // namespace

Verb run_verb() {
  return {"run", "Run one module, and evaluate the checks it makes",
          "  cordata run add.mlir                        its check.expect_* calls; exit status 5 when one doesn't hold\n"
          "  cordata run add.mlir --json                 checks, passed, and what differs\n",
          [](CLI::App& app) -> std::function<Answer(const Context&)> {
            struct Options {
              std::string file, plugin;
            };
            auto o = std::make_shared<Options>();
            app.add_option("file", o->file, "A StableHLO module that carries its inputs")->required();
            app.add_option("--plugin", o->plugin, "A PJRT plugin (default: $CORDATA_PJRT_PLUGIN, else the CPU one of tools/setup)");
            return [o](const Context&) { return run_module(o->file, o->plugin); };
          }};
}

}  // namespace cordata::cli
