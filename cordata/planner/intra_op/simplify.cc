// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/simplify.h"

#include <algorithm>

namespace cordata::planner {
namespace {

// Far above any finite sum, far below the end of 64 bits: differences of two stay exact in sign.
constexpr int64_t kNever = int64_t{1} << 61;

bool never(int64_t c) { return c >= kNever / 2; }
int64_t capped(int64_t c) { return never(c) ? kNever : c; }
int64_t finite_or_never(int64_t c) { return c == kInfinite ? kNever : c; }

// Which strategies of a node others replace at no cost.
class Dominance {
 public:
  Dominance(const std::vector<int64_t>& cost, const std::vector<std::span<const int64_t>>& rows)
      : cost_(cost), rows_(rows), probe_(rows.size()) {
    const size_t d = cost.size();
    for (size_t k = 0; k < rows.size(); ++k)
      for (size_t s = 0; s < d; ++s)
        probe_[k].push_back(std::min_element(row(k, s), row(k, s) + width(k)) - row(k, s));
  }

  // Forbidden, or without a finite partner.
  bool dead(size_t s) const {
    bool dead = never(cost_[s]);
    for (size_t k = 0; k < rows_.size(); ++k) dead = dead || never(row(k, s)[probe_[k][s]]);
    return dead;
  }

  // Whether t is never worse than s: the sum of what it can cost more at most on each edge. A pair that s
  // can't have either doesn't count. Where s does best on each edge is tried first: nearly all pairs fail
  // there.
  bool replaces(size_t t, size_t s) const {
    int64_t worse = cost_[t] - cost_[s];
    for (size_t k = 0; k < rows_.size(); ++k) {
      const int64_t at = row(k, t)[probe_[k][s]];
      if (never(at)) return false;
      worse += at - row(k, s)[probe_[k][s]];
    }
    for (size_t k = 0; k < rows_.size() && worse <= 0; ++k) {
      const int64_t *a = row(k, t), *b = row(k, s);
      const int64_t known = a[probe_[k][s]] - b[probe_[k][s]];
      int64_t most = known;
      for (size_t j = 0; j < width(k); ++j)
        if (!never(b[j])) most = std::max(most, a[j] - b[j]);
      if (never(most)) return false;
      worse += most - known;
    }
    return worse <= 0;
  }

 private:
  size_t width(size_t k) const { return rows_[k].size() / cost_.size(); }
  const int64_t* row(size_t k, size_t s) const { return rows_[k].data() + s * width(k); }

  const std::vector<int64_t>& cost_;
  const std::vector<std::span<const int64_t>>& rows_;
  std::vector<std::vector<size_t>> probe_;  // by edge and strategy: the partner that is cheapest on that edge
};

}  // namespace

int bits_too_many(const Problem& problem) {
  __int128 total = 0;
  const auto most = [](const std::vector<int64_t>& costs) {
    int64_t m = 0;
    for (int64_t c : costs)
      if (c != kInfinite) m = std::max(m, c < 0 ? -c : c);
    return m;
  };
  for (const auto& n : problem.nodes) total += most(n.cost);
  for (const auto& e : problem.edges) total += most(e.cost);
  int bits = 0;
  for (; total >= (__int128{1} << 58); total >>= 1) ++bits;
  return bits;
}

bool costs_are_small(const Problem& problem) { return bits_too_many(problem) == 0; }

Problem coarser(Problem problem, int bits) {
  const auto shift = [bits](std::vector<int64_t>& costs) {
    for (int64_t& c : costs)
      if (c != kInfinite) c >>= bits;
  };
  for (auto& n : problem.nodes) shift(n.cost);
  for (auto& e : problem.edges) shift(e.cost);
  return problem;
}

Simplifier::Simplifier(const Problem& problem, const Allowed& allowed) {
  for (const auto& n : problem.nodes) {
    Node& node = nodes_.emplace_back();
    for (size_t s = 0; s < n.cost.size(); ++s)
      node.cost.push_back(finite_or_never(n.cost[s])), node.original.push_back(static_cast<int>(s));
  }
  for (const auto& e : problem.edges) {
    Node& n = nodes_[e.u];
    if (e.u == e.v) {  // a loop is a cost of its node
      for (size_t s = 0; s < n.cost.size(); ++s)
        n.cost[s] = capped(n.cost[s] + finite_or_never(e.cost[s * n.cost.size() + s]));
      continue;
    }
    std::vector<int64_t> cost(e.cost.size());
    std::transform(e.cost.begin(), e.cost.end(), cost.begin(), finite_or_never);
    add_edge(e.u, e.v, std::move(cost));
  }
  for (size_t u = 0; u < allowed.size() && !infeasible_; ++u) {
    const auto left = std::count(allowed[u].begin(), allowed[u].end(), 1);
    infeasible_ = left == 0;
    if (left > 0 && left < static_cast<std::ptrdiff_t>(allowed[u].size()))
      keep(static_cast<int>(u), allowed[u]);
  }
  run();
}

// `mine`, `others`: numbers of strategies.
Simplifier::View Simplifier::view(const Edge& e, int from, size_t mine, size_t others) {
  return e.u == from ? View{e.cost.data(), others, 1} : View{e.cost.data(), 1, mine};
}

// The edge with u's strategies as rows, turned into `buffer` where it isn't stored so.
std::span<const int64_t> Simplifier::rows(int u, const Near& near, std::vector<int64_t>& buffer) const {
  const Edge& e = edges_[near.edge];
  if (e.u == u) return e.cost;
  const size_t d = nodes_[u].cost.size(), w = nodes_[near.node].cost.size();
  buffer.resize(e.cost.size());
  for (size_t j = 0; j < w; ++j)
    for (size_t i = 0; i < d; ++i) buffer[i * w + j] = e.cost[j * d + i];
  return buffer;
}

void Simplifier::add_edge(int u, int v, std::vector<int64_t> cost) {
  nodes_[u].stale = nodes_[v].stale = true;
  for (const Near& near : nodes_[u].near) {
    if (near.node != v) continue;
    Edge& known = edges_[near.edge];
    const View more = known.u == u ? View{cost.data(), nodes_[v].cost.size(), 1}
                                   : View{cost.data(), 1, nodes_[v].cost.size()};
    const size_t rows = nodes_[known.u].cost.size(), columns = nodes_[known.v].cost.size();
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < columns; ++j)
        known.cost[i * columns + j] = capped(known.cost[i * columns + j] + more(i, j));
    return;
  }
  const int id = static_cast<int>(edges_.size());
  edges_.push_back({u, v, std::move(cost)});
  nodes_[u].near.push_back({v, id});
  nodes_[v].near.push_back({u, id});
}

