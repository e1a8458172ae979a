// SPDX-License-Identifier: Apache-2.0
// What the runtime costs beside what it runs: training steps of one rank by the executor, in turns with a
// bare loop that only executes the same compiled modules, arguments donated, batches on the device
// beforehand, the loss fetched each step.
//
//   bench_overhead MODEL [PAIRS] [STEPS]      prints one JSON object
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cordata/base/error.h"
#include "cordata/models/zoo.h"
#include "cordata/planner/planner.h"
#include "cordata/runtime/pjrt/plugin.h"
#include "cordata/runtime/scalar.h"
#include "cordata/runtime/train.h"
#include "cordata/runtime/transport/thread_transport.h"

namespace cordata {
namespace {

using program::OpCode;
using runtime::Buffer;

constexpr int kWarmUp = 5;

runtime::Deadline soon() { return runtime::Deadline::after(base::Seconds(600)); }

// The list of the only rank of a program, run with nothing else: no messages, no checks, no batches made on
// the way.
class BareLoop {
 public:
  BareLoop(const step::TrainStep& step, const program::Program& program, const runtime::Client& client,
           int steps)
      : rank_(program.ranks.at(0)),
        client_(client),
        slots_(rank_.num_slots),
        modules_(program.modules.size()) {
    for (int m : rank_.modules) modules_[m] = client.compile(program.modules[m].text);
    for (const program::ModuleText& m : program.modules) alias_.push_back(m.alias);
    auto fill = runtime::initial_values(step, 0);
    for (const program::Resident& r : rank_.residents) {
      std::vector<std::byte> block(r.local.num_bytes());
      fill(r, block);
      slots_[r.slot] = upload(r.local, block);
    }
    if (rank_.device_index >= 0)
      slots_[rank_.device_index] = upload(ir::Type::tensor(ir::DType::kI32, {}), std::vector<std::byte>(4));
    for (const auto& i : rank_.setup) run(i);
    auto data = runtime::open_data("", runtime::batch_shape(step, program), 0);
    for (int s = 0; s < steps; ++s) {
      for (const auto& i : rank_.step) {
        if (i.op != OpCode::kLoad) continue;
        const ir::Type& type = program.inputs[i.input].microbatch_type;
        std::vector<std::byte> host(type.num_bytes());
        data->load(i.input, s, i.microbatch, i.box, host);
        batches_.push_back(upload(type, host));
      }
    }
  }

  double step() {
    for (const auto& i : rank_.step) run(i);
    return loss_;
  }

 private:
  Buffer upload(const ir::Type& type, const std::vector<std::byte>& bytes) {
    return client_.upload(bytes.data(), type.dtype, type.shape);
  }

  void run(const program::Instruction& i) {
    switch (i.op) {
      case OpCode::kRun:
        return execute(i);
      case OpCode::kLoad:
        slots_[i.results[0]] = std::move(batches_.at(next_batch_++));
        return;
      case OpCode::kNumber:
        throw base::user_error("[bench] wanted a model without random keys");
      case OpCode::kZero:
        slots_[i.results[0]] = upload(i.type, std::vector<std::byte>(i.type.num_bytes()));
        return;
      case OpCode::kMove:
        slots_[i.results[0]] = std::move(slots_[i.args[0]]);
        return;
      case OpCode::kFree:
        for (int s : i.args) slots_[s].reset();
        return;
      case OpCode::kLoss: {
        std::vector<std::byte> bytes(slots_[i.args[0]].num_bytes());
        slots_[i.args[0]].download(bytes, soon());
        loss_ = runtime::scalar(slots_[i.args[0]].type(), bytes);
        return;
      }
      case OpCode::kSend:
      case OpCode::kRecv:
        throw base::internal_error("[bench.overhead] wanted a program of one rank, got a message");
    }
  }

  void execute(const program::Instruction& i) {
    arguments_.clear();
    for (int s : i.args) arguments_.push_back(&slots_[s]);
    runtime::Execution done = modules_[i.module].execute(arguments_);
    for (size_t a = 0; a < i.args.size(); ++a) {
      if (alias_[i.module][a] >= 0) slots_[i.args[a]].reset();
    }
    for (size_t r = 0; r < i.results.size(); ++r) {
      if (i.results[r] >= 0) slots_[i.results[r]] = std::move(done.results[r]);
    }
  }

  const program::RankProgram& rank_;
  const runtime::Client& client_;
  std::vector<Buffer> slots_;
  std::vector<runtime::Executable> modules_;
  std::vector<std::vector<int>> alias_;
  std::vector<Buffer> batches_;
  std::vector<const Buffer*> arguments_;
  size_t next_batch_ = 0;
  double loss_ = 0;
};

template <typename Step>
double timed(int steps, Step&& step) {
  const auto begin = std::chrono::steady_clock::now();
  for (int s = 0; s < steps; ++s) step();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

nlohmann::json run(const std::string& model, int pairs, int steps) {
  const step::TrainStep step = models::build_train_step(model);
  const plan::Plan plan =
      planner::plan(step, cluster::resolve("local:1"), {.name = "single", .microbatches = 1});
  const step::JointStep joint = step::build_joint(step, plan.microbatches);
  const program::Program program =
      program::lower(plan::planned_step(joint, plan), step, plan, partition::CollectiveMode::kCustomCall);
  const runtime::Client client(runtime::Plugin::load(runtime::plugin_path()), {.asynchronous = false});
  auto world = runtime::make_thread_world(1);
  runtime::Trainer trainer(step, program, 0, client, *world[0], {});
  BareLoop bare(step, program, client, kWarmUp + pairs * steps);
  std::vector<double> our_losses, bare_losses, our_seconds, bare_seconds;
  auto ours = [&] { our_losses.push_back(trainer.step().value()); };
  auto theirs = [&] { bare_losses.push_back(bare.step()); };
  timed(kWarmUp, ours);
  timed(kWarmUp, theirs);
  for (int p = 0; p < pairs; ++p) {
    if (p % 2 == 0) our_seconds.push_back(timed(steps, ours));
    bare_seconds.push_back(timed(steps, theirs));
    if (p % 2 == 1) our_seconds.push_back(timed(steps, ours));
  }
  return {{"model", model},
          {"steps", steps},
          {"ours_s", our_seconds},
          {"bare_s", bare_seconds},
          {"same_losses", our_losses == bare_losses},
          {"first_loss", our_losses.front()},
          {"last_loss", our_losses.back()}};
}

}  // namespace
}  // namespace cordata

int main(int argc, char** argv) try {
  if (argc < 2) throw cordata::base::user_error("[bench.overhead] wanted MODEL [PAIRS] [STEPS]");
  std::puts(cordata::run(argv[1], argc > 2 ? std::atoi(argv[2]) : 7, argc > 3 ? std::atoi(argv[3]) : 20)
                .dump()
                .c_str());
  return 0;
} catch (const cordata::base::Error& e) {
  fmt::print(stderr, "{}\n", e.what());
  return cordata::base::exit_status(e.kind());
}
