// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/measure_job.h"

#include <filesystem>
#include <map>

#include "cordata/base/files.h"
#include "cordata/base/table.h"
#include "cordata/cli/model_source.h"
#include "cordata/cli/names.h"
#include "cordata/runtime/launch/cores.h"
#include "cordata/runtime/launch/launch.h"
#include "cordata/runtime/launch/rank.h"

namespace cordata::cli {
namespace {

using nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

std::string rate(base::BytesPerSecond r) { return fmt::format("{:.3g} GB/s", r.value / 1e9); }
std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string matmul_text(const Measured& m) {
  Rows rows = {{"matmul n x n", "type", "rate"}};
  for (const auto& s : m.matmul)
    rows.push_back({std::to_string(s.size), std::string(ir::name(s.type)),
                    fmt::format("{:.2f} GFLOP/s", s.rate.value / 1e9)});
  return base::table(rows);
}

std::string pairs_text(const Measured& m) {
  Rows rows = {{"messages", "alpha", "bandwidth", "residual"}};
  for (const auto& p : m.pairs)
    rows.push_back({fmt::format("{} ({} and {})", p.kind, p.a, p.b), base::to_string(p.fit.alpha),
                    rate(p.fit.bandwidth), percent(p.fit.residual)});
  return base::table(rows);
}

std::string rings_text(const Measured& m) {
  Rows rows = {{"collective", "mesh", "axis", "alpha", "bandwidth", "residual", "ring of such messages off",
                "ring of the file's link off"}};
  for (const auto& r : m.rings)
    rows.push_back({std::string(sharding::name(r.kind)), r.mesh, std::to_string(r.axis),
                    base::to_string(r.fit.alpha), rate(r.fit.bandwidth), percent(r.fit.residual),
                    percent(r.off_by_messages), percent(r.off_by_file)});
  return base::table(rows) + "residual, off: root mean square of relative errors over the sizes\n";
}

ordered_json fit_json(const cluster::LinkFit& fit) {
  return {{"alpha_s", fit.alpha.value},
          {"bandwidth_bytes_per_s", fit.bandwidth.value},
          {"residual", fit.residual}};
}

ordered_json pair_json(const MeasuredPair& p) {
  ordered_json j = {{"kind", p.kind}, {"ranks", {p.a, p.b}}, {"fit", fit_json(p.fit)}};
  for (const auto& s : p.samples)
    j["samples"].push_back({{"bytes", s.bytes.value}, {"seconds", s.seconds.value}});
  return j;
}

ordered_json rings_json(const MeasuredRings& r) {
  ordered_json j = {
      {"kind", sharding::name(r.kind)}, {"mesh", r.mesh},         {"axis", r.axis},
      {"leaves_host", r.leaves_host},   {"fit", fit_json(r.fit)}, {"off_by_messages", r.off_by_messages},
      {"off_by_file", r.off_by_file}};
  for (size_t i = 0; i < r.samples.size(); ++i)
    j["samples"].push_back({{"bytes", r.bytes[i].value}, {"seconds", r.samples[i].seconds.value}});
  return j;
}

std::string short_name(const std::string& form) {
  const auto end = form.find(' '), dialect = form.find('.');
  return dialect < end ? form.substr(dialect + 1, end - dialect - 1) : form.substr(0, end);
}

// By what they are: how many, and what they take beside the roofline, the middle one and the tenths at both
// ends.
std::string ops_text(const Measured& m) {
  std::map<std::string, std::vector<double>> beside;
  for (const auto& o : m.ops)
    beside[short_name(o.op.form) + " " + o.op.dtype].push_back(o.op.seconds / o.modelled);
  Rows rows = {{"ops", "measured", "over the roofline's: a tenth below", "middle", "a tenth above"}};
  for (auto& [name, ratios] : beside) {
    std::ranges::sort(ratios);
    const auto at = [&](double share) {
      return fmt::format("{:.2f}",
                         ratios[static_cast<size_t>(share * static_cast<double>(ratios.size() - 1))]);
    };
    rows.push_back({name, std::to_string(ratios.size()), at(0.1), at(0.5), at(0.9)});
  }
  return base::table(rows);
}

std::string summary(const Measured& m) {
  const auto& c = m.cluster;
  std::string text = fmt::format("{} x {} {}, {} at once: memory {}, an op started in {}\n", c.hosts,
                                 c.devices_per_host, c.device.kind, m.at_once,
                                 rate(c.device.memory_bandwidth), base::to_string(c.device.launch));
  if (m.sharing < 1)
    text += fmt::format("all {} ranks at work reach {:.2f} of what {} do: the speed of each\n",
                        c.num_devices(), m.sharing, m.at_once);
  for (const auto& g : c.groups)
    text += fmt::format(
        "rank{} {}: at {:.2f} of that speed, all ranks at work\n", g.count > 1 ? "s" : "",
        g.count > 1 ? fmt::format("{}-{}", g.first, g.first + g.count - 1) : std::to_string(g.first),
        g.device.speed);
  if (c.num_devices() == 1) return text;
  text += fmt::format("the file's link in a host: {} after {}", rate(c.intra.bandwidth),
                      base::to_string(c.intra.alpha));
  if (c.hosts > 1)
    text +=
        fmt::format("; out of a host: {} after {}", rate(c.inter.bandwidth), base::to_string(c.inter.alpha));
  return text + "\n";
}

}  // namespace

Answer show(const Measured& m, const std::string& written_to) {
  Answer answer;
  answer.text = matmul_text(m) + "\n";
  if (!m.pairs.empty()) answer.text += pairs_text(m) + "\n";
  if (!m.rings.empty()) answer.text += rings_text(m) + "\n";
  if (!m.ops.empty()) answer.text += ops_text(m) + "\n";
  answer.text += summary(m);
  if (!written_to.empty()) answer.text += "written to " + written_to + "; pass it as --cluster\n";
  answer.json["cluster"] = ordered_json(nlohmann::json(m.cluster));
  answer.json["at_once"] = m.at_once;
  answer.json["sharing"] = m.sharing;
  answer.json["speeds"] = m.speeds;
  answer.json["matmul"] = answer.json["pairs"] = answer.json["rings"] = ordered_json::array();
  for (const auto& s : m.matmul)
    answer.json["matmul"].push_back(
        {{"type", ir::name(s.type)}, {"size", s.size}, {"flops_per_s", s.rate.value}});
  answer.json["ops"] = ordered_json::array();
  for (const auto& o : m.ops)
    answer.json["ops"].push_back({{"op", o.op.form},
                                  {"sizes", o.op.sizes},
                                  {"seconds", o.op.seconds.value},
                                  {"roofline_s", o.modelled.value}});
  for (const auto& p : m.pairs) answer.json["pairs"].push_back(pair_json(p));
  for (const auto& r : m.rings) answer.json["rings"].push_back(rings_json(r));
  return answer;
}

std::string profile_path(const MeasureOptions& o) {
  if (!o.profile.empty()) return o.profile;
  if (o.output.empty()) return "ops.sqlite";
  return std::filesystem::path(o.output).replace_extension(".ops.sqlite").string();
}

Answer measure_cluster(const MeasureOptions& o, const Context& context) {
  Answer answer;
  if (runtime::is_worker()) {
    answer.status = runtime::run_rank([&] {
      check_unbound(o.cpu_list);
      return run_measure_rank(o, context);
    });
    return answer;
  }
  if (!o.output.empty()) base::check_writable(o.output);
  if (!o.ops.empty()) {
    base::check_writable(profile_path(o));
    for (const auto& model : o.ops) load_step(model, "cluster measure --ops");
  }
  const auto cpus = runtime::parse_cpu_list(o.cpu_list, o.ranks);
  runtime::Plugin::load(runtime::plugin_path(o.plugin));
  std::vector<std::string> words{"cluster", "measure"};
  if (!o.output.empty()) words.insert(words.end(), {"-o", o.output});
  if (!o.plugin.empty()) words.insert(words.end(), {"--plugin", o.plugin});
  if (o.quick) words.push_back("--quick");
  for (const auto& model : o.ops) words.insert(words.end(), {"--ops", model});
  if (!o.profile.empty()) words.insert(words.end(), {"--profile", o.profile});
  if (o.devices > 0) words.insert(words.end(), {"--devices", std::to_string(o.devices)});
  if (context.json) words.push_back("--json");
  answer.status =
      runtime::launch({.ranks = o.ranks, .arguments = words, .program = context.program, .cpus = cpus});
  return answer;
}

}  // namespace cordata::cli
