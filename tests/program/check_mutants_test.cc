// SPDX-License-Identifier: Apache-2.0
// program::check against an interpreter that runs the lists: it refuses exactly those that hang or mismatch.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "cordata/models/zoo.h"
#include "cordata/planner/planner.h"
#include "tests/program/interpreter.h"
#include "tests/program/mutants.h"
#include "tests/program/pipelines.h"

namespace cordata::tests {
namespace {

const std::vector<PipelineOptions> kPipelines = {
    {{1, 1}, 4, "gpipe"},       {{1, 1}, 4, "1f1b"},     {{2, 2}, 4, "gpipe"},      {{2, 2}, 4, "1f1b"},
    {{1, 2, 1}, 3, "1f1b"},     {{2, 1, 2}, 3, "gpipe"}, {{1, 1, 1, 1}, 6, "1f1b"}, {{2, 2, 2, 2}, 5, "1f1b"},
    {{2, 1, 1, 2}, 4, "gpipe"}, {{4, 2}, 3, "1f1b"},     {{2, 2}, 3, "1f1b", true}, {{4}, 3, "gpipe"},
};

std::string title(const PipelineOptions& o) {
  std::string ranks;
  for (int r : o.ranks_of_stage) ranks += std::to_string(r);
  return fmt::format("{} {}{}", o.schedule, ranks, o.native ? " native" : "");
}

// How many instructions a message names.
int named(const std::string& message) {
  static const std::regex kPlace(R"(rank \d+, (step|setup)\[\d+\] [A-Z]+ ")");
  return static_cast<int>(
      std::distance(std::sregex_iterator(message.begin(), message.end(), kPlace), std::sregex_iterator()));
}

struct Subject {
  std::string title;
  program::Program program;
};

std::vector<Subject> by_hand() {
  std::vector<Subject> all;
  for (const PipelineOptions& o : kPipelines) all.push_back({title(o), make_pipeline(o)});
  return all;
}

struct Whole {
  const char *model, *planner;
  int ranks, microbatches;
};

// Programs as users run them: planned, cut, partitioned and lowered. The GPT's embedding is shared by its
// first and last stage.
std::vector<Subject> by_lowering() {
  constexpr const char *kMlp = "mlp:batch=16",
                       *kGpt = "gpt:layers=2,hidden=16,heads=2,seq=8,vocab=16,batch=16";
  const Whole wholes[] = {{kMlp, "pipeline:stages=2,data=2,schedule=1f1b", 4, 4},
                          {kMlp, "tensor", 4, 2},
                          {kGpt, "pipeline:stages=2,schedule=gpipe", 2, 4},
                          {kGpt, "pipeline:stages=2,schedule=1f1b", 2, 8},
                          {kGpt, "zero-3", 2, 2}};
  std::vector<Subject> all;
  for (const Whole& w : wholes) {
    const step::TrainStep step = models::build_train_step(w.model);
    cluster::Cluster c;
    c.devices_per_host = w.ranks;
    c.device.peak = {{ir::DType::kF32,
                      base::FlopsPerSecond(1e8)}};  // slow, so that it is worth while to cut in the middle
    c.device.memory = base::Bytes(1e10);
    c.device.memory_bandwidth = base::BytesPerSecond(1e8);
    c.intra = c.inter = {base::Seconds(1e-5), base::BytesPerSecond(1e9), "made up"};
    const plan::Plan plan = planner::plan(step, c, {.name = w.planner, .microbatches = w.microbatches});
    program::Program p =
        program::lower(plan::planned_step(step, plan), step, plan, partition::CollectiveMode::kCustomCall);
    for (auto& m : p.modules) m.text.clear();  // nobody reads them here
    // Stages talk in both directions, and of more than the loss.
    for (size_t stage = 0; plan.stages.size() > 1 && stage < plan.stages.size(); ++stage) {
      const auto& list = p.ranks[plan.stages[stage].ranks[0]].step;
      const auto sends = std::count_if(list.begin(), list.end(),
                                       [](const auto& i) { return i.op == program::OpCode::kSend; });
      EXPECT_GE(sends, plan.microbatches) << w.model << " " << w.planner << ", stage " << stage;
    }
    all.push_back({fmt::format("{} {}", w.model, w.planner), std::move(p)});
  }
  return all;
}

struct Count {
  int refused = 0, accepted = 0, hangs = 0;
};

// The programs pass; of their mutants the check refuses those that the interpreter does.
std::map<Mutation, Count> compare(const std::vector<Subject>& subjects, int of_each, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::map<Mutation, Count> counts;
  int total = 0, one_named = 0;
  for (const Subject& s : subjects) {
    EXPECT_EQ(program::check(s.program), "") << s.title;
    EXPECT_EQ(interpret(s.program).why, "") << s.title;
    for (Mutation mutation : kMutations)
      for (int i = 0; i < of_each; ++i) {
        const std::optional<Mutant> m = mutate(s.program, mutation, random);
        if (!m) break;
        const std::string refused = program::check(m->program);
        const Verdict verdict = interpret(m->program);
        ++total;
        EXPECT_FALSE(verdict.out_of_time) << s.title << ": " << m->what;
        EXPECT_EQ(refused.empty(), verdict.why.empty())
            << s.title << ": " << m->what << "\n check: " << refused << "\n interpreter: " << verdict.why;
        if (testing::Test::HasFailure()) return counts;
        Count& count = counts[mutation];
        ++(refused.empty() ? count.accepted : count.refused);
        count.hangs += verdict.hang;
        if (refused.empty()) continue;
        // A slot may be at odds with what a rank starts with, or be nobody else's; all else is between two
        // instructions.
        const bool alone =
            refused.find("the start") != std::string::npos || refused.ends_with("nothing fills it");
        EXPECT_GE(named(refused), mutation == Mutation::kSlot || alone ? 1 : 2) << m->what << ": " << refused;
        one_named += named(refused) < 2;
      }
  }
  for (const auto& [mutation, count] : counts) {
    std::cout << fmt::format("{:28} refused {:4} (hangs {:4}), accepted {:4}\n", name(mutation),
                             count.refused, count.hangs, count.accepted);
    EXPECT_GT(count.refused, 0) << name(mutation);
  }
  // Some changes do no harm, and must not be refused.
  for (Mutation harmless : {Mutation::kDouble, Mutation::kSwap, Mutation::kMove})
    EXPECT_GT(counts[harmless].accepted, 0) << name(harmless);
  std::cout << total << " mutants; messages that name one instruction only: " << one_named << "\n";
  EXPECT_GE(total, 1000);
  return counts;
}

TEST(Check, RefusesExactlyTheMutantsThatHangOrMismatch) {
  EXPECT_GT(compare(by_hand(), 25, 20261124)[Mutation::kSlot].accepted, 0);
}

TEST(Check, RefusesExactlyTheMutantsOfLoweredPrograms) { compare(by_lowering(), 40, 4); }

}  // namespace
}  // namespace cordata::tests
