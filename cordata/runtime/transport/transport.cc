// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/transport/transport.h"

#include <algorithm>
#include <array>
#include <thread>

#include "cordata/base/error.h"

namespace cordata::runtime {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"add", "mul", "max", "min", "and", "or"};

}  // namespace

std::string_view name(Reduce reduce) { return kNames.at(static_cast<size_t>(reduce)); }

Reduce parse_reduce(std::string_view text) {
  auto found = std::find(kNames.begin(), kNames.end(), text);
  if (found == kNames.end()) {
    throw base::internal_error("[runtime.transport] wanted a reduction add, mul, max, min, and, or; got {}",
                               text);
  }
  return static_cast<Reduce>(found - kNames.begin());
}

void wait(Transfer& transfer, Deadline deadline, std::string_view what) {
  using std::chrono::microseconds;
  for (int tries = 0; !transfer.done(); ++tries) {
    if (deadline.passed())
      throw base::environment_error("[runtime.transport] {} did not end before its deadline", what);
    // Ranks may share cores: hand them over at once, and sleep once it is clear that the message takes a
    // while.
    if (tries < 50) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(microseconds(std::min(20 + tries / 10, 200)));
    }
  }
}

}  // namespace cordata::runtime
