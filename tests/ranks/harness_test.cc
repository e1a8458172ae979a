// SPDX-License-Identifier: Apache-2.0
// Checks the harness itself: the ranks asked for are there and can talk, and a failure on any one rank is
// seen.
#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdlib>

namespace {

TEST(Harness, EveryRankTakesPart) {
  int rank = 0, size = 0, sum = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const char* wanted = std::getenv("CORDATA_TEST_RANKS");
  ASSERT_NE(wanted, nullptr);
  EXPECT_EQ(size, std::atoi(wanted));
  const int mine = rank + 1;
  MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  EXPECT_EQ(sum, size * (size + 1) / 2);
}

TEST(Harness, LastRankFailsWhenTold) {
  int rank = 0, size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  EXPECT_FALSE(std::getenv("CORDATA_TEST_FAIL") && rank == size - 1) << "as told";
}

}  // namespace
