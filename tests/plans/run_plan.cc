// SPDX-License-Identifier: Apache-2.0
#include "tests/plans/run_plan.h"

#include <mutex>
#include <thread>

#include "cordata/base/error.h"
#include "cordata/runtime/box.h"
#include "cordata/runtime/pjrt/plugin.h"
#include "cordata/runtime/train.h"
#include "cordata/runtime/transport/thread_transport.h"

namespace cordata::tests {
namespace {

std::string key_of(const program::Resident& r) { return fmt::format("{}/{}", step::name(r.role), r.name); }

// Puts a rank's blocks into the whole values.
void collect(const runtime::Executor& executor, const program::RankProgram& rank, RunResult& result,
             RunResult::Values& values) {
  for (const program::Resident& r : rank.residents) {
    if (!r.owner) continue;
    std::vector<std::byte> block(r.local.num_bytes());
    executor.read(r, block);
    std::vector<std::byte>& whole = values[key_of(r)];
    result.types[key_of(r)] = r.global;
    whole.resize(r.global.num_bytes());
    runtime::unpack(r.global, r.box).run(block.data(), whole.data());
  }
}

}  // namespace

RunResult run_program(const step::TrainStep& step, const program::Program& program, int steps, Before before,
                      uint64_t seed) {
  const std::string error = program::check(program);
  if (!error.empty()) throw base::internal_error("[tests] {}", error);
  static const runtime::Plugin& plugin = runtime::Plugin::load(runtime::plugin_path());
  auto world = runtime::make_thread_world(program.num_ranks);
  RunResult result;
  std::mutex mutex;
  std::exception_ptr failure;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < program.num_ranks; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        runtime::Client client(plugin, {.devices = 1, .threads = 1, .asynchronous = false});
        runtime::TrainerOptions options;
        options.seed = seed;
        options.executor.time_limit = base::Seconds(120);
        runtime::Trainer trainer(step, program, rank, client, *world[rank], options);
        std::vector<double> losses;
        if (before == Before::kKept) {
          std::lock_guard lock(mutex);
          collect(trainer.executor(), program.ranks[rank], result, result.before);
        }
        for (int s = 0; s < steps; ++s) {
          if (auto loss = trainer.step()) losses.push_back(*loss);
        }
        trainer.finish();
        std::lock_guard lock(mutex);
        if (rank == runtime::speaker(program)) result.losses = losses;
        result.peak_bytes = std::max(result.peak_bytes, trainer.executor().counters().peak_bytes);
        collect(trainer.executor(), program.ranks[rank], result, result.values);
      } catch (const std::exception& e) {
        {
          std::lock_guard lock(mutex);
          if (!failure) failure = std::current_exception();
        }
        world[rank]->abort(e.what());
      }
    });
  }
  for (std::thread& t : threads) t.join();
  if (failure) std::rethrow_exception(failure);
  return result;
}

RunResult run_plan(const step::TrainStep& step, const plan::Plan& plan, int steps, Before before,
                   uint64_t seed) {
  const step::RematStep planned = plan::planned_step(step, plan);
  plan::validate(plan, planned);
  return run_program(step, program::lower(planned, step, plan, partition::CollectiveMode::kCustomCall), steps,
                     before, seed);
}

}  // namespace cordata::tests
