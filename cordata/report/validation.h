// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cordata/base/units.h"

namespace cordata::report {

// A figure of a plan: as the plan has it, as the simulator has it, and as ranks measured it.
struct Compared {
  double planned = 0, simulated = 0, measured = 0;
};

// A plan that was predicted and run.
struct ValidatedPlan {
  std::string model, planner, remat, schedule;
  int microbatches = 1, stages = 1;
  Compared step;               // seconds; measured: the median of the rounds
  std::vector<double> rounds;  // seconds a step, by round
  struct Rank {
    int stage = 0;
    Compared memory;      // bytes at the fullest: live device buffers, messages, temporaries
    double resident = 0;  // by the kernel: how much more the process had than after start-up
  };
  std::vector<Rank> ranks;

  Compared memory() const;  // of the fullest rank, each figure's own
};

// How far predictions are from what was measured, over a set of plans. Orders are looked at among plans of
// one model.
struct Deviation {
  double step = 0, memory = 0;  // median over plans of |predicted / measured - 1|
  double ordered = 1;  // pairs measured more than 5 % apart that are predicted in that order, as a share
  double auto_behind =
      0;  // of the models where `auto` does worst: its measured step over the best one's, less 1
};
enum class Source { kPlanned, kSimulated };
Deviation deviation(const std::vector<ValidatedPlan>& plans, Source source);

// The most plans of which each two are measured more than 10 % apart.
int distinct_steps(const std::vector<ValidatedPlan>& plans);
// How far the counted peak of ranks is from what the kernel says, median over all ranks of all plans.
double resident_deviation(const std::vector<ValidatedPlan>& plans);

std::string validation_text(const std::vector<ValidatedPlan>& plans);
nlohmann::ordered_json validation_json(const std::vector<ValidatedPlan>& plans);
// Predicted over measured, step time and memory side by side, a point a plan (memory: a rank), SVG.
std::string validation_svg(const std::vector<ValidatedPlan>& plans, const std::string& title);

}  // namespace cordata::report
