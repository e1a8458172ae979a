// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cordata/base/files.h"
#include "cordata/cli/explain_plan.h"
#include "cordata/cli/names.h"
#include "cordata/cli/plan_file.h"
#include "cordata/cli/simulate_plan.h"
#include "cordata/cli/verbs/verbs.h"

namespace cordata::cli {
namespace {

struct Options {
  std::string plan, model, html, svg;
  std::vector<std::string> compare;
};

Answer explain(const Options& o) {
  for (const std::string& file : {o.html, o.svg})
    if (!file.empty()) base::check_writable(file);
  for (const std::string& planner : o.compare) check_planner(planner);
  const PlanFile file = read_plan_file(o.plan, o.model, "explain");
  auto e = explain_plan(file.plan, file.step);
  e.others = compare_planners(file.plan, file.step, o.compare);
  Answer answer;
  answer.json = report::to_json(e);
  answer.text = report::to_text(e);
  if (o.html.empty() && o.svg.empty()) return answer;
  for (const auto& rank : simulate_plan(file.plan, file.step, 1).ranks) e.timeline.push_back(rank.events);
  for (const auto& [to, write] : {std::pair(o.html, &report::to_html), std::pair(o.svg, &report::to_svg)}) {
    if (to.empty()) continue;
    base::write_file(to, write(e));
    answer.text += "\nwritten to " + to + "\n";
  }
  return answer;
}

}  // namespace

Verb explain_verb() {
  return {
      "explain", "Why a plan is as it is: what was chosen, and what other ways would cost",
      "  cordata explain plan.json                              the ops and tensors that matter most\n"
      "  cordata explain plan.json --html plan.html             a page with everything, and the timeline\n"
      "  cordata explain plan.json --svg plan.svg               the stages and their timeline as a picture\n"
      "  cordata explain plan.json --compare data tensor        beside what other planners find\n",
      [](CLI::App& app) -> std::function<Answer(const Context&)> {
        auto o = std::make_shared<Options>();
        app.add_option("plan", o->plan, "What `cordata plan -o` wrote")->required();
        app.add_option("--model", o->model, "The model it is for (default: as the plan names it)");
        app.add_option("--html", o->html, "Write the page to this file");
        app.add_option("--svg", o->svg, "Write a picture to this file");
        app.add_option("--compare", o->compare, "Planners to compare with: " + planner_list());
        return [o](const Context&) { return explain(*o); };
      }};
}

}  // namespace cordata::cli
