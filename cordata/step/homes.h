// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "cordata/step/cut.h"

namespace cordata::step {

// Stages, ascending; copies share them, as a sum over all stages has as many terms at each of its adds.
class Terms {
 public:
  bool empty() const { return !all_; }
  size_t size() const { return all_ ? all_->size() : 0; }
  const int* begin() const { return all_ ? all_->data() : nullptr; }
  const int* end() const { return begin() + size(); }
  bool has(int stage) const { return std::binary_search(begin(), end(), stage); }
  void add(int stage);
  void add(const Terms& other);

 private:
  std::shared_ptr<const std::vector<int>> all_;
};

// Where a value of the joint graph is made.
struct Home {
  enum class Kind : uint8_t {
    kAnywhere,    // depends on no argument: made again in each pass that reads it
    kEverywhere,  // at hand or computed alike on every stage that asks (batch inputs, step counters, the
                  // joined norm)
    kStage,       // on one stage
    kTerms,       // the sum of what the stages in `terms` hold
  };
  Kind kind = Kind::kAnywhere;
  int stage = -1;
  Terms terms;

  static Home at(int stage) { return {Kind::kStage, stage, {}}; }
  static Home everywhere() { return {Kind::kEverywhere, -1, {}}; }
  static Home sum(Terms terms) { return {Kind::kTerms, -1, std::move(terms)}; }
};

struct Homes {
  int num_stages = 1;
  std::vector<Home> op;     // by position in the joint graph
  std::vector<Home> value;  // by value; arguments included

  const Home& of(ir::ValueId v) const { return value[v.index]; }
};

// Forward and backward ops live where their layer is; a parameter where it is first read (its owner); apply
// ops where their parameters are. A small value that joins several stages is computed on each of them. Throws
// an internal error when the layers don't fit the joint graph.
Homes find_homes(const JointStep& joint, const Layers& layers, const std::vector<int>& stage_of_layer);

}  // namespace cordata::step
