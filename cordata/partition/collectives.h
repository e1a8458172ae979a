// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "cordata/ir/builder.h"
#include "cordata/partition/partition.h"

namespace cordata::partition {

// The communicators that a stage's custom calls name: sets of mesh axes, in the order they were first asked
// for.
struct Communicators {
  int first = 0;
  std::vector<uint32_t> axes_sets;
  int index(uint32_t axes);
};

// Emits what devices of one module do differently (by their index in the mesh) and what they do together.
class Collectives {
 public:
  // `device_index` gives a scalar i32 (kCustomCall: an argument of the module; unused in kNative).
  Collectives(ir::GraphBuilder& builder, const sharding::Mesh& mesh, CollectiveMode mode,
              Communicators& communicators, std::function<ir::ValueId()> device_index);

  // This device's position in its group along `axes`, a scalar i32.
  ir::ValueId position(uint32_t axes);
  // One device's part of a global tensor of `type`, brought from one sharding to another. Throws an internal
  // error when there is no path.
  ir::ValueId reshard(ir::ValueId x, const ir::Type& type, const sharding::Sharding& from,
                      const sharding::Sharding& to);

 private:
  ir::ValueId device();
  ir::ValueId step(ir::ValueId x, const ir::Type& type, const sharding::Sharding& before,
                   const sharding::ReshardStep& s);
  ir::ValueId slice(ir::ValueId x, const sharding::ReshardStep& s, const ir::Type& after);
  ir::ValueId partialize(ir::ValueId x, const sharding::ReshardStep& s);
  ir::ValueId cut_for_target(ir::ValueId x, const ir::Type& type, const sharding::Sharding& before,
                             const sharding::Sharding& after, const sharding::Permutation& permutation);
  ir::ValueId native(ir::ValueId x, const sharding::ReshardStep& s, const ir::Type& after,
                     const std::optional<sharding::Permutation>& permutation);
  ir::ValueId custom_call(ir::ValueId x, const sharding::ReshardStep& s, const ir::Type& after,
                          const std::optional<sharding::Permutation>& permutation);
  ir::ValueId scalar(int64_t v) { return builder_.constant(static_cast<double>(v), ir::DType::kI32); }

  ir::GraphBuilder& builder_;
  const sharding::Mesh& mesh_;
  CollectiveMode mode_;
  Communicators& communicators_;
  std::function<ir::ValueId()> device_index_;
  ir::ValueId device_, token_;
  std::vector<std::pair<uint32_t, ir::ValueId>> positions_;
};

}  // namespace cordata::partition
