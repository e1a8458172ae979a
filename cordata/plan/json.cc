// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "cordata/base/error.h"
#include "cordata/plan/plan.h"

namespace cordata::plan {
namespace {

using nlohmann::json;

// Shardings and strategies are lists of one small integer per mesh axis, as in sharding.h: -1 nothing, d >= 0
// a dim or factor, -2 and below a partial sum or linear set.
template <typename Array>
json axes_json(const Array& at, const sharding::Mesh& mesh) {
  json out = json::array();
  for (int a = 0; a < mesh.num_axes(); ++a) out.push_back(static_cast<int>(at[a]));
  return out;
}

json mesh_json(const sharding::Mesh& mesh) {
  json links = json::array();
  for (const auto& l : mesh.links)
    links.push_back({{"alpha_s", l.alpha.value}, {"bandwidth_bytes_per_s", l.bandwidth.value}});
  return {{"shape", mesh.shape},
          {"links", links},
          {"memory_bytes_per_s", mesh.memory.value},
          {"sums_bytes_per_s", mesh.sums.value}};
}

json stage_json(const Stage& s) {
  json ops = json::array(), args = json::array(), results = json::array(), hubs = json::array(),
       layers = json::array();
  for (const auto& o : s.sharding.ops) ops.push_back(axes_json(o.use, s.mesh));
  for (const auto& a : s.sharding.args) args.push_back(axes_json(a.at, s.mesh));
  for (const auto& r : s.sharding.results) results.push_back(axes_json(r.at, s.mesh));
  for (const auto& h : s.sharding.hubs)
    hubs.push_back({{"value", h.value},
                    {"phase", static_cast<int>(h.pass.phase)},
                    {"round", h.pass.round},
                    {"sharding", axes_json(h.sharding.at, s.mesh)}});
  for (int l = 0; l < s.num_layers; ++l) layers.push_back(s.first_layer + l);
  const Predicted& p = s.predicted;
  return {{"ranks", s.ranks},
          {"mesh", mesh_json(s.mesh)},
          {"layers", layers},
          {"ops", ops},
          {"args", args},
          {"results", results},
          {"hubs", hubs},
          {"predicted",
           {{"forward_s", p.forward.value},
            {"backward_s", p.backward.value},
            {"apply_s", p.apply.value},
            {"peak_memory_bytes", p.peak_memory.value},
            {"gap", p.gap},
            {"source", p.source}}}};
}

json bill_json(const std::vector<BillLine>& bill) {
  json out = json::array();
  for (const auto& b : bill) {
    json axes = json::array();
    for (int a = 0; a < 32; ++a)
      if (b.axes >> a & 1) axes.push_back(a);
    out.push_back(
        {{"kind", b.kind}, {"stage", b.stage}, {"axes", axes}, {"bytes", b.bytes}, {"count", b.count}});
  }
  return out;
}

// A place in the file: the value and how to name it in an error.
class At {
 public:
  At(const json& j, std::string path, const std::string& origin)
      : j_(j), path_(std::move(path)), origin_(origin) {}

  At operator[](const char* key) const {
    object();
    const auto it = j_.find(key);
    const std::string path = path_.empty() ? key : path_ + "." + key;
    if (it == j_.end()) throw base::user_error("[plan] {}: wanted the key {}, got nothing", origin_, path);
    return {*it, path, origin_};
  }
  std::vector<At> list() const {
    if (!j_.is_array()) wrong("a list");
    std::vector<At> out;
    for (size_t i = 0; i < j_.size(); ++i) out.emplace_back(j_[i], fmt::format("{}[{}]", path_, i), origin_);
    return out;
  }
  int64_t whole(int64_t least = std::numeric_limits<int32_t>::min(),
                int64_t most = std::numeric_limits<int64_t>::max()) const {
    if (!j_.is_number_integer()) wrong("a whole number");
    const auto v = j_.get<int64_t>();
    if (v < least || v > most) wrong(fmt::format("{} to {}", least, most));
    return v;
  }
  double number() const {
    if (!j_.is_number()) wrong("a number");
    return j_.get<double>();
  }
  std::string text() const {
    if (!j_.is_string()) wrong("a string");
    return j_.get<std::string>();
  }
  std::vector<int> wholes(int64_t least) const {
    std::vector<int> out;
    for (const auto& e : list())
      out.push_back(static_cast<int>(e.whole(least, std::numeric_limits<int32_t>::max())));
    return out;
  }
  const json& raw() const { return j_; }
  [[noreturn]] void wrong(const std::string& wanted) const {
    auto got = j_.dump();
    if (got.size() > 60) got = got.substr(0, 57) + "...";
    throw base::user_error("[plan] {}: {}: wanted {}, got {}", origin_, path_, wanted, got);
  }

