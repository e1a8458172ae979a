// SPDX-License-Identifier: Apache-2.0
// What gradient() does with the graph. That each op's derivative is right is tests/oracle/test_vjp.py's to
// say.
#include "cordata/ir/autodiff.h"

#include <gmock/gmock.h>

#include "cordata/base/error.h"
#include "cordata/ir/builder.h"
#include "cordata/ir/ops/control.h"

namespace cordata::ir {
namespace {

using testing::HasSubstr;

const Type kVector = Type::tensor(DType::kF32, {4});

std::vector<OpKind> kinds(const Graph& g) {
  std::vector<OpKind> out;
  for (NodeId n : g.ops()) out.push_back(g.node(n).kind);
  return out;
}

int count(const Graph& g, OpKind kind) { return static_cast<int>(std::ranges::count(kinds(g), kind)); }

bool is_zero(const Graph& g, ValueId v) {
  NodeId def = g.value(v).def;
  return def.valid() && g.node(def).kind == OpKind::kConstant &&
         element(Graph::find_attr(g.node(def), "value")->dense(), 0) == 0;
}

ValueId sum(GraphBuilder& b, ValueId x) { return b.reduce(OpKind::kAdd, x, 0, {0}); }

std::string error_of(const Graph& g, std::vector<int> wrt) {
  try {
    gradient(g, wrt);
  } catch (const base::Error& e) {
    return e.what();
  }
  return "";
}

TEST(Gradient, HasTheResultsAndThenAGradientPerArgument) {
  GraphBuilder b;
  ValueId x = b.arg(kVector, "x"), y = b.arg(Type::tensor(DType::kF32, {4}), "y");
  Graph f = b.finish({sum(b, b.mul(x, b.unary(OpKind::kTanh, y))), y});
  Graph g = gradient(f, std::vector{1, 0});
  ASSERT_EQ(g.args().size(), 2u);
  ASSERT_EQ(g.results().size(), 4u);
  EXPECT_EQ(g.results()[1], g.args()[1]);
  EXPECT_EQ(g.value(g.args()[0]).name, "x");
  EXPECT_EQ(g.type(g.results()[0]), Type::tensor(DType::kF32));
  EXPECT_EQ(g.type(g.results()[2]), kVector);
  EXPECT_EQ(g.type(g.results()[3]), kVector);
}

TEST(Gradient, OfAnArgumentThatTheLossIgnoresIsZero) {
  GraphBuilder b;
  ValueId x = b.arg(kVector), unused = b.arg(kVector);
  (void)unused;
  Graph g = gradient(b.finish({sum(b, x)}), std::vector{1});
  EXPECT_TRUE(is_zero(g, g.results()[1]));
}

TEST(Gradient, StopsAtOpsWhoseDerivativeIsZero) {
  GraphBuilder b;
  ValueId x = b.arg(kVector);
  Graph g = gradient(b.finish({sum(b, b.unary(OpKind::kCeil, b.unary(OpKind::kTanh, x)))}), std::vector{0});
  EXPECT_TRUE(is_zero(g, g.results()[1]));
  EXPECT_EQ(count(g, OpKind::kMultiply), 0);
}

TEST(Gradient, HoldsNoDeadOps) {
  GraphBuilder b;
  ValueId x = b.arg(Type::tensor(DType::kF32, {3, 4})), y = b.arg(Type::tensor(DType::kF32, {4, 5}));
  ValueId loss = b.reduce(OpKind::kAdd, b.dot_general(x, y, {}, {}, {1}, {0}, DType::kF32), 0, {0, 1});
  Graph f = b.finish({loss});
  EXPECT_EQ(count(gradient(f, std::vector{0}), OpKind::kDotGeneral), 2);
  EXPECT_EQ(count(gradient(f, std::vector{0, 1}), OpKind::kDotGeneral), 3);
}

TEST(Gradient, AddsWhatFlowsToAValueReadTwice) {
  GraphBuilder b;
  ValueId x = b.arg(kVector);
  Graph g = gradient(b.finish({sum(b, b.mul(x, x))}), std::vector{0});
  EXPECT_EQ(count(g, OpKind::kAdd), 1);
}

TEST(Gradient, NamesTheOpItCanNotPass) {
  GraphBuilder b;
  ValueId x = b.arg(kVector);
  ValueId y = b.value(OpKind::kCustomCall, {x}, {{"call_target_name", Attribute::string("f")}}, {kVector});
  Graph f = b.finish({sum(b, y)});
  EXPECT_THAT(error_of(f, {0}), HasSubstr("stablehlo.custom_call"));
}

TEST(Gradient, PassesByWhatDoesNotDependOnTheArguments) {
  GraphBuilder b;
  ValueId x = b.arg(kVector), data = b.arg(kVector);
  ValueId y = b.value(OpKind::kCustomCall, {data}, {{"call_target_name", Attribute::string("f")}}, {kVector});
  EXPECT_EQ(error_of(b.finish({sum(b, b.mul(x, y))}), {0}), "");
}

TEST(Gradient, RefusesALoopWhoseLengthDependsOnData) {
  GraphBuilder b;
  ValueId x = b.arg(kVector), turns = b.arg(Type::tensor(DType::kI32));
  std::vector<Type> types = {Type::tensor(DType::kI32), kVector};
  RegionId more =
      b.region(types, [&](std::vector<ValueId> a) { return std::vector{b.compare(a[0], turns, "LT")}; });
  RegionId body = b.region(types, [&](std::vector<ValueId> a) {
    return std::vector{b.add(a[0], b.constant(1, DType::kI32)), b.unary(OpKind::kSine, a[1])};
  });
  NodeId loop = b.create(OpKind::kWhile, {b.constant(0, DType::kI32), x}, {}, {}, {more, body});
  Graph f = b.finish({sum(b, b.node(loop).result(1))});
  EXPECT_THAT(error_of(f, {0}),
              HasSubstr("[ir.while] wanted a loop that counts from a constant to a constant"));
}

TEST(Gradient, RefusesARegionThatReadsWhatIsDifferentiatedBy) {
  GraphBuilder b;
  ValueId x = b.arg(kVector), k = b.arg(Type::tensor(DType::kF32)), zero = b.constant(0, DType::kF32);
  Type scalar = Type::tensor(DType::kF32);
  RegionId body = b.region({scalar, scalar},
                           [&](std::vector<ValueId> a) { return std::vector{b.add(b.mul(a[0], k), a[1])}; });
  ValueId y = b.value(OpKind::kReduce, {x, zero}, {{"dimensions", Attribute::dense_array({0})}}, {}, {body});
  EXPECT_THAT(error_of(b.finish({y}), {1}), HasSubstr("region of stablehlo.reduce"));
}

TEST(Gradient, OfALoopIsALoopOfKnownLength) {
  GraphBuilder b;
  ValueId x = b.arg(kVector);
  std::vector<Type> types = {Type::tensor(DType::kI32), kVector};
  RegionId more = b.region(types, [&](std::vector<ValueId> a) {
    return std::vector{b.compare(a[0], b.constant(7, DType::kI32), "LT")};
  });
  RegionId body = b.region(types, [&](std::vector<ValueId> a) {
    return std::vector{b.add(a[0], b.constant(2, DType::kI32)), b.unary(OpKind::kSine, a[1])};
  });
  NodeId loop = b.create(OpKind::kWhile, {b.constant(0, DType::kI32), x}, {}, {}, {more, body});
  Graph g = gradient(b.finish({sum(b, b.node(loop).result(1))}), std::vector{0});
  int loops = 0;
  for (NodeId n : g.ops()) {
    if (g.node(n).kind != OpKind::kWhile) continue;
    EXPECT_EQ(ops::trip_count(g, g.node(n)), 4);
    ++loops;
  }
  EXPECT_EQ(loops, 3);  // forward, again to keep what is read, backward
}

TEST(Gradient, RefusesWhatIsNoLossAndNoFloat) {
  GraphBuilder b;
  ValueId x = b.arg(kVector);
  b.arg(Type::tensor(DType::kI32, {2}), "ids");
  Graph vector = b.finish({x});
  EXPECT_THAT(error_of(vector, {0}), HasSubstr("scalar float, got tensor<4xf32>"));
  GraphBuilder c;
  ValueId y = c.arg(kVector);
  c.arg(Type::tensor(DType::kI32, {2}), "ids");
  Graph loss = c.finish({sum(c, y)});
  EXPECT_THAT(error_of(loss, {1}), HasSubstr("argument 1 of tensor<2xi32>"));
  EXPECT_THAT(error_of(loss, {2}), HasSubstr("argument 2 of a function that has fewer"));
}

}  // namespace
}  // namespace cordata::ir
