// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <algorithm>

#include "cordata/sharding/sharding.h"

namespace cordata::sharding {

namespace {

using ir::Factor;
using ir::FactorKind;
using ir::FactorRule;
using ir::TensorFactors;

// The dim of a tensor whose major-most factor (of more than one element) is `factor`, or kReplicated.
Placement sharded_dim(const FactorRule& rule, const TensorFactors& tensor, int factor) {
  for (size_t d = 0; d < tensor.size(); ++d) {
    for (int f : tensor[d]) {
      if (f == factor) return static_cast<Placement>(d);
      if (rule.factors[f].size != 1) break;
    }
  }
  return kReplicated;
}

bool stands_in(const TensorFactors& tensor, int factor) {
  return std::ranges::any_of(tensor,
                             [&](const auto& dim) { return std::ranges::find(dim, factor) != dim.end(); });
}

bool stands_in_results(const FactorRule& rule, int factor) {
  return std::ranges::any_of(rule.results, [&](const auto& r) { return stands_in(r, factor); });
}

// A factor can be sharded only if, in every tensor, it stands at most once and then major-most.
bool can_shard(const FactorRule& rule, int factor) {
  auto ok = [&](const TensorFactors& tensor) {
    int64_t times = 0;
    for (const auto& dim : tensor) times += std::ranges::count(dim, factor);
    return times == 0 || (times == 1 && sharded_dim(rule, tensor, factor) != kReplicated);
  };
  return std::ranges::all_of(rule.operands, ok) && std::ranges::all_of(rule.results, ok);
}

bool divides(const FactorRule& rule, const Strategy& s, const Mesh& mesh) {
  std::vector<int64_t> shards = factor_shards(rule, s, mesh);
  for (size_t f = 0; f < shards.size(); ++f) {
    if (shards[f] > 1 && (rule.factors[f].size == 0 || rule.factors[f].size % shards[f] != 0)) return false;
  }
  return true;
}

// Sums of maxima are not maxima of sums: all partial axes of a result join alike.
bool partials_agree(const FactorRule& rule, const Strategy& s) {
  for (size_t r = 0; r < rule.results.size(); ++r) {
    Placement seen = kReplicated;
    for (Placement p : result_sharding(rule, s, static_cast<int>(r)).at) {
      if (!is_partial(p)) continue;
      if (seen != kReplicated && p != seen) return false;
      seen = p;
    }
  }
  return true;
}

// Two factors that share a dim can't both be sharded: the minor one's blocks would not be contiguous.
bool dims_agree(const FactorRule& rule, const Strategy& s) {
  auto sharded = [&](int f) { return std::ranges::find(s.use, static_cast<AxisUse>(f)) != s.use.end(); };
  auto ok = [&](const TensorFactors& tensor) {
    return std::ranges::all_of(tensor,
                               [&](const auto& dim) { return std::ranges::count_if(dim, sharded) <= 1; });
  };
  return std::ranges::all_of(rule.operands, ok) && std::ranges::all_of(rule.results, ok);
}

std::string use_text(AxisUse use) {
  if (use == kNone) return "-";
  return is_linear(use) ? fmt::format("linear{}", linear_set(use)) : fmt::format("f{}", use);
}

}  // namespace

std::string to_string(const Strategy& s, const FactorRule&, const Mesh& mesh) {
  std::vector<std::string> parts;
  for (int a = 0; a < mesh.num_axes(); ++a) parts.push_back(use_text(s.use[a]));
  return fmt::format("({})", fmt::join(parts, ", "));
}

Sharding operand_sharding(const FactorRule& rule, const Strategy& s, int operand) {
  Sharding result;
  for (int a = 0; a < kMaxAxes; ++a) {
    if (is_linear(s.use[a])) {
      bool in_set = rule.linear[linear_set(s.use[a])] >> operand & 1;
      result.at[a] = in_set ? partial(ir::ReduceKind::kAdd) : kReplicated;
    } else if (s.use[a] >= 0) {
      result.at[a] = sharded_dim(rule, rule.operands[operand], s.use[a]);
    }
  }
  return result;
}

Sharding result_sharding(const FactorRule& rule, const Strategy& s, int result) {
  Sharding out;
  for (int a = 0; a < kMaxAxes; ++a) {
    if (is_linear(s.use[a])) {
      out.at[a] = partial(ir::ReduceKind::kAdd);
    } else if (s.use[a] >= 0) {
      const Factor& factor = rule.factors[s.use[a]];
      bool summed = factor.kind != FactorKind::kPass && !stands_in_results(rule, s.use[a]);
      out.at[a] = summed ? partial(factor.reduce) : sharded_dim(rule, rule.results[result], s.use[a]);
    }
  }
  return out;
}

std::vector<int64_t> factor_shards(const FactorRule& rule, const Strategy& s, const Mesh& mesh) {
  std::vector<int64_t> shards(rule.factors.size(), 1);
  for (int a = 0; a < mesh.num_axes(); ++a) {
    if (s.use[a] >= 0) shards[s.use[a]] *= mesh.shape[a];
  }
  return shards;
}

std::vector<Strategy> enumerate_strategies(const FactorRule& rule, const Mesh& mesh) {
  std::vector<AxisUse> uses{kNone};
  for (size_t f = 0; f < rule.factors.size(); ++f) {
    if (can_shard(rule, static_cast<int>(f))) uses.push_back(static_cast<AxisUse>(f));
  }
  for (size_t k = 0; k < rule.linear.size(); ++k) uses.push_back(linear(static_cast<int>(k)));

  std::vector<Strategy> result{Strategy{}};
  for (int a = 0; a < mesh.num_axes(); ++a) {
    if (mesh.shape[a] == 1) continue;
    std::vector<Strategy> longer;
    for (const Strategy& prefix : result) {
      for (AxisUse use : uses) {
        Strategy s = prefix;
        s.use[a] = use;
        if (divides(rule, s, mesh) && dims_agree(rule, s) && partials_agree(rule, s)) longer.push_back(s);
      }
    }
    result = std::move(longer);
  }
  return result;
}

}  // namespace cordata::sharding