void Simplifier::run() {
  const int n = static_cast<int>(nodes_.size());
  for (bool changed = true; changed && !infeasible_;) {
    changed = false;
    for (int u = 0; u < n && !infeasible_; ++u) {
      Node& node = nodes_[u];
      if (node.gone) continue;
      if (node.stale) {
        node.stale = false;
        changed = prune(u) || changed;
      }
      if (infeasible_) return;
      if (node.cost.size() == 1)
        fix(u), changed = true;
      else if (node.near.size() <= 2)
        fold(u), changed = true;
    }
  }
}

bool Simplifier::prune(int u) {
  Node& node = nodes_[u];
  const size_t d = node.cost.size();
  std::vector<std::vector<int64_t>> buffers(node.near.size());
  std::vector<std::span<const int64_t>> all;
  for (size_t k = 0; k < node.near.size(); ++k) all.push_back(rows(u, node.near[k], buffers[k]));
  const Dominance dominance(node.cost, all);
  std::vector<char> alive(d, 1);
  for (size_t s = 0; s < d; ++s) alive[s] = !dominance.dead(s);
  for (size_t s = 0; s < d; ++s)
    for (size_t t = 0; t < d && alive[s]; ++t)
      if (t != s && alive[t] && dominance.replaces(t, s)) alive[s] = 0;
  const auto left = std::count(alive.begin(), alive.end(), 1);
  if (left == 0) infeasible_ = true;
  if (left == 0 || left == static_cast<std::ptrdiff_t>(d)) return false;
  keep(u, alive);
  return true;
}

void Simplifier::keep(int u, const std::vector<char>& alive) {
  Node& node = nodes_[u];
  const size_t d = node.cost.size();
  for (const Near& near : node.near) {
    const size_t w = nodes_[near.node].cost.size();
    auto& cost = edges_[near.edge].cost;
    size_t to = 0;
    if (edges_[near.edge].u == u) {
      for (size_t s = 0; s < d; ++s)
        if (alive[s]) std::copy_n(cost.begin() + s * w, w, cost.begin() + to), to += w;
    } else {
      for (size_t j = 0; j < w; ++j)
        for (size_t s = 0; s < d; ++s)
          if (alive[s]) cost[to++] = cost[j * d + s];
    }
    cost.resize(to);
    nodes_[near.node].stale = true;
  }
  size_t to = 0;
  for (size_t s = 0; s < d; ++s)
    if (alive[s]) node.cost[to] = node.cost[s], node.original[to] = node.original[s], ++to;
  node.cost.resize(to);
  node.original.resize(to);
}

