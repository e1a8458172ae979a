// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/cluster.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <tuple>

#include "cordata/base/error.h"
#include "cordata/cluster/fields.h"
#include "cordata/cluster/presets.h"

namespace cordata::cluster {
namespace {

using nlohmann::json;

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

// A relative path is from the cluster file's folder.
void find_profile(Device& d, const std::string& file) {
  namespace fs = std::filesystem;
  if (!d.profile.empty())
    d.profile = (fs::absolute(file).parent_path() / d.profile).lexically_normal().string();
}

Cluster read_file(const std::string& path) {
  std::ifstream in(path);
  if (!in)
    throw base::user_error("[cluster] no preset or readable file '{}'; try {}", path, names_for_people());
  json j;
  try {
    j = json::parse(quote_unreal_numbers(std::string(std::istreambuf_iterator<char>(in), {})));
  } catch (const json::exception& e) {
    throw base::user_error("[cluster] {} is not JSON: {}", path, e.what());
  }
  Cluster c;
  try {
    from_json(j, c);
  } catch (const base::Error& e) {
    throw base::Error(e.kind(), std::string(e.what()) + " (in " + path + ")");
  }
  find_profile(c.device, path);
  for (auto& g : c.groups) find_profile(g.device, path);
  return c;
}

bool same_figures(const Device& a, const Device& b) {
  const auto figures = [](const Device& d) {
    return std::tie(d.peak, d.efficiency, d.memory, d.memory_bandwidth, d.launch, d.overlap, d.speed,
                    d.merges_kernels, d.profile);
  };
  return figures(a) == figures(b) && (a.profile.empty() || a.kind == b.kind);  // a profile goes by kinds
}

// Where devices may begin to differ, up to `last`.
std::vector<int> run_starts(const Cluster& c, int last) {
  std::vector<int> out{0};
  for (const DeviceGroup& g : c.groups)
    for (const int at : {g.first, g.first + g.count})
      if (at > out.back() && at < last) out.push_back(at);
  return out;
}

}  // namespace

const Device& Cluster::device_at(int index) const {
  for (const DeviceGroup& g : groups)
    if (index >= g.first && index < g.first + g.count) return g.device;
  return device;
}

std::vector<int> Cluster::kinds_in(int first, int count) const {
  if (groups.empty()) return {0};
  const auto starts = run_starts(*this, first + count);
  std::vector<int> kinds;
  for (size_t i = 0; i < starts.size(); ++i) {
    if (i + 1 < starts.size() && starts[i + 1] <= first) continue;
    const auto like =
        std::ranges::find_if(starts, [&](int s) { return same_figures(device_at(s), device_at(starts[i])); });
    if (std::ranges::find(kinds, *like) == kinds.end()) kinds.push_back(*like);
  }
  std::ranges::sort(kinds);
  return kinds;
}

base::Bytes Cluster::least_memory(int first, int count) const {
  base::Bytes least = device_at(first).memory;
  for (const int k : kinds_in(first, count)) least = std::min(least, device_at(k).memory);
  return least;
}

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

}  // namespace cordata::cluster
