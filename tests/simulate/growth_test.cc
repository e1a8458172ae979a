// SPDX-License-Identifier: Apache-2.0
// How much a step grows when each message comes late: measured on the executor (ranks are threads, modules
// sleep), and as the simulator says. Late messages are to be hidden behind modules; where the schedule makes
// that impossible, by as much as it must.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <nlohmann/json.hpp>
#include <thread>

#include "cordata/runtime/execute.h"
#include "cordata/runtime/transport/delay_transport.h"
#include "cordata/runtime/transport/thread_transport.h"
#include "cordata/simulate/simulate.h"
#include "tests/program/pipelines.h"
#include "tests/simulate/sleeping_modules.h"

namespace cordata::tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
constexpr auto kForward = 60ms, kBackward = 60ms, kLate = 30ms;
constexpr size_t kFewest = 2, kMost = 8;  // steps

program::Program sleeping(const std::string& schedule, bool norm) {
  program::Program p = make_pipeline({{1, 1}, 8, schedule, false, norm});
  for (program::ModuleText& m : p.modules)
    make_sleep(m, m.name == "forward" ? kForward : m.name == "backward" ? kBackward : 2ms);
  return p;
}

struct Measured {
  double step = 0;                          // the fastest: what else runs on the machine only adds
  std::map<int, std::vector<double>> runs;  // seconds of RUNs, by module
};

// What nobody disturbed comes out alike: the two fastest within 0.2 %.
bool enough(std::vector<double> steps) {
  if (steps.size() < kFewest) return false;
  std::sort(steps.begin(), steps.end());
  return steps.size() >= kMost || steps[1] < steps[0] * 1.002;
}

Measured measure(const program::Program& p, std::chrono::milliseconds late) {
  auto world = runtime::make_thread_world(p.num_ranks);
  Measured measured;
  std::vector<runtime::Trace> traces(p.num_ranks);
  std::vector<std::string> errors(p.num_ranks);
  std::barrier<> together(p.num_ranks);
  std::vector<Clock::time_point> begins(p.num_ranks), ends(p.num_ranks);
  std::vector<double> steps;
  std::vector<std::thread> ranks;
  for (int r = 0; r < p.num_ranks; ++r) {
    if (late.count() > 0)
      world[r] = runtime::make_delay_transport(std::move(world[r]), base::Seconds(late.count() * 1e-3));
    ranks.emplace_back([&, r] {
      try {
        const auto& plugin = runtime::Plugin::load(runtime::plugin_path());
        register_sleep(plugin);
        runtime::Client client(plugin, {.threads = 1, .asynchronous = false});
        runtime::Executor executor(p, r, client, *world[r],
                                   {.time_limit = base::Seconds(60), .trace = &traces[r]});
        executor.start([](const program::Resident&, std::span<std::byte> to) {
          std::fill(to.begin(), to.end(), std::byte{0});
        });
        for (int s = 0; !enough(steps); ++s) {
          together.arrive_and_wait();
          begins[r] = Clock::now();
          executor.step(s, [](int, int64_t, int, const program::Box&, std::span<std::byte> to) {
            std::fill(to.begin(), to.end(), std::byte{0});
          });
          ends[r] = Clock::now();
          together.arrive_and_wait();
          const auto step =
              *std::max_element(ends.begin(), ends.end()) - *std::min_element(begins.begin(), begins.end());
          if (r == 0) steps.push_back(std::chrono::duration<double>(step).count());
          together.arrive_and_wait();
        }
        executor.finish();
      } catch (const std::exception& error) {
        errors[r] = error.what();
        world[r]->abort(error.what());
        together.arrive_and_drop();
      }
    });
  }
  for (auto& rank : ranks) rank.join();
  if (!steps.empty()) measured.step = *std::min_element(steps.begin(), steps.end());
  for (int r = 0; r < p.num_ranks; ++r) {
    EXPECT_EQ(errors[r], "");
    std::map<std::string, int> modules;
    for (const auto& i : p.ranks[r].step)
      if (i.op == program::OpCode::kRun) modules[i.label] = i.module;
    for (const auto& e : nlohmann::json::parse("[" + traces[r].to_json(r, Clock::now()) + "]"))
      if (e["ph"] == "X" && e["cat"] == "compute")
        measured.runs[modules.at(e["name"])].push_back(e["dur"].get<double>() * 1e-6);
  }
  return measured;
}

double simulated(const program::Program& p, const Measured& alone, std::chrono::milliseconds late) {
  cluster::Cluster c;
  c.devices_per_host = p.num_ranks;
  c.device.peak = {{ir::DType::kF32, base::FlopsPerSecond(1e9)}};
  c.device.memory_bandwidth = base::BytesPerSecond(1e9);
  c.intra = c.inter = {base::Seconds(0), base::BytesPerSecond(1e12), "memory"};
  simulate::SimulationOptions options{.steps = 1, .message_delay = base::Seconds(late.count() * 1e-3)};
  for (auto [module, times] : alone.runs) {
    std::nth_element(times.begin(), times.begin() + static_cast<long>(times.size() / 2), times.end());
    options.run_times[module] = base::Seconds(times[times.size() / 2]);
  }
  return simulate::simulate(p, c, options).step.value;
}

struct Growth {
  double measured, simulated, step, simulated_step;
};

Growth growth(const std::string& schedule, bool norm) {
  const program::Program p = sleeping(schedule, norm);
  EXPECT_EQ(program::check(p), "");
  const Measured prompt = measure(p, 0ms), late = measure(p, kLate);
  const double simulated_step = simulated(p, prompt, 0ms);
  const Growth g{late.step - prompt.step, simulated(p, prompt, kLate) - simulated_step, prompt.step,
                 simulated_step};
  std::cout << fmt::format(
      "{}{}: step {:.1f} ms, simulated {:.1f}; grows by {:.1f} ms = {:.2f} d, simulated {:.1f}\n", schedule,
      norm ? " with norm" : "", g.step * 1e3, g.simulated_step * 1e3, g.measured * 1e3,
      g.measured / (kLate.count() * 1e-3), g.simulated * 1e3);
  return g;
}

TEST(Growth, GPipeHidesLateMessages) {
  const Growth g = growth("gpipe", false);
  EXPECT_LE(g.measured, 3 * kLate.count() * 1e-3);
  EXPECT_NEAR(g.simulated, g.measured, 0.1 * g.measured);
  EXPECT_NEAR(g.simulated_step, g.step, 0.1 * g.step);
}

// Besides, two applies with a scalar from each stage to the other between them.
TEST(Growth, OneForwardOneBackwardStallsAsSimulated) {
  const Growth g = growth("1f1b", true);
  EXPECT_NEAR(g.simulated, g.measured, 0.1 * g.measured);
  EXPECT_NEAR(g.simulated_step, g.step, 0.1 * g.step);
}

}  // namespace
}  // namespace cordata::tests
