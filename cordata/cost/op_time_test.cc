// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/op_time.h"

#include <gtest/gtest.h>

#include "cordata/ir/builder.h"

namespace cordata::cost {
namespace {

using ir::OpKind;
using ir::ValueId;

cluster::Cluster one_device() {
  cluster::Cluster c;
  c.device.peak = {{ir::DType::kF32, base::FlopsPerSecond(1e9)}};
  c.device.memory_bandwidth = base::BytesPerSecond(1e9);
  c.device.launch = base::Seconds(1e-6);
  return c;
}

// A value that waits is read from where it was: nothing is moved or started, nor does anything fuse with it.
TEST(OpTimes, WaitingIsFree) {
  ir::GraphBuilder b;
  const ValueId x = b.arg(ir::Type::tensor(ir::DType::kF32, {1000}));
  const ValueId made = b.neg(x);
  const ValueId waits = b.value(OpKind::kAfter, {made, x});
  const ir::Node barrier = b.node(b.create(OpKind::kOptimizationBarrier, {waits, x}));
  const ValueId read = b.neg(barrier.result());
  const auto times = op_times(b.finish({read}), one_device(), {0});
  for (int free : {1, 2}) {
    EXPECT_EQ(times[free].seconds, 0);
    EXPECT_EQ(times[free].launch, 0);
  }
  EXPECT_TRUE(times[1].fused);
  for (int paid : {0, 3}) {
    EXPECT_DOUBLE_EQ(times[paid].seconds, 8e-6);  // read and written
    EXPECT_EQ(times[paid].launch, 1e-6);
  }
}

// A product of 10 x 1000 x 1000: 20 ms of FLOPs, 4.08 ms of bytes.
ir::Graph product_of_made() {
  ir::GraphBuilder b;
  const ValueId x = b.arg(ir::Type::tensor(ir::DType::kF32, {10, 1000}));
  const ValueId w = b.arg(ir::Type::tensor(ir::DType::kF32, {1000, 1000}));
  const ValueId y = b.dot_general(x, w, {}, {}, {1}, {0}, ir::DType::kF32);
  return b.finish({b.dot_general(y, w, {}, {}, {1}, {0}, ir::DType::kF32)});
}

TEST(OpTimes, WhatIsNotHiddenAddsUp) {
  auto c = one_device();
  EXPECT_DOUBLE_EQ(op_times(product_of_made(), c, {0})[0].seconds, 20e-3);
  c.device.overlap = 0.25;
  EXPECT_DOUBLE_EQ(op_times(product_of_made(), c, {0})[0].seconds, 20e-3 + 0.75 * 4.08e-3);
}

}  // namespace
}  // namespace cordata::cost
