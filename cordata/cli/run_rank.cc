// SPDX-License-Identifier: Apache-2.0
// What one rank of `cordata run` does. Ranks agree after each step that can fail: what fails on one is left
// out on all, so that the modules after it still run.
#include <cstdio>
#include <filesystem>

#include "cordata/cli/run_job.h"
#include "cordata/cluster/presets.h"
#include "cordata/ir/text.h"
#include "cordata/planner/module_planner.h"
#include "cordata/program/lower_module.h"
#include "cordata/runtime/execute.h"
#include "cordata/runtime/launch/cores.h"
#include "cordata/runtime/launch/rank.h"
#include "cordata/runtime/transport/mpi_transport.h"
#include "cordata/runtime/transport/texts.h"
#include "cordata/step/module_cut.h"

namespace cordata::cli {
namespace {

using nlohmann::json;

class ModuleRunner {
 public:
  ModuleRunner(const RunOptions& o, runtime::Transport& transport, const runtime::Client& client)
      : o_(o),
        transport_(transport),
        client_(client),
        all_(runtime::everyone(transport)),
        cluster_(shared_cluster()) {}

  ModuleOutcome run(const std::string& file) {
    ModuleOutcome outcome{.file = file};
    step::Cut cut;
    std::vector<ir::Check> checks;
    plan::Plan plan;
    program::ModuleProgram module;
    std::unique_ptr<runtime::Executor> executor;
    const auto prepare = [&] {
      ir::CheckedGraph checked = runtime::checked_graph(ir::read_module_file(file));
      checks = std::move(checked.checks);
      cut = step::module_cut(std::move(checked.graph));
      return transport_.rank() == 0 ? plan::to_json(planner::plan_module(cut, cluster_, o_.planner)) : json();
    };
    const auto compile = [&] {
      module = program::lower_module(cut, plan, partition::CollectiveMode::kCustomCall);
      if (const std::string error = program::check(module.program); !error.empty())
        throw base::internal_error("[cli.run] the module's program can't run: {}", error);
      if (transport_.rank() == 0 && !o_.programs.empty())
        program::write_program(module.program,
                               o_.programs + "/" + std::filesystem::path(file).stem().string());
      executor = std::make_unique<runtime::Executor>(
          module.program, transport_.rank(), client_, transport_,
          runtime::ExecutorOptions{.time_limit = base::Seconds(o_.time_limit)});
      return json();
    };
    json planned;
    if (!(outcome.error = agree(prepare, &planned))) {
      plan = plan::from_json(planned, "the plan of rank 0");
      outcome.error = agree(compile, nullptr);
    }
    if (outcome.error) return outcome;
    executor->start({});
    outcome.sharded_ops = planner::num_sharded_ops(plan);
    outcome.replicated_ops = static_cast<int>(cut.stages[0].graph.ops().size()) - outcome.sharded_ops;
    outcome.checks = join(runtime::evaluate_checks(
        std::move(checks), [&](int i) { return executor->read_slot(module.results.at(i)); }));
    return outcome;
  }

 private:
  // Measured once, not once a rank: plans depend on it.
  cluster::Cluster shared_cluster() {
    const int cores = runtime::cores_of_all(*all_);
    const json mine = transport_.rank() == 0 ? json(cluster::local(transport_.size(), cores)) : json();
    return json::parse(runtime::broadcast_text(*all_, mine.dump())).get<cluster::Cluster>();
  }

  // Does the work on every rank. Gives the error of the lowest rank that had one; `result`: what rank 0's
  // work gave.
  template <typename Work>
  std::optional<base::Error> agree(const Work& work, json* result) {
    json mine;
    try {
      mine["result"] = work();
    } catch (const base::Error& error) {
      mine = {{"error", error.what()}, {"kind", static_cast<int>(error.kind())}};
    }
    const auto texts =
        runtime::gather_texts(*all_, mine.dump(-1, ' ', false, json::error_handler_t::replace));
    for (const std::string& text : texts) {
      const json j = json::parse(text);
      if (j.contains("error"))
        return base::Error(static_cast<base::ErrorKind>(j["kind"].get<int>()), j["error"].get<std::string>());
    }
    if (result) *result = json::parse(texts[0])["result"];
    return std::nullopt;
  }

  // A check holds when it holds on every rank.
  std::vector<runtime::CheckOutcome> join(std::vector<runtime::CheckOutcome> mine) {
    json differences = json::array();
    for (const auto& c : mine) differences.push_back(c.difference);
    const auto texts = runtime::gather_texts(*all_, differences.dump());
    for (size_t r = 0; r < texts.size(); ++r) {
      const json theirs = json::parse(texts[r]);
      for (size_t i = 0; i < mine.size(); ++i) {
        const auto words = theirs.at(i).get<std::string>();
        if (mine[i].held() && !words.empty()) mine[i].difference = fmt::format("on rank {}: {}", r, words);
      }
    }
    return mine;
  }

  const RunOptions& o_;
  runtime::Transport& transport_;
  const runtime::Client& client_;
  std::unique_ptr<runtime::Communicator> all_;
  cluster::Cluster cluster_;
};

}  // namespace

int run_modules_rank(const RunOptions& o, const Context& context) {
  auto transport =
      runtime::make_mpi_transport([](const std::string& cause) { runtime::report_failure(cause); });
  transport->set_time_limit(base::Seconds(o.time_limit));
  const runtime::Client client(
      runtime::Plugin::load(runtime::plugin_path(o.plugin)),
      {.devices = 1, .threads = runtime::threads_of_this_rank(), .asynchronous = false});
  std::vector<ModuleOutcome> outcomes;
  {
    ModuleRunner runner(o, *transport, client);
    for (const std::string& file : o.files) outcomes.push_back(runner.run(file));
  }
  const Answer answer = show(outcomes, transport->size(), o.planner);
  const int status = answer.failure ? base::exit_status(answer.failure->kind()) : 0;
  if (transport->rank() != 0) return status;
  fmt::print("{}", context.json ? answer.json.dump(1, ' ', false, json::error_handler_t::replace) + "\n"
                                : answer.text);
  std::fflush(stdout);
  if (answer.failure) fmt::print(stderr, "cordata: {}\n", answer.failure->what());
  return status;
}

}  // namespace cordata::cli
