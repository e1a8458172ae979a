// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cordata/plan/plan.h"

namespace cordata::report {

// A plan for people, a screen of text: what was asked, stages as a table, the bill, notes. `units_per_step`
// and `unit` (tokens, images) give the throughput.
std::string plan_text(const plan::Plan& plan, double units_per_step, const std::string& unit);

// Parts of it, which other texts and pages show too.
std::string layer_words(const plan::Stage& stage);                            // "3", "0-7"
std::string remat_words(const std::vector<step::Remat>& by_layer);            // "layer (0-3), none (4)"
std::string stage_ranks(const plan::Stage& stage);                            // "0-3", "0,2,5"
base::Bytes device_memory(const plan::Plan& plan, const plan::Stage& stage);  // of its smallest device
base::Bytes fullest_memory(const plan::Plan& plan);  // that of the stage that holds most
std::string axes_words(const plan::Plan& plan,
                       const plan::BillLine& line);  // "axis 0 (4 devices)"; "" for sends

std::string more_words(base::Seconds more);  // "+12.0 ms", "the same", "-3.00 us"

}  // namespace cordata::report
