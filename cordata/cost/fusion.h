// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/ir/graph.h"

namespace cordata::cost {

// How a compiler fuses a graph's ops into kernels: an op that makes each of its elements from one of each
// operand (elementwise, a broadcast, a slice, a reshape) is part of the kernel that reads its result;
// reductions end a kernel that computes what they sum; all else is a kernel of its own. Where several kernels
// read a result, each computes it if it is made from at most one tensor as large as itself, so that reading
// that is no more than reading the result; and, unless the compiler merges kernels, isn't slow to compute.
// (XLA's InstructionFusion; on GPUs its FusionMerger merges.)
struct Fusion {
  std::vector<std::vector<int>> kernels;  // by position in graph.ops(): the ops that its kernels end with
  std::vector<char> fused;                // by position: the result is never written
  // By position, and operand or result: bytes of it that the op has its kernels read and write.
  std::vector<std::vector<double>> read, written;
};

// `modules`: as op_times has them (op_time.h).
Fusion fuse(const ir::Graph& graph, bool merging, const std::vector<int>& modules = {});

// Whether an op makes each element of its one result from one element of each operand: elementwise ones, and
// what reads part of a tensor, or an element several times.
bool pointwise(const ir::Graph& graph, const ir::Node& node);
// Whether it does so for elements in the same place, by its rule.
bool elementwise(const ir::Graph& graph, const ir::Node& node);

// Whether an elementwise op takes longer to compute than its result to read.
bool slow(ir::OpKind kind);

// Whether an op hands values on and only says what comes first.
bool orders_only(const ir::Node& node);

}  // namespace cordata::cost
