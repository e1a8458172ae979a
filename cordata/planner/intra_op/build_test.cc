// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/build.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <set>

#include "cordata/sharding/reshard.h"

namespace cordata::planner {
namespace {

using sharding::Sharding;
using sharding::Strategy;
constexpr step::Pass kForward{step::Phase::kForward, 0}, kBackward{step::Phase::kBackward, 0};

ir::FactorRule matmul(int64_t i, int64_t k, int64_t j) {
  return {{{i}, {k, ir::FactorKind::kReduce}, {j}}, {{{0}, {1}}, {{1}, {2}}}, {{{0}, {2}}}, {0b01, 0b10}};
}
ir::FactorRule add(int64_t i, int64_t j) {
  return {{{i}, {j}}, {{{0}, {1}}, {{0}, {1}}}, {{{0}, {1}}}, {0b11}};
}
ir::FactorRule tanh(int64_t i, int64_t j) { return {{{i}, {j}}, {{{0}, {1}}}, {{{0}, {1}}}, {}}; }

// A random stage of square matrices: two arguments, a few ops that read earlier values, one result sent away.
StageView drawn(std::mt19937& random, int ops) {
  StageView s;
  const auto matrix = ir::Type::tensor(ir::DType::kF32, {8, 8});
  s.values = {matrix, matrix};
  s.args = {0, 1};
  s.arg_kinds = {{step::ArgKind::kParam, 0, true}, {step::ArgKind::kBatch, 0, true}};
  s.microbatches = 1 + random() % 3;
  for (int o = 0; o < ops; ++o) {
    StageView::Op op;
    const int x = random() % s.values.size(), y = random() % s.values.size();
    const int kind = random() % 3;
    op.rule = kind == 0 ? matmul(8, 8, 8) : kind == 1 ? add(8, 8) : tanh(8, 8);
    op.operands = kind == 2 ? std::vector<int>{x} : std::vector<int>{x, y};
    op.results = {static_cast<int>(s.values.size())};
    op.pass = o >= ops / 2 ? kBackward : kForward;
    op.seconds = 1e-6 * (1 + random() % 40);
    s.values.push_back(matrix);
    s.ops.push_back(op);
  }
  s.results = {static_cast<int>(s.values.size()) - 1};
  s.result_kinds = {{step::ResultKind::kSent, 0}};
  return s;
}

sharding::Mesh pair_of_devices() { return {{2}, {{base::Seconds(3e-6), base::BytesPerSecond(1e8)}}}; }

// What a plan costs, by plan.h's words: every (value, sharding, pass) once.
double price(const StageView& s, const plan::StageSharding& p, const sharding::Mesh& mesh) {
  double total = 0;
  std::vector<Sharding> home(s.values.size());
  std::vector<step::Pass> made(s.values.size(), step::Pass{step::Phase::kForward, -1});
  for (size_t a = 0; a < s.args.size(); ++a) home[s.args[a]] = p.args[a];
  const auto hub = [&](int v, const step::Pass& pass) -> const Sharding* {
    for (const auto& h : p.hubs)
      if (h.value == v && h.pass == pass) return &h.sharding;
    return nullptr;
  };
  const auto move = [&](int v, const Sharding& from, const Sharding& to) {
    const auto path = sharding::reshard_path(s.values[v], from, to, mesh);
    if (!path) return HUGE_VAL;
    double seconds = 0;
    for (const auto& step : *path) seconds += step.seconds.value;
    return seconds * s.microbatches;
  };
  std::set<std::tuple<int, Sharding, step::Pass>> done;
  const auto kept = [&](int v) {
    const auto* h = hub(v, made[v]);
    return h ? *h : home[v];
  };
  const auto read = [&](int v, const step::Pass& pass, const Sharding& want) {
    const auto* h = hub(v, pass);
    const Sharding from = h ? *h : kept(v);
    if (from != want && done.insert({v, want, pass}).second) total += move(v, from, want);
  };
  for (size_t o = 0; o < s.ops.size(); ++o) {
    const auto& op = s.ops[o];
    for (size_t k = 0; k < op.operands.size(); ++k)
      read(op.operands[k], op.pass, sharding::operand_sharding(op.rule, p.ops[o], static_cast<int>(k)));
    home[op.results[0]] = sharding::result_sharding(op.rule, p.ops[o], 0);
    made[op.results[0]] = op.pass;
    total += op.seconds / (p.ops[o].use[0] >= 0 ? 2 : 1) * s.microbatches;
  }
  for (size_t r = 0; r < s.results.size(); ++r) read(s.results[r], made[s.results[r]], p.results[r]);
  for (const auto& h : p.hubs)
    total += move(h.value, h.pass == made[h.value] ? home[h.value] : kept(h.value), h.sharding);
  return total;
}

// The least objective of a small problem, every choice tried (cut off where a part costs too much already).
struct Search {
  const Problem& p;
  std::vector<int> choice, best_choice;
  double best = HUGE_VAL;
  void go(size_t n, double cost) {
    if (cost >= best) return;
    if (n == p.nodes.size()) {
      best = cost, best_choice = choice;
      return;
    }
    for (size_t i = 0; i < p.nodes[n].cost.size(); ++i) {
      choice.push_back(static_cast<int>(i));
      double more = static_cast<double>(p.nodes[n].cost[i]);
      for (const auto& e : p.edges)
        if (static_cast<size_t>(std::max(e.u, e.v)) == n) {
          const int64_t c = e.cost[choice[e.u] * p.nodes[e.v].cost.size() + choice[e.v]];
          more += c == kInfinite ? HUGE_VAL : static_cast<double>(c);
        }
      go(n + 1, cost + more);
      choice.pop_back();
    }
  }
};

// Every rest sharding x strategy x hub of a stage, priced by the words: written apart from the builder.
double enumerate(const StageView& s, const sharding::Mesh& mesh) {
  const auto all = sharding::enumerate_shardings(s.values[0], mesh, false);
  std::vector<std::vector<Strategy>> strategies;
  for (const auto& op : s.ops) strategies.push_back(sharding::enumerate_strategies(op.rule, mesh));
  std::vector<std::pair<int, step::Pass>> places;  // where a hub can stand
  for (size_t v = 0; v < s.values.size(); ++v)
    for (const auto& pass : {kForward, kBackward}) {
      if (v >= s.args.size() && s.ops[v - s.args.size()].pass > pass) continue;
      places.emplace_back(static_cast<int>(v), pass);
    }
  double best = HUGE_VAL;
  plan::StageSharding p;
  p.args.resize(s.args.size());
  p.ops.resize(s.ops.size());
  p.results.resize(1);
  const std::function<void(size_t)> hubs = [&](size_t i) {
    if (i == places.size()) return void(best = std::min(best, price(s, p, mesh)));
    hubs(i + 1);
    int readers = 0;
    for (const auto& op : s.ops)
      readers += std::count(op.operands.begin(), op.operands.end(), places[i].first) > 0;
    if (readers < 2) return;  // with one reader a hub is the reader's own reshard
    for (const auto& h : all) {
      p.hubs.push_back({places[i].first, places[i].second, h});
      hubs(i + 1);
      p.hubs.pop_back();
    }
  };
  const std::function<void(size_t)> ops = [&](size_t o) {
    if (o == s.ops.size()) {
      for (const auto& r : all) p.results[0] = r, hubs(0);
      return;
    }
    for (const auto& strategy : strategies[o]) p.ops[o] = strategy, ops(o + 1);
  };
  for (const auto& a : all)
    for (const auto& b : all) p.args = {a, b}, ops(0);
  return best;
}

TEST(BuildProblem, ObjectiveIsTheCostOfThePlanAndItsLeastIsEnumeration) {
  std::mt19937 random(5);
  const auto mesh = pair_of_devices();
  int sharded = 0;
  for (int trial = 0; trial < 25; ++trial) {
    const StageView s = drawn(random, 2 + trial % 2);
    const auto built = build_problem(s, mesh);
    Search search{built.problem};
    search.go(0, 0);
    ASSERT_LT(search.best, HUGE_VAL);
    const auto plan = decode(built, s, search.best_choice);
    EXPECT_NEAR(price(s, plan, mesh) * 1e12, search.best, 20) << trial;
    EXPECT_NEAR(enumerate(s, mesh) * 1e12, search.best, 20) << trial;
    for (const auto& op : plan.ops) sharded += op.use[0] != sharding::kNone;
  }
  EXPECT_GT(sharded, 10);  // the cases are not all trivial
}

// Two readers that want a sharded value whole bring it there once: by a hub, in its own pass or a later one.
TEST(BuildProblem, SeveralReadersShareOneReshard) {
  const auto mesh = pair_of_devices();
  for (const auto& pass : {kForward, kBackward}) {
    StageView s;
    s.values.assign(4, ir::Type::tensor(ir::DType::kF32, {8, 8}));
    s.args = {0};
    s.arg_kinds = {{step::ArgKind::kBatch, 0, true}};
    s.ops = {{tanh(8, 8), {0}, {1}, kForward, 1e-6},
             {tanh(8, 8), {1}, {2}, pass, 1e-6},
             {tanh(8, 8), {1}, {3}, pass, 1e-6}};
    s.results = {2, 3};
    s.result_kinds = {{step::ResultKind::kSent, 0}, {step::ResultKind::kSent, 1}};
    Restriction forced;
    forced.op = [](const StageView&, int op, const Strategy& use) {
      return use.use[0] == (op == 0 ? 0 : sharding::kNone);
    };
    const auto built = build_problem(s, mesh, forced);
    Search search{built.problem};
    search.go(0, 0);
    const auto plan = decode(built, s, search.best_choice);
    Sharding rows;
    rows.at[0] = 0;
    double gather = 0;
    const auto path = sharding::reshard_path(s.values[1], rows, Sharding{}, mesh);
    ASSERT_TRUE(path.has_value());
    for (const auto& step : *path) gather += step.seconds.value;
    EXPECT_NEAR(search.best, (2.5e-6 + gather) * 1e12, 20);
    EXPECT_NEAR(price(s, plan, mesh) * 1e12, search.best, 20);
    ASSERT_EQ(plan.hubs.size(), 1u);
    EXPECT_EQ(plan.hubs[0].value, 1);
    EXPECT_EQ(plan.hubs[0].sharding, Sharding{});
  }
}

TEST(BuildProblem, NewParametersRestAsTheyDidAndTheLossIsWhole) {
  StageView s;
  const auto matrix = ir::Type::tensor(ir::DType::kF32, {8, 8});
  s.values = {matrix, matrix};
  s.args = {0};
  s.arg_kinds = {{step::ArgKind::kParam, 0, true}};
  s.ops = {{tanh(8, 8), {0}, {1}, {step::Phase::kApply, 0}, 1e-3}};
  s.results = {1, 1};
  s.result_kinds = {{step::ResultKind::kNewParam, 0}, {step::ResultKind::kSent, 0}};
  const auto built = build_problem(s, pair_of_devices());
  EXPECT_EQ(built.nodes[built.result_node[0]].kind, BuiltProblem::Node::Kind::kArg);
  Search search{built.problem};
  search.go(0, 0);
  const auto plan = decode(built, s, search.best_choice);
  EXPECT_EQ(plan.results[0], plan.args[0]);
  EXPECT_NE(plan.args[0].at[0],
            sharding::kReplicated);  // half the work is worth it: it is sharded, and so it rests

  s.result_kinds[1] = {step::ResultKind::kLoss, 0};
  const auto loss = build_problem(s, pair_of_devices());
  EXPECT_EQ(loss.nodes[loss.result_node[1]].shardings, std::vector<Sharding>{Sharding{}});
}

TEST(BuildProblem, MemoryCountsLocalBytesAndMicrobatchesInFlight) {
  StageView s;
  const auto matrix = ir::Type::tensor(ir::DType::kF32, {8, 8});
  s.values = {matrix, matrix, matrix};
  s.args = {0};
  s.arg_kinds = {{step::ArgKind::kParam, 0, true}};
  s.ops = {{tanh(8, 8), {0}, {1}, kForward, 1e-6}, {tanh(8, 8), {1}, {2}, kBackward, 1e-6}};
  s.results = {2};
  s.result_kinds = {{step::ResultKind::kSent, 0}};
  s.in_flight = 3;
  const auto built = build_problem(s, pair_of_devices());
  const auto& nodes = built.problem.nodes;
  EXPECT_EQ(nodes[0].usage[0], 256);      // the parameter, replicated
  EXPECT_EQ(nodes[1].usage[0], 3 * 256);  // a residual of each microbatch in flight
  EXPECT_EQ(nodes[1].usage[1], 3 * 128);  // sharded
  EXPECT_EQ(nodes[2].usage[0], 256);
}

}  // namespace
}  // namespace cordata::planner
