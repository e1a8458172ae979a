// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/cluster.h"

#include <CLI/CLI.hpp>

#include "cordata/base/files.h"
#include "cordata/base/table.h"
#include "cordata/cli/names.h"
#include "cordata/cli/verbs/verbs.h"

namespace cordata::cli {
namespace {

std::string rate(base::BytesPerSecond r) { return base::to_string(base::Bytes(r.value)) + "/s"; }

std::string describe(const cluster::Cluster& c) {
  std::string peaks;
  for (const auto& [type, peak] : c.device.peak)
    peaks += fmt::format("{}{} {}/s", peaks.empty() ? "" : ", ", ir::name(type),
                         base::to_string(base::Flops(peak.value)));
  std::vector<std::vector<std::string>> rows = {
      {"what", "how much", "from"},
      {"hosts x devices", fmt::format("{} x {} = {}", c.hosts, c.devices_per_host, c.num_devices()), ""},
      {"device", c.device.kind, c.device.source},
      {"  peak", peaks, ""},
      {"  of it reached", fmt::format("{:.0f} %", 100 * c.device.efficiency), ""},
      {"  memory", fmt::format("{} at {}", base::to_string(c.device.memory), rate(c.device.memory_bandwidth)),
       ""}};
  if (c.devices_per_host > 1)
    rows.push_back({"link in a host",
                    fmt::format("{} after {}", rate(c.intra.bandwidth), base::to_string(c.intra.alpha)),
                    c.intra.source});
  if (c.hosts > 1)
    rows.push_back({"link out of a host",
                    fmt::format("{} after {}", rate(c.inter.bandwidth), base::to_string(c.inter.alpha)),
                    c.inter.source});
  if (c.cores_shared_by > 1)
    rows.push_back({"devices to a core", fmt::format("{:g}", c.cores_shared_by), ""});
  return c.name + "\n" + base::table(rows);
}

Answer show(const std::string& spec, const std::string& to) {
  if (!to.empty()) base::check_writable(to);
  const auto c = resolve_cluster(spec);
  nlohmann::json j;
  cluster::to_json(j, c);
  if (!to.empty()) base::write_file(to, j.dump(1) + "\n");
  Answer answer;
  answer.json = nlohmann::ordered_json(j);
  answer.text = describe(c);
  if (!to.empty()) answer.text += "written to " + to + "; edit it and pass it as --cluster\n";
  return answer;
}

}  // namespace

Verb cluster_verb() {
  return {
      "cluster", "Describe a cluster: a preset, this machine, or a file",
      "  cordata cluster show p3.16xlarge:8           8 hosts of 8 V100, with the sources of all figures\n"
      "  cordata cluster show local:4                 this machine as 4 ranks\n"
      "  cordata cluster show h100:2 -o mine.json     a file to edit; `cordata plan --cluster mine.json` "
      "takes it\n",
      [](CLI::App& app) -> std::function<Answer(const Context&)> {
        struct Options {
          std::string action, spec, to;
        };
        auto o = std::make_shared<Options>();
        app.add_option("action", o->action, "What to do: show")->required();
        app.add_option("cluster", o->spec, std::string(kClusterHelp))->required();
        app.add_option("-o,--output", o->to, "Write it as a cluster file, too");
        return [o](const Context&) {
          if (o->action != "show")
            throw base::user_error("[cli] cordata cluster: wanted the action show, got '{}'", o->action);
          return show(o->spec, o->to);
        };
      }};
}

}  // namespace cordata::cli
