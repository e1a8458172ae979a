// SPDX-License-Identifier: Apache-2.0
#include "cordata/simulate/simulate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cordata/base/error.h"
#include "cordata/simulate/module_cost.h"

namespace cordata::simulate {
namespace {

using base::Seconds;
using ir::DType;
using ir::Type;
using program::Instruction;
using program::OpCode;
using program::Program;
using program::Slot;
using testing::DoubleNear;

const Type kActivation = Type::tensor(DType::kF32, {256});  // 1 KiB
const program::Box kWhole{{0}, {256}};
constexpr double kF = 1.0, kB = 2.0;  // seconds of a forward and a backward

cluster::Cluster devices(int n, double shared = 1) {
  cluster::Cluster c;
  c.devices_per_host = n;
  c.cores_shared_by = shared;
  c.device.peak = {{DType::kF32, base::FlopsPerSecond(1e9)}};
  c.device.memory = base::Bytes(1e9);
  c.device.memory_bandwidth = base::BytesPerSecond(1e9);
  c.intra = c.inter = {Seconds(0), base::BytesPerSecond(1e30), "exact"};
  return c;
}

struct Lists {
  program::RankProgram rank;
  Slot fresh() { return rank.num_slots++; }
  Instruction& add(OpCode op, std::string label) {
    rank.step.push_back({op});
    rank.step.back().label = std::move(label);
    return rank.step.back();
  }
  void run(int module, std::vector<Slot> args, std::vector<Slot> results, std::string label) {
    Instruction& i = add(OpCode::kRun, std::move(label));
    i.module = module, i.args = std::move(args), i.results = std::move(results);
  }
  void send(Slot slot, int peer, int tag) {
    Instruction& i = add(OpCode::kSend, "send");
    i.args = {slot}, i.peer = peer, i.tag = tag, i.box = kWhole;
  }
  void receive(Slot slot, int peer, int tag) {
    Instruction& i = add(OpCode::kRecv, "receive");
    i.results = {slot}, i.type = kActivation, i.pieces = {{peer, tag, -1, {}, kWhole}};
  }
  void load(Slot slot, int microbatch) {
    Instruction& i = add(OpCode::kLoad, "load");
    i.results = {slot}, i.type = kActivation, i.box = kWhole, i.input = 0, i.microbatch = microbatch;
  }
  void free(std::vector<Slot> slots) { add(OpCode::kFree, "free").args = std::move(slots); }
};

// Stages of one rank each: a forward keeps what it read as its residual; module 0 is a forward, 1 a backward.
Program pipeline(const std::string& schedule, int stages, int microbatches) {
  Program p;
  p.num_ranks = stages;
  p.microbatches = microbatches;
  p.modules = {{"forward", 0, "", {kActivation}, {kActivation}, {-1}},
               {"backward", 0, "", {kActivation, kActivation}, {kActivation}, {-1, -1}}};
  const auto work = program::make_schedule(schedule, stages, microbatches);
  for (int s = 0; s < stages; ++s) {
    Lists l{{.rank = s, .stage = s, .modules = {0, 1}}};
    std::vector<Slot> in(microbatches), out(microbatches);
    for (const auto& w : work[s]) {
      const int m = w.microbatch;
      const std::string label = fmt::format("{}{}", w.forward ? "F" : "B", m);
      if (w.forward) {
        in[m] = l.fresh(), out[m] = l.fresh();
        if (s > 0)
          l.receive(in[m], s - 1, m);
        else
          l.load(in[m], m);
        l.run(0, {in[m]}, {out[m]}, label);
        if (s + 1 < stages) l.send(out[m], s + 1, m), l.free({out[m]});
        continue;
      }
      const Slot gradient = s + 1 < stages ? l.fresh() : out[m], given = l.fresh();
      if (s + 1 < stages) l.receive(gradient, s + 1, 1000 + m);
      l.run(1, {in[m], gradient}, {given}, label);
      if (s > 0) l.send(given, s - 1, 1000 + m);
      l.free({in[m], gradient, given});
    }
    p.ranks.push_back(std::move(l.rank));
  }
  p.inputs = {{"x", kActivation, 0}};
  return p;
}

SimulationOptions one_step(double delay = 0) {
  return {.steps = 1, .run_times = {{0, Seconds(kF)}, {1, Seconds(kB)}}, .message_delay = Seconds(delay)};
}

// Equal stages, free messages: the pipeline fills and drains once (Narayanan et al., 2021, sec. 2.2).
TEST(Simulate, PipelinesTakeMicrobatchesPlusStagesLessOne) {
  for (const char* schedule : {"gpipe", "1f1b"})
    for (int stages : {1, 2, 3, 4})
      for (int microbatches : {1, 2, 4, 8}) {
        const Program p = pipeline(schedule, stages, microbatches);
        ASSERT_EQ(program::check(p), "") << schedule;
        EXPECT_THAT(simulate(p, devices(stages), one_step()).step.value,
                    DoubleNear((microbatches + stages - 1) * (kF + kB), 1e-9))
            << schedule << " " << stages << " stages, " << microbatches << " microbatches";
      }
}

// The first stage is the last to end, so that the pipeline drains between steps.
TEST(Simulate, AStepTakesAsLongAsTheOneBefore) {
  const Program p = pipeline("gpipe", 2, 4);
  SimulationOptions o = one_step();
  o.steps = 4;
  EXPECT_THAT(simulate(p, devices(2), o).step.value, DoubleNear(5 * (kF + kB), 1e-9));
}

// Messages move while modules run: of 8 messages each way, each d late, GPipe feels the first one forward and
// the first backward.
TEST(Simulate, LateMessagesAreHiddenByGPipe) {
  const double d = kF / 2;
  const Program p = pipeline("gpipe", 2, 8);
  const double growth =
      simulate(p, devices(2), one_step(d)).step.value - simulate(p, devices(2), one_step()).step.value;
  EXPECT_THAT(growth, DoubleNear(2 * d, 1e-9));
  EXPECT_LE(growth, 3 * d);
}

// 1F1B lets one microbatch more than there are stages behind be under way, so that late messages stall it:
// two of them in turn, over and over.
TEST(Simulate, LateMessagesStallOneForwardOneBackward) {
  const double d = kF / 2;
  const Program p = pipeline("1f1b", 2, 8);
  const double growth =
      simulate(p, devices(2), one_step(d)).step.value - simulate(p, devices(2), one_step()).step.value;
  EXPECT_THAT(growth, DoubleNear(8 * d, 1e-9));
}

TEST(Simulate, RanksShareCores) {
  for (int cores : {1, 2, 3, 4}) {
    Program p = pipeline("gpipe", 1, 4);
    p.num_ranks = 4;
    for (int r = 1; r < 4; ++r) p.ranks.push_back(p.ranks[0]), p.ranks[r].rank = r;
    EXPECT_THAT(simulate(p, devices(4, 4.0 / cores), one_step()).step.value,
                DoubleNear(4 * (kF + kB) * 4 / cores, 1e-9));
  }
  // Four stages on two cores: no more than two of them at once at full speed.
  const Program p = pipeline("gpipe", 4, 8);
  const double step = simulate(p, devices(4, 2.0), one_step()).step.value;
  EXPECT_GE(step, 4 * 8 * (kF + kB) / 2);
  EXPECT_LT(step, 4 * 8 * (kF + kB) / 2 + 4 * (kF + kB));
}

// What a stage holds at its fullest: GPipe the inputs of all microbatches, 1F1B of as many as there are
// stages from it on.
TEST(Simulate, HoldsWhatTheScheduleHolds) {
  const int stages = 4, microbatches = 8;
  for (const char* schedule : {"gpipe", "1f1b"}) {
    const auto result = simulate(pipeline(schedule, stages, microbatches), devices(stages), one_step());
    for (int s = 0; s < stages; ++s) {
      const double kib = result.ranks[s].peak_memory.value / 1024;
      const int held = std::string(schedule) == "gpipe" ? microbatches : stages - s;
      EXPECT_GE(kib, held) << schedule << " stage " << s;
      // Besides: an output, its gradient, and receives posted ahead.
      EXPECT_LE(kib, held + 4 + (std::string(schedule) == "gpipe" && s == stages - 1 ? microbatches : 0))
          << schedule << " stage " << s;
      EXPECT_EQ(result.ranks[s].memory.back().second, 0) << "all is free at the end";
    }
  }
}

TEST(Simulate, MessagesTakeTheirTimeOneAfterAnother) {
  cluster::Cluster c = devices(2);
  c.intra = {Seconds(0.25), base::BytesPerSecond(1024), "a message of a second"};
  // The step of 2 stages, 1 microbatch: F, message, F, B, message, B.
  EXPECT_THAT(simulate(pipeline("gpipe", 2, 1), c, one_step()).step.value,
              DoubleNear(2 * (kF + kB) + 2 * 1.25, 1e-9));
  SimulationOptions free = one_step();
  free.free_transfers = true;
  EXPECT_THAT(simulate(pipeline("gpipe", 2, 1), c, free).step.value, DoubleNear(2 * (kF + kB), 1e-9));
  // Four seconds a message: the way is the bottleneck. A receive is posted as the module before it begins, so
  // each of the messages after the second leaves when the one before has arrived and its module begins:
  // forwards end at 18.75, gradients arrive from 25 on.
  c.intra.bandwidth = base::BytesPerSecond(256);
  EXPECT_THAT(simulate(pipeline("gpipe", 2, 4), c, one_step()).step.value,
              DoubleNear(25 + 3 * 4.25 + kB, 1e-9));
}

constexpr const char* kMatmul = R"(
func.func @main(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %c = stablehlo.dot_general %a, %b, contracting_dims = [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %t = stablehlo.after_all : !stablehlo.token
  %r:2 = stablehlo.custom_call @cordata.all_reduce(%c, %t) {api_version = 4 : i32, has_side_effect = true, backend_config = {comm = 0 : i64, reduce = "add"}} : (tensor<64x64xf32>, !stablehlo.token) -> (tensor<64x64xf32>, !stablehlo.token)
  return %r#0 : tensor<64x64xf32>
}
)";

// One matmul by its FLOPs, one all-reduce by docs/collectives.md; ranks wait for the last.
TEST(Simulate, ModulesCostTheirOpsAndCollectives) {
  const Type square = Type::tensor(DType::kF32, {64, 64});
  cluster::Cluster c = devices(4);
  c.device.memory_bandwidth = base::BytesPerSecond(1e15);
  c.intra = {Seconds(1e-3), base::BytesPerSecond(1e6), "slow"};
  Program p;
  p.num_ranks = 4;
  p.modules = {{"matmul", 0, kMatmul, {square, square}, {square}, {-1, -1}, true, {0}}};
  p.communicators = {{{0, 1, 2, 3}}};
  for (int r = 0; r < 4; ++r) {
    Lists l{{.rank = r, .stage = 0, .index_in_mesh = r, .num_slots = 2, .modules = {0}}};
    const program::Box all{{0, 0}, {64, 64}};
    l.rank.residents = {{step::Role::kParam, 0, "a", 0, square, square, all},
                        {step::Role::kParam, 1, "b", 1, square, square, all}};
    const Slot to = l.fresh();
    l.run(0, {0, 1}, {to}, "step");
    l.free({to});
    p.ranks.push_back(l.rank);
  }
  ASSERT_EQ(program::check(p), "");
  const double flops = 2.0 * 64 * 64 * 64, bytes = 64 * 64 * 4;
  const double want = flops / 1e9 + 6 * 1e-3 + 2 * bytes * 3 / (4 * 1e6);
  const auto result = simulate(p, c);
  EXPECT_THAT(result.step.value, DoubleNear(want, 1e-6 * want));
  EXPECT_EQ(result.flops.value, 4 * flops);
  // Two arguments, the product, its sum.
  EXPECT_GE(result.peak_memory.value, 3 * bytes);
  EXPECT_LE(result.peak_memory.value, 4 * bytes);

  SimulationOptions measured;
  measured.run_times = {{0, Seconds(0.5)}};
  EXPECT_THAT(simulate(p, c, measured).step.value, DoubleNear(0.5, 1e-9));
}

constexpr const char* kWaits = R"(
func.func @main(%a: tensor<64xf32>, %b: tensor<64xf32>) -> tensor<64xf32> {
  %0 = stablehlo.dot_general %a, %b, contracting_dims = [] x [] : (tensor<64xf32>, tensor<64xf32>) -> tensor<64x64xf32>
  %1:2 = stablehlo.optimization_barrier %0, %b : tensor<64x64xf32>, tensor<64xf32>
  %2 = stablehlo.dot_general %1#0, %b, contracting_dims = [1] x [0] : (tensor<64x64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return %2 : tensor<64xf32>
}
)";

// What waits behind a barrier is one value, held until its last reader.
TEST(Simulate, BarriersCopyNothing) {
  const Type row = Type::tensor(DType::kF32, {64});
  const auto cost =
      module_cost({"waits", 0, kWaits, {row, row}, {row}, {-1, -1}, false, {}}, devices(1).device);
  EXPECT_EQ(cost.transient.value, (64 * 64 + 64) * 4.0);
}

TEST(Simulate, TracesLikeTheExecutor) {
  const auto path = std::filesystem::temp_directory_path() / "cordata_simulate_test_trace.json";
  write_trace(simulate(pipeline("1f1b", 2, 2), devices(2), one_step(0.5)), path.string());
  const auto trace = nlohmann::json::parse(std::ifstream(path));
  std::map<std::string, int> lanes;
  double compute = 0;
  for (const auto& e : trace["traceEvents"]) {
    if (e["ph"] != "X") continue;
    ++lanes[e["cat"]];
    if (e["cat"] == "compute") compute += e["dur"].get<double>();
  }
  EXPECT_EQ(lanes["compute"], 8);
  EXPECT_EQ(lanes["send"], 4);
  EXPECT_EQ(lanes["receive"], 4);
  EXPECT_THAT(compute, DoubleNear(2 * 2 * (kF + kB) * 1e6, 1));
  std::filesystem::remove(path);
}

TEST(Simulate, RefusesAProgramThatHangs) {
  Program p = pipeline("gpipe", 2, 2);
  p.ranks[0].step.erase(std::find_if(p.ranks[0].step.begin(), p.ranks[0].step.end(),
                                     [](const auto& i) { return i.op == OpCode::kSend; }));
  EXPECT_THROW(simulate(p, devices(2), one_step()), base::Error);
}

}  // namespace
}  // namespace cordata::simulate
