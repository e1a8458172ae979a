// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cordata/planner/intra_op/reduce.h"

namespace cordata::planner {

Reducer::Reducer(const Problem& problem) : nodes_(problem.nodes.size()) {
  for (size_t n = 0; n < nodes_.size(); ++n) {
    Node& node = nodes_[n];
    node.cost = problem.nodes[n].cost;
    for (int64_t& c : node.cost) c = c == kInfinite ? kNever : c;
    for (size_t s = 0; s < node.size(); ++s) node.original.push_back(static_cast<int>(s));
    original_size_.push_back(node.size());
  }
  edges_.reserve(problem.edges.size());
  for (const auto& e : problem.edges) {
    std::vector<int64_t> cost = e.cost;
    for (int64_t& c : cost) c = c == kInfinite ? kNever : c;
    add_edge(e.u, e.v, std::move(cost));
  }
  load_usage(problem);
}

Reducer::Reducer(const Core& core, const std::vector<std::vector<char>>& allowed)
    : nodes_(core.nodes.size()), limit_(core.limit), constant_(core.constant) {
  for (size_t n = 0; n < nodes_.size(); ++n) {
    Node& node = nodes_[n];
    node.cost = core.nodes[n].cost;
    node.uses = core.nodes[n].uses;
    for (size_t s = 0; s < node.size(); ++s) {
      node.original.push_back(static_cast<int>(s));
      if (!allowed.empty() && !allowed[n][s]) node.cost[s] = kNever;
    }
    original_size_.push_back(node.size());
  }
  for (const auto& e : core.edges) add_edge(e.u, e.v, e.cost);
  for (size_t t = 0; t < limit_.size(); ++t) times_.push_back(static_cast<int64_t>(t));
}

// Of the times only those count at which a node begins to use memory and before the next of which another
// ends: at all others no more is alive than at one of these.
void Reducer::load_usage(const Problem& problem) {
  if (problem.usage_limit == INT64_MAX) return;
  std::vector<std::pair<int64_t, bool>> events;  // time, whether something begins: ends come first
  const auto lives = [](const Problem::Node& n) { return !n.usage.empty() && n.from < n.to; };
  for (const auto& n : problem.nodes)
    if (lives(n)) events.emplace_back(n.from, true), events.emplace_back(n.to, false);
  std::sort(events.begin(), events.end());
  int64_t all = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    all += i == 0 || events[i].first != events[i - 1].first;
    if (events[i].second && (i + 1 == events.size() || !events[i + 1].second))
      times_.push_back(events[i].first);
  }
  counts_.times_dominated += all - static_cast<int64_t>(times_.size());
  limit_.assign(times_.size(), problem.usage_limit);
  const auto place = [&](int64_t time) {
    return static_cast<int>(std::lower_bound(times_.begin(), times_.end(), time) - times_.begin());
  };
  std::vector<__int128> floor(times_.size() + 1, 0);
  for (size_t n = 0; n < nodes_.size(); ++n) {
    const auto& from = problem.nodes[n];
    if (!lives(from)) continue;
    Core::Use use{place(from.from), place(from.to), from.usage};
    if (use.from == use.to) continue;
    const int64_t least = *std::min_element(use.used.begin(), use.used.end());
    floor[use.from] += least, floor[use.to] -= least;
    for (int64_t& u : use.used) u -= least;
    if (std::any_of(use.used.begin(), use.used.end(), [](int64_t u) { return u > 0; }))
      nodes_[n].uses.push_back(std::move(use));
  }
  __int128 now = 0;
  for (size_t t = 0; t < times_.size(); ++t) {
    now += floor[t];
    const __int128 left = problem.usage_limit - now;
    if (left < 0) {
      infeasible_ = true;
      const auto excess = static_cast<int64_t>(std::min<__int128>(-left, INT64_MAX));
      if (excess > excess_) excess_ = excess, excess_time_ = times_[t];
    }
    limit_[t] = static_cast<int64_t>(std::max<__int128>(left, -1));
  }
}

void Reducer::touch(int n) {
  Node& node = nodes_[n];
  if (node.gone || node.queued) return;
  node.queued = true;
  queue_.push_back(n);
}

void Reducer::touch_around(int n) {
  touch(n);
  for (const Near& near : nodes_[n].near) touch(near.node);
}

