// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/fusion.h"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "cordata/ir/builder.h"

namespace cordata::cost {
namespace {

using ir::DType;
using ir::OpKind;
using ir::ValueId;

constexpr int64_t kRows = 64, kColumns = 1000;

double moved(const Fusion& fusion) {
  double sum = 0;
  for (const auto* of_ops : {&fusion.read, &fusion.written})
    for (const auto& of_op : *of_ops) sum = std::accumulate(of_op.begin(), of_op.end(), sum);
  return sum;
}

// softmax(x), x [rows, columns] in f16, computed in f32.
ir::Graph softmax() {
  ir::GraphBuilder b;
  const ValueId x = b.convert(b.arg(ir::Type::tensor(DType::kF16, {kRows, kColumns})), DType::kF32);
  const auto along = [&](ValueId v) { return b.broadcast_in_dim(v, {kRows, kColumns}, {0}); };
  const ValueId top = b.reduce(OpKind::kMaximum, x, -std::numeric_limits<double>::infinity(), {1});
  const ValueId e = b.unary(OpKind::kExponential, b.sub(x, along(top)));
  const ValueId all = b.reduce(OpKind::kAdd, e, 0, {1});
  return b.finish({b.convert(b.div(e, along(all)), DType::kF16)});
}

// Each of the three kernels reads x, and the last writes: nothing else of its size moves.
TEST(Fusion, MergingComputesTheExponentialsAgain) {
  const double x = kRows * kColumns * 2, row = kRows * 4;
  const auto fusion = fuse(softmax(), true);
  // max: x, a row out; sum: x, a row in and out; quotient: x, two rows in, x's size out.
  EXPECT_DOUBLE_EQ(moved(fusion), 4 * x + row + 2 * row + 2 * row);
}

// The exponentials are written once and read twice.
TEST(Fusion, PlainWritesWhatIsSlow) {
  const double x = kRows * kColumns * 2, e = 2 * x, row = kRows * 4;
  const auto fusion = fuse(softmax(), false);
  EXPECT_DOUBLE_EQ(moved(fusion), (x + row) + (x + row + e) + (e + row) + (e + row + x));
}

TEST(Fusion, AKernelReadsAValueOnceHoweverOftenItUsesIt) {
  ir::GraphBuilder b;
  const ValueId x = b.arg(ir::Type::tensor(DType::kF32, {100}));
  const ValueId square = b.mul(x, x);
  const auto fusion = fuse(b.finish({b.add(b.mul(square, x), x)}), false);
  EXPECT_DOUBLE_EQ(moved(fusion), 800);
}

// Modules are compiled apart: what one makes and another reads is written.
TEST(Fusion, OnlyWithinAModule) {
  ir::GraphBuilder b;
  const ValueId x = b.arg(ir::Type::tensor(DType::kF32, {100}));
  const auto graph = b.finish({b.neg(b.neg(x))});
  EXPECT_DOUBLE_EQ(moved(fuse(graph, false)), 800);
  EXPECT_DOUBLE_EQ(moved(fuse(graph, false, {0, 1})), 1600);
}

TEST(Fusion, SlicesReadWhatTheyHandOn) {
  ir::GraphBuilder b;
  const ValueId x = b.arg(ir::Type::tensor(DType::kF32, {100}));
  const auto fusion = fuse(b.finish({b.neg(b.slice(x, {0}, {10}))}), false);
  EXPECT_DOUBLE_EQ(moved(fusion), 80);
}

}  // namespace
}  // namespace cordata::cost
