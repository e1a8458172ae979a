// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/simplify.h"

#include <algorithm>

namespace cordata::planner {
namespace {

// Far above any finite sum, far below the end of 64 bits: differences of two stay exact in sign.
constexpr int64_t kNever = int64_t{1} << 61;

bool never(int64_t c) { return c >= kNever / 2; }
int64_t add(int64_t a, int64_t b) { return never(a) || never(b) ? kNever : a + b; }
int64_t finite_or_never(int64_t c) { return c == kInfinite ? kNever : c; }

bool small(const Problem& problem) {
  __int128 total = 0;
  const auto most = [](const std::vector<int64_t>& costs) {
    int64_t m = 0;
    for (int64_t c : costs)
      if (c != kInfinite) m = std::max(m, c < 0 ? -c : c);
    return m;
  };
  for (const auto& n : problem.nodes) total += most(n.cost);
  for (const auto& e : problem.edges) total += most(e.cost);
  return total < (__int128{1} << 58);
}

}  // namespace

Simplifier::Simplifier(const Problem& problem) : applies_(small(problem)) {
  if (!applies_) return;
  for (const auto& n : problem.nodes) {
    Node& node = nodes_.emplace_back();
    for (size_t s = 0; s < n.cost.size(); ++s) node.cost.push_back(finite_or_never(n.cost[s])), node.original.push_back(static_cast<int>(s));
  }
  for (const auto& e : problem.edges) {
    Matrix rows(e.cost.size());
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = finite_or_never(e.cost[i]);
    if (e.u != e.v) {
      connect(e.u, e.v, rows);
      continue;
    }
    Node& n = nodes_[e.u];  // a loop is a cost of its node
    for (size_t s = 0; s < n.cost.size(); ++s) n.cost[s] = add(n.cost[s], rows[s * n.cost.size() + s]);
  }
  run();
}

Simplifier::Matrix Simplifier::rows_of(int u, int v) const {
  const Matrix& m = edge(u, v);
  if (u < v) return m;
  const size_t nu = nodes_[u].cost.size(), nv = nodes_[v].cost.size();
  Matrix turned(m.size());
  for (size_t j = 0; j < nv; ++j)
    for (size_t i = 0; i < nu; ++i) turned[i * nv + j] = m[j * nu + i];
  return turned;
}

void Simplifier::connect(int u, int v, const Matrix& rows_of_u) {
  const size_t nu = nodes_[u].cost.size(), nv = nodes_[v].cost.size();
  auto [it, fresh] = edges_.try_emplace(std::minmax(u, v), nu * nv, 0);
  for (size_t i = 0; i < nu; ++i)
    for (size_t j = 0; j < nv; ++j) {
      int64_t& to = it->second[u < v ? i * nv + j : j * nu + i];
      to = add(to, rows_of_u[i * nv + j]);
    }
  if (fresh) {
    const auto insert = [&](int a, int b) { nodes_[a].near.insert(std::lower_bound(nodes_[a].near.begin(), nodes_[a].near.end(), b), b); };
    insert(u, v), insert(v, u);
  }
  nodes_[u].stale = nodes_[v].stale = true;
}

void Simplifier::drop_edge(int u, int v) {
  edges_.erase(std::minmax(u, v));
  std::erase(nodes_[u].near, v);
  std::erase(nodes_[v].near, u);
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
      if (node.cost.size() == 1) fix(u), changed = true;
      else if (node.near.size() <= 2) fold(u), changed = true;
    }
  }
}

// Drops strategies that another one replaces at no cost.
bool Simplifier::prune(int u) {
  Node& node = nodes_[u];
  const size_t d = node.cost.size();
  std::vector<char> alive(d, 1);
  std::vector<Matrix> rows;
  for (int v : node.near) rows.push_back(rows_of(u, v));
  for (size_t s = 0; s < d; ++s) {
    if (never(node.cost[s])) alive[s] = 0;
    for (size_t k = 0; k < rows.size() && alive[s]; ++k) {  // no finite partner
      const size_t w = nodes_[node.near[k]].cost.size();
      const int64_t* at = rows[k].data() + s * w;
      alive[s] = !never(*std::min_element(at, at + w));
    }
  }
  // How much worse t can be than s at most. A pair that s can't have either doesn't count.
  const auto replaces = [&](size_t t, size_t s) {
    int64_t worse = node.cost[t] - node.cost[s];
    for (size_t k = 0; k < rows.size(); ++k) {
      const size_t w = nodes_[node.near[k]].cost.size();
      const int64_t *a = rows[k].data() + t * w, *b = rows[k].data() + s * w;
      int64_t most = -kNever;
      for (size_t j = 0; j < w; ++j) most = std::max(most, never(b[j]) ? -kNever : a[j] - b[j]);
      if (most >= kNever / 2) return false;
      worse = std::max(worse + most, -kNever);
    }
    return worse <= 0;
  };
  for (size_t s = 0; s < d; ++s)
    for (size_t t = 0; t < d && alive[s]; ++t)
      if (t != s && alive[t] && replaces(t, s)) alive[s] = 0;
  const auto left = std::count(alive.begin(), alive.end(), 1);
  if (left == 0) infeasible_ = true;
  if (left == 0 || left == static_cast<std::ptrdiff_t>(d)) return false;
  keep(u, alive);
  return true;
}

