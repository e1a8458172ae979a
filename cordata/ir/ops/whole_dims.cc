// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/whole_dims.h"

namespace cordata::ir {
namespace {

constexpr const char* kBranches =
    "branches see whole values: to cut these is to plan every branch, and alike";
constexpr const char* kEdges = "shards of a dim that windows reach over need their neighbours' edges";
constexpr const char* kMoves = "along the dim that changes, elements would move between devices";
constexpr const char* kRandom =
    "each device would draw other numbers than one device draws: random numbers don't depend on the plan";
constexpr const char* kSliced =
    "where a slice of part of a dim lies is known at run time only, so devices can't be told whom to ask";

constexpr WholeDims kWholeDims[] = {
    {OpKind::kCase, kBranches},
    {OpKind::kConcatenate, kMoves},
    {OpKind::kConvolution,
     "shards of a spatial dim need their neighbours' edges; groups of features or of batches keep whole what "
     "they group"},
    {OpKind::kCustomCall, "what a call does isn't known here; Shardy has a list of targets"},
    {OpKind::kDynamicSlice, kSliced},
    {OpKind::kDynamicUpdateSlice, kSliced},
    {OpKind::kGather,
     "a dim that slices take a part of, and several indexed dims, stay whole: one masked look-up doesn't do "
     "for them"},
    {OpKind::kIf, kBranches},
    {OpKind::kOptimizationBarrier,
     "of several tensors: they have no dims in common that an axis could be put on"},
    {OpKind::kPad, kMoves},
    {OpKind::kReduce,
     "reduced dims, where no collective joins the parts (several tensors at once, a region of several ops) "
     "or the start isn't known to "
     "be the identity: another start means something else for each compiler"},
    {OpKind::kReduceWindow, kEdges},
    {OpKind::kReverse, kMoves},
    {OpKind::kRng, kRandom},
    {OpKind::kRngBitGenerator, kRandom},
    {OpKind::kScatter,
     "dims that updates fill a part of, and several indexed dims; the updates' own dims, unless they are "
     "added to zero; all of one with "
     "several inputs"},
    {OpKind::kSelectAndScatter, kEdges},
    {OpKind::kSlice, kMoves},
    {OpKind::kWhile, "what a loop carries is whole: to cut it is to plan the body too"},
};

}  // namespace

std::span<const WholeDims> whole_dims() { return kWholeDims; }

}  // namespace cordata::ir
