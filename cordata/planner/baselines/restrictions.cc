// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/baselines/restrictions.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "cordata/base/error.h"

namespace cordata::planner {
namespace {

using sharding::Sharding;
using sharding::Strategy;

// Classes of (value, dim) joined by the factors that ops share. A dim is known by the factor that can shard
// it: its major-most.
class DimClasses {
 public:
  explicit DimClasses(const StageView& stage) : stage_(stage) {
    first_.push_back(0);
    for (const auto& type : stage.values)
      first_.push_back(first_.back() + static_cast<int>(type.shape.size()));
    parent_.resize(first_.back());
    std::iota(parent_.begin(), parent_.end(), 0);
    for (const auto& op : stage.ops) {
      std::vector<int> seen(op.rule.factors.size(), -1);
      join(op.operands, op.rule.operands, op.rule, seen);
      join(op.results, op.rule.results, op.rule, seen);
    }
  }
  int of(int value, int dim) { return find(first_[value] + dim); }

 private:
  int find(int i) { return parent_[i] == i ? i : parent_[i] = find(parent_[i]); }
  void join(const std::vector<int>& values, const std::vector<ir::TensorFactors>& tensors,
            const ir::FactorRule& rule, std::vector<int>& seen) {
    for (size_t k = 0; k < values.size() && k < tensors.size(); ++k)
      for (size_t d = 0; d < tensors[k].size() && d < stage_.values[values[k]].shape.size(); ++d)
        for (const int f : tensors[k][d]) {
          const int here = first_[values[k]] + static_cast<int>(d);
          if (seen[f] < 0) seen[f] = here;
          parent_[find(here)] = find(seen[f]);
          if (rule.factors[f].size != 1) break;
        }
  }
  const StageView& stage_;
  std::vector<int> first_, parent_;
};

// What the functions of one Restriction share.
struct Facts {
  std::vector<std::vector<bool>> batch_dims;      // by value and dim: it counts samples
  std::vector<std::vector<bool>> batch;           // by op and factor: the same
  std::vector<std::vector<Strategy>> strategies;  // by op: all there are
  std::vector<bool> master;                       // by value: computed with in a shorter type only
  sharding::Mesh mesh;
};

bool updates(const StageView::Op& op) { return op.pass.phase == step::Phase::kApply || op.accumulate; }

std::vector<bool> find_masters(const StageView& stage) {
  std::vector<bool> shorter(stage.values.size(), false), as_it_is(stage.values.size(), false);
  for (const auto& op : stage.ops) {
    if (updates(op)) continue;
    for (const int v : op.operands) {
      const auto& made = stage.values[op.results[0]];
      const bool converts = op.operands.size() == 1 && op.results.size() == 1 &&
                            made.shape == stage.values[v].shape &&
                            ir::bits(made.dtype) < ir::bits(stage.values[v].dtype);
      (converts ? shorter : as_it_is)[v] = true;
    }
  }
  for (size_t v = 0; v < shorter.size(); ++v) shorter[v] = shorter[v] && !as_it_is[v];
  return shorter;
}

std::vector<bool> batch_factors(const StageView& stage, const StageView::Op& op,
                                const std::vector<std::vector<bool>>& dims) {
  std::vector<bool> out(op.rule.factors.size(), false);
  const auto scan = [&](const std::vector<int>& values, const std::vector<ir::TensorFactors>& tensors) {
    for (size_t k = 0; k < values.size() && k < tensors.size(); ++k)
      for (size_t d = 0; d < tensors[k].size() && d < stage.values[values[k]].shape.size(); ++d)
        for (const int f : tensors[k][d])
          if (dims[values[k]][d]) {
            out[f] = true;
            if (op.rule.factors[f].size != 1) break;
          }
  };
  scan(op.operands, op.rule.operands);
  scan(op.results, op.rule.results);
  return out;
}

std::shared_ptr<const Facts> facts_of(const StageView& stage, const sharding::Mesh& mesh) {
  auto facts = std::make_shared<Facts>();
  facts->mesh = mesh;
  facts->batch_dims = batch_dims(stage);
  facts->master = find_masters(stage);
  for (const auto& op : stage.ops) {
    facts->batch.push_back(batch_factors(stage, op, facts->batch_dims));
    facts->strategies.push_back(sharding::enumerate_strategies(op.rule, mesh));
  }
  return facts;
}

// Whether two choices are the same on all axes but one.
template <typename Places>
bool differ_only_on(int axis, const Places& a, const Places& b) {
  for (size_t k = 0; k < a.size(); ++k)
    if (static_cast<int>(k) != axis && a[k] != b[k]) return false;
  return true;
}

// Whether axis `axis` of a strategy splits what is `wanted`, or nothing where, the other axes being as they
// are, it can't.
template <typename Wanted>
bool splits_where_it_can(const Facts& facts, int op, const Strategy& s, int axis, const Wanted& wanted) {
  if (s.use[axis] >= 0) return wanted(s.use[axis]);
  const auto& all = facts.strategies[op];
  return std::none_of(all.begin(), all.end(), [&](const Strategy& t) {
    return t.use[axis] >= 0 && wanted(t.use[axis]) && differ_only_on(axis, s.use, t.use);
  });
}

bool shards_where_it_can(const ir::Type& type, const Sharding& s, const sharding::Mesh& mesh, int axis) {
  if (s.at[axis] >= 0) return true;
  const auto all = sharding::enumerate_shardings(type, mesh, false);
  return std::none_of(all.begin(), all.end(),
                      [&](const Sharding& t) { return t.at[axis] >= 0 && differ_only_on(axis, s.at, t.at); });
}

void check_divides(const StageView& stage, int64_t devices) {
  for (size_t a = 0; a < stage.args.size() && a < stage.batch_dim.size(); ++a) {
    if (stage.arg_kinds[a].kind != step::ArgKind::kBatch || stage.batch_dim[a] < 0) continue;
    const int64_t batch = stage.values[stage.args[a]].shape[stage.batch_dim[a]];
    if (batch % devices == 0) continue;
    std::string words;
    for (const int64_t b : nearest_batches(batch, devices))
      words += (words.empty() ? "" : " or ") + std::to_string(b);
    throw base::user_error(
        "[planner] wanted a microbatch that {} devices divide, got {} samples; try {} samples, or --planner "
        "auto",
        devices, batch, words);
  }
}

// A mesh axis asked about, and the op or argument.
struct At {
  const Facts& facts;
  const StageView& stage;
  int index, axis;