void Simplifier::keep(int u, const std::vector<char>& alive) {
  Node& node = nodes_[u];
  const size_t d = node.cost.size();
  for (int v : node.near) {
    const Matrix rows = rows_of(u, v);
    const size_t w = nodes_[v].cost.size();
    Matrix kept;
    if (u < v) {
      for (size_t s = 0; s < d; ++s)
        if (alive[s]) kept.insert(kept.end(), rows.begin() + s * w, rows.begin() + (s + 1) * w);
    } else {
      for (size_t j = 0; j < w; ++j)
        for (size_t s = 0; s < d; ++s)
          if (alive[s]) kept.push_back(rows[s * w + j]);
    }
    edge(u, v) = std::move(kept);
    nodes_[v].stale = true;
  }
  size_t to = 0;
  for (size_t s = 0; s < d; ++s)
    if (alive[s]) node.cost[to] = node.cost[s], node.original[to] = node.original[s], ++to;
  node.cost.resize(to);
  node.original.resize(to);
}

// One strategy left: its edges are costs of the neighbours.
void Simplifier::fix(int u) {
  Node& node = nodes_[u];
  constant_ += node.cost[0];
  folds_.push_back({u, {}, {}, {node.original[0]}});
  for (int v : std::vector<int>(node.near)) {
    const Matrix rows = rows_of(u, v);
    for (size_t j = 0; j < rows.size(); ++j) nodes_[v].cost[j] = add(nodes_[v].cost[j], rows[j]);
    nodes_[v].stale = true;
    drop_edge(u, v);
  }
  node.gone = true;
}

void Simplifier::fold(int u) {
  Node& node = nodes_[u];
  const std::vector<int> near = node.near;
  const size_t d = node.cost.size();
  const size_t wa = near.empty() ? 1 : nodes_[near[0]].cost.size(), wb = near.size() < 2 ? 1 : nodes_[near[1]].cost.size();
  const Matrix a = near.empty() ? Matrix(d, 0) : rows_of(u, near[0]), b = near.size() < 2 ? Matrix(d, 0) : rows_of(u, near[1]);
  Matrix message(wa * wb, kNever);
  Fold done{u, near, {}, std::vector<int>(wa * wb, 0)};
  for (int v : near) done.strategies.push_back(nodes_[v].original);
  for (size_t s = 0; s < d; ++s)
    for (size_t i = 0; i < wa; ++i) {
      const int64_t base = add(node.cost[s], a[s * wa + i]);
      for (size_t j = 0; j < wb; ++j) {
        const int64_t c = add(base, b[s * wb + j]);
        if (c < message[i * wb + j]) message[i * wb + j] = c, done.best[i * wb + j] = node.original[s];
      }
    }
  folds_.push_back(std::move(done));
  for (int v : near) drop_edge(u, v);
  node.gone = true;
  if (near.empty()) {
    if (never(message[0])) infeasible_ = true;
    else constant_ += message[0];
  } else if (near.size() == 1) {
    Node& v = nodes_[near[0]];
    for (size_t i = 0; i < wa; ++i) v.cost[i] = add(v.cost[i], message[i]);
    v.stale = true;
  } else {
    connect(near[0], near[1], message);
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
  for (const auto& [ends, cost] : edges_) out.edges.push_back({place[ends.first], place[ends.second], restore(cost)});
  return out;
}

std::vector<int> Simplifier::expand(const std::vector<int>& core_choice) const {
  std::vector<int> choice(nodes_.size(), 0);
  size_t next = 0;
  for (size_t u = 0; u < nodes_.size(); ++u)
    if (!nodes_[u].gone) choice[u] = nodes_[u].original[core_choice[next++]];
  for (size_t f = folds_.size(); f-- > 0;) {
    size_t at = 0;
    for (size_t k = 0; k < folds_[f].neighbours.size(); ++k) {
      const auto& known = folds_[f].strategies[k];
      at = at * known.size() + (std::find(known.begin(), known.end(), choice[folds_[f].neighbours[k]]) - known.begin());
    }
    choice[folds_[f].node] = folds_[f].best[at];
  }
  return choice;
}

}  // namespace cordata::planner
