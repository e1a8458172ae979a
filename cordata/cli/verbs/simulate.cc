// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>

#include "cordata/base/files.h"
#include "cordata/base/table.h"
#include "cordata/cli/names.h"
#include "cordata/cli/plan_file.h"
#include "cordata/cli/simulate_plan.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/ir/op_table.h"
#include "cordata/report/plan_text.h"
#include "cordata/step/joint.h"

namespace cordata::cli {
namespace {

struct Options {
  std::string plan, model, trace;
  int steps = 3;
};

// What one device would do: forward and backward of each microbatch, and the update. `joint` is the step
// before anything is computed again: work done twice is no more useful.
base::Flops model_flops(const step::JointStep& joint) {
  base::Flops sum{0};
  for (size_t i = 0; i < joint.phase.size(); ++i) {
    const bool repeated = joint.phase[i] == step::Phase::kForward || joint.phase[i] == step::Phase::kBackward;
    sum +=
        ir::flops(joint.graph, joint.graph.node(joint.graph.ops()[i])) * (repeated ? joint.microbatches : 1);
  }
  return sum;
}

// Of each stage its busiest rank: how much of its time it computes.
std::string stage_table(const plan::Plan& plan, const simulate::SimulationResult& r, int steps) {
  std::vector<std::vector<std::string>> rows = {{"stage", "ranks", "computing or in collectives", "memory"}};
  const double whole = r.step.value * steps;
  for (size_t s = 0; s < plan.stages.size(); ++s) {
    double busy = 0, peak = 0;
    for (const int rank : plan.stages[s].ranks) {
      busy = std::max(busy, r.ranks[rank].busy.value);
      peak = std::max(peak, r.ranks[rank].peak_memory.value);
    }
    rows.push_back({std::to_string(s), report::stage_ranks(plan.stages[s]),
                    fmt::format("{:.0f} %", std::min(100.0, 100 * busy / whole)),
                    base::to_string(base::Bytes(peak))});
  }
  return base::table(rows);
}

Answer run_simulate(const Options& o) {
  if (!o.trace.empty()) base::check_writable(o.trace);
  const PlanFile file = read_plan_file(o.plan, o.model, "simulate");
  const auto r = simulate_plan(file.plan, file.step, o.steps);
  const auto flops = model_flops(step::build_joint(file.step, file.plan.microbatches));
  const double devices = file.plan.cluster.num_devices();
  const double units = static_cast<double>(file.step.batch * file.step.units_per_sample) / r.step.value;
  const double tflops = flops.value / r.step.value / devices / 1e12;
  Answer answer;
  answer.text = fmt::format(
      "{} on {}: step {}, {} {}/s, {:.3g} TFLOP/s a device, at most {} a device (the planner said {} and "
      "{})\n\n",
      file.plan.model, file.plan.cluster.name, base::to_string(r.step),
      base::with_commas(static_cast<int64_t>(units)), file.step.unit, tflops, base::to_string(r.peak_memory),
      base::to_string(file.plan.step), base::to_string(file.plan.peak_memory));
  answer.text += stage_table(file.plan, r, o.steps);
  answer.json = {{"model", file.plan.model},
                 {"step_s", r.step.value},
                 {"tflops_per_device", tflops},
                 {"peak_memory_bytes", r.peak_memory.value},
                 {"units_per_s", units},
                 {"unit", file.step.unit},
                 {"model_flops", flops.value},
                 {"executed_flops", r.flops.value},
                 {"planned_step_s", file.plan.step.value},
                 {"planned_peak_memory_bytes", file.plan.peak_memory.value}};
  answer.json["ranks"] = nlohmann::ordered_json::array();
  for (const auto& rank : r.ranks)
    answer.json["ranks"].push_back(
        {{"busy_s", rank.busy.value}, {"peak_memory_bytes", rank.peak_memory.value}});
  if (o.trace.empty()) return answer;
  simulate::write_trace(r, o.trace);
  answer.text += fmt::format("\n{} step{} written to {}; ui.perfetto.dev shows it\n", o.steps,
                             o.steps == 1 ? "" : "s", o.trace);
  return answer;
}

}  // namespace

Verb simulate_verb() {
  return {
      "simulate", "Run a plan's instruction lists against the cost model: timeline, throughput, memory",
      "  cordata simulate plan.json                       step time, TFLOP/s and memory\n"
      "  cordata simulate plan.json --trace trace.json    a timeline for ui.perfetto.dev\n",
      [](CLI::App& app) -> std::function<Answer(const Context&)> {
        auto o = std::make_shared<Options>();
        app.add_option("plan", o->plan, "What `cordata plan -o` wrote")->required();
        app.add_option("--model", o->model, "The model it is for (default: as the plan names it)");
        app.add_option("--trace", o->trace, "Write the timeline (Chrome trace events) to this file");
        app.add_option("--steps", o->steps, "Steps to simulate")->check(at_least(1))->capture_default_str();
        return [o](const Context&) { return run_simulate(*o); };
      }};
}

}  // namespace cordata::cli