  const StageView::Op& op() const { return stage.ops[index]; }
  step::ArgKind kind() const { return stage.arg_kinds[index].kind; }
  const ir::Type& type() const { return stage.values[stage.args[index]]; }
};

bool splits_samples(const At& at, const Strategy& s) {
  return splits_where_it_can(at.facts, at.index, s, at.axis,
                             [&](int f) { return at.facts.batch[at.index][f]; });
}

bool splits_samples_before_update(const At& at, const Strategy& s) {
  return updates(at.op()) || splits_samples(at, s);
}

bool splits_samples_then_gradients(const At& at, const Strategy& s) {
  const auto& samples = at.facts.batch[at.index];
  if (!updates(at.op()))  // what is made of weights alone may be made of their shards
    return std::find(samples.begin(), samples.end(), true) == samples.end() || splits_samples(at, s);
  return !at.op().accumulate || splits_where_it_can(at.facts, at.index, s, at.axis, [](int) { return true; });
}

bool splits_contractions(const At& at, const Strategy& s) {
  const auto other = [&](int f) { return !at.facts.batch[at.index][f]; };
  if (s.use[at.axis] >= 0) return other(s.use[at.axis]);
  const bool contracts = at.op().operands.size() >= 2 &&
                         std::any_of(at.op().rule.factors.begin(), at.op().rule.factors.end(),
                                     [](const ir::Factor& f) { return f.kind == ir::FactorKind::kReduce; });
  return !contracts || splits_where_it_can(at.facts, at.index, s, at.axis, other);
}

bool whole(const At& at, const Sharding& rest) { return rest.at[at.axis] < 0; }
bool sharded(const At& at, const Sharding& rest) {
  return shards_where_it_can(at.type(), rest, at.facts.mesh, at.axis);
}

// Whole, but for masters of what is computed with: copies of a shorter type are whole.
bool sharded_master(const At& at, const Sharding& rest) {
  return at.facts.master[at.stage.args[at.index]] ? sharded(at, rest) : whole(at, rest);
}

// Batch arguments along their samples, what arrives anyhow, what a stage keeps as `param` and `state` say.
using OfArgument = bool(const At&, const Sharding&);
template <OfArgument* param, OfArgument* state>
bool with_samples(const At& at, const Sharding& rest) {
  switch (at.kind()) {
    case step::ArgKind::kBatch: {
      const auto& dims = at.stage.batch_dim;
      const int dim = at.index < static_cast<int>(dims.size()) ? dims[at.index] : -1;
      return rest.at[at.axis] == (dim < 0 ? sharding::kReplicated : dim);
    }
    case step::ArgKind::kParam:
      return param(at, rest);
    case step::ArgKind::kOptState:
      return state(at, rest);
    case step::ArgKind::kState:
    case step::ArgKind::kKey:
      return whole(at, rest);
    case step::ArgKind::kReceived:
      return true;
  }
  return true;
}

bool anywhere(const At&, const Sharding&) { return true; }

bool without_samples(const At& at, const Sharding& rest) {
  const int dim = rest.at[at.axis];
  return dim < 0 ||
         (at.kind() != step::ArgKind::kBatch && !at.facts.batch_dims[at.stage.args[at.index]][dim]);
}

// Parameters and optimizer state along the largest dim that the axis divides.
bool largest_dim(const At& at, const Sharding& rest) {
  if (at.kind() != step::ArgKind::kParam && at.kind() != step::ArgKind::kOptState) return true;
  const auto& shape = at.type().shape;
  int largest = -1;
  for (int d = 0; d < static_cast<int>(shape.size()); ++d)
    if (shape[d] % at.facts.mesh.shape[at.axis] == 0 && (largest < 0 || shape[d] > shape[largest]))
      largest = d;
  return largest < 0 ? whole(at, rest) : rest.at[at.axis] == largest;
}

// What one axis may be used for.
struct AxisRule {
  std::string_view name;
  bool (*op)(const At&, const Strategy&);  // null: anything
  OfArgument* arg;
  bool splits_batch;
};

constexpr AxisRule kRules[] = {
    {"batch", splits_samples_before_update, with_samples<anywhere, anywhere>, true},
    {"data", splits_samples, with_samples<whole, whole>, true},
    {"free", nullptr, nullptr, false},
    {"heuristic", nullptr, largest_dim, false},
    {"tensor", splits_contractions, without_samples, false},
    {"zero-2", splits_samples_then_gradients, with_samples<sharded_master, sharded>, true},
    {"zero-3", splits_samples_then_gradients, with_samples<sharded, sharded>, true},
};

const AxisRule& rule_named(const std::string& name) {
  for (const AxisRule& rule : kRules)
    if (rule.name == name) return rule;
  throw base::user_error("[planner] no sharding '{}'; there are {}", name,
                         fmt::join(restriction_names(), ", "));
}

}  // namespace

std::vector<std::vector<bool>> batch_dims(const StageView& stage) {
  DimClasses classes(stage);
  std::vector<int> seeds;
  for (size_t a = 0; a < stage.args.size() && a < stage.batch_dim.size(); ++a)
    if (stage.batch_dim[a] >= 0) seeds.push_back(classes.of(stage.args[a], stage.batch_dim[a]));
  for (const auto& [value, dim] : stage.samples_at) seeds.push_back(classes.of(value, dim));
  std::vector<std::vector<bool>> out;
  for (size_t v = 0; v < stage.values.size(); ++v) {
    out.emplace_back();
    for (size_t d = 0; d < stage.values[v].shape.size(); ++d)
      out[v].push_back(std::find(seeds.begin(), seeds.end(),
                                 classes.of(static_cast<int>(v), static_cast<int>(d))) != seeds.end());
  }
  return out;
}

std::vector<std::string> restriction_names() {
  std::vector<std::string> out;
  for (const AxisRule& rule : kRules) out.emplace_back(rule.name);
  return out;
}

Restriction restriction(const std::vector<std::string>& by_axis, const StageView& stage,
                        const sharding::Mesh& mesh) {
  std::vector<AxisRule> rules;
  for (const auto& name : by_axis) rules.push_back(rule_named(name));
  if (static_cast<int>(rules.size()) != mesh.num_axes())
    throw base::internal_error("[planner] wanted a restriction for each of {} axes, got {}", mesh.num_axes(),
                               rules.size());
  int64_t divide = 1;
  for (size_t axis = 0; axis < rules.size(); ++axis)
    if (rules[axis].splits_batch) divide *= mesh.shape[axis];
  check_divides(stage, divide);
  const auto facts = facts_of(stage, mesh);
  Restriction r;
  r.op = [=](const StageView& s, int o, const Strategy& strategy) {
    for (int axis = 0; axis < mesh.num_axes(); ++axis)
      if (rules[axis].op && !rules[axis].op({*facts, s, o, axis}, strategy)) return false;
    return true;
  };
  r.arg = [=](const StageView& s, int a, const Sharding& rest) {
    for (int axis = 0; axis < mesh.num_axes(); ++axis)
      if (rules[axis].arg && !rules[axis].arg({*facts, s, a, axis}, rest)) return false;
    return true;
  };
  return r;
}

std::vector<int64_t> nearest_batches(int64_t batch, int64_t devices) {
  const int64_t below = batch / devices * devices;
  if (below == batch) return {batch};
  if (below == 0) return {devices};
  return {below, below + devices};
}

}  // namespace cordata::planner
