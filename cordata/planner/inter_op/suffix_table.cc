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

void SuffixTable::keep(const Label& fresh) {
  for (const Label& l : fresh_)
    if (l.sum <= fresh.sum && l.cores <= fresh.cores) return;
  std::erase_if(fresh_, [&](const Label& l) { return fresh.sum <= l.sum && fresh.cores <= l.cores; });
  fresh_.push_back(fresh);
}

// The labels of (left, layer, device) from those with one stage less.
void SuffixTable::extend(int left, int layer, int device, const Cost& cost, const Row& row, double cap) {
  fresh_.clear();
  const int in_flight = p_.all_in_flight ? p_.microbatches : std::min(left, p_.microbatches);
  for (const int size : sizes_) {
    const int after = device + size;
    if (after > p_.devices || !submesh_starts_at(device, size, p_.devices_per_host)) continue;
    const double share = cores_share(p_, size);
    const int first = p_.alike ? p_.alike(device, size) : device;
    std::vector<double>* known = nullptr;
    for (int end = layer + 1; end <= p_.layers; ++end) {
      if (work_left_[layer] - work_left_[end] > cap * size * kRounding) break;
      const Span rest = at(left - 1, end, after);
      if (rest.count == 0) continue;
      const StageKey key{layer, end, first, size, in_flight};
      if (!known) known = &row(key);
      double& c = (*known)[end];
      if (std::isnan(c)) c = cost(key);
      if (c > cap || c == kNever) continue;
      for (int i = rest.begin; i < rest.begin + rest.count; ++i) {
        const Label& tail = labels_[i];
        keep({tail.sum + c, std::max(tail.most, c), tail.cores + c * share, end, size, i});
      }
    }
  }
  at(left, layer, device) = {static_cast<int>(labels_.size()), static_cast<int>(fresh_.size())};
  labels_.insert(labels_.end(), fresh_.begin(), fresh_.end());
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
  const int places = p_.devices / unit_;
  labels_.clear();
  states_.assign(most_stages_ + 1, {});
  for (auto& s : states_) s.assign(static_cast<size_t>(p_.layers + 1) * (places + 1), Span{});
  labels_.push_back({});
  for (int device = 0; device <= p_.devices; device += unit_)
    if (device == p_.devices || p_.allow_idle) at(0, p_.layers, device) = {0, 1};
  std::vector<Cutting> out;
  for (int left = 1; left <= most_stages_; ++left) {
    for (int layer = 0; layer < p_.layers; ++layer)
      for (int device = 0; device < p_.devices; device += unit_)
        if (can_be_left(layer, device, cap)) extend(left, layer, device, cost, row, cap);
    if (left < p_.min_stages) continue;
    const Span whole = at(left, 0, 0);
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
