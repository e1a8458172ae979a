// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cordata/base/progress.h"
#include "cordata/cli/model_source.h"
#include "cordata/cli/names.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/runtime/checkpoint.h"
#include "cordata/runtime/evaluate.h"

namespace cordata::cli {
namespace {

struct Options {
  std::string model, checkpoint, data, plugin;
  int64_t samples = 0;
};

Answer run_eval(const Options& o) {
  const auto step = load_step(o.model, "eval");
  const runtime::Checkpoint checkpoint(o.checkpoint);  // of any optimizer: only names and types must fit
  const auto shape = runtime::evaluation_shape(step);
  auto data = runtime::open_data(o.data, shape, 0, runtime::Split::kHeldOut);
  const runtime::Client client(runtime::Plugin::load(runtime::plugin_path(o.plugin)));
  base::ProgressBar bar("eval", 0);
  const auto result = runtime::evaluate(
      step, client, *data,
      [&](step::Role role, int index, const std::string& name, const ir::Type& type) {
        return checkpoint.read(role, runtime::checkpoint_name(name, index), type);
      },
      o.samples, [&](int64_t done, int64_t of) { bar.update(done, fmt::format("of {} samples", of)); });
  bar.clear();
  const double rate = static_cast<double>(result.samples * step.units_per_sample) / result.run.value;
  Answer answer;
  answer.json = {{"loss", result.loss},
                 {"samples", result.samples},
                 {"step", checkpoint.info().step},
                 {"compile_s", result.compile.value},
                 {"seconds", result.run.value}};
  answer.text = fmt::format("held-out loss {:.4f} over {} samples after {} steps; {:.0f} {}/s\n", result.loss,
                            result.samples, checkpoint.info().step, rate, step.unit);
  return answer;
}

}  // namespace

Verb eval_verb() {
  return {
      "eval", "The loss of trained parameters over data held out from training (the last 5 % of a file)",
      "  cordata eval gpt --checkpoint out --data text.txt              the whole held-out part, on one "
      "device\n"
      "  cordata eval gpt --checkpoint out --data text.txt --samples 64 its first 64 samples\n",
      [](CLI::App& app) -> std::function<Answer(const Context&)> {
        auto o = std::make_shared<Options>();
        app.add_option("model", o->model, std::string(kModelHelp))->required();
        app.add_option("--checkpoint", o->checkpoint, "The folder that `cordata train --checkpoint` wrote")
            ->required();
        app.add_option("--data", o->data,
                       "The file of tokens that training was given (its last 5 % are evaluated), or batches: "
                       "*.safetensors, all of it")
            ->required();
        app.add_option("--samples", o->samples, "At most so many samples; 0: all")->check(at_least(0));
        app.add_option("--plugin", o->plugin,
                       "PJRT plugin (default: $CORDATA_PJRT_PLUGIN, else the CPU one)");
        return [o](const Context&) { return run_eval(*o); };
      }};
}

}  // namespace cordata::cli
