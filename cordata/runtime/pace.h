// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>

#include "cordata/base/units.h"
#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// Takes steps when it is told to, so that a benchmark can let this run and a peer's take turns on the same
// cores. Lines of text on rank 0's `in`; the rank that `speaks` (one that learns the loss) answers on `out`,
// one JSON object a line:
//
//   (at start)  -> {"ready": true, "compile_s": ...}
//   steps N     -> {"steps": N, "seconds": ..., "losses": [...]}
//   alone N     -> the same, modules of different ranks not at the same time (OneAtATime)
//   (end of input) ends it
//
// `seconds` runs from all ranks being told to all ranks being done. Between turns every rank sleeps: a
// waiting rank must not take the peer's cores. Called by all ranks; `step` takes one step and gives its loss
// to the rank that speaks. Throws a user error on another line, on all ranks.
struct Pace {
  Transport& transport;
  bool speaks = false;
  base::Seconds compile{0};
  std::function<std::optional<double>()> step;
  std::function<void()> finish;     // waits for what still leaves after the last step of a turn; may be empty
  std::function<void(bool)> alone;  // told before each turn whether it is one of `alone`; may be empty
};
void run_paced(const Pace& pace, std::istream& in, std::ostream& out);

}  // namespace cordata::runtime
