// SPDX-License-Identifier: Apache-2.0
// The cluster file, "cordata.cluster/1": docs/clusters.md. What is left out of it means what it meant before
// there was such a field.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cordata/cluster/cluster.h"
#include "cordata/cluster/fields.h"

namespace cordata::cluster {
namespace {

using nlohmann::json;

constexpr Wanted kBandwidth = above_zero("bytes a second, in each direction", "300e9");
constexpr Wanted kAlpha = zero_or_more("seconds before a message arrives, however small", "8e-6");
constexpr Wanted kSource = some_text("\"NVIDIA A100 data sheet\"");
constexpr Wanted kProfile{"the path of a profile of ops, from this file's folder", "", "\"ops.sqlite\""};
constexpr Wanted kTopology{"how a host's devices are joined: uniform, switch, ring or links", "",
                           "\"switch\""};
constexpr Wanted kFusion{"how the device's compiler fuses elementwise ops: plain or merging", "",
                         "\"plain\""};
constexpr Wanted kLinks{"a list of the links inside a host", "",
                        "[{\"devices\": [0, 1], \"count\": 2, \"bandwidth_bytes_per_s\": 25e9}]"};
constexpr const char* kLinkExample =
    "{\"alpha_s\": 8e-6, \"bandwidth_bytes_per_s\": 300e9, \"source\": \"data sheet\"}";
constexpr Wanted kPeaks{"floating point operations a second by element type", "at least one type",
                        "{\"bf16\": 312e12, \"f32\": 19.5e12}"};

Wanted object(const char* example) { return {"an object", "", example}; }

ir::DType dtype_named(const std::string& word, const std::string& path) {
  for (int i = 0; i <= static_cast<int>(ir::DType::kC128); ++i)
    if (ir::name(static_cast<ir::DType>(i)) == word) return static_cast<ir::DType>(i);
  refuse(path, {"an element type such as f32 or bf16", "", kPeaks.example}, "'" + word + "'");
}

std::map<ir::DType, base::FlopsPerSecond> peaks_from(const json& j, const std::string& path) {
  if (!j.is_object() || j.empty()) refuse(path, kPeaks, j.dump());
  std::map<ir::DType, base::FlopsPerSecond> peaks;
  for (const auto& [word, peak] : j.items()) {
    const std::string at = path + "." + word;
    peaks[dtype_named(word, at)] =
        base::FlopsPerSecond(number_of(peak, at, above_zero("floating point operations a second", "312e12")));
  }
  return peaks;
}

constexpr const char* kDeviceExample =
    "{\"kind\": \"A100\", \"peak_flops_per_s\": {\"f32\": 19.5e12}, \"memory_bytes\": 40e9, "
    "\"memory_bandwidth_bytes_per_s\": 1.555e12}";

// `like`: has what is left out; without one only what has a default may be.
Device device_from(const json& j, const std::string& path, const Device* like = nullptr) {
  const Fields f(j, path,
                 {"kind", "peak_flops_per_s", "efficiency", "memory_bytes", "memory_bandwidth_bytes_per_s",
                  "launch_s", "overlap", "fusion", "speed", "profile", "source"},
                 kDeviceExample);
  const auto given = [&](const char* key) { return !like || f.has(key); };
  Device d = like ? *like : Device{};
  if (given("kind")) d.kind = f.text("kind", some_text("\"A100-SXM4-40GB\""));
  if (given("peak_flops_per_s"))
    d.peak = peaks_from(f.value("peak_flops_per_s", kPeaks), f.path_of("peak_flops_per_s"));
  d.efficiency = f.number_or(
      d.efficiency, "efficiency",
      {"a share above 0, at most 1", "of the peak, what a large matmul reaches", "0.6", 0, true, 1});
  if (given("memory_bytes")) d.memory = base::Bytes(f.number("memory_bytes", above_zero("bytes", "40e9")));
  if (given("memory_bandwidth_bytes_per_s"))
    d.memory_bandwidth = base::BytesPerSecond(
        f.number("memory_bandwidth_bytes_per_s", above_zero("bytes a second", "1.555e12")));
  d.launch =
      base::Seconds(f.number_or(d.launch.value, "launch_s", zero_or_more("seconds to start an op", "4e-6")));
  d.overlap = f.number_or(d.overlap, "overlap",
                          {"a share from -4 to 1",
                           "of the shorter of computing and moving memory, hidden behind the longer; below "
                           "0: it takes longer there",
                           "1", -4, false, 1});
  const std::string fusion = f.text_or(d.merges_kernels ? "merging" : "plain", "fusion", kFusion);
  if (fusion != "merging" && fusion != "plain") refuse(f.path_of("fusion"), kFusion, "'" + fusion + "'");
  d.merges_kernels = fusion == "merging";
  d.speed = f.number_or(d.speed, "speed",
                        above_zero("share of the figures beside it that the device goes at", "0.5"));
  d.profile = f.text_or(d.profile.c_str(), "profile", kProfile);
  d.source = f.text_or(d.source.c_str(), "source", kSource);
  return d;
}

// In order and apart; past no device of the cluster.
std::vector<DeviceGroup> groups_from(const json& j, const Cluster& c) {
  const Wanted list{"a list of runs of devices that are unlike `device`", "",
                    "[{\"first_device\": 8, \"devices\": 8, \"device\": {\"memory_bytes\": 80e9}}]"};
  if (!j.is_array() || j.empty()) refuse("groups", list, j.dump());
  std::vector<DeviceGroup> groups;
  int next = 0;
  for (size_t i = 0; i < j.size(); ++i) {
    const Fields f(j[i], fmt::format("groups[{}]", i), {"first_device", "devices", "device"},
                   "{\"first_device\": 8, \"devices\": 8, \"device\": {\"memory_bytes\": 80e9}}");
    DeviceGroup g;
    g.first = f.whole("first_device", count("a device's number", "8", 0));
    g.count = f.whole("devices", count("devices", "8"));
    if (g.first < next)
      refuse(
          f.path_of("first_device"),
          {"groups in order, each device in one at most", "a device's number", std::to_string(next).c_str()},
          std::to_string(g.first));
    next = g.first + g.count;
    if (next > c.num_devices())
      refuse(f.path_of("devices"), {"no more devices than there are", "devices", "1"},
             fmt::format("{} from {} on, of {}", g.count, g.first, c.num_devices()));
    g.device =
        device_from(f.value("device", object("{\"memory_bytes\": 80e9}")), f.path_of("device"), &c.device);
    groups.push_back(std::move(g));
  }
  return groups;
}

Topology topology_named(const std::string& word, const std::string& path) {
  for (const Topology t : {Topology::kLinks, Topology::kRing, Topology::kSwitch, Topology::kUniform})
    if (name(t) == word) return t;
  refuse(path, kTopology, "'" + word + "'");
}

std::pair<int, int> devices_from(const json& j, const std::string& path, int devices) {
  const Wanted wanted{"two different devices of a host", "numbers from 0, below devices_per_host", "[0, 1]"};
  bool good = j.is_array() && j.size() == 2 && j[0] != j[1];
  for (size_t i = 0; good && i < 2; ++i)
    good = j[i].is_number_integer() && j[i].get<int64_t>() >= 0 && j[i].get<int64_t>() < devices;
  if (!good) refuse(path, wanted, j.dump());
  return {j[0].get<int>(), j[1].get<int>()};
}

std::vector<Wire> wires_from(const json& j, const std::string& path, int devices) {
  if (!j.is_array() || j.empty()) refuse(path, kLinks, j.dump());
  std::vector<Wire> wires;
  std::set<std::pair<int, int>> seen;
  for (size_t i = 0; i < j.size(); ++i) {
    const Fields f(j[i], fmt::format("{}[{}]", path, i), {"devices", "count", "bandwidth_bytes_per_s"},
                   "{\"devices\": [0, 1], \"bandwidth_bytes_per_s\": 25e9}");
    const Wanted pair{"two different devices of a host", "", "[0, 1]"};
    const auto [a, b] = devices_from(f.value("devices", pair), f.path_of("devices"), devices);
    if (!seen.insert(std::minmax(a, b)).second)
      refuse(f.path_of("devices"),
             {"each pair once", "several links of a pair are its count", "\"count\": 2"},
             fmt::format("[{}, {}] again", a, b));
    wires.push_back({a, b, f.whole_or(1, "count", count("links of the pair", "2")),
                     base::BytesPerSecond(f.number("bandwidth_bytes_per_s", kBandwidth))});
  }
  return wires;
}

// A single device sends nothing: its bandwidth may be 0.
Wanted bandwidth_of(bool needed) { return needed ? kBandwidth : zero_or_more("bytes a second", "300e9"); }

Link link_from(const Fields& f, bool needed) {
  return {base::Seconds(f.number("alpha_s", kAlpha)),
          base::BytesPerSecond(f.number("bandwidth_bytes_per_s", bandwidth_of(needed))),
          f.text_or("", "source", kSource)};
}

void intra_from(const json& j, Cluster& c) {
  const Fields f(j, "intra", {"alpha_s", "bandwidth_bytes_per_s", "topology", "links", "source"},
                 kLinkExample);
  c.intra = link_from(f, c.num_devices() > 1);
  c.topology = topology_named(f.text_or("uniform", "topology", kTopology), f.path_of("topology"));
  const bool wired = c.topology == Topology::kLinks;
  if (!wired && f.has("links"))
    refuse(f.path_of("links"), {"none: they go with the topology links", "", "\"topology\": \"links\""},
           fmt::format("some with {}", name(c.topology)));
  if (wired) c.wires = wires_from(f.value("links", kLinks), f.path_of("links"), c.devices_per_host);
}

void inter_from(const json& j, Cluster& c) {
  const Fields f(j, "inter", {"alpha_s", "bandwidth_bytes_per_s", "nics", "source"}, kLinkExample);
  c.inter = link_from(f, c.hosts > 1);
  c.nics = f.whole_or(1, "nics", count("NICs of a host, which have its bandwidth together", "4"));
}

Racks racks_from(const json& j, const Link& inter) {
  const Fields f(j, "racks", {"hosts_per_rack", "oversubscription", "alpha_s", "source"},
                 "{\"hosts_per_rack\": 16, \"oversubscription\": 2}");
  Racks r;
  r.hosts_per_rack = f.whole("hosts_per_rack", count("hosts", "16"));
  r.oversubscription =
      f.number("oversubscription", one_or_more("bandwidth of a rack's hosts over what leaves the rack", "2"));
  r.alpha = base::Seconds(f.number_or(inter.alpha.value, "alpha_s", kAlpha));
  r.source = f.text_or("", "source", kSource);
  return r;
}

Price price_from(const json& j) {
  const Fields f(j, "price", {"per_device_hour", "currency", "source"},
                 "{\"per_device_hour\": 3.06, \"currency\": \"USD\", \"source\": \"price list\"}");
  return {f.number("per_device_hour", zero_or_more("currency units an hour of one device", "3.06")),
          f.text("currency", some_text("\"USD\"")), f.text_or("", "source", kSource)};
}

json link_json(const Link& l) {
  return {{"alpha_s", l.alpha.value}, {"bandwidth_bytes_per_s", l.bandwidth.value}, {"source", l.source}};
}

json intra_json(const Cluster& c) {
  json j = link_json(c.intra);
  j["topology"] = name(c.topology);
  for (const Wire& w : c.wires)
    j["links"].push_back(
        {{"devices", {w.a, w.b}}, {"count", w.count}, {"bandwidth_bytes_per_s", w.bandwidth.value}});
  return j;
}

json device_json(const Device& d) {
  json peaks = json::object();
  for (const auto& [type, peak] : d.peak) peaks[std::string(ir::name(type))] = peak.value;
  json j = {{"kind", d.kind},
            {"peak_flops_per_s", peaks},
            {"efficiency", d.efficiency},
            {"memory_bytes", d.memory.value},
            {"memory_bandwidth_bytes_per_s", d.memory_bandwidth.value},
            {"launch_s", d.launch.value},
            {"overlap", d.overlap},
            {"fusion", d.merges_kernels ? "merging" : "plain"},
            {"speed", d.speed},
            {"source", d.source}};
  if (!d.profile.empty()) j["profile"] = d.profile;
  return j;
}

}  // namespace

std::string_view name(Topology topology) {
  switch (topology) {
    case Topology::kLinks:
      return "links";
    case Topology::kRing:
      return "ring";
    case Topology::kSwitch:
      return "switch";
    case Topology::kUniform:
      return "uniform";
  }
  return "?";
}

void to_json(json& j, const Cluster& c) {
  j = {{"format", "cordata.cluster/1"},
       {"name", c.name},
       {"hosts", c.hosts},
       {"devices_per_host", c.devices_per_host},
       {"device", device_json(c.device)},
       {"intra", intra_json(c)},
       {"inter", link_json(c.inter)},
       {"cores_shared_by", c.cores_shared_by}};
  j["inter"]["nics"] = c.nics;
  for (const DeviceGroup& g : c.groups)
    j["groups"].push_back(
        {{"first_device", g.first}, {"devices", g.count}, {"device", device_json(g.device)}});
  if (c.racks)
    j["racks"] = {{"hosts_per_rack", c.racks->hosts_per_rack},
                  {"oversubscription", c.racks->oversubscription},
                  {"alpha_s", c.racks->alpha.value},
                  {"source", c.racks->source}};
  if (c.price)
    j["price"] = {{"per_device_hour", c.price->per_device_hour},
                  {"currency", c.price->currency},
                  {"source", c.price->source}};
}

void from_json(const json& j, Cluster& out) {
  const Fields f(j, "",
                 {"format", "name", "hosts", "devices_per_host", "device", "groups", "intra", "inter",
                  "racks", "cores_shared_by", "price"},
                 "what `cordata cluster show p4d:2 -o FILE` writes");
  const Wanted format{"the format's name", "", "\"cordata.cluster/1\""};
  if (const auto word = f.text("format", format); word != "cordata.cluster/1")
    refuse("format", format, "'" + word + "'");
  Cluster c;
  c.name = f.text_or("", "name", some_text("\"mine\""));
  c.hosts = f.whole("hosts", count("hosts", "2"));
  c.devices_per_host = f.whole("devices_per_host", count("devices", "8"));
  if (static_cast<int64_t>(c.hosts) * c.devices_per_host > 1'000'000)
    refuse("hosts", {"hosts x devices_per_host up to 1000000", "devices", "2"},
           fmt::format("{} x {}", c.hosts, c.devices_per_host));
  c.device = device_from(f.value("device", object(kDeviceExample)), "device");
  if (f.has("groups")) c.groups = groups_from(f.value("groups", some_text("[]")), c);
  intra_from(f.value("intra", object(kLinkExample)), c);
  c.inter = c.intra;
  if (f.has("inter")) inter_from(f.value("inter", object(kLinkExample)), c);
  if (f.has("racks"))
    c.racks = racks_from(f.value("racks", object("{\"hosts_per_rack\": 16, ...}")), c.inter);
  c.cores_shared_by =
      f.number_or(1, "cores_shared_by", one_or_more("devices that share one set of cores", "2"));
  if (f.has("price"))
    c.price = price_from(f.value("price", object("{\"per_device_hour\": 3.06, \"currency\": \"USD\"}")));
  out = std::move(c);
}

void validate(const Cluster& c) {
  Cluster same;
  from_json(json(c), same);
}

}  // namespace cordata::cluster
