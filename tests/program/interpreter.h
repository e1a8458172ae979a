// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cordata/program/program.h"

namespace cordata::tests {

struct Verdict {
  std::string why;           // "" when every rank came to the end of every step and nothing was left over
  bool hang = false;         // every rank that had not ended was blocked
  bool out_of_time = false;  // the deadline passed: the interpreter itself is wrong
};

// Runs a Program's lists, a thread a rank, for some steps: slots hold buffers that know only their type,
// messages carry bytes and element type, collectives are meetings that compare who comes with what. Written
// apart from program::check, it blocks where the executor blocks: a message ends when its receive has been
// posted. A hang is found at once: all threads are blocked and none of the conditions they wait for holds.
Verdict interpret(const program::Program& program, int steps = 3, double deadline_s = 20);

}  // namespace cordata::tests
