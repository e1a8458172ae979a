// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/cluster.h"

#include <charconv>
#include <cmath>
#include <fstream>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "cordata/base/error.h"
#include "cordata/cluster/presets.h"

namespace cordata::cluster {
namespace {

using nlohmann::json;

[[noreturn]] void wrong(const std::string& key, const std::string& wanted, const std::string& got) {
  throw base::user_error("[cluster] {}: wanted {}, got {}", key, wanted, got);
}

const json& member(const json& j, const std::string& at, const char* key) {
  const std::string full = at.empty() ? key : at + "." + key;
  if (!j.is_object()) wrong(at.empty() ? "the file" : at, "an object", j.type_name());
  const auto it = j.find(key);
  if (it == j.end()) wrong(full, "a value", "nothing");
  return *it;
}

double number(const json& j, const std::string& at, const char* key) {
  const json& v = member(j, at, key);
  if (!v.is_number()) wrong(at.empty() ? key : at + "." + key, "a number", v.dump());
  return v.get<double>();
}

std::string text(const json& j, const std::string& at, const char* key) {
  const json& v = member(j, at, key);
  if (!v.is_string()) wrong(at.empty() ? key : at + "." + key, "a string", v.dump());
  return v.get<std::string>();
}

int integer(const json& j, const char* key) {
  const json& v = member(j, "", key);
  if (!v.is_number_integer()) wrong(key, "a whole number", v.dump());
  const auto n = v.get<int64_t>();
  if (n < 1 || n > 1'000'000) wrong(key, "1 to 1000000", v.dump());
  return static_cast<int>(n);
}

void only(const json& j, const std::string& at, std::initializer_list<const char*> keys) {
  if (!j.is_object()) wrong(at, "an object", j.type_name());
  for (const auto& [key, unused] : j.items()) {
    bool known = false;
    for (const char* k : keys) known = known || key == k;
    if (!known) wrong(at.empty() ? key : at + "." + key, "no such key", "one");
  }
}

json link_json(const Link& l) {
  return {{"alpha_s", l.alpha.value}, {"bandwidth_bytes_per_s", l.bandwidth.value}, {"source", l.source}};
}

Link link_from(const json& j, const char* key) {
  const json& l = member(j, "", key);
  only(l, key, {"alpha_s", "bandwidth_bytes_per_s", "source"});
  return {base::Seconds(number(l, key, "alpha_s")),
          base::BytesPerSecond(number(l, key, "bandwidth_bytes_per_s")),
          l.contains("source") ? text(l, key, "source") : ""};
}

ir::DType dtype_named(const std::string& word, const std::string& at) {
  for (int i = 0; i <= static_cast<int>(ir::DType::kC128); ++i)
    if (ir::name(static_cast<ir::DType>(i)) == word) return static_cast<ir::DType>(i);
  wrong(at, "an element type such as f32 or bf16", word);
}

Device device_from(const json& j) {
  const json& d = member(j, "", "device");
  only(d, "device",
       {"kind", "peak_flops_per_s", "efficiency", "memory_bytes", "memory_bandwidth_bytes_per_s", "launch_s",
        "source"});
  Device out;
  out.kind = text(d, "device", "kind");
  const json& peaks = member(d, "device", "peak_flops_per_s");
  if (!peaks.is_object()) wrong("device.peak_flops_per_s", "an object by element type", peaks.dump());
  for (const auto& [word, unused] : peaks.items())
    out.peak[dtype_named(word, "device.peak_flops_per_s")] =
        base::FlopsPerSecond(number(peaks, "device.peak_flops_per_s", word.c_str()));
  if (d.contains("efficiency")) out.efficiency = number(d, "device", "efficiency");
  out.memory = base::Bytes(number(d, "device", "memory_bytes"));
  out.memory_bandwidth = base::BytesPerSecond(number(d, "device", "memory_bandwidth_bytes_per_s"));
  if (d.contains("launch_s")) out.launch = base::Seconds(number(d, "device", "launch_s"));
  if (d.contains("source")) out.source = text(d, "device", "source");
  return out;
}

std::string names_for_people() {
  std::string all;
  for (const auto& p : preset_table()) all += (all.empty() ? "" : ", ") + std::string(p.name) + ":HOSTS";
  return all + ", local:RANKS, or a file";
}

std::optional<int> parse_count(std::string_view digits) {
  int n = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (error != std::errc() || end != digits.data() + digits.size() || n < 1 || n > 1'000'000)
    return std::nullopt;
  return n;
}

Cluster read_file(const std::string& path) {
  std::ifstream in(path);
  if (!in)
    throw base::user_error("[cluster] no preset or readable file '{}'; try {}", path, names_for_people());
  json j;
  try {
    j = json::parse(in);
  } catch (const json::parse_error& e) {
    throw base::user_error("[cluster] {} is not JSON: {}", path, e.what());
  }
  Cluster c;
  try {
    from_json(j, c);
  } catch (const base::Error& e) {
    throw base::Error(e.kind(), std::string(e.what()) + " (in " + path + ")");
  }
  return c;
}

void positive(double v, const char* key) {
  if (!(v > 0) || !std::isfinite(v)) wrong(key, "a number above 0", fmt::format("{}", v));
}

}  // namespace

std::vector<std::string> presets() {
  std::vector<std::string> out;
  for (const auto& p : preset_table()) out.emplace_back(p.name);
  out.emplace_back("local");
  return out;
}

Cluster resolve(const std::string& spec, std::optional<int> cores) {
  const auto colon = spec.rfind(':');
  const std::string head = spec.substr(0, colon);
  const auto count = colon == std::string::npos ? std::optional<int>(1)
                                                : parse_count(std::string_view(spec).substr(colon + 1));
  const auto wanted_count = [&] {
    if (!count)
      throw base::user_error("[cluster] wanted a count from 1 to 1000000 after '{}:', got '{}'", head,
                             spec.substr(colon + 1));
    return *count;
  };
  if (head == "local") return local(wanted_count(), cores);
  for (const auto& p : preset_table()) {
    if (p.name != head) continue;
    Cluster c = p.make();
    c.hosts = wanted_count();
    c.name = spec;
    return c;
  }
  return read_file(spec);
}

void validate(const Cluster& c) {
  if (c.hosts < 1) wrong("hosts", "1 or more", std::to_string(c.hosts));
  if (c.devices_per_host < 1) wrong("devices_per_host", "1 or more", std::to_string(c.devices_per_host));
  if (c.device.peak.empty()) wrong("device.peak_flops_per_s", "at least one element type", "none");
  for (const auto& [type, peak] : c.device.peak) positive(peak.value, "device.peak_flops_per_s");
  positive(c.device.memory.value, "device.memory_bytes");
  positive(c.device.memory_bandwidth.value, "device.memory_bandwidth_bytes_per_s");
  if (!(c.device.efficiency > 0 && c.device.efficiency <= 1))
    wrong("device.efficiency", "above 0, at most 1", fmt::format("{}", c.device.efficiency));
  if (!(c.device.launch.value >= 0))
    wrong("device.launch_s", "0 or more", fmt::format("{}", c.device.launch.value));
  if (c.devices_per_host > 1 || c.hosts > 1) positive(c.intra.bandwidth.value, "intra.bandwidth_bytes_per_s");
  if (c.hosts > 1) positive(c.inter.bandwidth.value, "inter.bandwidth_bytes_per_s");
  if (!(c.intra.alpha.value >= 0))
    wrong("intra.alpha_s", "0 or more", fmt::format("{}", c.intra.alpha.value));
  if (!(c.inter.alpha.value >= 0))
    wrong("inter.alpha_s", "0 or more", fmt::format("{}", c.inter.alpha.value));
  if (!(c.cores_shared_by >= 1)) wrong("cores_shared_by", "1 or more", fmt::format("{}", c.cores_shared_by));
}

void to_json(json& j, const Cluster& c) {
  json peaks = json::object();
  for (const auto& [type, peak] : c.device.peak) peaks[std::string(ir::name(type))] = peak.value;
  j = {{"format", "cordata.cluster/1"},
       {"name", c.name},
       {"hosts", c.hosts},
       {"devices_per_host", c.devices_per_host},
       {"device",
        {{"kind", c.device.kind},
         {"peak_flops_per_s", peaks},
         {"efficiency", c.device.efficiency},
         {"memory_bytes", c.device.memory.value},
         {"memory_bandwidth_bytes_per_s", c.device.memory_bandwidth.value},
         {"launch_s", c.device.launch.value},
         {"source", c.device.source}}},
       {"intra", link_json(c.intra)},
       {"inter", link_json(c.inter)},
       {"cores_shared_by", c.cores_shared_by}};
}

void from_json(const json& j, Cluster& c) {
  only(j, "", {"format", "name", "hosts", "devices_per_host", "device", "intra", "inter", "cores_shared_by"});
  if (const auto format = text(j, "", "format"); format != "cordata.cluster/1")
    wrong("format", "cordata.cluster/1", format);
  c.name = j.contains("name") ? text(j, "", "name") : "";
  c.hosts = integer(j, "hosts");
  c.devices_per_host = integer(j, "devices_per_host");
  c.device = device_from(j);
  c.intra = link_from(j, "intra");
  c.inter = j.contains("inter") ? link_from(j, "inter") : c.intra;
  c.cores_shared_by = j.contains("cores_shared_by") ? number(j, "", "cores_shared_by") : 1.0;
  validate(c);
}

}  // namespace cordata::cluster
