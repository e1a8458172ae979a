// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "cordata/base/table.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/cluster/cluster.h"
#include "cordata/models/zoo.h"

namespace cordata::cli {
namespace {

int64_t parameter_count(const models::ZooModel& zoo_model) {
  int64_t n = 0;
  for (const auto& p : models::build_model(zoo_model).parameters) n += p.type.num_elements();
  return n;
}

Answer list_models() {
  Answer answer;
  answer.json["models"] = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> rows = {{"name", "parameters", "batch", "from"}};
  for (const models::ZooEntry& e : models::zoo()) {
    const std::string name(e.name);
    const int64_t parameters = parameter_count(e.model);
    rows.push_back({name, base::count_for_people(static_cast<double>(parameters)),
                    std::to_string(e.model.batch), std::string(e.source)});
    answer.json["models"].push_back({{"name", name},
                                     {"parameters", parameters},
                                     {"batch", e.model.batch},
                                     {"overrides", models::override_names(name)},
                                     {"source", e.source}});
  }
  answer.text = base::table(rows);
  for (const char* family : {"gpt", "mlp"})
    answer.text +=
        fmt::format("\nOverrides of {}: {}\n", family, fmt::join(models::override_names(family), ", "));
  answer.text +=
      "e.g. gpt:layers=4,hidden=256,batch=16; batch is the global one (8 where only other things are "
      "overridden)\n";
  answer.text += fmt::format("Clusters to plan them for: {} (`cordata cluster presets`)\n",
                             fmt::join(cluster::presets(), ", "));
  return answer;
}

}  // namespace

Verb models_verb() {
  return {"models", "The zoo: models by name, and what can be overridden",
          "  cordata models          a table\n"
          "  cordata models --json   the same for scripts, with every override's name\n",
          [](CLI::App&) -> std::function<Answer(const Context&)> {
            return [](const Context&) { return list_models(); };
          }};
}

}  // namespace cordata::cli
