// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
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

  bool full(program::Slot slot) const { return places_.at(slot).buffer != nullptr; }

  const std::shared_ptr<Buffer>& get(program::Slot slot) const {
    const Place& place = places_.at(slot);
    if (!place.buffer) throw base::internal_error("[runtime.slots] slot {} is read while it is empty", slot);
    return place.buffer;
  }

  void put(program::Slot slot, std::shared_ptr<Buffer> buffer, int64_t bytes) {
    Place& place = places_.at(slot);
    if (place.buffer) throw base::internal_error("[runtime.slots] slot {} is filled while it is full", slot);
    place = {std::move(buffer), bytes};
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }

  void clear(program::Slot slot) {
    Place& place = places_.at(slot);
    live_ -= place.bytes;
    place = {};
  }

  // The buffer of `from` takes the place of what `to` holds.
  void move(program::Slot from, program::Slot to) {
    std::shared_ptr<Buffer> buffer = get(from);
    const int64_t bytes = places_[from].bytes;
    clear(from);
    clear(to);
    put(to, std::move(buffer), bytes);
  }

  // Nobody but the slot has the buffer: it may be given away to be overwritten.
  bool alone(program::Slot slot) const { return places_.at(slot).buffer.use_count() <= 1; }

  int64_t live_bytes() const { return live_; }
  int64_t peak_bytes() const { return peak_; }
  // Says that for a moment `extra` bytes more than the slots' are held.
  void note_extra(int64_t extra) { peak_ = std::max(peak_, live_ + extra); }

 private:
  struct Place {
    std::shared_ptr<Buffer> buffer;
    int64_t bytes = 0;
  };
  std::vector<Place> places_;
  int64_t live_ = 0, peak_ = 0;
};

}  // namespace cordata::runtime