void Reducer::add_edge(int u, int v, std::vector<int64_t> cost) {
  if (u == v) {  // a loop is a cost of its node
    const size_t d = nodes_[u].size();
    for (size_t i = 0; i < d; ++i) nodes_[u].cost[i] = capped(nodes_[u].cost[i] + cost[i * d + i]);
    ++counts_.edges_merged;
    return;
  }
  const auto [it, fresh] = edge_between_.try_emplace(key(u, v), static_cast<int>(edges_.size()));
  if (!fresh) {
    Edge& e = edges_[it->second];
    const size_t nu = nodes_[e.u].size(), nv = nodes_[e.v].size();
    for (size_t i = 0; i < nu; ++i)
      for (size_t j = 0; j < nv; ++j) {
        int64_t& c = e.cost[i * nv + j];
        c = capped(c + (e.u == u ? cost[i * nv + j] : cost[j * nu + i]));
      }
    ++counts_.edges_merged;
    return;
  }
  nodes_[u].near.push_back({v, it->second});
  nodes_[v].near.push_back({u, it->second});
  edges_.push_back({u, v, std::move(cost)});
}

void Reducer::drop_edge(int id) {
  Edge& e = edges_[id];
  if (e.gone) return;
  e.gone = true;
  edge_between_.erase(key(e.u, e.v));
  for (const int n : {e.u, e.v})
    std::erase_if(nodes_[n].near, [&](const Near& near) { return near.edge == id; });
  e.cost = {};
}

// Only those strategies stay.
void Reducer::keep(int n, const std::vector<char>& alive) {
  Node& node = nodes_[n];
  const size_t before = node.size(), after = static_cast<size_t>(std::count(alive.begin(), alive.end(), 1));
  if (before == after) return;
  for (const Near& near : node.near) {
    Edge& e = edges_[near.edge];
    const size_t others = nodes_[near.node].size();
    std::vector<int64_t> cost;
    cost.reserve(after * others);
    if (e.u == n) {
      for (size_t i = 0; i < before; ++i)
        if (alive[i]) cost.insert(cost.end(), e.cost.begin() + i * others, e.cost.begin() + (i + 1) * others);
    } else {
      for (size_t j = 0; j < others; ++j)
        for (size_t i = 0; i < before; ++i)
          if (alive[i]) cost.push_back(e.cost[j * before + i]);
    }
    e.cost = std::move(cost);
  }
  const auto sift = [&](auto& list) {
    size_t k = 0;
    for (size_t i = 0; i < before; ++i)
      if (alive[i]) list[k++] = list[i];
    list.resize(k);
  };
  sift(node.cost), sift(node.original);
  for (auto& use : node.uses) sift(use.used);
  level(n);
  touch_around(n);
}

Core Reducer::core() const {
  Core out;
  out.constant = constant_;
  out.limit = limit_;
  std::vector<int> place(nodes_.size(), -1);
  for (size_t n = 0; n < nodes_.size(); ++n) {
    if (nodes_[n].gone) continue;
    place[n] = static_cast<int>(out.nodes.size());
    out.nodes.push_back({nodes_[n].cost, nodes_[n].uses});
  }
  for (const Edge& e : edges_)
    if (!e.gone) out.edges.push_back({place[e.u], place[e.v], e.cost});
  return out;
}

std::vector<int> Reducer::expand(const std::vector<int>& core_choice) const {
  std::vector<int> choice(nodes_.size(), 0);
  size_t next = 0;
  for (size_t n = 0; n < nodes_.size(); ++n)
    if (!nodes_[n].gone) choice[n] = nodes_[n].original[core_choice[next++]];
  for (size_t f = folds_.size(); f-- > 0;) {
    const Fold& fold = folds_[f];
    const int row = fold.near[0] < 0 ? 0 : fold.rows[choice[fold.near[0]]];
    const int column = fold.near[1] < 0 ? 0 : fold.columns[choice[fold.near[1]]];
    choice[fold.node] = fold.take[row * fold.width + column];
  }
  return choice;
}

std::vector<int> Reducer::restrict(const std::vector<int>& choice) const {
  std::vector<int> out;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    if (nodes_[n].gone) continue;
    const auto& known = nodes_[n].original;
    const auto it = std::find(known.begin(), known.end(), choice[n]);
    if (it == known.end()) return {};
    out.push_back(static_cast<int>(it - known.begin()));
  }
  return out;
}

void Reducer::run(const Until& deadline) {
  for (size_t n = 0; n < nodes_.size(); ++n) touch(static_cast<int>(n));
  for (bool more = true; more && !infeasible_;) {
    more = false;
    while (!queue_.empty() && !infeasible_) {
      if (deadline.over()) return;
      const int n = queue_.front();
      queue_.pop_front();
      nodes_[n].queued = false;
      if (!nodes_[n].gone) reduce_node(n);
    }
    if (infeasible_ || deadline.over()) return;
    more = reduce_times();
    more = drop_too_large() || more || !queue_.empty();
  }
}

}  // namespace cordata::planner
