// SPDX-License-Identifier: Apache-2.0
// Programs made by hand, on ranks that are threads, with the real plugin.
#include "cordata/runtime/execute.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "cordata/base/error.h"
#include "cordata/runtime/transport/delay_transport.h"
#include "cordata/runtime/transport/thread_transport.h"

namespace cordata::runtime {
namespace {

using ir::DType;
using ir::Type;
using program::Instruction;
using program::OpCode;
using program::Program;
using program::Slot;
using testing::HasSubstr;
using Floats = std::vector<float>;

constexpr int64_t kN = 4;
const Type kVector = Type::tensor(DType::kF32, {kN});
const Type kScalar = Type::tensor(DType::kF32);
const program::Box kWhole{{0}, {kN}};

Instruction run(int module, std::vector<Slot> args, std::vector<Slot> results, std::string label) {
  Instruction i{OpCode::kRun};
  i.module = module, i.args = std::move(args), i.results = std::move(results), i.label = std::move(label);
  return i;
}
Instruction send(Slot slot, int peer, int tag, program::Box box = kWhole) {
  Instruction i{OpCode::kSend};
  i.args = {slot}, i.peer = peer, i.tag = tag, i.box = std::move(box), i.label = fmt::format("send {}", tag);
  return i;
}
Instruction receive(Slot slot, Type type, std::vector<program::Piece> pieces, std::string label) {
  Instruction i{OpCode::kRecv};
  i.results = {slot}, i.type = std::move(type), i.pieces = std::move(pieces), i.label = std::move(label);
  return i;
}
Instruction receive(Slot slot, int peer, int tag) {
  return receive(slot, kVector, {{peer, tag, -1, {}, kWhole}}, fmt::format("receive {}", tag));
}
Instruction load(Slot slot, int microbatch) {
  Instruction i{OpCode::kLoad};
  i.results = {slot}, i.input = 0, i.microbatch = microbatch, i.box = kWhole, i.type = kVector,
  i.label = "load";
  return i;
}
Instruction zero(Slot slot, Type type) {
  Instruction i{OpCode::kZero};
  i.results = {slot}, i.type = std::move(type), i.label = "zero";
  return i;
}
Instruction free_slots(std::vector<Slot> slots) {
  Instruction i{OpCode::kFree};
  i.args = std::move(slots), i.label = "free";
  return i;
}
Instruction loss(Slot slot) {
  Instruction i{OpCode::kLoss};
  i.args = {slot}, i.label = "loss";
  return i;
}

program::Resident vector_resident(Slot slot, std::string name) {
  return {step::Role::kParam, 0, std::move(name), slot, kVector, kVector, kWhole};
}

// Module texts are put together from their arguments: "a", or "a!0" for one whose buffer result 0 takes over.
program::ModuleText module_text(const std::string& name, int stage, const std::vector<Type>& args,
                                const std::vector<int>& alias, const std::vector<Type>& results,
                                const std::string& body) {
  std::vector<std::string> parameters, types;
  for (size_t i = 0; i < args.size(); ++i) {
    std::string donated = alias[i] < 0 ? "" : fmt::format(" {{tf.aliasing_output = {} : i32}}", alias[i]);
    parameters.push_back(fmt::format("%a{}: {}{}", i, ir::to_string(args[i]), donated));
  }
  for (const Type& type : results) types.push_back(ir::to_string(type));
  std::string text = fmt::format("func.func @main({}) -> ({}) {{\n{}\n}}\n", fmt::join(parameters, ", "),
                                 fmt::join(types, ", "), body);
  return {name, stage, text, args, results, alias};
}

const std::string kV = "tensor<4xf32>", kS = "tensor<f32>";

// Runs `work` as every rank of a thread world; an error of one ends all. Gives the first error's text.
std::string as_ranks(int n, base::Seconds delay, const std::function<void(int, Transport&)>& work) {
  auto world = make_thread_world(n);
  std::vector<std::string> errors(n);
  std::atomic<int> first = -1;
  std::vector<std::thread> threads;
  for (int r = 0; r < n; ++r) {
    if (delay.value > 0) world[r] = make_delay_transport(std::move(world[r]), delay);
    threads.emplace_back([&, r] {
      try {
        work(r, *world[r]);
      } catch (const std::exception& error) {
        errors[r] = error.what();
        int none = -1;
        first.compare_exchange_strong(none, r);
        world[r]->abort(errors[r]);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return first < 0 ? "" : errors[first];
}

Client make_client() { return Client(Plugin::load(plugin_path()), {.threads = 1, .asynchronous = false}); }

Floats read_floats(const Executor& executor, Slot slot) {
  auto bytes = executor.read_slot(slot);
  Floats values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void fill_with(std::span<std::byte> to, const std::function<float(int64_t)>& value) {
  auto* out = reinterpret_cast<float*>(to.data());
  for (size_t i = 0; i < to.size() / sizeof(float); ++i) out[i] = value(static_cast<int64_t>(i));
}

// Two stages: y = w * x on rank 0; loss = sum over microbatches of v . y, g = v on rank 1; w -= 0.5 * sum of
// g * x. Rank 0: slots 0 w, 1 accumulator, 2 + m x, 10 + m y, 20 + m g. Rank 1: 0 v, 1 loss, 10 + m y, 20 + m
// g.
Program two_stages(int microbatches) {
  Program p;
  p.num_ranks = 2;
  p.microbatches = microbatches;
  const Type v = kVector, s = kScalar;
  p.modules.push_back(module_text("forward", 0, {v, v}, {-1, -1}, {v},
                                  "  %y = stablehlo.multiply %a0, %a1 : " + kV + "\n  return %y : " + kV));
  p.modules.push_back(module_text("backward", 0, {v, v, v}, {0, -1, -1}, {v},
                                  "  %t = stablehlo.multiply %a1, %a2 : " + kV +
                                      "\n  %s = stablehlo.add %a0, %t : " + kV + "\n  return %s : " + kV));
  p.modules.push_back(module_text(
      "apply", 0, {v, v}, {0, 1}, {v, v},
      "  %h = stablehlo.constant dense<0.5> : " + kV + "\n  %z = stablehlo.constant dense<0.0> : " + kV +
          "\n  %t = stablehlo.multiply %a1, %h : " + kV + "\n  %w = stablehlo.subtract %a0, %t : " + kV +
          "\n  return %w, %z : " + kV + ", " + kV));
  p.modules.push_back(module_text(
      "last", 1, {s, v, v}, {0, -1, -1}, {s, v},
      "  %d = stablehlo.dot %a1, %a2 : (" + kV + ", " + kV + ") -> " + kS +
          "\n  %l = stablehlo.add %a0, %d : " + kS + "\n  %g = stablehlo.add %a1, %a1 : " + kV +
          "\n  %h = stablehlo.subtract %g, %a1 : " + kV + "\n  return %l, %h : " + kS + ", " + kV));
  program::RankProgram a{.rank = 0, .stage = 0, .num_slots = 40}, b{.rank = 1, .stage = 1, .num_slots = 40};
  a.residents = {vector_resident(0, "w")};
  b.residents = {vector_resident(0, "v")};
  a.setup = {zero(1, v)};
  a.modules = {0, 1, 2};
  b.modules = {3};
  b.step = {zero(1, s)};
  for (int m = 0; m < microbatches; ++m) {
    for (auto& i : {load(2 + m, m), run(0, {0, 2 + m}, {10 + m}, fmt::format("F{}", m)), send(10 + m, 1, m),
                    free_slots({10 + m})}) {
      a.step.push_back(i);
    }
    for (auto& i : {receive(10 + m, 0, m), run(3, {1, 0, 10 + m}, {1, 20 + m}, fmt::format("FB{}", m)),
                    send(20 + m, 0, 100 + m), free_slots({10 + m, 20 + m})}) {
      b.step.push_back(i);
    }
  }
  for (int m = 0; m < microbatches; ++m) {
    for (auto& i : {receive(20 + m, 1, 100 + m), run(1, {1, 2 + m, 20 + m}, {1}, fmt::format("B{}", m)),
                    free_slots({2 + m, 20 + m})}) {
      a.step.push_back(i);
    }
  }
  a.step.push_back(run(2, {0, 1}, {0, 1}, "apply"));
  b.step.push_back(loss(1));
  b.step.push_back(free_slots({1}));
  p.ranks = {a, b};
  return p;
}

float sample(int64_t step, int microbatch, int64_t i) {
  return static_cast<float>(1 + (step * 7 + microbatch * 3 + i) % 5) / 4;
}

void load_sample(int, int64_t step, int microbatch, const program::Box&, std::span<std::byte> to) {
  fill_with(to, [&](int64_t i) { return sample(step, microbatch, i); });
}

void check_two_stages(base::Seconds delay) {
  constexpr int kMicrobatches = 3, kSteps = 4;
  const Program p = two_stages(kMicrobatches);
  std::vector<double> losses(kSteps);
  Floats w;
  std::string error = as_ranks(2, delay, [&](int rank, Transport& transport) {
    Client client = make_client();
    Executor executor(p, rank, client, transport, {.time_limit = base::Seconds(20)});
    executor.start([&](const program::Resident& r, std::span<std::byte> to) {
      fill_with(to, [&](int64_t i) { return r.name == "w" ? 1.f + i : 0.5f * i; });
    });
    for (int s = 0; s < kSteps; ++s) {
      auto loss = executor.step(s, load_sample);
      EXPECT_EQ(loss.has_value(), rank == 1);
      if (loss) losses[s] = *loss;
    }
    executor.finish();
    EXPECT_EQ(executor.counters().bytes_sent, kSteps * kMicrobatches * kN * 4);
    if (rank == 0) w = read_floats(executor, 0);
  });
  ASSERT_EQ(error, "");
  Floats want{1, 2, 3, 4};
  for (int s = 0; s < kSteps; ++s) {
    float loss = 0;
    Floats gradient(kN);
    for (int m = 0; m < kMicrobatches; ++m) {
      for (int i = 0; i < kN; ++i) {
        loss += 0.5f * i * want[i] * sample(s, m, i);
        gradient[i] += 0.5f * i * sample(s, m, i);
      }
    }
    EXPECT_FLOAT_EQ(losses[s], loss) << "step " << s;
    for (int i = 0; i < kN; ++i) want[i] -= 0.5f * gradient[i];
  }
  for (int i = 0; i < kN; ++i) EXPECT_FLOAT_EQ(w[i], want[i]);
}

// What a failing rank says names it, its stage, the step and the instruction.
TEST(Executor, ErrorsSayWhere) {
  auto first_error = [](Program p, const LoadBox& load) {
    return as_ranks(2, base::Seconds(0), [&](int rank, Transport& transport) {
      Client client = make_client();
      Executor executor(p, rank, client, transport, {.time_limit = base::Seconds(20)});
      executor.start([](const program::Resident&, std::span<std::byte> to) {
        fill_with(to, [](int64_t) { return 1.f; });
      });
      for (int s = 0; s < 3; ++s) executor.step(s, load);
      executor.finish();
    });
  };
  Program broken = two_stages(2);
  broken.modules[3].text = "func.func @main() { wrong }";
  EXPECT_THAT(first_error(broken, load_sample), testing::StartsWith("rank 1, stage 1, compile last: "));
  auto failing = [](std::exception_ptr what) {
    return [what](int input, int64_t step, int microbatch, const program::Box& box, std::span<std::byte> to) {
      if (step == 2 && microbatch == 1) std::rethrow_exception(what);
      load_sample(input, step, microbatch, box, to);
    };
  };
  EXPECT_EQ(first_error(two_stages(2), failing(std::make_exception_ptr(std::bad_alloc()))),
            "rank 0, stage 0, step 2, LOAD load: out of memory");
  EXPECT_EQ(
      first_error(two_stages(2), failing(std::make_exception_ptr(base::user_error("[data] too short")))),
      "rank 0, stage 0, step 2, LOAD load: [data] too short");
}

TEST(Executor, TwoStagesTrainLikeOne) { check_two_stages(base::Seconds(0)); }
TEST(Executor, TwoStagesTrainLikeOneOverASlowLink) { check_two_stages(base::Seconds(0.01)); }

}  // namespace
}  // namespace cordata::runtime
