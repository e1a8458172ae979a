// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/baselines/restrictions.h"

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
  std::vector<std::vector<bool>> batch;           // by op and factor: it counts samples
  std::vector<std::vector<Strategy>> strategies;  // by op, where a choice depends on what else there is
  sharding::Mesh mesh;
};

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
  const auto dims = batch_dims(stage);
  for (const auto& op : stage.ops) {
    facts->batch.push_back(batch_factors(stage, op, dims));
    facts->strategies.push_back(sharding::enumerate_strategies(op.rule, mesh));
  }
  return facts;
}

// How many axes of a strategy split a factor that does (or doesn't) count samples.
int axes_on(const Facts& facts, int op, const Strategy& s, bool batch) {
  int n = 0;
  for (int a = 0; a < facts.mesh.num_axes(); ++a) n += s.use[a] >= 0 && facts.batch[op][s.use[a]] == batch;
  return n;
}

template <typename Count>
int most(const Facts& facts, int op, const Count& count) {
  int best = 0;
  for (const auto& s : facts.strategies[op]) best = std::max(best, count(s));
  return best;
}

int sharded_axes(const Sharding& s) {
  return static_cast<int>(
      std::count_if(s.at.begin(), s.at.end(), [](sharding::Placement p) { return p >= 0; }));
}

// As many axes shard as can for this type.
bool most_sharded(const ir::Type& type, const Sharding& s, const sharding::Mesh& mesh) {
  int best = 0;
  for (const auto& other : sharding::enumerate_shardings(type, mesh, false))
    best = std::max(best, sharded_axes(other));
  return sharded_axes(s) == best;
}

bool samples_split(const Facts& facts, int op, const Strategy& s) {
  const auto on_batch = [&](const Strategy& t) { return axes_on(facts, op, t, true); };
  return axes_on(facts, op, s, false) == 0 && on_batch(s) == most(facts, op, on_batch);
}

void check_divides(const StageView& stage, const sharding::Mesh& mesh) {
  const int64_t devices = mesh.size();
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

Restriction samples_only(const StageView& stage, const sharding::Mesh& mesh, bool shard_state,
                         bool shard_params) {
  check_divides(stage, mesh);
  const auto facts = facts_of(stage, mesh);
  Restriction r;
  r.op = [=](const StageView& s, int o, const Strategy& strategy) {
    const auto& op = s.ops[o];
    if (!shard_state || (op.pass.phase != step::Phase::kApply && !op.accumulate))
      return samples_split(*facts, o, strategy);
    if (!op.accumulate) return true;
    const auto on_any = [&](const Strategy& t) { return axes_on(*facts, o, t, false); };
    return on_any(strategy) == most(*facts, o, on_any);
  };
  r.arg = [=](const StageView& s, int a, const Sharding& rest) {
    const auto& type = s.values[s.args[a]];
    switch (s.arg_kinds[a].kind) {
      case step::ArgKind::kBatch: {
        const int dim = a < static_cast<int>(s.batch_dim.size()) ? s.batch_dim[a] : -1;
        for (int axis = 0; axis < mesh.num_axes(); ++axis)
          if (rest.at[axis] != (dim < 0 ? sharding::kReplicated : dim)) return false;
        return true;
      }
      case step::ArgKind::kParam:
        return shard_params ? most_sharded(type, rest, mesh) : sharded_axes(rest) == 0;
      case step::ArgKind::kOptState:
        return shard_state ? most_sharded(type, rest, mesh) : sharded_axes(rest) == 0;
      case step::ArgKind::kState:
      case step::ArgKind::kKey:
        return sharded_axes(rest) == 0;
      case step::ArgKind::kReceived:
        return true;
    }
    return true;
  };
  return r;
}

Restriction no_samples(const StageView& stage, const sharding::Mesh& mesh) {
  const auto facts = facts_of(stage, mesh);
  const auto dims = std::make_shared<const std::vector<std::vector<bool>>>(batch_dims(stage));
  Restriction r;
  r.op = [=](const StageView& s, int o, const Strategy& strategy) {
    if (axes_on(*facts, o, strategy, true) > 0) return false;
    const auto& op = s.ops[o];
    const bool contracts = op.operands.size() >= 2 &&
                           std::any_of(op.rule.factors.begin(), op.rule.factors.end(),
                                       [](const ir::Factor& f) { return f.kind == ir::FactorKind::kReduce; });
    if (!contracts) return true;
    int best = 0;
    for (const auto& t : facts->strategies[o])
      if (axes_on(*facts, o, t, true) == 0) best = std::max(best, axes_on(*facts, o, t, false));
    return axes_on(*facts, o, strategy, false) == best;
  };
  r.arg = [=](const StageView& s, int a, const Sharding& rest) {
    for (int axis = 0; axis < mesh.num_axes(); ++axis)
      if (rest.at[axis] >= 0 && (*dims)[s.args[a]][rest.at[axis]]) return false;
    return s.arg_kinds[a].kind != step::ArgKind::kBatch || sharded_axes(rest) == 0;
  };
  return r;
}

}  // namespace

std::vector<std::vector<bool>> batch_dims(const StageView& stage) {
  DimClasses classes(stage);
  std::vector<int> seeds;
  for (size_t a = 0; a < stage.args.size() && a < stage.batch_dim.size(); ++a)
    if (stage.batch_dim[a] >= 0) seeds.push_back(classes.of(stage.args[a], stage.batch_dim[a]));
  std::vector<std::vector<bool>> out;
  for (size_t v = 0; v < stage.values.size(); ++v) {
    out.emplace_back();
    for (size_t d = 0; d < stage.values[v].shape.size(); ++d)
      out[v].push_back(std::find(seeds.begin(), seeds.end(),
                                 classes.of(static_cast<int>(v), static_cast<int>(d))) != seeds.end());
  }
  return out;
}

Restriction restriction(const std::string& name, const StageView& stage, const sharding::Mesh& mesh) {
  if (name == "data") return samples_only(stage, mesh, false, false);
  if (name == "zero-2") return samples_only(stage, mesh, true, false);
  if (name == "zero-3") return samples_only(stage, mesh, true, true);
  if (name == "tensor") return no_samples(stage, mesh);
  throw base::user_error("[planner] wanted data, zero-2, zero-3 or tensor, got {}", name);
}

std::vector<int64_t> nearest_batches(int64_t batch, int64_t devices) {
  const int64_t below = batch / devices * devices;
  if (below == batch) return {batch};
  if (below == 0) return {devices};
  return {below, below + devices};
}

}  // namespace cordata::planner
