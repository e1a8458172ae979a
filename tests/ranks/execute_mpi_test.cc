// SPDX-License-Identifier: Apache-2.0
// The executor on real ranks: a program made by hand in which every rank trains the same weights on data of
// its own, adds the gradients up inside a module, and hands the new weights to its neighbour, who compares.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "cordata/runtime/checkpoint.h"
#include "cordata/runtime/execute.h"
#include "cordata/runtime/transport/mpi_transport.h"

namespace cordata::runtime {
namespace {

using ir::DType;
using ir::Type;
using program::Instruction;
using program::OpCode;
using program::Program;

constexpr int64_t kN = 1 << 16;  // larger than what MPI sends without asking the receiver
constexpr int kSteps = 5;
const Type kVector = Type::tensor(DType::kF32, {kN}), kScalar = Type::tensor(DType::kF32);
const std::string kV = ir::to_string(kVector), kS = ir::to_string(kScalar);

// (w, x) -> w - 0.5 * sum over ranks of x
program::ModuleText update_module() {
  std::string text = "func.func @main(%w: " + kV + " {tf.aliasing_output = 0 : i32}, %x: " + kV + ") -> " +
                     kV + " {\n" + "  %t = stablehlo.create_token : !stablehlo.token\n" +
                     "  %r:2 = \"stablehlo.custom_call\"(%x, %t) {call_target_name = \"cordata.all_reduce\", "
                     "api_version = 4 : i32, "
                     "has_side_effect = true, backend_config = {comm = 0 : i64, reduce = \"add\"}} : (" +
                     kV + ", !stablehlo.token) -> (" + kV + ", !stablehlo.token)\n" +
                     "  %h = stablehlo.constant dense<0.5> : " + kV +
                     "\n  %s = stablehlo.multiply %r#0, %h : " + kV +
                     "\n  %n = stablehlo.subtract %w, %s : " + kV + "\n  return %n : " + kV + "\n}\n";
  return {"update", 0, text, {kVector, kVector}, {kVector}, {0, -1}, true};
}

// (a, b) -> sum of (a - b)^2
program::ModuleText compare_module() {
  std::string text = "func.func @main(%a: " + kV + ", %b: " + kV + ") -> " + kS +
                     " {\n  %d = stablehlo.subtract %a, %b : " + kV + "\n  %s = stablehlo.dot %d, %d : (" +
                     kV + ", " + kV + ") -> " + kS + "\n  return %s : " + kS + "\n}\n";
  return {"compare", 0, text, {kVector, kVector}, {kScalar}, {-1, -1}, false};
}

Instruction instruction(OpCode op, std::string label) {
  Instruction i{op};
  i.label = std::move(label);
  return i;
}

// Slots: 0 w, 1 x, 2 the neighbour's w, 3 how far they are apart.
Program ring(int ranks) {
  const program::Box all{{0}, {kN}};
  Program p;
  p.num_ranks = ranks;
  p.modules = {update_module(), compare_module()};
  p.communicators.emplace_back().emplace_back();
  for (int r = 0; r < ranks; ++r) {
    p.communicators[0][0].push_back(r);
    program::RankProgram rank{.rank = r, .num_slots = 4, .modules = {0, 1}};
    rank.residents = {{step::Role::kParam, 0, "w", 0, kVector, kVector, all, true, r == ranks - 1}};
    auto load = instruction(OpCode::kLoad, "load");
    load.results = {1}, load.input = 0, load.microbatch = 0, load.box = all, load.type = kVector;
    auto update = instruction(OpCode::kRun, "update");
    update.module = 0, update.args = {0, 1}, update.results = {0};
    auto send = instruction(OpCode::kSend, "send w");
    send.args = {0}, send.peer = (r + 1) % ranks, send.tag = 5, send.box = all;
    auto receive = instruction(OpCode::kRecv, "receive w");
    receive.results = {2}, receive.type = kVector;
    const int from = (r + ranks - 1) % ranks;
    receive.pieces = {from == r ? program::Piece{r, 0, 0, all, all} : program::Piece{from, 5, -1, {}, all}};
    auto compare = instruction(OpCode::kRun, "compare");
    compare.module = 1, compare.args = {0, 2}, compare.results = {3};
    auto loss = instruction(OpCode::kLoss, "loss");
    loss.args = {3};
    auto drop = instruction(OpCode::kFree, "free");
    drop.args = {1, 2, 3};
    rank.step = {load, update, send, receive, compare, loss, drop};
    if (from == r) rank.step.erase(rank.step.begin() + 2);
    p.ranks.push_back(std::move(rank));
  }
  return p;
}

float sample(int rank, int64_t step, int64_t i) { return static_cast<float>((rank * 3 + step + i) % 7); }

void fill(std::span<std::byte> to, const std::function<float(int64_t)>& value) {
  for (size_t i = 0; i < to.size() / sizeof(float); ++i) {
    const float v = value(static_cast<int64_t>(i));
    std::memcpy(to.data() + i * sizeof v, &v, sizeof v);
  }
}

TEST(ExecutorOverMpi, RanksTrainTheSameWeightsAndSaveThem) {
  auto world = make_mpi_transport();
  const int rank = world->rank(), ranks = world->size();
  const Program p = ring(ranks);
  Client client(Plugin::load(plugin_path()), {.threads = 1, .asynchronous = false});
  Executor executor(p, rank, client, *world, {.time_limit = base::Seconds(60)});
  executor.start([](const program::Resident&, std::span<std::byte> to) {
    fill(to, [](int64_t i) { return static_cast<float>(i % 3); });
  });
  for (int s = 0; s < kSteps; ++s) {
    auto apart = executor.step(s, [&](int, int64_t step, int, const program::Box&, std::span<std::byte> to) {
      fill(to, [&](int64_t i) { return sample(rank, step, i); });
    });
    ASSERT_TRUE(apart.has_value());
    EXPECT_EQ(*apart, 0) << "step " << s;
  }
  executor.finish();
  EXPECT_EQ(executor.counters().bytes_sent, ranks == 1 ? 0 : kSteps * kN * 4);
  EXPECT_EQ(executor.counters().bytes_received, executor.counters().bytes_sent);

  const std::string dir = testing::TempDir() + fmt::format("cordata_ranks_checkpoint_{}", ranks);
  auto read = [&](const program::Resident& r, std::span<std::byte> to) { executor.read(r, to); };
  save_checkpoint(dir, {"ring", 1, kSteps, {}}, p, read, *world);
  if (rank == 0) {
    auto bytes = Checkpoint(dir).read(step::Role::kParam, "w", kVector);
    int64_t wrong = 0;
    for (int64_t i = 0; i < kN; ++i) {
      float want = static_cast<float>(i % 3), got = 0;
      for (int s = 0; s < kSteps; ++s) {
        float sum = 0;
        for (int r = 0; r < ranks; ++r) sum += sample(r, s, i);
        want -= 0.5f * sum;
      }
      std::memcpy(&got, bytes.data() + i * sizeof got, sizeof got);
      wrong += got != want;
    }
    EXPECT_EQ(wrong, 0);
    std::filesystem::remove_all(dir);
  }
}

}  // namespace
}  // namespace cordata::runtime
