// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <filesystem>

#include "cordata/base/files.h"
#include "cordata/base/units.h"
#include "cordata/cli/model_source.h"
#include "cordata/cli/names.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/step/directory.h"

namespace cordata::cli {
namespace {

struct Options {
  std::string model, to;
  uint64_t seed = 0;
  bool no_values = false;
};

Answer run_export(const Options& o) {
  base::check_writable_directory(o.to);
  const auto step = load_step(o.model, "export");
  step::write_directory(step, o.to, o.seed, !o.no_values);
  Answer answer;
  auto files = nlohmann::ordered_json::array();
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(o.to)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  answer.text = fmt::format("{}: the train step of {}, global batch {}\n", o.to, o.model, step.batch);
  for (const auto& path : paths) {
    const auto size = std::filesystem::file_size(path);
    files.push_back({{"name", path.filename().string()}, {"bytes", size}});
    answer.text += fmt::format("  {:<24}{:>10}\n", path.filename().string(),
                               base::to_string(base::Bytes(static_cast<double>(size))));
  }
  answer.json = {
      {"directory", o.to}, {"model", o.model}, {"batch", step.batch}, {"seed", o.seed}, {"files", files}};
  return answer;
}

}  // namespace

Verb export_verb() {
  return {"export", "Write a zoo model as a train step directory",
          "  cordata export mlp -o /tmp/mlp                            grad.mlir, apply.mlir, roles.json, "
          "init.safetensors\n"
          "  cordata export gpt:layers=2,hidden=64 -o dir --seed 3     initial values of seed 3\n"
          "  cordata export gpt-39b -o dir --no-values                 a step to plan, not to train\n",
          [](CLI::App& app) -> std::function<Answer(const Context&)> {
            auto o = std::make_shared<Options>();
            app.add_option("model", o->model, std::string(kModelHelp))->required();
            app.add_option("-o,--output", o->to, "The folder to write; made where there is none")->required();
            app.add_option("--seed", o->seed, "Seed of the initial values")->check(at_least(0));
            app.add_flag("--no-values", o->no_values,
                         "Without init.safetensors: such a step can be planned and simulated, not trained");
            return [o](const Context&) { return run_export(*o); };
          }};
}

}  // namespace cordata::cli
