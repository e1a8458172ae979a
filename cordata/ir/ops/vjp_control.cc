// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cordata/ir/ops/control.h"
#include "cordata/ir/ops/vjp.h"
#include "cordata/ir/pullback.h"

namespace cordata::ir::ops {

// The branch that ran is run again, and then backwards, inside a branch of its own.
void vjp_case(VjpView& v) {
  GraphBuilder& b = v.builder;
  std::vector<char> flows;
  for (ValueId ct : v.cotangents) flows.push_back(ct.valid());
  std::vector<RegionId> branches;
  for (RegionId region : v.node.regions) {
    Pullback back = pullback(v.graph, region, v.captured_values, v.captured_wanted, flows);
    std::vector<ValueId> inputs(v.captured.begin(), v.captured.end());
    for (int r : back.results) inputs.push_back(v.cotangents[r]);
    branches.push_back(
        b.region({}, [&](std::vector<ValueId>) { return b.inline_graph(back.graph, inputs); }));
  }
  NodeId node = b.create(v.node.kind, {v.operands[0]}, v.node.attrs, {}, branches);
  for (int i = 0, made = 0; i < static_cast<int>(v.captured.size()); ++i) {
    if (v.captured_wanted[i]) v.captured_cotangents[i] = b.node(node).result(made++);
  }
}

namespace {

bool reads(const Graph& g, ValueId v, const std::vector<std::vector<NodeId>>& all_users) {
  return !all_users[v.index].empty() || std::ranges::count(g.results(), v) > 0;
}

// A loop of known length in reverse. It runs once more to keep, for each turn, what the derivative of the
// body reads; then the turns are taken last to first.
class WhileBack {
 public:
  WhileBack(VjpView& v, int64_t turns)
      : v_(v),
        b_(v.builder),
        body_(v.graph.region(v.node.regions[1])),
        n_(v.operands.size()),
        turns_(turns),
        moves_(find_moves()),
        back_(pullback(v.graph, v.node.regions[1], v.captured_values, moves_, std::span(moves_).first(n_))) {
    auto readers = users(back_.graph);
    for (size_t i = 0; i < n_; ++i) {
      bool same = body_.results[i] == body_.args[i];
      if (!same && reads(back_.graph, back_.graph.args()[i], readers)) kept_.push_back(i);
    }
  }

  void run() {
    if (!kept_.empty()) keep();
    std::vector<ValueId> carried;
    for (int i : back_.inputs) carried.push_back(start(i));
    std::vector<ValueId> ends =
        loop(carried, [&](ValueId turn, const std::vector<ValueId>& now) { return step_back(turn, now); });
    for (size_t k = 0; k < ends.size(); ++k) {
      size_t i = static_cast<size_t>(back_.inputs[k]);
      (i < n_ ? v_.operand_cotangents[i] : v_.captured_cotangents[i - n_]) = ends[k];
    }
  }

 private:
  using Step = std::function<std::vector<ValueId>(ValueId turn, const std::vector<ValueId>& carried)>;

  // By input of the body: whether it depends, in some turn, on what is differentiated by.
  std::vector<char> find_moves() const {
    std::vector<char> moves(v_.wanted.begin(), v_.wanted.end());
    moves.insert(moves.end(), v_.captured_wanted.begin(), v_.captured_wanted.end());
    for (bool changed = true; changed;) {
      changed = false;
      std::vector<char> next = moving_results(v_.graph, v_.node.regions[1], v_.captured_values, moves);
      for (size_t i = 0; i < next.size(); ++i) {
        if (next[i] && !moves[i]) moves[i] = changed = true;
      }
    }
    return moves;
  }

  ValueId index(int64_t i) { return b_.constant(static_cast<double>(i), DType::kI32); }

  // for turn in [0, turns): carried = step(turn, carried); in the form whose length is seen.
  std::vector<ValueId> loop(std::vector<ValueId> carried, const Step& step) {
    carried.insert(carried.begin(), index(0));
    std::vector<Type> types;
    for (ValueId c : carried) types.push_back(b_.type(c));
    RegionId test = b_.region(
        types, [&](std::vector<ValueId> a) { return std::vector{b_.compare(a[0], index(turns_), "LT")}; });
    RegionId body = b_.region(types, [&](std::vector<ValueId> a) {
      std::vector<ValueId> next = step(a[0], {a.begin() + 1, a.end()});
      next.insert(next.begin(), b_.add(a[0], index(1)));
      return next;
    });
    NodeId node = b_.create(OpKind::kWhile, carried, {}, {}, {test, body});
    std::vector<ValueId> out;
    for (size_t i = 1; i < carried.size(); ++i) out.push_back(b_.node(node).result(static_cast<int>(i)));
    return out;
  }

