// SPDX-License-Identifier: Apache-2.0
#include <sys/sysinfo.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cordata/base/table.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/runtime/pjrt/client.h"
#include "cordata/runtime/pjrt/plugin.h"

namespace cordata::cli {
namespace {

struct Found {
  std::filesystem::path path;
  std::string by;
};

// The flag's plugin alone; else the environment's and the default one, as far as they exist.
std::vector<Found> find_plugins(const std::string& flag) {
  if (!flag.empty()) return {{runtime::plugin_path(flag), "--plugin"}};
  std::vector<Found> found;
  const char* chosen = std::getenv("CORDATA_PJRT_PLUGIN");
  if (chosen && *chosen) found.push_back({runtime::plugin_path(), "$CORDATA_PJRT_PLUGIN"});
  const auto standard = runtime::deps_directory() / "plugin" / "pjrt_cpu.so";
  if (std::filesystem::exists(standard)) found.push_back({standard, "default"});
  if (found.empty()) runtime::plugin_path();  // throws: says where it looked
  return found;
}

// A CPU plugin doesn't say what can be allocated: its memory is the machine's.
std::optional<base::Bytes> memory_of(const runtime::Client& client, int device) {
  const auto memory = client.device(device).memory;
  if (memory || client.platform() != "cpu") return memory;
  struct sysinfo info {};
  if (sysinfo(&info) != 0) return std::nullopt;
  return base::Bytes(static_cast<double>(info.totalram) * info.mem_unit);
}

Answer list_devices(const std::string& flag) {
  Answer answer;
  answer.json["plugins"] = nlohmann::ordered_json::array();
  answer.json["devices"] = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> rows = {{"device", "kind", "memory", "platform", "plugin"}};
  for (const Found& f : find_plugins(flag)) {
    const auto& plugin = runtime::Plugin::load(f.path);
    const runtime::Client client(plugin);
    answer.json["plugins"].push_back({{"path", f.path.string()},
                                      {"from", f.by},
                                      {"api", plugin.api_version()},
                                      {"platform", client.platform()}});
    for (int d = 0; d < client.num_devices(); ++d) {
      const auto info = client.device(d);
      const auto memory = memory_of(client, d);
      rows.push_back({std::to_string(d), info.kind, memory ? base::to_string(*memory) : "-",
                      client.platform(),
                      fmt::format("{} (PJRT {}, {})", f.path.string(), plugin.api_version(), f.by)});
      nlohmann::ordered_json device = {
          {"index", d}, {"kind", info.kind}, {"platform", client.platform()}, {"plugin", f.path.string()}};
      device["memory_bytes"] = memory ? nlohmann::ordered_json(memory->value) : nlohmann::ordered_json();
      answer.json["devices"].push_back(device);
    }
  }
  answer.text = base::table(rows);
  return answer;
}

}  // namespace

Verb devices_verb() {
  return {"devices", "Plugins found, their devices and memory",
          "  cordata devices                             what this machine has\n"
          "  cordata devices --plugin ./pjrt_plugin.so   what another plugin sees\n",
          [](CLI::App& app) -> std::function<Answer(const Context&)> {
            auto plugin = std::make_shared<std::string>();
            app.add_option("--plugin", *plugin,
                           "A PJRT plugin (default: $CORDATA_PJRT_PLUGIN, else the CPU one of tools/setup)");
            return [plugin](const Context&) { return list_devices(*plugin); };
          }};
}

}  // namespace cordata::cli
