// SPDX-License-Identifier: Apache-2.0
#include "cordata/report/plan_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "cordata/base/table.h"
#include "cordata/report/html.h"
#include "cordata/report/plan_text.h"

namespace cordata::report {
namespace {

using json = nlohmann::json;

// "+12.30 %", "3.5 x", "the same"
std::string percent(double a, double b) {
  if (a == b) return "the same";
  if (a == 0) return "";
  if (b >= 2 * a) return fmt::format("{:.3g} x", b / a);
  const double change = 100 * (b / a - 1);
  return std::abs(change) < 0.005 ? "nearly the same" : fmt::format("{:+.2f} %", change);
}

size_t devices_of(const plan::Plan& p) {
  size_t sum = 0;
  for (const auto& s : p.stages) sum += s.ranks.size();
  return sum;
}

void add_facts(PlanDiff& d) {
  const auto differs = [&](const char* what, const std::string& a, const std::string& b) {
    if (a != b) d.facts.push_back({what, a, b, ""});
  };
  const auto number = [&](const char* what, double a, double b, const std::string& words_a,
                          const std::string& words_b, bool always) {
    if (a != b || always) d.facts.push_back({what, words_a, words_b, percent(a, b)});
  };
  const auto count = [&](const char* what, size_t a, size_t b) {
    number(what, static_cast<double>(a), static_cast<double>(b), std::to_string(a), std::to_string(b), false);
  };
  const auto rate = [&](double units, const plan::Plan& p) { return units / std::max(p.step.value, 1e-12); };
  const auto &a = d.a, &b = d.b;
  number("step, predicted", a.step.value, b.step.value, base::to_string(a.step), base::to_string(b.step),
         true);
  if (d.units_per_step_a > 0 && d.units_per_step_b > 0) {
    const double from = rate(d.units_per_step_a, a), to = rate(d.units_per_step_b, b);
    number("throughput", from, to, fmt::format("{} {}/s", base::with_commas(std::llround(from)), d.unit),
           fmt::format("{} {}/s", base::with_commas(std::llround(to)), d.unit), true);
  }
  number("memory, fullest device", a.peak_memory.value, b.peak_memory.value, base::to_string(a.peak_memory),
         base::to_string(b.peak_memory), true);
  differs("cluster", a.cluster.name, b.cluster.name);
  differs("planner", a.planner, b.planner);
  differs("objective", a.objective.name, b.objective.name);
  if (a.objective.name == b.objective.name && a.objective.unit == b.objective.unit &&
      a.objective.name != "time")
    number("its value", a.objective.value, b.objective.value,
           fmt::format("{:.4g} {}", a.objective.value, a.objective.unit),
           fmt::format("{:.4g} {}", b.objective.value, b.objective.unit), false);
  count("microbatches", a.microbatches, b.microbatches);
  differs("schedule", a.schedule, b.schedule);
  differs("computed again", remat_words(a.remat), remat_words(b.remat));
  count("stages", a.stages.size(), b.stages.size());
  count("devices used", devices_of(a), devices_of(b));
  number("gap", a.gap, b.gap, fmt::format("{:.2g} %", 100 * a.gap), fmt::format("{:.2g} %", 100 * b.gap),
         false);
}

// Fields of the clusters' files, by path; where figures are from is left out.
std::map<std::string, std::string> fields_of(const cluster::Cluster& cluster) {
  std::map<std::string, std::string> out;
  const json flat = json(cluster).flatten();
  for (const auto& [path, value] : flat.items()) {
    if (path.ends_with("/source") || path == "/name") continue;
    std::string name = path.substr(1);
    std::replace(name.begin(), name.end(), '/', '.');
    out[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return out;
}

void add_cluster(PlanDiff& d) {
  auto a = fields_of(d.a.cluster), b = fields_of(d.b.cluster);
  std::set<std::string> names;
  for (const auto* fields : {&a, &b})
    for (const auto& [name, unused] : *fields) names.insert(name);
  const auto value = [](auto& fields, const std::string& name) {
    return fields.contains(name) ? fields[name] : std::string("none");
  };
  for (const auto& name : names)
    if (value(a, name) != value(b, name)) d.cluster.push_back({name, value(a, name), value(b, name), ""});
}

std::vector<int> ranks_of_layer(const plan::Plan& p, int layer) {
  return p.stages[p.stage_of_layer()[layer]].ranks;
}

void add_layers(PlanDiff& d) {
  d.same_layers = d.a.num_layers == d.b.num_layers && d.a.layers == d.b.layers;
  for (int l = 0; d.same_layers && l < d.a.num_layers; ++l)
    d.layers_moved += ranks_of_layer(d.a, l) != ranks_of_layer(d.b, l);
}

std::string on_mesh(const std::string& words, const plan::Stage& stage) {
  return stage.mesh.shape.empty() ? words + " on 1" : words + " on " + sharding::to_string(stage.mesh);
}

// What an op does in a plan: its group, in words, and its part of the group's time.
struct Way {
  const OpGroup* group = nullptr;
  std::string words;
  double seconds = 0;
};
using OpKey = std::pair<int, std::string>;  // op of the step before anything is computed again, and pass

std::map<OpKey, Way> ways_of(const Explanation& e) {
  std::map<OpKey, Way> out;
  for (size_t s = 0; s < e.stages.size(); ++s)
    for (const OpGroup& g : e.stages[s].ops) {
      const auto words = on_mesh(g.replicated ? "whole" : g.strategy, e.plan.stages[s]);
      for (const int op : g.base_ops) {
        Way& way = out[{op, g.pass}];
        way.group = &g, way.words = words;
        way.seconds += (g.compute + g.reshard).value / g.count;
      }
    }
  return out;
}

void add_ops(PlanDiff& d, const Explanation& a, const Explanation& b) {
  d.same_ops = d.a.layers.size() == d.b.layers.size();
  if (!d.same_ops) return;
  const auto in_a = ways_of(a), in_b = ways_of(b);
  std::map<std::tuple<std::string, std::string, std::string, std::string, std::string>, DiffOps> classes;
  for (const auto& [op, way] : in_a) {
    const auto other = in_b.find(op);
    if (other == in_b.end() || other->second.words == way.words) continue;
    const OpGroup& g = *way.group;
    DiffOps& c = classes[{g.pass, g.kind, g.types, way.words, other->second.words}];
    if (c.count++ == 0)
      c.pass = g.pass, c.kind = g.kind, c.types = g.types, c.a = way.words, c.b = other->second.words;
    c.seconds_a += base::Seconds(way.seconds), c.seconds_b += base::Seconds(other->second.seconds);
  }
  for (const auto& [key, c] : classes) d.ops.push_back(c);
  const auto change = [](const DiffOps& c) { return std::abs((c.seconds_b - c.seconds_a).value); };
  std::stable_sort(d.ops.begin(), d.ops.end(),
                   [&](const DiffOps& x, const DiffOps& y) { return change(x) > change(y); });
}

// By role and type, how such values rest: "[{0}, {}] on 4 (12)".
std::map<std::pair<std::string, std::string>, std::string> resting_of(const Explanation& e) {
  std::map<std::pair<std::string, std::string>, std::map<std::string, int>> counts;
  for (size_t s = 0; s < e.stages.size(); ++s)
    for (const RestingGroup& g : e.stages[s].resting)
      if (g.role != "received" && g.role != "batch")
        counts[{g.role, g.type}][on_mesh(g.sharding, e.plan.stages[s])] += g.count;
  std::map<std::pair<std::string, std::string>, std::string> out;
  for (const auto& [key, ways] : counts)
    for (const auto& [words, n] : ways)
      out[key] += fmt::format("{}{} ({})", out[key].empty() ? "" : ", ", words, n);
  return out;
}

void add_resting(PlanDiff& d, const Explanation& a, const Explanation& b) {
  const auto in_a = resting_of(a), in_b = resting_of(b);
  for (const auto& [key, words] : in_a)
    if (const auto other = in_b.find(key); other != in_b.end() && other->second != words)
      d.resting.push_back({key.first, key.second, words, other->second});
}

void add_bill(PlanDiff& d) {
  std::map<std::string, DiffBill> kinds;
  const auto add = [&](const plan::Plan& p, auto calls, auto bytes) {
    for (const auto& line : p.bill) {
      DiffBill& k = kinds[line.kind];
      k.kind = line.kind;
      k.*calls += line.count;
      k.*bytes += base::Bytes(line.bytes * static_cast<double>(line.count));
    }
  };
  add(d.a, &DiffBill::calls_a, &DiffBill::bytes_a);
  add(d.b, &DiffBill::calls_b, &DiffBill::bytes_b);
  for (const auto& [kind, k] : kinds) d.bill.push_back(k);
}

bool same_stages(const plan::Plan& a, const plan::Plan& b) {
  return std::ranges::equal(a.stages, b.stages, [](const plan::Stage& x, const plan::Stage& y) {
    return x.ranks == y.ranks && x.mesh.shape == y.mesh.shape && x.first_layer == y.first_layer &&
           x.num_layers == y.num_layers;
  });
}

// The plans' own JSON says whether anything differs that no table shows.
bool same_plan(const plan::Plan& a, const plan::Plan& b) { return plan::to_json(a) == plan::to_json(b); }

}  // namespace

PlanDiff diff_plans(std::pair<std::string, Explanation> a, std::pair<std::string, Explanation> b) {
  PlanDiff d;
  d.name_a = a.first, d.name_b = b.first;
  d.a = a.second.plan, d.b = b.second.plan;
  d.same_model = d.a.model_hash == d.b.model_hash;
  d.units_per_step_a = a.second.units_per_step, d.units_per_step_b = b.second.units_per_step;
  d.unit = a.second.unit;
  d.same = same_plan(d.a, d.b);
  add_facts(d);
  add_cluster(d);
  add_bill(d);
  if (!d.same_model) return d;
  add_layers(d);
  add_ops(d, a.second, b.second);
  add_resting(d, a.second, b.second);
  return d;
}

namespace {

using Rows = std::vector<std::vector<std::string>>;

// A table with what stands above it; none where it has only its head.
struct Section {
  std::string title;
  Rows rows;
  std::string note;
};

Section facts_section(const char* title, const std::vector<DiffFact>& facts, bool changes) {
  Section out{title, {{"", "A", "B"}}, ""};
  if (changes) out.rows[0].push_back("B against A");
  for (const DiffFact& f : facts) {
    out.rows.push_back({f.what, f.a, f.b});
    if (changes) out.rows.back().push_back(f.change);
  }
  return out;
}

Section stages_section(const PlanDiff& d) {
  Section out{"Stages",
              {{"stage", "plan", "layers", "ranks", "mesh", "forward", "backward", "update", "memory"}},
              ""};
  if (same_stages(d.a, d.b)) out.note = "The cut into stages, their devices and meshes are the same.";
  const auto row = [&](const plan::Plan& p, const char* name, size_t i) {
    if (i >= p.stages.size()) return;
    const auto& s = p.stages[i];
    out.rows.push_back({std::to_string(i), name, layer_words(s), stage_ranks(s),
                        s.mesh.shape.empty() ? "1" : sharding::to_string(s.mesh),
                        base::to_string(s.predicted.forward), base::to_string(s.predicted.backward),
                        base::to_string(s.predicted.apply), base::to_string(s.predicted.peak_memory)});
  };
  for (size_t i = 0; i < std::max(d.a.stages.size(), d.b.stages.size()); ++i)
    row(d.a, "A", i), row(d.b, "B", i);
  return out;
}

Section ops_section(const PlanDiff& d, size_t most) {
  Section out{"Ops that run in another way",
              {{"op", "ops", "pass", "types", "A: split along", "B: split along", "A, a step", "B, a step"}},
              ""};
  for (size_t i = 0; i < std::min(most, d.ops.size()); ++i) {
    const DiffOps& c = d.ops[i];
    out.rows.push_back({c.kind, std::to_string(c.count), c.pass, c.types, c.a, c.b,
                        base::to_string(c.seconds_a), base::to_string(c.seconds_b)});
  }
  if (d.ops.size() > most)
    out.note = fmt::format("and {} more kinds of ops; --html or --json show all", d.ops.size() - most);
  return out;
}

Section resting_section(const PlanDiff& d, size_t most) {
  Section out{"What rests on the devices in another way", {{"what", "type", "A", "B"}}, ""};
  for (size_t i = 0; i < std::min(most, d.resting.size()); ++i) {
    const DiffResting& r = d.resting[i];
    out.rows.push_back({r.role, r.type, r.a, r.b});
  }
  if (d.resting.size() > most) out.note = fmt::format("and {} more kinds", d.resting.size() - most);
  return out;
}

Section bill_section(const PlanDiff& d) {
  Section out{"Communication of a step",
              {{"what", "A: calls", "B: calls", "A: bytes", "B: bytes", "B against A"}},
              ""};
  for (const DiffBill& k : d.bill)
    if (k.calls_a != k.calls_b || k.bytes_a != k.bytes_b)
      out.rows.push_back({k.kind, base::with_commas(k.calls_a), base::with_commas(k.calls_b),
                          base::to_string(k.bytes_a), base::to_string(k.bytes_b),
                          percent(k.bytes_a.value, k.bytes_b.value)});
  return out;
}

std::vector<std::string> summary(const PlanDiff& d) {
  std::vector<std::string> out = {
      fmt::format("A: {}: {} on {} by {}", d.name_a, d.a.model, d.a.cluster.name, d.a.planner),
      fmt::format("B: {}: {} on {} by {}", d.name_b, d.b.model, d.b.cluster.name, d.b.planner)};
  if (!d.same_model) {
    out.push_back(
        "The plans are for different models, so layers and ops were not compared, and times say little about "
        "the plans.");
    return out;
  }
  if (d.same) {
    out.push_back("The plans are the same.");
    return out;
  }
  out.push_back(
      fmt::format("B's step takes {} against A's {} ({}), its fullest device holds {} against {} ({}).",
                  base::to_string(d.b.step), base::to_string(d.a.step),
                  percent(d.a.step.value, d.b.step.value), base::to_string(d.b.peak_memory),
                  base::to_string(d.a.peak_memory), percent(d.a.peak_memory.value, d.b.peak_memory.value)));
  if (!d.same_ops) {
    out.push_back(
        "Layers and ops were not compared: with these numbers of microbatches the step has other ops.");
    return out;
  }
  int ops = 0;
  for (const DiffOps& c : d.ops) ops += c.count;
  out.push_back(d.same_layers
                    ? fmt::format("{} of {} layers are on other devices; {} ops run in another way.",
                                  d.layers_moved, d.a.num_layers, ops)
                    : fmt::format("The step is cut into other layers ({} and {}); {} ops run in another way.",
                                  d.a.num_layers, d.b.num_layers, ops));
  return out;
}

std::vector<Section> sections(const PlanDiff& d, size_t most) {
  std::vector<Section> out = {facts_section("The plans", d.facts, true),
                              facts_section("Fields of the cluster that differ", d.cluster, false),
                              stages_section(d)};
  if (d.same_model) out.push_back(ops_section(d, most)), out.push_back(resting_section(d, most));
  out.push_back(bill_section(d));
  return out;
}

json summary_json(const plan::Plan& p, double units_per_step) {
  json stages = json::array();
  for (const auto& s : p.stages)
    stages.push_back({{"ranks", s.ranks},
                      {"mesh", s.mesh.shape},
                      {"first_layer", s.first_layer},
                      {"layers", s.num_layers},
                      {"forward_s", s.predicted.forward.value},
                      {"backward_s", s.predicted.backward.value},
                      {"apply_s", s.predicted.apply.value},
                      {"peak_memory_bytes", s.predicted.peak_memory.value}});
  return {{"model", p.model},
          {"cluster", p.cluster.name},
          {"planner", p.planner},
          {"objective", p.objective.name},
          {"objective_value", p.objective.value},
          {"microbatches", p.microbatches},
          {"schedule", p.schedule},
          {"remat", remat_words(p.remat)},
          {"devices", devices_of(p)},
          {"step_s", p.step.value},
          {"units_per_s", units_per_step / std::max(p.step.value, 1e-12)},
          {"peak_memory_bytes", p.peak_memory.value},
          {"gap", p.gap},
          {"stages", stages}};
}

}  // namespace

constexpr size_t kShown = 12;

std::string to_text(const PlanDiff& d) {
  std::string text;
  for (const auto& line : summary(d)) text += line + "\n";
  if (d.same) return text;
  for (const Section& s : sections(d, kShown)) {
    if (s.rows.size() > 1) text += "\n" + s.title + "\n" + base::table(s.rows);
    if (!s.note.empty()) text += s.note + "\n";
  }
  return text;
}

std::string to_html(const PlanDiff& d) {
  std::string body = "<h1>Two plans</h1>\n";
  for (const auto& line : summary(d)) body += "<p>" + escape_html(line) + "</p>\n";
  for (const Section& s : sections(d, std::max(d.ops.size(), d.resting.size()))) {
    if (s.rows.size() > 1) body += "<h2>" + escape_html(s.title) + "</h2>\n" + html_table(s.rows);
    if (!s.note.empty()) body += "<p>" + escape_html(s.note) + "</p>\n";
  }
  return html_page("Two plans", body);
}

nlohmann::ordered_json to_json(const PlanDiff& d) {
  json cluster = json::array(), ops = json::array(), resting = json::array(), bill = json::array();
  for (const DiffFact& f : d.cluster) cluster.push_back({{"field", f.what}, {"a", f.a}, {"b", f.b}});
  for (const DiffOps& c : d.ops)
    ops.push_back({{"op", c.kind},
                   {"count", c.count},
                   {"pass", c.pass},
                   {"types", c.types},
                   {"a", c.a},
                   {"b", c.b},
                   {"a_s", c.seconds_a.value},
                   {"b_s", c.seconds_b.value}});
  for (const DiffResting& r : d.resting)
    resting.push_back({{"role", r.role}, {"type", r.type}, {"a", r.a}, {"b", r.b}});
  for (const DiffBill& k : d.bill)
    bill.push_back({{"kind", k.kind},
                    {"a_calls", k.calls_a},
                    {"b_calls", k.calls_b},
                    {"a_bytes", k.bytes_a.value},
                    {"b_bytes", k.bytes_b.value}});
  nlohmann::ordered_json out = {{"format", "cordata.plan-diff/1"},
                                {"same", d.same},
                                {"same_model", d.same_model},
                                {"a", summary_json(d.a, d.units_per_step_a)},
                                {"b", summary_json(d.b, d.units_per_step_b)},
                                {"cluster", cluster},
                                {"bill", bill}};
  if (!d.same_model) return out;
  out["same_layers"] = d.same_layers;
  out["layers_moved"] = d.layers_moved;
  out["ops"] = ops;
  out["resting"] = resting;
  return out;
}

}  // namespace cordata::report
