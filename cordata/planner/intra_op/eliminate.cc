// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/eliminate.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <unordered_set>

namespace cordata::planner {
namespace {

template <typename T>
struct Table {
  std::vector<int> scope;  // ascending by place in the order: the first is eliminated first
  std::vector<T> value;    // row-major, the last of scope fastest
};

template <typename T>
class Eliminator {
 public:
  Eliminator(const Problem& problem, const std::vector<int>& order, size_t limit, T infinite)
      : problem_(problem),
        order_(order),
        limit_(limit),
        infinite_(infinite),
        place_(order.size()),
        buckets_(order.size()) {
    for (size_t i = 0; i < order.size(); ++i) place_[order[i]] = static_cast<int>(i);
  }

  void load(const std::vector<std::vector<Wide>>& unary, Wide scale) {
    for (size_t n = 0; n < unary.size(); ++n) {
      Table<T> table{{static_cast<int>(n)}, std::vector<T>(unary[n].size())};
      for (size_t s = 0; s < unary[n].size(); ++s)
        table.value[s] = unary[n][s] >= kWideInfinite ? infinite_ : static_cast<T>(unary[n][s]);
      put(std::move(table));
    }
    for (const auto& edge : problem_.edges) put(edge_table(edge, scale));
  }

  Elimination run(const Until& deadline) {
    Elimination result;
    for (int node : order_) {
      if (deadline.over()) return result;
      eliminate_node(node, result);
    }
    result.bound = constant_ >= infinite_ ? kWideInfinite : static_cast<Wide>(constant_);
    result.finished = true;
    result.choice = decode();
    return result;
  }

 private:
  size_t domain(int node) const { return problem_.nodes[node].cost.size(); }
  T add(T a, T b) const { return a >= infinite_ || b >= infinite_ ? infinite_ : a + b; }
  void put(Table<T> table) {
    int first = place_[table.scope.front()];
    buckets_[first].push_back(std::move(table));
  }

  Table<T> edge_table(const Problem::Edge& edge, Wide scale) const {
    size_t nu = domain(edge.u), nv = domain(edge.v);
    if (edge.u == edge.v) {  // a loop is a cost of its node
      Table<T> loop{{edge.u}, std::vector<T>(nu)};
      for (size_t i = 0; i < nu; ++i) loop.value[i] = convert(edge.cost[i * nu + i], scale);
      return loop;
    }
    bool swap = place_[edge.u] > place_[edge.v];
    Table<T> table{{edge.u, edge.v}, std::vector<T>(nu * nv)};
    if (swap) std::swap(table.scope[0], table.scope[1]);
    for (size_t i = 0; i < nu; ++i)
      for (size_t j = 0; j < nv; ++j)
        table.value[swap ? j * nu + i : i * nv + j] = convert(edge.cost[i * nv + j], scale);
    return table;
  }
  T convert(int64_t cost, Wide scale) const {
    return cost == kInfinite ? infinite_ : static_cast<T>(cost * scale);
  }

  // Groups of tables whose joint domain stays below the limit: first fit, largest first.
  std::vector<std::vector<int>> group(int node, Elimination& result) const {
    const auto& bucket = buckets_[place_[node]];
    std::vector<int> ids(bucket.size());
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int>(i);
    std::stable_sort(ids.begin(), ids.end(),
                     [&](int a, int b) { return bucket[a].value.size() > bucket[b].value.size(); });
    std::vector<std::vector<int>> groups, scopes;
    for (int id : ids) {
      size_t g = 0;
      for (; g < groups.size(); ++g) {
        std::vector<int> joint = join(scopes[g], bucket[id].scope);
        if (joint.size() > scopes[g].size() && entries(joint) > static_cast<double>(limit_)) continue;
        scopes[g] = std::move(joint);
        break;
      }
      if (g == groups.size()) groups.emplace_back(), scopes.push_back(bucket[id].scope);
      groups[g].push_back(id);
    }
    if (groups.size() > 1) result.exact = false;
    return groups;
  }
  std::vector<int> join(const std::vector<int>& a, const std::vector<int>& b) const {
    std::vector<int> joint;
    std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(joint),
                   [&](int x, int y) { return place_[x] < place_[y]; });
    return joint;
  }
  double entries(const std::vector<int>& scope) const {
    double count = 1;
    for (int n : scope) count *= static_cast<double>(domain(n));
    return count;
  }