 private:
  void object() const {
    if (!j_.is_object()) wrong("an object");
  }
  const json& j_;
  std::string path_;
  const std::string& origin_;
};

template <typename T>
T axes_from(const At& at, const sharding::Mesh& mesh) {
  T out;
  const auto list = at.list();
  if (static_cast<int>(list.size()) != mesh.num_axes())
    at.wrong(fmt::format("{} numbers, one for each axis of the mesh", mesh.num_axes()));
  for (size_t a = 0; a < list.size(); ++a) {
    const auto v = static_cast<int8_t>(list[a].whole(-100, 100));
    if constexpr (std::is_same_v<T, sharding::Sharding>)
      out.at[a] = v;
    else
      out.use[a] = v;
  }
  return out;
}

sharding::Mesh mesh_from(const At& at) {
  sharding::Mesh mesh;
  for (const auto& n : at["shape"].list()) mesh.shape.push_back(n.whole(1, 1 << 24));
  if (mesh.num_axes() > sharding::kMaxAxes)
    at["shape"].wrong(fmt::format("at most {} axes", sharding::kMaxAxes));
  for (const auto& l : at["links"].list())
    mesh.links.push_back(
        {base::Seconds(l["alpha_s"].number()), base::BytesPerSecond(l["bandwidth_bytes_per_s"].number())});
  if (mesh.links.size() != mesh.shape.size()) at["links"].wrong("one for each axis of the mesh");
  for (const auto& [key, rate] :
       {std::pair{"memory_bytes_per_s", &mesh.memory}, {"sums_bytes_per_s", &mesh.sums}}) {
    if (at.raw().contains(key)) *rate = base::BytesPerSecond(at[key].number());
    if (rate->value < 0) at[key].wrong("bytes a second, 0 or more");
  }
  return mesh;
}

Stage stage_from(const At& at) {
  Stage s;
  s.ranks = at["ranks"].wholes(0);
  s.mesh = mesh_from(at["mesh"]);
  int64_t size = 1;
  for (const auto n : s.mesh.shape) size *= n;
  if (size != static_cast<int64_t>(s.ranks.size()))
    at["ranks"].wrong(fmt::format("{} ranks, as many as the mesh has devices", size));
  const auto layers = at["layers"].wholes(0);
  if (layers.empty()) at["layers"].wrong("one layer or more");
  for (size_t i = 1; i < layers.size(); ++i)
    if (layers[i] != layers[i - 1] + 1) at["layers"].wrong("a run of layers");
  s.first_layer = layers[0];
  s.num_layers = static_cast<int>(layers.size());
  for (const auto& o : at["ops"].list()) s.sharding.ops.push_back(axes_from<sharding::Strategy>(o, s.mesh));
  for (const auto& a : at["args"].list()) s.sharding.args.push_back(axes_from<sharding::Sharding>(a, s.mesh));
  for (const auto& r : at["results"].list())
    s.sharding.results.push_back(axes_from<sharding::Sharding>(r, s.mesh));
  for (const auto& h : at["hubs"].list())
    s.sharding.hubs.push_back(
        {static_cast<int>(h["value"].whole(0, 1 << 30)),
         {static_cast<step::Phase>(h["phase"].whole(0, 3)), static_cast<int>(h["round"].whole(0, 1 << 20))},
         axes_from<sharding::Sharding>(h["sharding"], s.mesh)});
  const At p = at["predicted"];
  s.predicted = {base::Seconds(p["forward_s"].number()),
                 base::Seconds(p["backward_s"].number()),
                 base::Seconds(p["apply_s"].number()),
                 base::Bytes(p["peak_memory_bytes"].number()),
                 p["gap"].number(),
                 p["source"].text()};
  return s;
}

std::vector<step::Remat> remat_from(const At& at, int num_layers) {
  std::vector<step::Remat> out;
  for (const auto& word : at.list()) {
    const auto remat = step::remat_named(word.text());
    if (!remat) word.wrong("none, selective or layer");
    out.push_back(*remat);
  }
  if (out.size() != static_cast<size_t>(num_layers))
    at.wrong(fmt::format("{} words, one for each layer", num_layers));
  return out;
}

uint64_t hash_from(const At& at) {
  const std::string word = at.text();
  uint64_t hash = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), hash, 16);
  if (word.size() != 16 || error != std::errc() || end != word.data() + word.size())
    at.wrong("16 hexadecimal digits");
  return hash;
}

}  // namespace

