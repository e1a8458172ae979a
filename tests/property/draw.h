// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <random>
#include <vector>

#include "cordata/ir/builder.h"

namespace cordata::property {

using ir::AttrDict;
using ir::Attribute;
using ir::DType;
using ir::OpKind;
using ir::Shape;
using ir::Type;
using ir::ValueId;

// What an argument is filled with: [low, high], whole numbers or not.
struct Range {
  double low = -4, high = 4;
  bool whole = true;  // sums of whole numbers are exact, in any order
};

// One op with random operands and attributes: the last op of a graph, whose results are the graph's.
struct Instance {
  ir::Graph graph;
  ir::NodeId op;
  std::vector<Range> ranges;  // by argument of the graph
  std::string text;           // of the graph, as the product prints it
};

// Makes an instance by random choices, the same for a seed on every machine.
class Draw {
 public:
  // `factors`: numbers that dims should often be divisible by (the sizes of a mesh's axes).
  Draw(uint64_t seed, std::vector<int64_t> factors) : random_(seed), factors_(std::move(factors)) {}

  int64_t pick(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_() % static_cast<uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return pick(1, 100) <= percent; }
  template <typename T>
  T one_of(std::vector<T> from) {
    return from[pick(0, static_cast<int64_t>(from.size()) - 1)];
  }
  double real(double low, double high) {
    return low + (high - low) * static_cast<double>(random_() >> 11) * 0x1p-53;
  }

  int64_t dim();  // often divisible by what a mesh would cut it into; small
  Shape shape(int low_rank, int high_rank);
  std::vector<int64_t> permutation(int64_t n);

  ValueId arg(Type type, Range range = {});
  ValueId arg(DType dtype, Shape shape, Range range = {}) {
    return arg(Type::tensor(dtype, std::move(shape)), range);
  }
  // The op, as the last of the graph.
  Instance done(OpKind kind, std::vector<ValueId> operands, AttrDict attrs = {}, std::vector<Type> types = {},
                std::vector<ir::RegionId> regions = {});

  ir::GraphBuilder b;

 private:
  std::mt19937_64 random_;
  std::vector<int64_t> factors_;
  std::vector<Range> ranges_;
};

using Generator = Instance (*)(Draw&, OpKind);

// One for each op kind that has a rule; a test fails if one is missing.
using Generators = std::map<OpKind, Generator>;
const Generators& generators();
void add_elementwise(Generators& table);
void add_shapes(Generators& table);
void add_contractions(Generators& table);
void add_indexed(Generators& table);
void add_loops(Generators& table);

// A region that applies one op to two scalars.
ir::RegionId binary_region(Draw& d, OpKind kind, DType dtype);
// That op's identity among elements of i1, i32 or a float type.
double identity_of(OpKind kind, DType dtype);

}  // namespace cordata::property
