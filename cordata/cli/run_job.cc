// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/run_job.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "cordata/base/files.h"
#include "cordata/cli/names.h"
#include "cordata/ir/text.h"
#include "cordata/planner/module_planner.h"
#include "cordata/runtime/launch/launch.h"
#include "cordata/runtime/launch/rank.h"

namespace cordata::cli {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const runtime::CheckOutcome& c) {
  ordered_json j = {{"kind", ir::name(c.check.kind)}, {"line", c.check.line}, {"held", c.held()}};
  if (!c.held()) j["difference"] = c.difference;
  return j;
}

ordered_json to_json(const ModuleOutcome& m) {
  ordered_json j = {{"module", m.file},
                    {"checks", m.checks.size()},
                    {"passed", m.passed()},
                    {"sharded_ops", m.sharded_ops},
                    {"replicated_ops", m.replicated_ops}};
  if (m.error) j["error"] = m.error->what(), j["status"] = base::exit_status(m.error->kind());
  j["outcomes"] = ordered_json::array();
  for (const auto& c : m.checks) j["outcomes"].push_back(to_json(c));
  return j;
}

std::string line_of(const ModuleOutcome& m, int ranks) {
  if (m.error) return fmt::format("{}: {}\n", m.file, m.error->what());
  std::string text;
  for (const auto& c : m.checks)
    if (!c.held())
      text += fmt::format("{}:{}: {} doesn't hold: {}\n", m.file, c.check.line, ir::name(c.check.kind),
                          c.difference);
  const std::string ops = ranks > 1 ? fmt::format("{} of {} ops sharded over {} ranks", m.sharded_ops,
                                                  m.sharded_ops + m.replicated_ops, ranks)
                                    : fmt::format("{} ops", m.replicated_ops);
  return text + (m.checks.empty() ? fmt::format("{}: ran, {}; it has no checks\n", m.file, ops)
                                  : fmt::format("{}: {} of {} checks held, {}\n", m.file, m.passed(),
                                                m.checks.size(), ops));
}

void check_planner_name(const std::string& name) {
  check_planner(name);
  const auto known = planner::module_planner_names();
  if (std::ranges::find(known, name) == known.end())
    throw base::user_error(
        "[run] wanted one of {} for a module, which has no parameters and no batch, got '{}'",
        fmt::join(known, ", "), name);
}

ModuleOutcome run_here(const runtime::Client& client, const std::string& file, const ir::Graph& module,
                       base::Seconds limit) {
  ModuleOutcome outcome{.file = file};
  try {
    runtime::CheckedRun run = runtime::run_checked(client, module, runtime::Deadline::after(limit));
    outcome.checks = std::move(run.checks);
    outcome.replicated_ops = run.ops;
  } catch (const base::Error& error) {
    outcome.error = error;
  }
  return outcome;
}

Answer launch(const RunOptions& o, const Context& context) {
  std::vector<std::string> words{"run", "--planner", o.planner, "--time-limit",
                                 fmt::format("{}", o.time_limit)};
  const std::pair<const char*, const std::string*> paths[] = {{"--plugin", &o.plugin},
                                                              {"--programs", &o.programs}};
  for (const auto& [flag, value] : paths)
    if (!value->empty()) words.insert(words.end(), {flag, *value});
  if (context.json) words.push_back("--json");
  words.push_back("--");
  words.insert(words.end(), o.files.begin(), o.files.end());
  Answer answer;
  answer.status = runtime::launch({.ranks = o.ranks, .arguments = words, .program = context.program});
  return answer;
}

}  // namespace

int ModuleOutcome::passed() const {
  return static_cast<int>(std::ranges::count_if(checks, [](const auto& c) { return c.held(); }));
}

Answer show(const std::vector<ModuleOutcome>& outcomes, int ranks, const std::string& planner) {
  size_t checks = 0;
  int passed = 0, sharded = 0, replicated = 0;
  const base::Error* error = nullptr;
  Answer answer;
  auto modules = ordered_json::array();
  for (const ModuleOutcome& m : outcomes) {
    checks += m.checks.size(), passed += m.passed(), sharded += m.sharded_ops, replicated += m.replicated_ops;
    if (m.error && !error) error = &*m.error;
    modules.push_back(to_json(m));
    if (!m.error || outcomes.size() > 1) answer.text += line_of(m, ranks);
  }
  answer.json = {{"checks", checks},
                 {"passed", passed},
                 {"sharded_ops", sharded},
                 {"replicated_ops", replicated},
                 {"ranks", ranks},
                 {"planner", planner},
                 {"modules", std::move(modules)}};
  const int failed = static_cast<int>(checks) - passed;
  if (outcomes.size() > 1)
    answer.text += fmt::format("{} modules: {} of {} checks held\n", outcomes.size(), passed, checks);
  if (error) {
    answer.failure = *error;
  } else if (failed > 0) {
    const std::string where =
        outcomes.size() == 1 ? outcomes[0].file : fmt::format("{} modules", outcomes.size());
    answer.failure =
        base::Error(base::ErrorKind::kCheck,
                    fmt::format("[run] {} of {} checks of {} did not hold", failed, checks, where));
  }
  return answer;
}

Answer run_modules(const RunOptions& o, const Context& context) {
  if (runtime::is_worker()) {
    Answer answer;
    answer.status = runtime::run_rank([&] { return run_modules_rank(o, context); });
    return answer;
  }
  check_planner_name(o.planner);
  if (!o.programs.empty()) base::check_writable_directory(o.programs);
  const auto& plugin = runtime::Plugin::load(runtime::plugin_path(o.plugin));
  std::vector<ir::Graph> modules;
  for (const std::string& file : o.files) {
    modules.push_back(ir::read_module_file(file));
    runtime::checked_graph(modules.back());
  }
  if (o.ranks > 1 || !o.programs.empty()) return launch(o, context);
  const runtime::Client client(plugin);
  std::vector<ModuleOutcome> outcomes;
  for (size_t i = 0; i < modules.size(); ++i)
    outcomes.push_back(run_here(client, o.files[i], modules[i], base::Seconds(o.time_limit)));
  return show(outcomes, 1, o.planner);
}

}  // namespace cordata::cli
