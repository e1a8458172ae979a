// SPDX-License-Identifier: Apache-2.0
// Collectives, and the ids of who runs. A region or a group's size decides most result types, so they are
// given.
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"

namespace cordata::ir::ops {
namespace {

Types id(const OpView&) { return {Type::tensor(DType::kUI32)}; }

constexpr OpRow kRows[] = {
    {.kind = OpKind::kAllGather},
    {.kind = OpKind::kAllReduce, .infer = given_or_like_operands, .flops = per_element},
    {.kind = OpKind::kAllToAll},
    {.kind = OpKind::kCollectiveBroadcast, .infer = like_operands},
    {.kind = OpKind::kCollectivePermute, .infer = like_operands},
    {.kind = OpKind::kCrossReplicaSum, .infer = like_operands, .flops = per_element},
    {.kind = OpKind::kPartitionId, .infer = id},
    {.kind = OpKind::kReduceScatter, .flops = per_element},
    {.kind = OpKind::kReplicaId, .infer = id},
};

}  // namespace

std::span<const OpRow> collective_rows() { return kRows; }

}  // namespace cordata::ir::ops
