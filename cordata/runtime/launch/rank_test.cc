// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/launch/rank.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <sstream>

namespace cordata::runtime {
namespace {

using Map = std::map<std::string, std::string>;

// An environment of these job variables only, put back afterwards.
class Variables {
 public:
  explicit Variables(const Map& wanted) {
    for (const char* name : kNames) {
      if (const char* value = std::getenv(name)) before_[name] = value;
      ::unsetenv(name);
    }
    for (const auto& [name, value] : wanted) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Variables() {
    for (const char* name : kNames) ::unsetenv(name);
    for (const auto& [name, value] : before_) ::setenv(name.c_str(), value.c_str(), 1);
  }

 private:
  static constexpr const char* kNames[] = {"OMPI_COMM_WORLD_RANK",
                                           "OMPI_COMM_WORLD_SIZE",
                                           "OMPI_COMM_WORLD_LOCAL_RANK",
                                           "OMPI_COMM_WORLD_LOCAL_SIZE",
                                           "PMIX_RANK",
                                           "PMI_RANK",
                                           "PMI_SIZE",
                                           "MPI_LOCALRANKID",
                                           "MPI_LOCALNRANKS",
                                           "SLURM_PROCID",
                                           "SLURM_NTASKS",
                                           "SLURM_LOCALID",
                                           "SLURM_STEP_NUM_TASKS",
                                           "CORDATA_THREADS"};
  Map before_;
};

void expect_place(const Map& variables, int rank, int size, int local_rank, int local_size) {
  Variables set(variables);
  auto place = rank_from_environment();
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->rank, rank);
  EXPECT_EQ(place->size, size);
  EXPECT_EQ(place->local_rank, local_rank);
  EXPECT_EQ(place->local_size, local_size);
}

TEST(Rank, StartedAlone) {
  Variables none(Map{});
  EXPECT_FALSE(is_worker());
  EXPECT_EQ(threads_of_this_rank(), usable_cores());
}

TEST(Rank, ABatchScriptIsNoRank) {
  Variables script(Map{{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}});
  EXPECT_FALSE(is_worker());
}

TEST(Rank, NonsenseIsNoRank) {
  Variables nonsense(Map{{"PMI_RANK", "first"}, {"OMPI_COMM_WORLD_RANK", ""}});
  EXPECT_FALSE(is_worker());
}

TEST(Rank, UnderMpirun) {
  expect_place({{"OMPI_COMM_WORLD_RANK", "5"},
                {"OMPI_COMM_WORLD_SIZE", "8"},
                {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"}},
               5, 8, 1, 4);
}
TEST(Rank, UnderMpich) {
  expect_place({{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}, {"MPI_LOCALRANKID", "3"}, {"MPI_LOCALNRANKS", "4"}}, 3,
               4, 3, 4);
}
TEST(Rank, UnderSrun) {
  expect_place({{"PMIX_RANK", "6"},
                {"SLURM_PROCID", "6"},
                {"SLURM_NTASKS", "16"},
                {"SLURM_STEP_NUM_TASKS", "8"},
                {"SLURM_LOCALID", "2"}},
               6, 8, 2, 8);
}

TEST(Rank, ThreadsAsTold) {
  Variables told(Map{{"CORDATA_THREADS", "3"}});
  EXPECT_EQ(threads_of_this_rank(), 3);
}
TEST(Rank, ThreadsAreSharedByTheRanksOfAHost) {
  Variables four(Map{
      {"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "64"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "64"}});
  EXPECT_EQ(threads_of_this_rank(), std::max(1, usable_cores() / 64));
}

TEST(Rank, QuotaOfAContainer) {
  auto cores = [](const char* text) {
    std::istringstream in(text);
    return cores_of_quota(in);
  };
  EXPECT_EQ(cores("200000 100000\n"), 2);
  EXPECT_EQ(cores("150000 100000\n"), 2);
  EXPECT_EQ(cores("10000 100000\n"), 1);
  EXPECT_EQ(cores("max 100000\n"), std::nullopt);
  EXPECT_EQ(cores(""), std::nullopt);
}

}  // namespace
}  // namespace cordata::runtime
