// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cordata::ir {

// How partial results of several devices join.
enum class ReduceKind : uint8_t { kAdd, kMax, kMin, kMul, kAnd, kOr };

enum class FactorKind : uint8_t {
  kPass,     // stands in results (and usually operands): sharding it just splits the op
  kReduce,   // stands in operands only: sharding it leaves every result partial with `reduce`
  kSpecial,  // sharding it needs more than the local op; the row's `localize` emits what it takes (an iota's
             // offset, a masked gather over a sharded vocabulary, a halo). If it stands in no result, results
             // are partial.
};

struct Factor {
  int64_t size = 1;  // global extent; an axis may be assigned only if it divides what is left of it
  FactorKind kind = FactorKind::kPass;
  ReduceKind reduce = ReduceKind::kAdd;
};

// A dim as the product of factors, major first. Only the major-most may be sharded (then a contiguous block
// is a shard). Empty: the dim can't be sharded by this op (it must be whole).
using DimFactors = std::vector<int>;
using TensorFactors = std::vector<DimFactors>;  // by dim; for a token or tuple: empty

// Operands (as a bit set) that may *together* be partial-sum on an axis while all others are whole on it, and
// then all results are partial-sum on it: {x,y} for add, {x} and {y} for multiply, {x} for transpose.
using LinearSet = uint32_t;

// An op's sharding rule: what an einsum is to a dot_general, for any op (after Shardy's op sharding rules).
struct FactorRule {
  std::vector<Factor> factors;
  std::vector<TensorFactors> operands;  // one per operand
  std::vector<TensorFactors> results;   // one per result
  std::vector<LinearSet> linear;        // may be empty
  uint32_t awaited = 0;  // operands (as a bit set) that the op only waits for: they are never resharded

  bool awaits(size_t operand) const { return operand < 32 ? awaited >> operand & 1 : awaited != 0; }

  // True where every operand and result must be replicated: the op has no rule.
  bool replicated_only() const { return factors.empty() && linear.empty(); }
};

// "([i, k], [k, j])->([i, j]) {i=8, j=16, k=32} reduction={k}"; compound dims print as "ij", dims without
// factor as "1".
std::string to_string(const FactorRule& rule);

}  // namespace cordata::ir
