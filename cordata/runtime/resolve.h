// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cordata/runtime/box.h"
#include "cordata/runtime/pjrt/client.h"

namespace cordata::runtime {

struct CompiledModule {
  Executable executable;
  std::vector<int64_t> result_bytes;
  int64_t extra_bytes = 0;  // results that take over no argument, and temporaries: needed while it runs
  bool collective = false;
};

// A piece of a receive. In place: straight into the new buffer; else into memory of its own, unpacked when it
// is there.
struct ResolvedPiece {
  int peer = -1, tag = 0;
  int64_t bytes = 0;
  bool local = false, in_place = false;
  program::Slot local_slot = -1;
  int64_t offset = 0;  // in place: where in the new buffer
  BoxCopy copy;        // local: from that slot's buffer; else from the packed message
};

// An instruction with everything looked up.
struct ResolvedInstruction {
  const program::Instruction* source = nullptr;
  const CompiledModule* module = nullptr;  // kRun
  std::vector<program::Slot> donated;      // kRun
  BoxCopy pack;                            // kSend
  std::vector<ResolvedPiece> pieces;       // kRecv
  int receive = -1;                        // kRecv: its number among the list's receives
  int64_t bytes = 0;                       // of what it sends, receives or makes
  std::vector<int> post;                   // receives (instructions by position) to post before this one
};

using ResolvedList = std::vector<ResolvedInstruction>;

// `slots`: types of the residents' slots, and of what lists before this one left behind; grown by this list.
// Throws an internal error, naming the instruction, where it doesn't fit the modules' types.
ResolvedList resolve(const std::vector<program::Instruction>& list, int rank,
                     const std::map<int, CompiledModule>& modules,
                     const std::vector<program::ModuleText>& texts, std::map<program::Slot, ir::Type>& slots);

}  // namespace cordata::runtime
