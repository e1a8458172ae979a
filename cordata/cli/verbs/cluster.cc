// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/cluster.h"

#include <CLI/CLI.hpp>

#include "cordata/base/files.h"
#include "cordata/cli/measure_job.h"
#include "cordata/cli/names.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/cluster/presets.h"
#include "cordata/report/cluster_text.h"

namespace cordata::cli {
namespace {

Answer show(const std::string& spec, const std::string& to) {
  if (!to.empty()) base::check_writable(to);
  const auto c = resolve_cluster(spec);
  nlohmann::json j;
  cluster::to_json(j, c);
  if (!to.empty()) base::write_file(to, j.dump(1) + "\n");
  Answer answer;
  answer.json = nlohmann::ordered_json(j);
  answer.text = report::cluster_text(c);
  if (!to.empty()) answer.text += "written to " + to + "; edit it and pass it as --cluster\n";
  return answer;
}

}  // namespace

namespace {

Answer list_presets() {
  Answer answer;
  std::vector<cluster::Cluster> all;
  for (const auto& preset : cluster::preset_table()) {
    all.push_back(preset.make());
    all.back().name = preset.name;
    answer.json["presets"].push_back(
        {{"name", preset.name}, {"cluster", nlohmann::ordered_json(nlohmann::json(all.back()))}});
  }
  answer.text = report::clusters_table(all) +
                "as PRESET:HOSTS; `cordata cluster show PRESET` has the links and where figures are from\n";
  return answer;
}

struct ClusterWords {
  std::string action, spec, to;
  MeasureOptions measure;
};

Answer act(const ClusterWords& w, const Context& context) {
  if (w.action == "show") {
    if (w.spec.empty())
      throw base::user_error("[cli] cordata cluster show: wanted {}, got nothing; try p4d:2", kClusterHelp);
    return show(w.spec, w.to);
  }
  if (w.action != "measure" && w.action != "presets")
    throw base::user_error("[cli] cordata cluster: wanted the action show, presets or measure, got '{}'",
                           w.action);
  if (!w.spec.empty())
    throw base::user_error("[cli] cordata cluster {}: wanted no cluster after it, got '{}'; try show",
                           w.action, w.spec);
  if (w.action == "presets") return list_presets();
  MeasureOptions o = w.measure;
  o.output = w.to;
  return measure_cluster(o, context);
}

std::string preset_list() {
  std::string all;
  for (const auto& name : cluster::presets()) all += (all.empty() ? "" : ", ") + name;
  return all;
}

}  // namespace

Verb cluster_verb() {
  return {
      "cluster", "Describe a cluster (a preset, this machine, a file), or measure this machine",
      "  cordata cluster presets                      those there are, one a line\n"
      "  cordata cluster show p3.16xlarge:8           8 hosts of 8 V100: links, figures, sources\n"
      "  cordata cluster show local:4                 this machine as 4 ranks\n"
      "  cordata cluster show p4d:2 -o mine.json      a file to edit; `cordata plan --cluster mine.json` "
      "takes it\n"
      "  cordata cluster measure -n 4 -o mine.json    such a file with what 4 ranks here reach\n"
      "  cordata cluster measure -n 4 --ops gpt -o mine.json    and what each product of gpt takes, by "
      "shape\n"
      "  mpirun -n 8 cordata cluster measure -o c.json  the same over ranks that you start, on any hosts\n",
      [](CLI::App& app) -> std::function<Answer(const Context&)> {
        auto w = std::make_shared<ClusterWords>();
        app.add_option("action", w->action, "What to do: show, presets or measure")->required();
        app.add_option("cluster", w->spec, fmt::format("show: {}. Presets: {}", kClusterHelp, preset_list()));
        app.add_option("-o,--output", w->to, "Write it as a cluster file, too");
        app.add_option("-n,--ranks", w->measure.ranks, "measure: ranks to start (default 1)")
            ->check(at_least(1));
        app.add_option("--ops", w->measure.ops,
                       "measure: also the products and other kernels of this model, into a profile that the "
                       "file names (may be given again)")
            ->allow_extra_args(false);
        app.add_option("--profile", w->measure.profile,
                       "measure --ops: the profile to add to (default: FILE.ops.sqlite beside -o FILE.json)");
        app.add_option("--devices", w->measure.devices,
                       "measure --ops: as so many devices at most share them (default: the ranks)")
            ->check(at_least(1));
        app.add_flag("--quick", w->measure.quick, "measure: fewer sizes and types, some seconds");
        app.add_option("--plugin", w->measure.plugin,
                       "measure: PJRT plugin (default: $CORDATA_PJRT_PLUGIN, else the CPU one)");
        app.add_option("--cpu-list", w->measure.cpu_list, "measure: " + std::string(kCpuListHelp));
        return [w](const Context& context) { return act(*w, context); };
      }};
}

}  // namespace cordata::cli
