// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace cordata::ir {

// How to_string(FactorRule) calls the rule's factor of that number: i, j, ..., z, then a1, b1, ...
std::string factor_name(int factor);

}  // namespace cordata::ir