json to_json(const Plan& plan) {
  json stages = json::array();
  for (const auto& s : plan.stages) stages.push_back(stage_json(s));
  json out = {
      {"format", "cordata.plan/1"},
      {"model", plan.model},
      {"model_hash", fmt::format("{:016x}", plan.model_hash)},
      {"cluster", plan.cluster},
      {"planner", plan.planner},
      {"microbatches", plan.microbatches},
      {"schedule", plan.schedule},
      {"layer_of_op", plan.layers},
      {"num_layers", plan.num_layers},
      {"step_s", plan.step.value},
      {"peak_memory_bytes", plan.peak_memory.value},
      {"gap", plan.gap},
      {"objective",
       {{"name", plan.objective.name}, {"value", plan.objective.value}, {"unit", plan.objective.unit}}},
      {"stages", stages},
      {"bill", bill_json(plan.bill)},
      {"notes", plan.notes}};
  for (const auto r : plan.remat) out["remat"].push_back(step::name(r));
  return out;
}

Plan from_json(const json& j, const std::string& origin) {
  const At at(j, "", origin);
  if (const auto format = at["format"].text(); format != "cordata.plan/1")
    at["format"].wrong("cordata.plan/1");
  Plan p;
  p.model = at["model"].text();
  p.model_hash = hash_from(at["model_hash"]);
  try {
    p.cluster = at["cluster"].raw().get<cluster::Cluster>();
  } catch (const base::Error& e) {
    throw base::user_error("[plan] {}: cluster: {}", origin, e.what());
  }
  p.planner = at["planner"].text();
  p.microbatches = static_cast<int>(at["microbatches"].whole(1, 1 << 30));
  p.schedule = at["schedule"].text();
  p.layers = at["layer_of_op"].wholes(-1);
  p.num_layers = static_cast<int>(at["num_layers"].whole(1, 1 << 24));
  if (j.contains("remat")) p.remat = remat_from(at["remat"], p.num_layers);
  p.step = base::Seconds(at["step_s"].number());
  p.peak_memory = base::Bytes(at["peak_memory_bytes"].number());
  p.gap = at["gap"].number();
  p.objective.value = p.step.value;  // of files from before there were others
  if (j.contains("objective")) {
    const At o = at["objective"];
    p.objective = {o["name"].text(), o["value"].number(), o["unit"].text()};
  }
  for (const auto& s : at["stages"].list()) p.stages.push_back(stage_from(s));
  for (const auto& b : at["bill"].list()) {
    BillLine line{b["kind"].text(), static_cast<int>(b["stage"].whole(0, 1 << 24)), 0, b["bytes"].number(),
                  b["count"].whole(0)};
    for (const auto& a : b["axes"].list()) line.axes |= 1u << a.whole(0, sharding::kMaxAxes - 1);
    p.bill.push_back(line);
  }
  for (const auto& n : at["notes"].list()) p.notes.push_back(n.text());
  return p;
}

}  // namespace cordata::plan
