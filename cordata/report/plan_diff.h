// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cordata/report/explanation.h"

namespace cordata::report {

// What differs between two plans, A and B, as plain data: the text, the JSON and the HTML show the same.

// One thing of the whole plan, in words.
struct DiffFact {
  std::string what, a, b;
  std::string change;  // what B's is against A's; "" where that is no number
};

// Ops of one pass, kind and types that run one way in A and another in B; times are of a step, summed over
// stages.
struct DiffOps {
  std::string pass, kind, types, a, b;
  int count = 0;
  base::Seconds seconds_a{0}, seconds_b{0};
};

// Values of a kind and type that rest on the devices in other ways.
struct DiffResting {
  std::string role, type, a, b;
};

// A line of the bill by kind: calls a step, and bytes a device hands to them (sends: all bytes).
struct DiffBill {
  std::string kind;
  int64_t calls_a = 0, calls_b = 0;
  base::Bytes bytes_a{0}, bytes_b{0};
};

struct PlanDiff {
  std::string name_a, name_b;  // for people: the files
  plan::Plan a, b;
  bool same_model = true, same_ops = true;  // where not, ops and what rests are not compared
  bool same = true;                         // in everything that is compared
  double units_per_step_a = 0, units_per_step_b = 0;
  std::string unit;
  std::vector<DiffFact> cluster;  // fields of its file that differ
  std::vector<DiffFact> facts;    // of the plan; those that are alike are left out, but for time and memory
  int layers_moved = 0;           // to other devices; of plans with the same layers
  bool same_layers = true;
  std::vector<DiffOps> ops;  // what changes most first
  std::vector<DiffResting> resting;
  std::vector<DiffBill> bill;  // all kinds
};

// Explanations without stages (the model can't be had) are compared as far as the plans go.
PlanDiff diff_plans(std::pair<std::string, Explanation> a, std::pair<std::string, Explanation> b);

std::string to_text(const PlanDiff& diff);
nlohmann::ordered_json to_json(const PlanDiff& diff);
std::string to_html(const PlanDiff& diff);  // one page that needs nothing else

}  // namespace cordata::report
