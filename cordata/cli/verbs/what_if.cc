// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/what_if.h"

#include <CLI/CLI.hpp>
#include <cmath>

#include "cordata/base/files.h"
#include "cordata/base/table.h"
#include "cordata/cli/plan_file.h"
#include "cordata/cli/plan_options.h"
#include "cordata/cli/simulate_plan.h"
#include "cordata/cli/verbs/verbs.h"

namespace cordata::cli {
namespace {

using json = nlohmann::ordered_json;

struct Options {
  std::string plan, model, to;
  std::vector<std::string> changes;
  bool replan = false, binds = false;
  PlanOptions planning;
};

size_t devices_of(const plan::Plan& plan) {
  size_t sum = 0;
  for (const auto& s : plan.stages) sum += s.ranks.size();
  return sum;
}

// As the plan was looked for, as far as it says, under the changes.
PlanOptions planning(const Options& o, const plan::Plan& plan, const Changes& changes) {
  PlanOptions out = o.planning;
  out.planner = plan.planner;
  out.objective = plan.objective.name;
  out.allow_idle = static_cast<int>(devices_of(plan)) < plan.cluster.num_devices();
  if (changes.microbatches) out.microbatches = std::to_string(*changes.microbatches);
  if (changes.remat) out.remat = step::name(*changes.remat);
  out.schedule = changes.schedule.value_or("");
  return out;
}

// What a second of a step's work is in money, or device-seconds.
std::pair<double, std::string> cost_of_unit(const Costed& c, double units) {
  const double seconds = c.step.value * static_cast<double>(devices_of(c.plan)) / units;
  const auto& price = c.plan.cluster.price;
  return price ? std::pair(seconds * price->per_device_hour / 3600, price->currency)
               : std::pair(seconds, std::string("device-seconds"));
}

json costed_json(const Costed& c, double units) {
  json binds;  // null: not looked at
  if (c.binds) binds = json::array();
  if (c.binds)
    for (const auto& b : *c.binds) binds.push_back({{"what", b.what}, {"share", b.share}});
  const auto [cost, currency] = cost_of_unit(c, units);
  return {{"step_s", c.step.value},
          {"units_per_s", units / c.step.value},
          {"peak_memory_bytes", c.peak_memory.value},
          {"memory_bytes", c.plan.cluster.device.memory.value},
          {"fits", c.fits()},
          {"cost_per_unit", cost},
          {"cost_unit", currency},
          {"microbatches", c.plan.microbatches},
          {"schedule", c.plan.schedule},
          {"stages", c.plan.stages.size()},
          {"devices", devices_of(c.plan)},
          {"binds", binds}};
}

std::string binds_words(const Costed& c) {
  if (!c.binds) return "not looked at, as the ranks' lists are long; --binds does";
  std::string text;
  for (const auto& b : *c.binds)
    text += fmt::format("{}{} {:.0f} %", text.empty() ? "" : ", ", b.what, 100 * b.share);
  return text.empty() ? "nothing by itself" : text;
}

struct Column {
  const char* title;
  const char* key;
  Costed costed;
};

std::string against(double first, double now) {
  return now == first ? "" : fmt::format(" ({:+.1f} %)", 100 * (now / first - 1));
}

std::string table_of(const std::vector<Column>& columns, const step::TrainStep& step) {
  const double units = static_cast<double>(step.batch * step.units_per_sample);
  std::vector<std::vector<std::string>> rows(8);
  const std::string names[] = {"",       "step, simulated", step.unit,      "memory, fullest device",
                               "stages", "devices used",    "microbatches", "cost of a million " + step.unit};
  for (size_t r = 0; r < rows.size(); ++r) rows[r].push_back(names[r]);
  const Costed& first = columns[0].costed;
  for (const auto& [title, key, c] : columns) {
    const auto [cost, currency] = cost_of_unit(c, units);
    rows[0].emplace_back(title);
    rows[1].push_back(base::to_string(c.step) + against(first.step.value, c.step.value));
    rows[2].push_back(base::with_commas(std::llround(units / c.step.value)) + " a second");
    rows[3].push_back(fmt::format("{} of {}{}", base::to_string(c.peak_memory),
                                  base::to_string(c.plan.cluster.device.memory),
                                  c.fits() ? "" : ": too much"));
    rows[4].push_back(fmt::format("{}, {}", c.plan.stages.size(), c.plan.schedule));
    rows[5].push_back(fmt::format("{} of {}", devices_of(c.plan), c.plan.cluster.num_devices()));
    rows[6].push_back(std::to_string(c.plan.microbatches));
    rows[7].push_back(fmt::format("{:.4g} {}", 1e6 * cost, currency));
  }
  std::string text =
      base::table(rows) + "\nWhat binds: how much shorter the step would be if that had no limit\n";
  for (const auto& [title, key, c] : columns) text += fmt::format("  {}: {}\n", title, binds_words(c));
  return text;
}

Answer run_what_if(const Options& o) {
  if (!o.to.empty()) base::check_writable(o.to);
  if (!o.to.empty() && !o.replan)
    throw base::user_error("[cli] -o: wanted --replan with it, whose plan it writes, got none");
  auto plan = plan::read_plan(o.plan);
  const Changes changes(o.changes, plan);
  if (changes.other_devices && !o.replan)
    throw base::user_error(
        "[cli] wanted as many devices as the plan is for, {} hosts of {}, got {} of {}; try --replan",
        plan.cluster.hosts, plan.cluster.devices_per_host, changes.cluster.hosts,
        changes.cluster.devices_per_host);
  const auto step = read_plan_file(o.plan, o.model, "what-if").step;
  auto program = program_of(plan, step);
  std::vector<Column> columns = {{"as planned", "before", cost_plan(plan, program, o.binds)}};
  std::string refused;  // why the plan can't be kept
  if (!changes.other_devices) try {
      const auto changed = changed_plan(plan, step, changes);
      if (changes.of_step()) program = program_of(changed, step);
      columns.push_back({"changed", "after", cost_plan(changed, program, o.binds)});
    } catch (const base::Error& e) {
      if (e.kind() != base::ErrorKind::kUser || !o.replan) throw;
      refused = e.what();
    }
  Answer answer;
  if (o.replan) try {
      const auto found = find_plan(o.model.empty() ? plan.model : o.model, step, changes.cluster,
                                   planning(o, plan, changes));
      columns.push_back({"planned anew", "replanned", cost_plan(found, program_of(found, step), o.binds)});
      if (!o.to.empty()) plan::write_plan(found, o.to);
    } catch (const base::Error& e) {
      if (e.kind() != base::ErrorKind::kInfeasible) throw;
      answer.failure = e;  // once the others are shown
    }
  const double units = static_cast<double>(step.batch * step.units_per_sample);
  answer.json = {{"format", "cordata.what-if/1"}, {"model", plan.model}, {"unit", step.unit}};
  answer.text = fmt::format("{} on {}\n", plan.model, plan.cluster.name);
  for (const auto& c : changes.all) {
    answer.json["changes"].push_back({{"field", c.field}, {"from", c.from}, {"to", c.to}});
    answer.text += fmt::format("  {}: {} -> {}\n", c.field, c.from, c.to);
  }
  for (const auto& [title, key, costed] : columns) answer.json[key] = costed_json(costed, units);
  if (!refused.empty()) answer.json["refused"] = refused;
  answer.text += "\n" + table_of(columns, step);
  if (!refused.empty()) answer.text += "\nThe plan can't be kept: " + refused + "\n";
  if (!o.replan && !columns.back().costed.fits())
    answer.text += "\nThe plan doesn't fit memory then; --replan looks for one that does.\n";
  if (!o.to.empty() && !answer.failure) answer.text += "\nwritten to " + o.to + "\n";
  return answer;
}

}  // namespace

Verb what_if_verb() {
  return {
      "what-if", "A plan under another cluster or step: simulated as it is, and planned anew",
      "  cordata what-if plan.json inter.bandwidth=2x                  twice the bandwidth between hosts\n"
      "  cordata what-if plan.json device.memory=32GiB --replan        and the plan that fits it best\n"
      "  cordata what-if plan.json hosts=4 device.efficiency=0.6 --replan -o new.json\n"
      "  cordata what-if plan.json microbatches=64 schedule=gpipe remat=layer\n"
      "\nFields are those of a cluster file by their paths, units may be left out (device.memory, "
      "intra.links[0].count),\nand microbatches, schedule, remat. Values are numbers, numbers with a unit "
      "(32GiB, 25Gbps) or 2x of what it was.\n",
      [](CLI::App& app) -> std::function<Answer(const Context&)> {
        auto o = std::make_shared<Options>();
        app.add_option("plan", o->plan, "What `cordata plan -o` wrote")->required();
        app.add_option("changes", o->changes, "FIELD=VALUE, one or more")->required();
        app.add_flag("--replan", o->replan, "Look for the best plan under the changes, too");
        app.add_option("--model", o->model, "The model it is for (default: as the plan names it)");
        app.add_option("-o,--output", o->to, "Write what --replan finds to this file");
        add_time_limit(app, o->planning);
        return [o](const Context&) { return run_what_if(*o); };
      }};
}

}  // namespace cordata::cli
