// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/inter_op/suffix_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kRounding = 1 + 1e-9;

}  // namespace

double cores_share(const StageProblem& p, int devices) {
  if (p.cores_shared_by <= 1) return 0;  // never the bottleneck then
  const double cores = p.devices / p.cores_shared_by;
  return std::min<double>(devices, cores) / cores;
}

SuffixTable::SuffixTable(const StageProblem& p)
    : p_(p),
      all_sizes_(stage_sizes(p)),
      most_stages_(std::min({p.max_stages, p.layers, p.devices})),
      work_left_(p.layers + 1, 0) {
  for (int l = p.layers; l-- > 0 && !p.least_work.empty();)
    work_left_[l] = work_left_[l + 1] + p.least_work[l];
}

double SuffixTable::least_cap() const { return work_left_[0] / p_.devices; }

// Layers before and from `layer` on each have their share of the devices.
bool SuffixTable::can_be_left(int layer, int device, double cap) const {
  const double before = work_left_[0] - work_left_[layer], after = work_left_[layer];
  return before <= cap * device * kRounding && after <= cap * (p_.devices - device) * kRounding;
}

void SuffixTable::keep(std::vector<Label>& known, const Label& fresh) {
  for (const Label& l : known)
    if (l.sum <= fresh.sum && l.cores <= fresh.cores) return;
  std::erase_if(known, [&](const Label& l) { return fresh.sum <= l.sum && fresh.cores <= l.cores; });
  known.push_back(fresh);
}

// The labels with `left` stages from those with one less: each is put behind every stage that can stand
// before it.
void SuffixTable::extend(int left, const Cost& cost, const Row& row, double cap) {
  const int in_flight = p_.all_in_flight ? p_.microbatches : std::min(left, p_.microbatches);
  std::vector<std::vector<double>*> known(p_.layers);  // of the stages at hand, by first layer
  std::vector<size_t> touched;
  for (const int size : sizes_) {
    const double share = cores_share(p_, size);
    for (int after = size; after <= p_.devices; after += unit_) {
      const auto& ends = ends_[after / unit_];
      const int device = after - size;
      if (ends.empty() || !submesh_starts_at(device, size, p_.devices_per_host)) continue;
      const int first = p_.alike ? p_.alike(device, size) : device;
      std::fill(known.begin(), known.end(), nullptr);
      for (const int end : ends)
        for (int layer = end - 1; layer >= 0; --layer) {
          if (work_left_[layer] - work_left_[end] > cap * size * kRounding) break;
          if (!can_be_left(layer, device, cap)) continue;
          const StageKey key{layer, end, first, size, in_flight};
          if (!known[layer]) known[layer] = &row(key);
          double& c = (*known[layer])[end];
          if (std::isnan(c)) c = cost(key);
          if (c > cap || c == kNever) continue;
          const size_t state = number(layer, device);
          if (fresh_[state].empty()) touched.push_back(state);
          const Span rest = states_[left - 1][number(end, after)];
          for (int i = rest.begin; i < rest.begin + rest.count; ++i) {
            const Label& tail = labels_[i];
            keep(fresh_[state], {tail.sum + c, std::max(tail.most, c), tail.cores + c * share, end, size, i});
          }
        }
    }
  }
  std::sort(touched.begin(), touched.end());
  for (auto& ends : ends_) ends.clear();
  for (const size_t state : touched) {
    auto& fresh = fresh_[state];
    states_[left][state] = {static_cast<int>(labels_.size()), static_cast<int>(fresh.size())};
    labels_.insert(labels_.end(), fresh.begin(), fresh.end());
    fresh.clear();
    ends_[state % ends_.size()].push_back(static_cast<int>(state / ends_.size()));
  }
}

Cutting SuffixTable::read_back(int left, int label) const {
  const Label* l = &labels_[label];
  Cutting out{l->sum, l->most, l->cores, {}};
  for (int layer = 0, device = 0; left > 0; --left) {
    const int in_flight = p_.all_in_flight ? p_.microbatches : std::min(left, p_.microbatches);
    out.stages.push_back({layer, l->end, device, l->size, in_flight});
    layer = l->end, device += l->size;
    l = &labels_[l->next];
  }
  return out;
}

std::vector<Cutting> SuffixTable::cuttings(const Cost& cost, const Row& row, double cap) {
  sizes_.clear();
  double least_layer = kNever;
  for (const double w : p_.least_work) least_layer = std::min(least_layer, w);
  for (const int size : all_sizes_)  // a stage has a layer at least
    if (p_.least_work.empty() || least_layer <= cap * size * kRounding) sizes_.push_back(size);
  unit_ = p_.devices;
  for (const int size : sizes_) unit_ = std::gcd(unit_, size);
  const int places = p_.devices / unit_ + 1;
  const size_t states = static_cast<size_t>(p_.layers + 1) * places;
  labels_.assign(1, {});
  states_.assign(most_stages_ + 1, std::vector<Span>(states));
  fresh_.resize(std::max(fresh_.size(), states));
  ends_.assign(places, {});
  for (int device = 0; device <= p_.devices; device += unit_)
    if (device == p_.devices || p_.allow_idle) {
      states_[0][number(p_.layers, device)] = {0, 1};
      ends_[device / unit_] = {p_.layers};
    }
  std::vector<Cutting> out;
  for (int left = 1; left <= most_stages_; ++left) {
    extend(left, cost, row, cap);
    if (left < p_.min_stages) continue;
    const Span whole = states_[left][0];
    for (int i = whole.begin; i < whole.begin + whole.count; ++i) {
      const Label& l = labels_[i];
      const auto beaten = [&](const Cutting& c) { return c.sum <= l.sum && c.cores <= l.cores; };
      if (std::any_of(out.begin(), out.end(), beaten)) continue;
      std::erase_if(out, [&](const Cutting& c) { return l.sum <= c.sum && l.cores <= c.cores; });
      out.push_back(read_back(left, i));
    }
  }
  return out;
}

}  // namespace cordata::planner