  void keep() {
    std::vector<ValueId> carried(v_.operands.begin(), v_.operands.end());
    for (size_t i : kept_) {
      Type t = b_.type(v_.operands[i]);
      t.shape.insert(t.shape.begin(), turns_);
      carried.push_back(b_.constant(0, t.dtype, t.shape));
    }
    std::vector<ValueId> ends = loop(carried, [&](ValueId turn, const std::vector<ValueId>& now) {
      std::vector<ValueId> next = copy_body(now);
      for (size_t k = 0; k < kept_.size(); ++k) next.push_back(stacked(turn, now[n_ + k], now[kept_[k]]));
      return next;
    });
    stacks_.assign(ends.begin() + static_cast<long>(n_), ends.end());
  }

  std::vector<ValueId> copy_body(const std::vector<ValueId>& args) {
    std::vector<ValueId> map(v_.graph.num_values()), out;
    for (size_t i = 0; i < n_; ++i) map[body_.args[i].index] = args[i];
    for (size_t i = 0; i < v_.captured.size(); ++i) map[v_.captured_values[i].index] = v_.captured[i];
    for (NodeId n : body_.nodes) b_.clone(v_.graph, n, map);
    for (ValueId r : body_.results) out.push_back(map[r.index]);
    return out;
  }

  // Where a turn's entry of a stack stands.
  std::vector<ValueId> starts(ValueId turn, ValueId stack) {
    std::vector<ValueId> out{turn};
    out.resize(b_.type(stack).shape.size(), index(0));
    return out;
  }

  ValueId stacked(ValueId turn, ValueId stack, ValueId value) {
    Shape one = b_.type(value).shape;
    one.insert(one.begin(), 1);
    std::vector<ValueId> operands = starts(turn, stack);
    ValueId entry = b_.reshape(value, one);
    operands.insert(operands.begin(), {stack, entry});
    return b_.value(OpKind::kDynamicUpdateSlice, operands);
  }

  ValueId unstacked(ValueId turn, ValueId stack) {
    Shape one = b_.type(stack).shape;
    one[0] = 1;
    Shape entry(one.begin() + 1, one.end());
    std::vector<ValueId> operands = starts(turn, stack);
    operands.insert(operands.begin(), stack);
    return b_.reshape(
        b_.value(OpKind::kDynamicSlice, operands, {{"slice_sizes", Attribute::dense_array(one)}}), entry);
  }

  // Of a carried value: the cotangent after the last turn. Of a captured one: nothing yet.
  ValueId start(int input) {
    size_t i = static_cast<size_t>(input);
    if (i < n_ && v_.cotangents[i].valid()) return v_.cotangents[i];
    Type t = b_.type(i < n_ ? v_.operands[i] : v_.captured[i - n_]);
    return b_.constant(0, t.dtype, t.shape);
  }

  std::vector<ValueId> step_back(ValueId turn, const std::vector<ValueId>& now) {
    ValueId then = b_.sub(index(turns_ - 1), turn);
    std::vector<ValueId> inputs(v_.operands.begin(),
                                v_.operands.end());  // right for those that no turn changes
    for (size_t k = 0; k < kept_.size(); ++k) inputs[kept_[k]] = unstacked(then, stacks_[k]);
    inputs.insert(inputs.end(), v_.captured.begin(), v_.captured.end());
    for (int r : back_.results) inputs.push_back(carried_cotangent(r, now));
    std::vector<ValueId> next = b_.inline_graph(back_.graph, inputs);
    for (size_t k = 0; k < next.size(); ++k) {
      if (static_cast<size_t>(back_.inputs[k]) >= n_) next[k] = b_.add(now[k], next[k]);
    }
    return next;
  }

  ValueId carried_cotangent(int result, const std::vector<ValueId>& now) const {
    return now[static_cast<size_t>(std::ranges::find(back_.inputs, result) - back_.inputs.begin())];
  }

  VjpView& v_;
  GraphBuilder& b_;
  const Region& body_;
  size_t n_;  // carried values
  int64_t turns_;
  std::vector<char> moves_;  // by input of the body: carried, then captured
  Pullback back_;
  std::vector<size_t> kept_;     // carried values whose history is read
  std::vector<ValueId> stacks_;  // [turns, ...] each
};

}  // namespace

void vjp_while(VjpView& v) {
  Flow f(v);
  auto turns = trip_count(v.graph, v.node);
  if (!turns) f.refuse("a loop that counts from a constant to a constant", "one whose length can't be seen");
  if (*turns == 0) return vjp_pass(v);
  WhileBack(v, *turns).run();
}

}  // namespace cordata::ir::ops
