// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cordata/planner/inter_op/stages.h"
#include "cordata/step/remat.h"

namespace cordata::planner {

// A stage that is said beforehand: layers [first_layer, last_layer) are one, and what else is given of it
// holds; the rest is planned.
struct Fix {
  std::string words;  // as given, for messages
  int first_layer = 0, last_layer = 0;
  int first_device = -1, devices = 0;  // 0: any
  bool mesh_given = false;
  std::vector<int64_t> mesh;          // shape of its logical view, axes of one device left out
  std::vector<std::string> sharding;  // by mesh axis, or one for all (restrictions.h); empty: free

  // The words of a view's axes; nothing: the view isn't one.
  std::optional<std::vector<std::string>> on_view(const std::vector<int64_t>& shape) const;
};

// From words KEY=VALUE, each `stage=` beginning one: stage=0-11 (layers, the last included) devices=0-3
// mesh=2x2 sharding=batch/tensor. Throws a user error that says what was wanted.
std::vector<Fix> parse_fixes(const std::vector<std::string>& words);

// That they fit together and so many layers and devices. Throws a user error.
void check_fixes(const std::vector<Fix>& fixes, int layers, int devices);

// Whether a stage is one that the fixes leave: it is fixed and where that says, or holds no fixed layer.
bool allowed(const std::vector<Fix>& fixes, const StageKey& key);

// Of the layer; null: none.
const Fix* fix_of(const std::vector<Fix>& fixes, int layer);

}  // namespace cordata::planner
