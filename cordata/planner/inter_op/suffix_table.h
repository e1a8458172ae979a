// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "cordata/planner/inter_op/stages.h"

namespace cordata::planner {

// A cutting with what it costs: c_i's sum, the largest, and the share of shared cores (StageProblem).
struct Cutting {
  double sum = 0, most = 0, cores = 0;
  std::vector<StageKey> stages;
};

// What stages on `devices` devices take of the cores that all share, of c_i; 0 where they don't.
double cores_share(const StageProblem& problem, int devices);

// The dynamic program under a cap on c_i. It keeps, for every (stages left, first layer, first device), the
// ways to do the rest that nothing else beats in sum and cores; states from which the rest can't be done
// under the cap, by StageProblem::least_work, are left out.
class SuffixTable {
 public:
  // c_i of a stage, infinite where there is none.
  using Cost = std::function<double(const StageKey&)>;
  // What is known of the stages that begin like that one, by last layer; NaN: to be asked for.
  using Row = std::function<std::vector<double>&(const StageKey&)>;

  explicit SuffixTable(const StageProblem& problem);

  // All cuttings with c_i <= cap that nothing beats in sum and cores.
  std::vector<Cutting> cuttings(const Cost& cost, const Row& row, double cap);
  double least_cap() const;  // no cutting's largest c_i is below it, as far as least_work tells

 private:
  struct Label {
    double sum = 0, most = 0, cores = 0;
    int end = 0, size = 0;  // of its first stage
    int next = -1;          // the label of what follows
  };
  struct Span {
    int begin = 0, count = 0;
  };

  void extend(int left, const Cost& cost, const Row& row, double cap);
  static void keep(std::vector<Label>& known, const Label& fresh);
  bool can_be_left(int layer, int device, double cap) const;
  size_t number(int layer, int device) const {  // of a state
    return static_cast<size_t>(layer) * (p_.devices / unit_ + 1) + device / unit_;
  }
  Cutting read_back(int left, int label) const;

  const StageProblem& p_;
  std::vector<int> all_sizes_, sizes_;
  int most_stages_;
  int unit_ = 1;                           // devices come in multiples of it
  std::vector<double> work_left_;          // by layer: least_work from it on
  std::vector<std::vector<Span>> states_;  // by stages left
  std::vector<Label> labels_;
  std::vector<std::vector<Label>> fresh_;  // of the states with as many stages left as are at hand
  std::vector<std::vector<int>> ends_;     // by first device: the layers from which the rest can be done
};

}  // namespace cordata::planner
