// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cordata/ir/graph.h"

namespace cordata::step {

// What an argument or result of a train step's modules is. `index` counts within its kind: parameter 3, batch
// input 0.
enum class Role : uint8_t {
  kParam,     // a trained parameter
  kOptState,  // optimizer state (moments, step counter)
  kState,     // model state carried from microbatch to microbatch (batch statistics)
  kBatch,     // data; has a batch dim
  kKey,       // a random key, folded with step and microbatch
  kGrad,      // d loss / d param[index]
  kLoss,      // the scalar
  kWeight,    // a scalar: the weight of this microbatch under LossJoin::kWeighted
  kAux,       // anything else returned; reported, never used
};

std::string_view name(Role role);  // "param", "opt_state", ...: the words of roles.json

struct Port {
  Role role;
  int index = 0;
  std::string name;    // "blocks.0.attn.w"; for files and people
  int batch_dim = -1;  // of kBatch
};

// How microbatches join: mean and sum of losses and gradients, or sums that are divided once by the summed
// weight.
enum class LossJoin : uint8_t { kMean, kSum, kWeighted };

// The bytes of one initial value, row-major, and its type; made on demand (planning never materialises
// weights).
struct HostTensor {
  ir::Type type;
  std::vector<std::byte> bytes;
};

// A train step: `grad` (params, [state], batch, [key] -> loss, grads, [state], aux) for one microbatch and
// `apply` (params, opt state, grads -> params, opt state). From the model zoo or from a train step directory.
// LASTING.
struct TrainStep {
  std::string name;   // for people
  int64_t batch = 1;  // global batch size: samples a step
  LossJoin join = LossJoin::kMean;

  // The grad module for a microbatch of that many samples. Shapes of everything but batch inputs and aux are
  // the same for all sizes. `microbatch_sizes`: those that can be had (a directory holds the ones it was
  // exported with), ascending.
  std::function<ir::Graph(int64_t microbatch_size)> grad;
  std::vector<int64_t> microbatch_sizes;
  std::vector<Port> grad_args, grad_results;

  ir::Graph apply;
  std::vector<Port> apply_args, apply_results;

  // (step, microbatch, key) -> key: folds the key; only where grad has a kKey argument.
  std::optional<ir::Graph> key;

  // Initial values, by parameter / optimizer state / state index. `seed` matters for the zoo only. Empty: the
  // step has none, and can be planned but not trained.
  std::function<HostTensor(Role role, int index, uint64_t seed)> initial;

  // Words for progress lines: what one sample is counted in ("tokens": sequence length a sample; "images":
  // 1).
  std::string unit = "samples";
  int64_t units_per_sample = 1;

  // Batch inputs that are token ids and the range of their values, for synthetic data (design, section 7); 0:
  // not tokens.
  std::vector<int64_t> vocabulary;  // by batch input
  std::string data_kind;  // "tokens", "images", "vectors", "" (unknown): which synthetic source fits

  int num_params() const;
  int num_opt_states() const;
  int num_batch_inputs() const;
};

// Checks the ports against the modules' types; throws a user error that names the argument.
void validate(const TrainStep& step);

// A train step directory: grad.mlir (and grad.bN.mlir for microbatches of N samples), apply.mlir, [key.mlir],
// roles.json ("format": "cordata.step/1"), init.safetensors. Modules are read when asked for.
TrainStep read_directory(const std::string& dir);

}  // namespace cordata::step