  void eliminate_node(int node, Elimination& result) {
    for (const auto& ids : group(node, result)) {
      std::vector<int> scope;
      for (int id : ids) scope = join(scope, buckets_[place_[node]][id].scope);
      scope.erase(scope.begin());
      Table<T> message = minimise(node, ids, std::move(scope));
      if (message.scope.empty())
        constant_ = add(constant_, message.value[0]);
      else
        put(std::move(message));
    }
  }

  // The table with its first node moved to be the fastest, so that the inner loop runs along memory.
  static std::vector<T> transpose(const std::vector<T>& value, size_t d) {
    size_t rest = value.size() / d;
    std::vector<T> turned(value.size());
    for (size_t s = 0; s < d; ++s)
      for (size_t r = 0; r < rest; ++r) turned[r * d + s] = value[s * rest + r];
    return turned;
  }

  // message(scope) = min over the node of the sum of the tables. Finite sums stay below infinite/2, so sums
  // are capped, not tested.
  Table<T> minimise(int node, const std::vector<int>& ids, std::vector<int> scope) {
    const auto& bucket = buckets_[place_[node]];
    size_t d = domain(node), depth = scope.size(), count = 1;
    std::vector<size_t> shape;
    for (int n : scope) shape.push_back(domain(n)), count *= domain(n);
    std::vector<std::vector<size_t>> stride(ids.size(), std::vector<size_t>(depth, 0));
    std::vector<std::vector<T>> turned;
    for (size_t k = 0; k < ids.size(); ++k) {
      const auto& own = bucket[ids[k]].scope;
      turned.push_back(transpose(bucket[ids[k]].value, d));
      size_t step = d;
      for (size_t i = own.size(); i-- > 1; step *= domain(own[i]))
        stride[k][std::find(scope.begin(), scope.end(), own[i]) - scope.begin()] = step;
    }
    std::vector<size_t> index(depth, 0), offset(ids.size(), 0);
    Table<T> message{std::move(scope), std::vector<T>(count)};
    std::vector<T> sum(d);
    for (size_t out = 0; out < count; ++out) {
      std::fill(sum.begin(), sum.end(), T{0});
      for (size_t k = 0; k < ids.size(); ++k) {
        const T* at = turned[k].data() + offset[k];
        for (size_t s = 0; s < d; ++s) sum[s] = std::min<T>(sum[s] + at[s], infinite_);
      }
      T least = infinite_;
      for (size_t s = 0; s < d; ++s) least = std::min(least, sum[s]);
      message.value[out] = least >= infinite_ / 2 ? infinite_ : least;
      for (size_t i = depth; i-- > 0;) {
        bool carry = ++index[i] == shape[i];
        for (size_t k = 0; k < ids.size(); ++k)
          offset[k] += carry ? -(shape[i] - 1) * stride[k][i] : stride[k][i];
        if (!carry) break;
        index[i] = 0;
      }
    }
    return message;
  }

  std::vector<int> decode() const {
    std::vector<int> choice(order_.size(), 0);
    for (size_t i = order_.size(); i-- > 0;) {
      size_t d = domain(order_[i]);
      std::vector<T> sum(d, T{0});
      for (const auto& table : buckets_[i]) {
        size_t offset = 0, leap = table.value.size() / d;
        for (size_t j = 1; j < table.scope.size(); ++j)
          offset = offset * domain(table.scope[j]) + choice[table.scope[j]];
        for (size_t s = 0; s < d; ++s) sum[s] = add(sum[s], table.value[s * leap + offset]);
      }
      choice[order_[i]] = static_cast<int>(std::min_element(sum.begin(), sum.end()) - sum.begin());
    }
    return choice;
  }

  const Problem& problem_;
  const std::vector<int>& order_;
  size_t limit_;
  T infinite_, constant_ = 0;
  std::vector<int> place_;
  std::vector<std::vector<Table<T>>> buckets_;
};

// Whether every sum stays far from the end of 64 bits.
bool narrow(const Problem& problem, const std::vector<std::vector<Wide>>& unary, Wide scale) {
  Wide total = 0;
  for (const auto& costs : unary) {
    Wide most = 0;
    for (Wide c : costs)
      if (c < kWideInfinite) most = std::max(most, c < 0 ? -c : c);
    total += most;
  }
  for (const auto& edge : problem.edges) {
    Wide most = 0;
    for (int64_t c : edge.cost)
      if (c != kInfinite) most = std::max(most, c < 0 ? -Wide{c} : Wide{c});
    total += most * scale;
  }
  return total < (Wide{1} << 60);
}

}  // namespace

