// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cordata/runtime/data.h"
#include "cordata/runtime/execute.h"
#include "cordata/step/train_step.h"

namespace cordata::runtime {

struct TrainerOptions {
  uint64_t seed = 0;  // of initial values, of the order of samples, of made-up data
  std::string data;   // a file of tokens; empty: made-up data that can be learnt
  ExecutorOptions executor;
};

// One rank of a training run: a program's list for it, filled with the train step's initial values and fed
// with batches. Made and used by all ranks in step with each other; all of them outlive it.
class Trainer {
 public:
  Trainer(const step::TrainStep& step, const program::Program& program, int rank, const Client& client,
          Transport& transport, const TrainerOptions& options = {});

  // Runs the next step; gives its loss on the ranks that hold it.
  std::optional<double> step();
  int64_t steps_done() const { return steps_; }
  // Waits for what still moves; after the last step.
  void finish() { executor_.finish(); }

  // How much more this process had in memory at its fullest since it began to train than after start-up
  // (modules compiled, nothing filled).
  base::Bytes resident_growth() const;

  Executor& executor() { return executor_; }
  const DataSource& data() const { return *data_; }

 private:
  std::unique_ptr<DataSource> data_;
  Executor executor_;
  LoadBox load_;
  base::Bytes started_with_{0};
  int64_t steps_ = 0;
};

// What batches of a program for this step look like.
BatchShape batch_shape(const step::TrainStep& step, const program::Program& program);

// The lowest rank that learns the loss: it speaks for all.
int speaker(const program::Program& program);

// Writes the block of a resident as it is before the first step.
FillBlock initial_values(const step::TrainStep& step, uint64_t seed);

}  // namespace cordata::runtime
