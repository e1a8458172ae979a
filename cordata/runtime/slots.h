// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "cordata/base/error.h"
#include "cordata/program/program.h"
#include "cordata/runtime/pjrt/buffer.h"

namespace cordata::runtime {

// The places of a rank's program and the buffers in them. A message that leaves from a slot shares the
// buffer, so that a freed slot's memory stays until the message has left.
class Slots {
 public:
  explicit Slots(int count) : places_(count) {}

  bool full(program::Slot slot) const { return places_.at(slot) != nullptr; }

  const std::shared_ptr<Buffer>& get(program::Slot slot) const {
    const auto& buffer = places_.at(slot);
    if (!buffer) throw base::internal_error("[runtime.slots] slot {} is read while it is empty", slot);
    return buffer;
  }

  void put(program::Slot slot, std::shared_ptr<Buffer> buffer) {
    auto& place = places_.at(slot);
    if (place) throw base::internal_error("[runtime.slots] slot {} is filled while it is full", slot);
    place = std::move(buffer);
  }

  void clear(program::Slot slot) { places_.at(slot) = nullptr; }

  // The buffer of `from` takes the place of what `to` holds.
  void move(program::Slot from, program::Slot to) {
    std::shared_ptr<Buffer> buffer = get(from);
    clear(from);
    clear(to);
    put(to, std::move(buffer));
  }

  // Nobody but the slot has the buffer: it may be given away to be overwritten.
  bool alone(program::Slot slot) const { return places_.at(slot).use_count() <= 1; }

 private:
  std::vector<std::shared_ptr<Buffer>> places_;
};

}  // namespace cordata::runtime