namespace {

using Neighbours = std::vector<std::unordered_set<int>>;
constexpr double kSmallTables = 17;  // bits: finding a better order takes longer than the elimination

// Takes nodes away one by one, the one of least weight first, and joins the neighbours of each. Gives the
// order and log2 of the sum of the tables that elimination in it makes.
template <typename Weight>
std::pair<std::vector<int>, double> greedy_order(const Problem& problem, Neighbours near,
                                                 const Weight& weigh) {
  int n = static_cast<int>(near.size());
  using Item = std::pair<double, int>;
  std::priority_queue<Item, std::vector<Item>, std::greater<>> queue;
  std::vector<double> weight(n);
  for (int x = 0; x < n; ++x) queue.emplace(weight[x] = weigh(near, x), x);
  std::vector<char> gone(n, 0);
  std::vector<int> order;
  double work = 0;
  while (!queue.empty()) {
    auto [w, x] = queue.top();
    queue.pop();
    if (gone[x] || w != weight[x]) continue;
    gone[x] = 1;
    order.push_back(x);
    double entries = static_cast<double>(problem.nodes[x].cost.size());
    std::vector<int> around(near[x].begin(), near[x].end());
    std::sort(around.begin(), around.end());
    for (int y : around) entries *= static_cast<double>(problem.nodes[y].cost.size());
    work += entries;
    std::unordered_set<int> changed(around.begin(), around.end());
    for (int y : around) {
      near[y].erase(x);
      if (around.size() > 40) continue;  // such a bucket is split anyway
      for (int z : around)
        if (z != y && near[y].insert(z).second)
          for (int both : near[y])
            if (near[z].contains(both))
              changed.insert(both);  // fill edges change what their common neighbours would fill
    }
    for (int y : changed)
      if (!gone[y]) queue.emplace(weight[y] = weigh(near, y), y);
  }
  return {std::move(order), std::log2(work + 1)};
}

}  // namespace

std::vector<int> elimination_order(const Problem& problem, double* bits_of_tables) {
  Neighbours near(problem.nodes.size());
  for (const auto& e : problem.edges)
    if (e.u != e.v) near[e.u].insert(e.v), near[e.v].insert(e.u);
  std::vector<double> bits;
  for (const auto& n : problem.nodes)
    bits.push_back(std::log2(static_cast<double>(std::max<size_t>(1, n.cost.size())) + 1e-3));
  const auto table = [&](const Neighbours& now, int x) {
    double w = bits[x];
    for (int y : now[x]) w += bits[y];
    return w;
  };
  const auto fill = [&](const Neighbours& now, int x) {
    if (now[x].size() > 40) return 1e6 + table(now, x);
    double w = 0;
    for (int y : now[x])
      for (int z : now[x])
        if (y < z && !now[y].contains(z)) w += bits[y] * bits[z];
    return w + 1e-3 * table(now, x);
  };
  auto best = greedy_order(problem, near, table);
  if (best.second > kSmallTables)
    if (auto other = greedy_order(problem, near, fill); other.second < best.second) best = std::move(other);
  if (bits_of_tables) *bits_of_tables = best.second;
  return std::move(best.first);
}

double elimination_bits(const Problem& problem) {
  double bits = 0;
  elimination_order(problem, &bits);
  return bits;
}

Elimination eliminate(const Problem& problem, const std::vector<int>& order,
                      const std::vector<std::vector<Wide>>& unary, Wide scale, size_t table_limit,
                      const Until& deadline) {
  if (narrow(problem, unary, scale)) {
    Eliminator<int64_t> small(problem, order, table_limit, int64_t{1} << 61);
    small.load(unary, scale);
    return small.run(deadline);
  }
  Eliminator<Wide> large(problem, order, table_limit, kWideInfinite);
  large.load(unary, scale);
  return large.run(deadline);
}

}  // namespace cordata::planner
