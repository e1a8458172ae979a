// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>

#include "cordata/planner/intra_op/reduce.h"

namespace cordata::planner {
namespace {

using Wide = __int128;

// Least of any range of a list.
class RangeMin {
 public:
  explicit RangeMin(const std::vector<int64_t>& list) : levels_{list} {
    for (size_t half = 1; 2 * half <= list.size(); half *= 2) {
      const auto& below = levels_.back();
      std::vector<int64_t> level(list.size() - 2 * half + 1);
      for (size_t i = 0; i < level.size(); ++i) level[i] = std::min(below[i], below[i + half]);
      levels_.push_back(std::move(level));
    }
  }
  int64_t of(int from, int to) const {
    const auto width = static_cast<unsigned>(to - from);
    const int k = std::bit_width(width) - 1;
    return std::min(levels_[k][from], levels_[k][to - (1 << k)]);
  }

 private:
  std::vector<std::vector<int64_t>> levels_;
};

}  // namespace

void Reducer::level(int n, int from, int to) {
  auto& uses = nodes_[n].uses;
  const auto first =
      std::partition_point(uses.begin(), uses.end(), [&](const Core::Use& u) { return u.to <= from; });
  const auto last = std::partition_point(first, uses.end(), [&](const Core::Use& u) { return u.from < to; });
  bool empty = false;
  for (auto use = first; use != last; ++use) {
    const auto [least, most] = std::minmax_element(use->used.begin(), use->used.end());
    const int64_t all = *least;
    empty = empty || all == *most;
    if (all == 0) continue;
    for (int64_t& u : use->used) u -= all;
    for (int t = use->from; t < use->to; ++t) {
      limit_[t] -= all;
      if (limit_[t] >= 0) continue;
      infeasible_ = true;
      if (-limit_[t] > excess_) excess_ = -limit_[t], excess_time_ = times_[t];
    }
  }
  if (!empty) return;
  uses.erase(std::remove_if(first, last,
                            [](const Core::Use& use) {
                              return std::all_of(use.used.begin(), use.used.end(),
                                                 [](int64_t u) { return u == 0; });
                            }),
             last);
}

bool Reducer::reduce_times() {
  const size_t count = limit_.size();
  if (count == 0) return false;
  std::vector<Wide> most(count + 1, 0), up(count + 1, 0), down(count + 1, 0);
  // At b the usage goes from `a` to `z` (null: nothing).
  const auto change = [&](int b, const std::vector<int64_t>* a, const std::vector<int64_t>* z) {
    int64_t least = INT64_MAX, largest = INT64_MIN;
    for (size_t s = 0; s < (a ? a : z)->size(); ++s) {
      const int64_t d = (z ? (*z)[s] : 0) - (a ? (*a)[s] : 0);
      least = std::min(least, d), largest = std::max(largest, d);
    }
    up[b] += least, down[b] -= largest;
  };
  for (const Node& node : nodes_) {
    if (node.gone) continue;
    for (size_t k = 0; k < node.uses.size(); ++k) {
      const auto& use = node.uses[k];
      const int64_t largest = *std::max_element(use.used.begin(), use.used.end());
      most[use.from] += largest, most[use.to] -= largest;
      const bool joins = k > 0 && node.uses[k - 1].to == use.from;
      change(use.from, joins ? &node.uses[k - 1].used : nullptr, &use.used);
      if (k + 1 == node.uses.size() || node.uses[k + 1].from != use.to) change(use.to, &use.used, nullptr);
    }
  }
  std::vector<char> keep(count, 1);
  for (size_t b = 1; b < count; ++b) {
    const Wide step = Wide{limit_[b]} - limit_[b - 1];
    if (up[b] >= step)
      keep[b - 1] = 0;
    else if (down[b] >= -step)
      keep[b] = 0;
  }
  counts_.times_dominated += std::count(keep.begin(), keep.end(), 0);
  Wide now = 0;
  for (size_t t = 0; t < count; ++t) {
    now += most[t];
    if (keep[t] && now <= limit_[t]) keep[t] = 0, ++counts_.times_slack;
  }
  if (std::count(keep.begin(), keep.end(), 0) == 0) return false;
  drop_times(keep);
  return true;
}

void Reducer::drop_times(const std::vector<char>& keep) {
  std::vector<int> place(keep.size() + 1, 0);
  for (size_t t = 0; t < keep.size(); ++t) {
    place[t + 1] = place[t] + keep[t];
    if (keep[t]) limit_[place[t]] = limit_[t], times_[place[t]] = times_[t];
  }
  limit_.resize(place.back()), times_.resize(place.back());
  for (size_t n = 0; n < nodes_.size(); ++n) {
    auto& uses = nodes_[n].uses;
    if (nodes_[n].gone || uses.empty()) continue;
    const size_t before = uses.size();
    std::vector<Core::Use> left;
    for (auto& use : uses) {
      use.from = place[use.from], use.to = place[use.to];
      if (use.from == use.to) continue;
      if (!left.empty() && left.back().to == use.from && left.back().used == use.used)
        left.back().to = use.to;
      else
        left.push_back(std::move(use));
    }
    uses = std::move(left);
    if (uses.size() != before) touch(static_cast<int>(n));
  }
}

bool Reducer::drop_too_large() {
  if (limit_.empty()) return false;
  const RangeMin least(limit_);
  bool any = false;
  for (size_t n = 0; n < nodes_.size() && !infeasible_; ++n) {
    Node& node = nodes_[n];
    if (node.gone || node.uses.empty()) continue;
    std::vector<char> alive(node.size(), 1);
    for (const auto& use : node.uses) {
      const int64_t room = least.of(use.from, use.to);
      for (size_t s = 0; s < node.size(); ++s)
        if (use.used[s] > room) alive[s] = 0;
    }
    const auto gone = std::count(alive.begin(), alive.end(), 0);
    if (gone == 0) continue;
    any = true;
    counts_.too_large += gone;
    infeasible_ = infeasible_ || gone == static_cast<std::ptrdiff_t>(node.size());
    if (!infeasible_) keep(static_cast<int>(n), alive);
  }
  return any;
}

}  // namespace cordata::planner
