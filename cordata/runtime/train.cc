// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/train.h"

#include "cordata/base/error.h"
#include "cordata/runtime/box.h"
#include "cordata/runtime/keep_memory.h"

namespace cordata::runtime {

BatchShape batch_shape(const step::TrainStep& step, const program::Program& program) {
  return {program.inputs, program.batch, program.microbatches, step.data_kind, step.vocabulary};
}

int speaker(const program::Program& program) {
  for (const program::RankProgram& rank : program.ranks) {
    for (const program::Instruction& i : rank.step) {
      if (i.op == program::OpCode::kLoss) return rank.rank;
    }
  }
  throw base::internal_error("[runtime.train] wanted a rank that reports the loss, got none");
}

FillBlock initial_values(const step::TrainStep& step, uint64_t seed) {
  return [&step, seed](const program::Resident& r, std::span<std::byte> block) {
    step::HostTensor whole = step.initial(r.role, r.index, seed);
    if (whole.type != r.global) {
      throw base::user_error("[runtime.train] the initial value of {} is {}, wanted {}", r.name,
                             to_string(whole.type), to_string(r.global));
    }
    pack(r.global, r.box).run(whole.bytes.data(), block.data());
  };
}

Trainer::Trainer(const step::TrainStep& step, const program::Program& program, int rank, const Client& client,
                 Transport& transport, const TrainerOptions& options)
    : data_(open_data(options.data, batch_shape(step, program), options.seed)),
      executor_(program, rank, client, transport, options.executor),
      load_(data_->loader()) {
  started_with_ = settle_resident();
  executor_.start(initial_values(step, options.seed));
  settle_resident();  // whole tensors, of which a rank takes its blocks, are over
}

base::Bytes Trainer::resident_growth() const { return resident_peak() - started_with_; }

std::optional<double> Trainer::step() {
  const auto loss = executor_.step(steps_++, load_);
  give_back_if_grown();
  return loss;
}

}  // namespace cordata::runtime
