// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cmath>
#include <sstream>

#include "cordata/base/files.h"
#include "cordata/base/table.h"
#include "cordata/cli/train_job.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/runtime/launch/private_folder.h"

namespace cordata::cli {
namespace {

constexpr std::string_view kModel = "gpt:layers=1,hidden=32,heads=4,seq=16,vocab=64,batch=4";
constexpr int kSteps = 3;
constexpr double kTolerance = 1e-5;  // relative, of every step's loss (design, section 8)

// Two ranks under this planner train to the losses of one device with the same microbatches.
struct Check {
  const char* name;
  const char* planner;
  int microbatches;
};
constexpr Check kChecks[] = {{"intra-op", "tensor", 1}, {"pipelined", "pipeline:stages=2,microbatches=2", 2}};

struct Outcome {
  std::vector<double> one, two;  // losses by step
  double difference = 0;         // the largest, relative
  bool held() const { return one.size() == kSteps && two.size() == kSteps && difference <= kTolerance; }
};

// Trains as `cordata train` does, and reads what it wrote.
std::vector<double> losses(const std::string& planner, int ranks, int microbatches, const std::string& plugin,
                           const Context& context) {
  runtime::PrivateFolder folder(base::Bytes(1e6));
  TrainOptions o;
  o.model = kModel;
  o.ranks = ranks;
  o.plan.planner = planner;
  o.plan.microbatches = std::to_string(microbatches);
  o.steps = kSteps;
  o.metrics = folder.path() + "/metrics.jsonl";
  o.plugin = plugin;
  o.time_limit = 120;
  Context quiet = context;
  quiet.json = true;  // its lines for people are not ours
  const Answer answer = train(o, quiet);
  if (answer.status != 0)
    throw base::Error(
        base::ErrorKind::kEnvironment,
        fmt::format(
            "[cli.test-install] training on {} rank{} by {} failed with status {}; the lines above say where",
            ranks, ranks == 1 ? "" : "s", planner, answer.status));
  std::vector<double> found;
  std::istringstream lines(base::read_file(o.metrics));
  for (std::string line; std::getline(lines, line);)
    found.push_back(nlohmann::json::parse(line).at("loss").get<double>());
  return found;
}

Outcome run_check(const Check& check, const std::string& plugin, const Context& context) {
  Outcome outcome;
  outcome.one = losses("single", 1, check.microbatches, plugin, context);
  outcome.two = losses(check.planner, 2, check.microbatches, plugin, context);
  for (size_t i = 0; i < std::min(outcome.one.size(), outcome.two.size()); ++i) {
    const double apart = std::abs(outcome.one[i] - outcome.two[i]) / std::abs(outcome.one[i]);
    outcome.difference = std::isfinite(apart) ? std::max(outcome.difference, apart) : INFINITY;
  }
  return outcome;
}

Answer test_install(const std::string& plugin, const Context& context) {
  Answer answer;
  answer.json = {{"model", kModel}, {"tolerance", kTolerance}, {"checks", nlohmann::ordered_json::array()}};
  int passed = 0;
  for (const Check& check : kChecks) {
    const Outcome outcome = run_check(check, plugin, context);
    passed += outcome.held();
    context.say(fmt::format(
        "{:<10} 2 ranks by {}: losses {}, one device's to {:.1g} (at most {:.0g} is wanted)\n", check.name,
        check.planner, outcome.held() ? "are right" : "are WRONG", outcome.difference, kTolerance));
    answer.json["checks"].push_back({{"name", check.name},
                                     {"planner", check.planner},
                                     {"held", outcome.held()},
                                     {"difference", outcome.difference},
                                     {"losses", outcome.two},
                                     {"one_device_losses", outcome.one}});
  }
  const int wanted = static_cast<int>(std::size(kChecks));
  answer.json["passed"] = passed;
  answer.text = fmt::format("{} of {} checks held\n", passed, wanted);
  if (passed < wanted)
    answer.failure = base::Error(
        base::ErrorKind::kCheck,
        fmt::format(
            "[cli.test-install] {} of {} checks did not hold: this installation computes wrong results",
            wanted - passed, wanted));
  return answer;
}

}  // namespace

Verb test_install_verb() {
  return {"test-install", "Two checks, seconds: one intra-op, one pipelined, both against one device",
          "  cordata test-install                             plugin, MPI and this machine, with a tiny GPT "
          "on 2 ranks\n"
          "  cordata test-install --plugin ./pjrt_plugin.so   another plugin\n",
          [](CLI::App& app) -> std::function<Answer(const Context&)> {
            auto plugin = std::make_shared<std::string>();
            app.add_option("--plugin", *plugin,
                           "A PJRT plugin (default: $CORDATA_PJRT_PLUGIN, else the CPU one of tools/setup)");
            return [plugin](const Context& context) { return test_install(*plugin, context); };
          }};
}

}  // namespace cordata::cli
