// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "cordata/base/units.h"
#include "cordata/ir/graph.h"

namespace cordata::cost {

// The dims of all that an op reads, then of all that it makes; -1 stands before each tensor.
using OpSizes = std::vector<int64_t>;
// Seconds that one kind of device takes for ops of one form, by their sizes.
using MeasuredTimes = std::map<OpSizes, double>;

// Whether a profile can hold an op: a kernel of its own in every module, without regions, whose attributes
// say nothing of sizes, on more than scalars. (Products and convolutions above all; what compilers fuse is
// modelled, fusion.h.)
bool can_be_profiled(const ir::Graph& graph, const ir::Node& node);
// What an op is but for its sizes: "stablehlo.dot_general {...} (f32, f32) -> f32".
std::string op_form(const ir::Graph& graph, const ir::Node& node);
OpSizes op_sizes(const ir::Graph& graph, const ir::Node& node);
std::string sizes_text(const OpSizes& sizes, size_t operands);  // "64x32, 32x16 -> 64x16"

// An op that was measured.
struct ProfiledOp {
  std::string form, sizes, dtype;  // sizes_text; of the first operand
  base::Seconds seconds{0};
};

// The times of a kind of device in a profile, an SQLite file with one table:
//   op_time(device, op, sizes, dtype, seconds, measured)
// by op form. Read once in a process. Throws a user error for what is no such file.
const std::map<std::string, MeasuredTimes>& profiled_ops(const std::string& path, const std::string& device);

// Adds to a profile, which is made where there is none; what it has of the same ops is replaced. All or
// nothing. `measured`: when and where, for people.
void add_to_profile(const std::string& path, const std::string& device, std::span<const ProfiledOp> ops,
                    const std::string& measured);

}  // namespace cordata::cost
