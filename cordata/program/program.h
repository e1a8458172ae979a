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
  kRun,     // execute `module` with `args` slots into `results` slots; donated arguments' slots become empty
  kSend,    // send `box` (local coordinates) of slot args[0] to rank `peer` under `tag`; the slot keeps its
            // buffer until the message has left
  kRecv,    // fill results[0] (a new buffer of type `type`) from `pieces`, each a box from a peer under a tag
  kLoad,    // fill results[0] with this rank's `box` of batch input `input`, microbatch `microbatch`
  kNumber,  // fill results[0], an integer scalar of type `type`, with `microbatch`, or the step's number
            // where that is -1
  kZero,    // fill results[0] with zeros of type `type`
  kMove,    // the buffer of args[0] becomes results[0]'s
  kFree,    // drop the buffers of `args`
  kLoss,    // args[0] holds the step's loss (a scalar): report it
};
std::string_view name(OpCode op);  // "RUN", ...

struct Piece {
  int peer = -1;  // a rank; this rank itself for a local copy (then `tag` is unused and `local_slot` is read)
  int tag = 0;
  Slot local_slot = -1;
  Box source;  // box of local_slot's buffer (local copies only)
  Box box;     // where it goes in the new buffer (local coordinates)
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
  std::string text;                     // StableHLO, as the plugin takes it
  std::vector<ir::Type> args, results;  // local
  std::vector<int> alias;               // by argument: the result that takes over its buffer, or -1
  bool collective = false;              // holds collectives: all ranks of the stage run it together
  // The communicator of each collective in the order a run issues them, those of a loop's body once (its trip
  // count is the same on all ranks). -1: all ranks of the stage (native collectives).
  std::vector<int> comms;
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
  bool primary =
      true;  // of replicated blocks, exactly one rank of all has primary = true: it writes the checkpoint
};

struct RankProgram {
  int rank = 0, stage = 0, index_in_mesh = 0;
  int num_slots = 0;
  std::vector<Resident> residents;  // filled before the first step (params, opt states, states, device index)
  Slot device_index = -1;           // scalar i32 with index_in_mesh, or -1
  std::vector<Instruction> setup;   // once, before the first step (zeroed accumulators)
  std::vector<Instruction> step;    // every step
  std::vector<int> modules;         // those it runs
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
  // By number (`comm` of a custom call): disjoint groups of ranks, of which a rank talks in its own. Made at
  // start in this order.
  std::vector<std::vector<std::vector<int>>> communicators;
  std::vector<BatchInput> inputs;
  std::vector<RankProgram> ranks;
};

nlohmann::json to_json(const Program& program);  // all but the modules' texts
// The program as files of a folder, which is made: each module's text as stageS.NAME.mlir, all the rest as
// program.json, written last (docs/formats.md).
void write_program(const Program& program, const std::string& dir);

// A schedule says in which order a stage does its forwards and backwards. Pure data: by stage, the list of
// (forward?, microbatch).
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
Program lower(const step::RematStep& planned, const step::TrainStep& step, const plan::Plan& plan,
              partition::CollectiveMode mode);

// Proves that the lists can't hang or mismatch, however the ranks interleave and however many steps they run.
// Guaranteed when it gives "":
//  * slots are in range, full when read and empty when filled (MOVE replaces; FREE of an empty slot does
//  nothing), of the type that
//    the reader wants; a donated buffer has no second reader; pieces of a receive tile its buffer; this holds
//    in every step, as a step leaves the slots as it found them;
//  * each SEND has its RECV and each RECV its SENDs in the same step: same ranks, tag, bytes and element
//  type, the first with
//    the first where a tag comes twice;
//  * all members of a communicator issue the same collectives (module, microbatch, how many-th of the module)
//  in the same order;
//  * every rank reaches the end of its list where receives are posted as posts.h says, a SEND never waits, a
//  RECV waits for
//    its messages, a RUN for all members at each of its collectives, and a RUN that overwrites a buffer for
//    the receives of the messages that leave from it to be posted. (What a rank waits for, once there, stays
//    there: so if one order ends, all do.)
// Not proved: that the values are right; a list that reads another full slot of the same type passes.
// Otherwise it gives a message that names the two instructions at odds by rank, list, position and label.
std::string check(const Program& program);

}  // namespace cordata::program
