// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cordata/planner/intra_op/reduce.h"

namespace cordata::planner {
namespace {

constexpr size_t kLargestTable = 4096;  // entries of an edge that minimising a node out may leave

void append(std::vector<Core::Use>& out, Core::Use use) {
  if (!out.empty() && out.back().to == use.from && out.back().used == use.used)
    out.back().to = use.to;
  else
    out.push_back(std::move(use));
}

// Joins two lists of uses of one node. What lies outside the second's stretch of time is moved, not looked
// at.
std::vector<Core::Use> joined(std::vector<Core::Use> a, const std::vector<Core::Use>& b) {
  if (b.empty()) return a;
  if (a.empty()) return b;
  std::vector<Core::Use> out;
  out.reserve(a.size() + 2 * b.size() + 1);
  const size_t d = b[0].used.size();
  size_t i = 0, k = 0;
  for (; i < a.size() && a[i].to < b.front().from; ++i) out.push_back(std::move(a[i]));
  // From here on: the next time at which either begins or ends.
  int at = std::min(b.front().from, i < a.size() ? a[i].from : b.front().from);
  while (k < b.size()) {
    const bool in_a = i < a.size() && a[i].from <= at, in_b = b[k].from <= at;
    int next = in_b ? b[k].to : b[k].from;
    if (i < a.size()) next = std::min(next, in_a ? a[i].to : a[i].from);
    if (in_a || in_b) {
      Core::Use use{at, next, in_a ? a[i].used : std::vector<int64_t>(d, 0)};
      for (size_t s = 0; in_b && s < d; ++s) use.used[s] += b[k].used[s];
      append(out, std::move(use));
    }
    if (in_a && a[i].to == next) ++i;
    if (in_b && b[k].to == next) ++k;
    at = next;
  }
  if (i < a.size() && a[i].from < at) a[i].from = at;
  if (i < a.size()) append(out, std::move(a[i++]));
  for (; i < a.size(); ++i) out.push_back(std::move(a[i]));
  return out;
}

}  // namespace

bool Reducer::reduce_node(int n) {
  if (!support(n) || infeasible_) return !infeasible_;
  Node& node = nodes_[n];
  if (node.size() == 1) return fix(n), false;
  for (size_t k = 0; k < node.near.size();)
    if (!shift(node.near[k].edge)) ++k;
  for (size_t k = 0; k < nodes_[n].near.size(); ++k) {
    const Near near = nodes_[n].near[k];
    if (function_of(near.node, {n, near.edge}) == 1) {  // the neighbour follows n
      contract(near.node, n, near.edge);
      --k;  // the next one has moved here
    } else if (function_of(n, near) == 1) {
      contract(n, near.node, near.edge);
      return false;
    }
  }
  if (fold_pays(n)) return fold(n), false;
  if (dominate(n)) return true;  // queued again
  dominate_pairs(n);
  return true;
}

// Arc consistency: a strategy that is forbidden, or has no finite partner on some edge, goes.
bool Reducer::support(int n) {
  Node& node = nodes_[n];
  std::vector<char> alive(node.size(), 1);
  for (size_t s = 0; s < node.size(); ++s) alive[s] = !never(node.cost[s]);
  for (const Near& near : node.near) {
    const View at = view(edges_[near.edge], n);
    const size_t others = nodes_[near.node].size();
    for (size_t s = 0; s < node.size(); ++s) {
      bool finite = false;
      for (size_t j = 0; j < others && !finite; ++j) finite = !never(at(s, j));
      alive[s] = alive[s] && finite;
    }
  }
  const auto gone = std::count(alive.begin(), alive.end(), 0);
  if (gone == 0) return true;
  counts_.unsupported += gone;
  if (gone == static_cast<std::ptrdiff_t>(node.size())) {
    infeasible_ = true;
    return false;
  }
  keep(n, alive);
  return true;
}

// What an edge costs at least in a row, then in a column, moves to that strategy. An edge of which nothing is
// left goes; so does one that is the sum of a cost of each end.
bool Reducer::shift(int id) {
  Edge& e = edges_[id];
  const size_t nu = nodes_[e.u].size(), nv = nodes_[e.v].size();
  bool empty = true, finite = true;
  for (size_t i = 0; i < nu * nv && finite; ++i) finite = !never(e.cost[i]);
  if (finite) {
    for (size_t i = 1; i < nu && empty; ++i) {
      const int64_t step = e.cost[i * nv] - e.cost[0];
      for (size_t j = 1; j < nv && empty; ++j) empty = e.cost[i * nv + j] - e.cost[j] == step;
    }
  } else {
    empty = false;
  }
  for (size_t i = 0; i < nu; ++i) {
    const int64_t least = *std::min_element(e.cost.begin() + i * nv, e.cost.begin() + (i + 1) * nv);
    if (least == 0 || never(least)) continue;
    nodes_[e.u].cost[i] = capped(nodes_[e.u].cost[i] + least);
    for (size_t j = 0; j < nv; ++j)
      if (!never(e.cost[i * nv + j])) e.cost[i * nv + j] -= least;
  }
  for (size_t j = 0; j < nv; ++j) {
    int64_t least = kNever;
    for (size_t i = 0; i < nu; ++i) least = std::min(least, e.cost[i * nv + j]);
    if (least == 0 || never(least)) continue;
    nodes_[e.v].cost[j] = capped(nodes_[e.v].cost[j] + least);
    for (size_t i = 0; i < nu; ++i)
      if (!never(e.cost[i * nv + j])) e.cost[i * nv + j] -= least;
  }
  if (!empty) return false;
  ++counts_.edges_split;
  const int u = e.u, v = e.v;
  drop_edge(id);
  touch(u), touch(v);
  return true;
}

// 1 where each strategy of near.node leaves exactly one of u on that edge.
int Reducer::function_of(int u, const Near& near) {
  const View at = view(edges_[near.edge], near.node);
  const size_t d = nodes_[near.node].size(), others = nodes_[u].size();
  for (size_t i = 0; i < d; ++i) {
    size_t finite = 0;
    for (size_t j = 0; j < others && finite < 2; ++j) finite += !never(at(i, j));
    if (finite != 1) return 0;
  }
  return 1;
}

// v is a function of `into`: what v costs and uses becomes so of `into`, v's edges become edges of it.
void Reducer::contract(int v, int into, int edge) {
  Node &from = nodes_[v], &to = nodes_[into];
  const View at = view(edges_[edge], into);
  std::vector<int> f(to.size());
  Fold fold{v, {into, -1}, std::vector<int>(original_size_[into], -1), {}, 1, {}};
  for (size_t i = 0; i < to.size(); ++i) {
    size_t j = 0;
    while (never(at(i, j))) ++j;
    f[i] = static_cast<int>(j);
    to.cost[i] = capped(to.cost[i] + at(i, j) + from.cost[j]);
    fold.rows[to.original[i]] = static_cast<int>(i);
    fold.take.push_back(from.original[j]);
  }
  folds_.push_back(std::move(fold));
  drop_edge(edge);
  std::vector<Core::Use> uses;
  for (const auto& use : from.uses) {
    Core::Use mapped{use.from, use.to, {}};
    for (const int j : f) mapped.used.push_back(use.used[j]);
    uses.push_back(std::move(mapped));
  }
  to.uses = joined(std::move(to.uses), uses);
  const std::vector<Near> near = from.near;
  for (const Near& other : near) {
    const View old = view(edges_[other.edge], v);
    const size_t width = nodes_[other.node].size();
    std::vector<int64_t> cost;
    cost.reserve(to.size() * width);
    for (const int j : f)
      for (size_t k = 0; k < width; ++k) cost.push_back(old(j, k));
    drop_edge(other.edge);
    add_edge(into, other.node, std::move(cost));
  }
  from.gone = true;
  from.cost = {}, from.uses = {};
  ++counts_.contracted;
  if (!uses.empty()) level(into, uses.front().from, uses.back().to);
  touch_around(into);
}

// One strategy: what its edges cost are costs of its neighbours.
void Reducer::fix(int n) {
  Node& node = nodes_[n];
  constant_ += node.cost[0];
  const std::vector<Near> around = node.near;
  for (const Near& near : around) {
    const View at = view(edges_[near.edge], n);
    auto& cost = nodes_[near.node].cost;
    for (size_t j = 0; j < cost.size(); ++j) cost[j] = capped(cost[j] + at(0, j));
    drop_edge(near.edge);
    touch(near.node);
  }
  folds_.push_back({n, {-1, -1}, {}, {}, 1, {node.original[0]}});
  node.gone = true;
  ++counts_.fixed;
}

bool Reducer::fold_pays(int n) const {
  const Node& node = nodes_[n];
  if (!node.uses.empty() || node.near.size() > 2) return false;
  if (node.near.size() < 2) return true;
  return nodes_[node.near[0].node].size() * nodes_[node.near[1].node].size() <= kLargestTable;
}

// Minimises a node without memory out: its best answer to what its neighbours take is a cost of these.
void Reducer::fold(int n) {
  Node& node = nodes_[n];
  const std::vector<Near> near = node.near;
  Fold fold{n, {-1, -1}, {}, {}, 1, {}};
  size_t rows = 1;
  for (size_t k = 0; k < near.size(); ++k) {
    const Node& other = nodes_[near[k].node];
    auto& index = k == 0 ? fold.rows : fold.columns;
    fold.near[k] = near[k].node;
    index.assign(original_size_[near[k].node], -1);
    for (size_t j = 0; j < other.size(); ++j) index[other.original[j]] = static_cast<int>(j);
    (k == 0 ? rows : fold.width) = other.size();
  }
  std::vector<int64_t> best(rows * fold.width, kNever);
  fold.take.assign(best.size(), node.original[0]);
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < fold.width; ++j)
      for (size_t s = 0; s < node.size(); ++s) {
        int64_t sum = node.cost[s];
        if (!near.empty()) sum += view(edges_[near[0].edge], n)(s, i);
        if (near.size() > 1) sum = capped(sum) + view(edges_[near[1].edge], n)(s, j);
        if (sum < best[i * fold.width + j]) {
          best[i * fold.width + j] = capped(sum);
          fold.take[i * fold.width + j] = node.original[s];
        }
      }
  for (const Near& e : near) drop_edge(e.edge);
  folds_.push_back(std::move(fold));
  node.gone = true;
  if (near.empty()) {
    constant_ += best[0];
    ++counts_.leaves;
  } else if (near.size() == 1) {
    auto& cost = nodes_[near[0].node].cost;
    for (size_t j = 0; j < cost.size(); ++j) cost[j] = capped(cost[j] + best[j]);
    ++counts_.leaves;
  } else {
    add_edge(near[0].node, near[1].node, std::move(best));
    ++counts_.chains;
  }
  for (const Near& e : near) touch_around(e.node);
}

}  // namespace cordata::planner
