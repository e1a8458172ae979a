// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cordata/ir/type.h"
#include "cordata/partition/partition.h"
#include "cordata/plan/plan.h"
#include "cordata/step/train_step.h"

namespace cordata::program {

using Slot = int;  // a place for one device buffer of a rank

// A box of a tensor: start and extent per dim, in elements.
struct Box {
  std::vector<int64_t> start, extent;
  bool operator==(const Box&) const = default;
};

enum class OpCode : uint8_t {
  kRun,   // execute `module` with `args` slots into `results` slots; donated arguments' slots become empty
  kSend,  // send `box` (local coordinates) of slot args[0] to rank `peer` under `tag`; the slot keeps its buffer until the message has left
  kRecv,  // fill results[0] (a new buffer of type `type`) from `pieces`, each a box from a peer under a tag
  kLoad,  // fill results[0] with this rank's `box` of batch input `input`, microbatch `microbatch`
  kZero,  // fill results[0] with zeros of type `type`
  kMove,  // the buffer of args[0] becomes results[0]'s
  kFree,  // drop the buffers of `args`
  kLoss,  // args[0] holds the step's loss (a scalar): report it
};
std::string_view name(OpCode op);  // "RUN", ...

struct Piece {
  int peer = -1;     // a rank; this rank itself for a local copy (then `tag` is unused and `local_slot` is read)
  int tag = 0;
  Slot local_slot = -1;
  Box source;        // box of local_slot's buffer (local copies only)
  Box box;           // where it goes in the new buffer (local coordinates)
};

struct Instruction {
  OpCode op;
  int module = -1;
  std::vector<Slot> args, results;
  int peer = -1;
  int tag = 0;  // unique per (sender, receiver, edge, piece) in a step; steps don't overlap on a tag
  Box box;
  std::vector<Piece> pieces;
  ir::Type type;
  int input = -1;
  int microbatch = -1;
  std::string label;  // "F3", "B0", "apply", "send act 2->3": for traces and errors
};

struct ModuleText {
  std::string name;
  int stage = 0;
  std::string text;                   // StableHLO, as the plugin takes it
  std::vector<ir::Type> args, results;  // local
  std::vector<int> alias;             // by argument: the result that takes over its buffer, or -1
  bool collective = false;            // holds collectives: all ranks of the stage run it together
};

// A value that lives from step to step on a rank: which global one, and which block of it.
struct Resident {
  step::Role role = step::Role::kParam;
  int index = 0;
  std::string name;
  Slot slot = 0;
  ir::Type global, local;
  Box box;
  bool owner = true;  // false: a copy of a shared parameter; checkpoints take the owner's
  bool primary = true;  // of replicated blocks, exactly one rank of all has primary = true: it writes the checkpoint
};

struct RankProgram {
  int rank = 0, stage = 0, index_in_mesh = 0;
  int num_slots = 0;
  std::vector<Resident> residents;     // filled before the first step (params, opt states, states, device index)
  Slot device_index = -1;              // scalar i32 with index_in_mesh, or -1
  std::vector<Instruction> setup;      // once, before the first step (zeroed accumulators)
  std::vector<Instruction> step;       // every step
  std::vector<int> modules;            // those it runs
};

struct BatchInput {
  std::string name;
  ir::Type microbatch_type;  // of one microbatch, global
  int batch_dim = 0;
};

// Everything ranks need to run a training step; plain data. LASTING.
struct Program {
  int num_ranks = 1;
  int microbatches = 1;
  int64_t batch = 1;
  std::string schedule;
  std::vector<ModuleText> modules;
  // By number (`comm` of a custom call): disjoint groups of ranks, of which a rank talks in its own. Made at start in this order.
  std::vector<std::vector<std::vector<int>>> communicators;
  std::vector<BatchInput> inputs;
  std::vector<RankProgram> ranks;
};

nlohmann::json to_json(const Program& program, bool with_text);

// A schedule says in which order a stage does its forwards and backwards. Pure data: by stage, the list of (forward?, microbatch).
struct Work {
  bool forward;
  int microbatch;
  bool operator==(const Work&) const = default;
};
using Schedule = std::vector<std::vector<Work>>;  // by stage
Schedule gpipe(int stages, int microbatches);
Schedule one_f_one_b(int stages, int microbatches);
Schedule make_schedule(const std::string& name, int stages, int microbatches);  // user error lists the names

// Puts it all together: cut -> partitioned modules -> per-rank lists, cross-mesh transfers as tiles.
Program lower(const step::JointStep& joint, const step::TrainStep& step, const plan::Plan& plan,
              partition::CollectiveMode mode);

// Proves that the lists can't hang: every receive has its send (same ranks, tag, bytes), collectives of a mesh come in one order,
// every slot is full when read and empty when filled. Returns "" or a message naming the two instructions at odds.
std::string check(const Program& program);

}  // namespace cordata::program