// Takes a node out with its edges.
Simplifier::Fold Simplifier::take(int u) {
  Node& node = nodes_[u];
  Fold out{u, node.cost, node.original, {}, {}, {}};
  for (const Near& near : node.near) {
    Node& other = nodes_[near.node];
    out.edges.push_back(std::move(edges_[near.edge]));
    out.neighbours.push_back(near.node);
    out.strategies.push_back(other.original);
    edges_[near.edge].gone = true;
    other.stale = true;
    std::erase_if(other.near, [&](const Near& n) { return n.node == u; });
  }
  node.near.clear();
  node.gone = true;
  return out;
}

// One strategy left: its edges are costs of the neighbours.
void Simplifier::fix(int u) {
  constant_ += nodes_[u].cost[0];
  const Fold taken = take(u);
  for (size_t k = 0; k < taken.edges.size(); ++k) {
    auto& cost = nodes_[taken.neighbours[k]].cost;
    for (size_t j = 0; j < cost.size(); ++j) cost[j] = capped(cost[j] + taken.edges[k].cost[j]);
  }
  folds_.push_back({u, {0}, taken.original, {}, {}, {}});
}

void Simplifier::fold(int u) {
  folds_.push_back(take(u));
  const Fold& f = folds_.back();
  const size_t d = f.cost.size();
  const auto width = [&](size_t k) { return f.strategies.size() > k ? f.strategies[k].size() : size_t{1}; };
  const auto edge = [&](size_t k) {
    static constexpr int64_t kNothing = 0;
    return f.edges.size() > k ? view(f.edges[k], u, d, width(k)) : View{&kNothing, 0, 0};
  };
  const size_t wa = width(0), wb = width(1);
  const View a = edge(0), b = edge(1);
  std::vector<int64_t> message(wa * wb, kNever), row(wb);
  for (size_t s = 0; s < d; ++s) {
    for (size_t j = 0; j < wb; ++j) row[j] = b(s, j);
    for (size_t i = 0; i < wa; ++i) {
      const int64_t base = f.cost[s] + a(s, i);
      if (never(base)) continue;
      int64_t* to = message.data() + i * wb;
      for (size_t j = 0; j < wb; ++j) to[j] = std::min(to[j], base + row[j]);
    }
  }
  for (int64_t& m : message) m = capped(m);
  if (f.edges.empty()) {
    if (never(message[0]))
      infeasible_ = true;
    else
      constant_ += message[0];
  } else if (f.edges.size() == 1) {
    auto& cost = nodes_[f.neighbours[0]].cost;
    for (size_t i = 0; i < wa; ++i) cost[i] = capped(cost[i] + message[i]);
  } else {
    add_edge(f.neighbours[0], f.neighbours[1], std::move(message));
  }
}

Problem Simplifier::core() const {
  Problem out;
  std::vector<int> place(nodes_.size(), -1);
  const auto restore = [](std::vector<int64_t> costs) {
    for (int64_t& c : costs)
      if (never(c)) c = kInfinite;
    return costs;
  };
  for (size_t u = 0; u < nodes_.size(); ++u) {
    if (nodes_[u].gone) continue;
    place[u] = static_cast<int>(out.nodes.size());
    out.nodes.push_back({restore(nodes_[u].cost), {}, 0, 0});
  }
  for (const Edge& e : edges_)
    if (!e.gone) out.edges.push_back({place[e.u], place[e.v], restore(e.cost)});
  return out;
}

std::vector<int> Simplifier::expand(const std::vector<int>& core_choice) const {
  std::vector<int> choice(nodes_.size(), 0);
  size_t next = 0;
  for (size_t u = 0; u < nodes_.size(); ++u)
    if (!nodes_[u].gone) choice[u] = nodes_[u].original[core_choice[next++]];
  for (size_t f = folds_.size(); f-- > 0;) {
    const Fold& fold = folds_[f];
    std::vector<int64_t> sum = fold.cost;
    for (size_t k = 0; k < fold.edges.size(); ++k) {
      const auto& known = fold.strategies[k];
      const size_t j = std::find(known.begin(), known.end(), choice[fold.neighbours[k]]) - known.begin();
      const View at = view(fold.edges[k], fold.node, sum.size(), known.size());
      for (size_t s = 0; s < sum.size(); ++s) sum[s] = capped(sum[s] + at(s, j));
    }
    choice[fold.node] = fold.original[std::min_element(sum.begin(), sum.end()) - sum.begin()];
  }
  return choice;
}

}  // namespace cordata::planner
