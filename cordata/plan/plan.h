// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cordata/cluster/cluster.h"
#include "cordata/sharding/reshard.h"
#include "cordata/sharding/sharding.h"
#include "cordata/step/cut.h"
#include "cordata/step/remat.h"

namespace cordata::plan {

// A reshard point: value `value` (ValueId::index in the stage's graph) is brought to `sharding` once in pass
// `pass`, and readers of that pass start from there.
//
// Where a value is, exactly (planner's cost, bill and partitioner all follow this):
//   H(v)  an argument's rest sharding; an op's result_sharding(rule, strategy)
//   K(v)  of an op's result: hub(v, its own pass) if there, else H(v). Of an argument: H(v).
//   A reader in pass p starts from hub(v, p) if there, else from K(v), and reshards to what its strategy
//   asks. The same value brought to the same sharding in the same pass is one reshard, however many readers.
//   hub(v, p) itself is one reshard from H(v) (p makes v) or K(v) (a later pass, or an argument).
//   A graph result is resharded to `results[i]` at the end of the pass that makes it.
struct Hub {
  int value;
  step::Pass pass;
  sharding::Sharding sharding;
};

// How one stage's graph is sharded over its mesh: plain data, by position.
struct StageSharding {
  std::vector<sharding::Strategy> ops;      // by position in graph.ops()
  std::vector<sharding::Sharding> args;     // rest sharding of each argument
  std::vector<sharding::Sharding> results;  // sharding each result is delivered in
  std::vector<Hub> hubs;
};

// One line of the bill: `count` collectives a step, each of `bytes` a device (ReshardStep::bytes). Kinds are
// the collectives' names, and "send" for what crosses between stages (bytes: the whole of it, over all ranks)
// and the loss on its way to rank 0.
struct BillLine {
  std::string kind;
  int stage = 0;
  uint32_t axes = 0;  // bit set of the stage mesh's axes
  double bytes = 0;
  int64_t count = 0;
};

struct Predicted {
  base::Seconds forward{0}, backward{0}, apply{0};  // one microbatch's forward and backward; one apply
  base::Bytes peak_memory{0};                       // of one device
  double gap = 0;                                   // of the stage's intra-op solution: (cost - bound) / cost
  std::string source = "modelled";                  // and how much of it was measured op by op
};

// What a plan was looked for by, and what it comes to: "time", 4.46, "s a step".
struct Objective {
  std::string name = "time";
  double value = 0;
  std::string unit = "s a step";
};

struct Stage {
  std::vector<int> ranks;  // devices of the cluster, in mesh order
  sharding::Mesh mesh;
  int first_layer = 0, num_layers = 0;
  StageSharding sharding;
  Predicted predicted;
};

// A plan: everything that turns a train step into a program on a cluster, as plain data. LASTING.
// JSON: "format": "cordata.plan/1"; keys as in the command-line contract.
struct Plan {
  std::string model;        // how the model was named on the command line, for people and for replay
  uint64_t model_hash = 0;  // step::model_hash
  cluster::Cluster cluster;
  std::string planner;  // with its options
  int microbatches = 1;
  std::string schedule = "1f1b";  // "gpipe", "1f1b"; one stage: "single"
  step::Layers layers;            // by op of the joint step, before anything is computed again
  int num_layers = 1;
  std::vector<step::Remat> remat;  // by layer; empty: nowhere
  std::vector<Stage> stages;
  base::Seconds step{0};       // predicted
  base::Bytes peak_memory{0};  // predicted, of the fullest device
  double gap = 0;              // of the step; with the objective cost-per-token, of that
  Objective objective;
  std::vector<BillLine> bill;
  std::vector<std::string>
      notes;  // what people should know: dims that were not divisible, ops that run replicated

  std::vector<int> stage_of_layer() const;
};

nlohmann::json to_json(const Plan& plan);
Plan from_json(const nlohmann::json& j, const std::string& origin);  // throws user errors naming the key
void write_plan(const Plan& plan, const std::string& path);          // atomically
Plan read_plan(const std::string& path);

// The graph whose stages, ops and values a plan speaks of, and its layers: the joint step with what the plan
// computes again. Throws a user error where the plan's layers aren't this step's.
step::RematStep planned_step(const step::JointStep& joint, const Plan& plan);
step::RematStep planned_step(const step::TrainStep& step, const Plan& plan);  // builds the joint step first
step::Cut planned_cut(const step::RematStep& planned, const Plan& plan);

// Checks a plan against the step it is for: the hash, ranks (each device of the cluster in one stage at
// most), mesh sizes, counts of ops and args, that every strategy is legal and every reshard reachable. Throws
// a user error that says what is inconsistent.
void validate(const Plan& plan, const step::RematStep& planned);

// The collectives and transfers of one step, counted from the plan alone (nothing emitted). Lines are merged
// by (kind, stage, axes, bytes) and sorted.
std::vector<BillLine> bill(const Plan& plan, const step::Cut& cut);

}  // namespace cordata::plan
