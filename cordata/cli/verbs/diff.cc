// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cordata/base/files.h"
#include "cordata/cli/explain_plan.h"
#include "cordata/cli/plan_file.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/report/plan_diff.h"

namespace cordata::cli {
namespace {

struct Options {
  std::string a, b, model, html;
};

// Plans of one model are explained op by op; of different ones, only the plans themselves are compared.
Answer diff(const Options& o) {
  if (!o.html.empty()) base::check_writable(o.html);
  report::Explanation a, b;
  a.plan = plan::read_plan(o.a);
  b.plan = plan::read_plan(o.b);
  if (a.plan.model_hash == b.plan.model_hash) {
    const PlanFile file = read_plan_file(o.a, o.model, "diff");
    a = explain_plan(a.plan, file.step);
    b = explain_plan(b.plan, file.step);
  }
  const auto found = report::diff_plans({o.a, std::move(a)}, {o.b, std::move(b)});
  Answer answer;
  answer.json = report::to_json(found);
  answer.text = report::to_text(found);
  if (o.html.empty()) return answer;
  base::write_file(o.html, report::to_html(found));
  answer.text += "\nwritten to " + o.html + "\n";
  return answer;
}

}  // namespace

Verb diff_verb() {
  return {"diff", "What differs between two plans, and what it costs",
          "  cordata diff a.json b.json                    stages, ops, communication: what moved\n"
          "  cordata diff a.json b.json --html diff.html   a page with everything\n"
          "\nExit status 0 whether the plans differ or not; --json says it in \"same\".\n",
          [](CLI::App& app) -> std::function<Answer(const Context&)> {
            auto o = std::make_shared<Options>();
            app.add_option("a", o->a, "What `cordata plan -o` wrote")->required();
            app.add_option("b", o->b, "Another plan, of the same model or not")->required();
            app.add_option("--model", o->model,
                           "The model they are for (default: as the first plan names it)");
            app.add_option("--html", o->html, "Write a page to this file");
            return [o](const Context&) { return diff(*o); };
          }};
}

}  // namespace cordata::cli
