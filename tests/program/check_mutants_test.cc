// SPDX-License-Identifier: Apache-2.0
// program::check against an interpreter that runs the lists: it refuses exactly those that hang or mismatch.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "tests/program/interpreter.h"
#include "tests/program/mutants.h"
#include "tests/program/pipelines.h"

namespace cordata::tests {
namespace {

const std::vector<PipelineOptions> kPipelines = {
    {{1, 1}, 4, "gpipe"},
    {{1, 1}, 4, "1f1b"},
    {{2, 2}, 4, "gpipe"},
    {{2, 2}, 4, "1f1b"},
    {{1, 2, 1}, 3, "1f1b"},
    {{2, 1, 2}, 3, "gpipe"},
    {{1, 1, 1, 1}, 6, "1f1b"},
    {{2, 2, 2, 2}, 5, "1f1b"},
    {{2, 1, 1, 2}, 4, "gpipe"},
    {{4, 2}, 3, "1f1b"},
    {{2, 2}, 3, "1f1b", true},
    {{4}, 3, "gpipe"},
};

std::string title(const PipelineOptions& o) {
  std::string ranks;
  for (int r : o.ranks_of_stage) ranks += std::to_string(r);
  return fmt::format("{} {}{}", o.schedule, ranks, o.native ? " native" : "");
}

// How many instructions a message names.
int named(const std::string& message) {
  static const std::regex kPlace(R"(rank \d+, (step|setup)\[\d+\] [A-Z]+ ")");
  return static_cast<int>(std::distance(std::sregex_iterator(message.begin(), message.end(), kPlace), std::sregex_iterator()));
}

TEST(Check, PipelinesPass) {
  for (const PipelineOptions& o : kPipelines) {
    const program::Program p = make_pipeline(o);
    EXPECT_EQ(program::check(p), "") << title(o);
    EXPECT_EQ(interpret(p).why, "") << title(o);
  }
}

struct Count {
  int refused = 0, accepted = 0, hangs = 0;
};

TEST(Check, RefusesExactlyTheMutantsThatHangOrMismatch) {
  constexpr int kOfEach = 25;  // mutants of a pipeline by a mutation
  std::mt19937_64 random(20261124);
  std::map<Mutation, Count> counts;
  int wrong = 0, total = 0, one_named = 0;
  for (const PipelineOptions& o : kPipelines) {
    const program::Program p = make_pipeline(o);
    for (Mutation mutation : kMutations)
      for (int i = 0; i < kOfEach; ++i) {
        const std::optional<Mutant> drawn = mutate(p, mutation, random);
        if (!drawn) break;
        const Mutant& m = *drawn;
        const std::string refused = program::check(m.program);
        const Verdict verdict = interpret(m.program);
        ++total;
        ASSERT_FALSE(verdict.out_of_time) << title(o) << ": " << m.what;
        EXPECT_EQ(refused.empty(), verdict.why.empty())
            << title(o) << ": " << m.what << "\n check: " << refused << "\n interpreter: " << verdict.why;
        if (refused.empty() != verdict.why.empty() && ++wrong > 10) FAIL() << "too many";
        Count& count = counts[mutation];
        refused.empty() ? ++count.accepted : ++count.refused;
        count.hangs += verdict.hang;
        if (refused.empty()) continue;
        // A slot may be at odds with what a rank starts with, or be nobody else's; all else is between two instructions.
        const bool alone = refused.find("the start") != std::string::npos || refused.ends_with("nothing fills it");
        EXPECT_GE(named(refused), mutation == Mutation::kSlot || alone ? 1 : 2) << m.what << ": " << refused;
        if (named(refused) < 2) ++one_named;
      }
  }
  EXPECT_GE(total, 1000);
  for (const auto& [mutation, count] : counts) {
    std::cout << fmt::format("{:28} refused {:4} (hangs {:4}), accepted {:4}\n", name(mutation), count.refused, count.hangs, count.accepted);
    EXPECT_GT(count.refused, 0) << name(mutation);
  }
  // Some changes do no harm, and must not be refused.
  for (Mutation harmless : {Mutation::kDouble, Mutation::kSwap, Mutation::kMove, Mutation::kSlot}) EXPECT_GT(counts[harmless].accepted, 0) << name(harmless);
  std::cout << total << " mutants; messages that name one instruction only: " << one_named << "\n";
}

}  // namespace
}  // namespace cordata::tests
