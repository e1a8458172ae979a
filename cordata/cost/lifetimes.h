// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "cordata/ir/graph.h"

namespace cordata::cost {

// Which values of a graph are written to memory, and until when that memory is read, as a compiler that fuses
// loops has it (XLA's instruction fusion, copy insertion and list scheduling):
//   Ops that compute each element of their result from one element of each operand (elementwise, broadcast,
//   slice, ...) are loops; they run inside the loops that read them, as often as there are such, and are
//   written only for what isn't a loop: contractions, reductions, collectives, results of the module. A
//   reduction takes over one product, as a loop would. What costs much (exp, division, ...) and has several
//   readers is written once; so is what must be written for one reader and would cost others more than one
//   read to compute again (two operands of its size). Reshapes and barriers hand on their operand's memory.
//   A contraction reads matrices, transposed or not; of more dims, batch dims stand first and those summed
//   over last (of the second operand: before the others). What lies otherwise is copied as soon as it is
//   there. Loops over arguments alone run first; then, of the ops that can run, always the one that leaves
//   least memory in use.
// What a loop reads, it reads where it runs.
struct Lifetimes {
  struct Copy {
    ir::ValueId value;
    int from = 0, to = 0;  // times: when the value is there, and when a contraction last reads the copy
  };
  std::vector<int> order;      // by time: the op that runs
  std::vector<int> time;       // by op
  std::vector<char> written;   // by value: takes memory of its own
  std::vector<char> in_place;  // by op: a loop, which may write over an operand of its result's size
  std::vector<int>
      last_read;             // by value: the time its memory is last read; number of ops: returned; -1: never
  std::vector<Copy> copies;  // in another order of dims, beside the values themselves
};

// `module`: by op, those of one number are compiled together; empty: all. What is read in another module is
// written. `alias`: by argument the result that takes over its memory, or -1.
Lifetimes lifetimes(const ir::Graph& graph, std::span<const int> alias = {},
                    std::span<const int> module = {});

// By argument that a result takes over (`alias`, by argument: the result or -1): whether it is copied first.
// It needn't be where all that reads it comes before the new value by what flows between them: compilers
// decide before they order ops.
std::vector<char> copied_arguments(const ir::Graph& graph, std::span<const int> alias);

}  // namespace cordata::cost
