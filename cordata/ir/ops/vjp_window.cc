// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "cordata/ir/ops/vjp.h"
#include "cordata/ir/ops/window.h"

namespace cordata::ir::ops {
namespace {

bool any_above_one(const Ints& v) {
  return std::ranges::any_of(v, [](int64_t x) { return x > 1; });
}

AttrDict window_attributes(const Ints& size, const Ints& strides, const Ints& dilation) {
  return {{"window_dimensions", Attribute::dense_array(size)},
          {"window_strides", Attribute::dense_array(strides)},
          {"window_dilations", Attribute::dense_array(dilation)}};
}

// Every element of the operand sums the cotangents of the windows that held it.
Expr backward_window_sum(Flow& f, const Window& w) {
  GraphBuilder& b = f.b();
  const Shape in = f.x(0).type().shape, out = f.ct().type().shape;
  Ints low, high, interior;
  transpose_padding(w, in, out, low, high);
  for (int64_t s : w.strides) interior.push_back(s - 1);
  ValueId zero = b.constant(0, f.ct().type().dtype);
  ValueId spread = b.value(OpKind::kPad, {f.ct(), zero},
                           {{"edge_padding_low", Attribute::dense_array(low)},
                            {"edge_padding_high", Attribute::dense_array(high)},
                            {"interior_padding", Attribute::dense_array(interior)}});
  Type scalar = Type::tensor(f.ct().type().dtype);
  RegionId add =
      b.region({scalar, scalar}, [&](std::vector<ValueId> a) { return std::vector{b.add(a[0], a[1])}; });
  return f.ct().of(b.value(OpKind::kReduceWindow, {spread, zero},
                           window_attributes(w.size, w.base_dilation, w.dilation), {}, {add}));
}

// A window's cotangent goes to the first of its extreme elements (an initial value that is one takes it
// before).
Expr backward_window_extreme(Flow& f, Expr ct, const Window& w, bool largest) {
  GraphBuilder& b = f.b();
  Type scalar = Type::tensor(f.ct().type().dtype);
  RegionId chooses = b.region({scalar, scalar}, [&](std::vector<ValueId> a) {
    return std::vector{b.compare(a[0], a[1], largest ? "GE" : "LE")};
  });
  RegionId add =
      b.region({scalar, scalar}, [&](std::vector<ValueId> a) { return std::vector{b.add(a[0], a[1])}; });
  AttrDict attrs = window_attributes(w.size, w.strides, w.dilation);
  attrs.erase("window_dilations");
  attrs.emplace("padding", Attribute::elements(
                               dense_i64(pairs(w.low, w.high), {static_cast<int64_t>(w.low.size()), 2})));
  return f.ct().of(b.value(OpKind::kSelectAndScatter, {f.x(0), ct, b.constant(0, scalar.dtype)},
                           std::move(attrs), {}, {chooses, add}));
}

}  // namespace

void vjp_reduce_window(VjpView& v) {
  Flow f(v);
  if (v.operands.size() != 2) f.refuse("a single operand", "several, reduced together");
  auto kind = plain_binary_region(v.graph, v.node.regions[0]);
  Window w = reduce_window_of(f.op());
  if (kind == OpKind::kAdd) {
    if (f.wants(1)) f.give(1, sum_all(f.ct()));
    return f.give(0, backward_window_sum(f, w));
  }
  if (kind == OpKind::kMultiply) return vjp_window_product(v);
  if (kind != OpKind::kMaximum && kind != OpKind::kMinimum) {
    f.refuse("a region that adds, multiplies, or takes the maximum or minimum", "another one");
  }
  if (any_above_one(w.dilation) || any_above_one(w.base_dilation)) f.refuse("no dilation", "some");
  bool largest = kind == OpKind::kMaximum;
  if (is_neutral_extreme(f.x(1), largest)) return f.give(0, backward_window_extreme(f, f.ct(), w, largest));
  Expr initial = compare(f.y(), filled(f.x(1), f.y().type().shape), "EQ"), zero = f.ct().like(0);
  f.give(0, backward_window_extreme(f, select(initial, zero, f.ct()), w, largest));
  if (f.wants(1)) f.give(1, sum_all(select(initial, f.ct(), zero)));
}

namespace {

// Which of two a selection prefers, as the direction of its compare; nothing if it is more than a compare.
std::string preference(const Graph& graph, RegionId region) {
  const Region& r = graph.region(region);
  if (r.nodes.size() != 1) return "";
  const Node& n = graph.node(r.nodes[0]);
  bool plain = n.kind == OpKind::kCompare && n.operands == r.args && r.results[0] == n.result();
  return plain ? Graph::find_attr(n, "comparison_direction")->word() : "";
}

// The cotangent where each window's chosen element stands: one reduce_window over (element, cotangent) that
// carries the cotangent along with the element that wins.
Expr gather_chosen(Flow& f, const std::string& direction) {
  GraphBuilder& b = f.b();
  DType dtype = f.x(0).type().dtype;
  Type scalar = Type::tensor(dtype);
  RegionId region = b.region({scalar, scalar, scalar, scalar}, [&](std::vector<ValueId> a) {
    ValueId first = b.compare(a[0], a[2], direction);
    return std::vector{b.select(first, a[0], a[2]), b.select(first, a[1], a[3])};
  });
  double worst = std::numeric_limits<double>::infinity() * (direction[0] == 'G' ? -1 : 1);
  Window w = reduce_window_of(f.op());
  AttrDict attrs = window_attributes(w.size, w.strides, w.dilation);
  attrs.emplace("padding", Attribute::elements(
                               dense_i64(pairs(w.low, w.high), {static_cast<int64_t>(w.low.size()), 2})));
  NodeId node =
      b.create(OpKind::kReduceWindow, {f.x(0), f.ct(), b.constant(worst, dtype), b.constant(0, dtype)},
               std::move(attrs), {}, {region});
  return f.ct().of(b.node(node).result(1));
}

}  // namespace

// Moving an element a little changes no choice: only the source and the initial value have a derivative.
void vjp_select_and_scatter(VjpView& v) {
  Flow f(v);
  if (f.wants(2)) f.give(2, sum_all(f.ct()));
  if (!f.wants(1)) return;
  std::string direction = preference(v.graph, v.node.regions[0]);
  if (direction != "GE" && direction != "LE" && direction != "GT" && direction != "LT") {
    f.refuse("a selection that is one compare of order", "another one");
  }
  if (plain_binary_region(v.graph, v.node.regions[1]) != OpKind::kAdd)
    f.refuse("a scatter that adds", "another one");
  f.give(1, gather_chosen(f, direction));
}

}  // namespace cordata::ir::ops
