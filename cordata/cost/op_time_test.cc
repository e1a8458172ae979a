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

}  // namespace
}  // namespace cordata::cost
