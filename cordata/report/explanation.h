// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cordata/base/timeline.h"
#include "cordata/base/units.h"
#include "cordata/plan/plan.h"

namespace cordata::report {

// Why a plan is as it is, as plain data: the text, the HTML page and the JSON show the same. Words are for
// people.

// Another way to run an op, and what a step would take more with all else unchanged.
struct OtherWay {
  std::string strategy;
  base::Seconds more{0};
};

// Ops of a stage that are alike: same kind, types, pass and strategy. Times are sums over them, of one step.
struct OpGroup {
  std::string pass;      // "forward", "backward", "apply"
  std::string kind;      // "dot_general"
  std::string types;     // "f32[8,128,256], f32[256,1024] -> f32[8,128,1024]"
  std::string rule;      // as an einsum
  std::string strategy;  // what each mesh axis does
  std::string result;    // the sharding of what it makes
  int count = 0;
  std::vector<int>
      base_ops;             // of the step before anything is computed again; ops that the cut added are none
  bool replicated = false;  // all devices of the stage compute the same
  base::Seconds compute{0}, reshard{0};
  bool measured = false;         // `compute` is, on such a device; else modelled
  std::vector<OtherWay> others;  // of the first of them
};

// Values that rest on the devices between steps, alike in kind, type and sharding.
struct RestingGroup {
  std::string role, type, sharding, local_type, example;
  int count = 0;
  base::Bytes per_device{0};  // of all of them
};

struct StageExplanation {
  std::vector<OpGroup> ops;  // in order of their first
  std::vector<RestingGroup> resting;
  base::Bytes parameters{0}, optimizer{0}, accumulators{0};  // a device
  base::Bytes passing{0};  // the rest of the predicted peak: activations and what is moved
};

// What another planner finds for the same model and cluster.
struct OtherPlan {
  std::string planner;
  base::Seconds step{0};
  base::Bytes peak_memory{0};
  int stages = 0, microbatches = 0;
  std::string refused;  // why there is none, else empty
};

struct Explanation {
  plan::Plan plan;
  std::string unit;
  double units_per_step = 0;
  std::vector<StageExplanation> stages;
  std::vector<OtherPlan> others;  // only where asked for
  std::vector<std::vector<base::TimelineEvent>>
      timeline;  // by rank, of one step; empty where it was not simulated
};

std::string to_text(const Explanation& e);
nlohmann::ordered_json to_json(const Explanation& e);
std::string to_html(const Explanation& e);  // one page that needs nothing else
std::string to_svg(const Explanation& e);   // one picture: the stages, and their timeline

}  // namespace cordata::report
