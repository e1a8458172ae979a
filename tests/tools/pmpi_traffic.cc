// SPDX-License-Identifier: Apache-2.0
// Known traffic for the test of pmpi_count.c: each collective of a transport once or more, between all ranks
// and between the first two, and one message from each rank to the next.
#include <cstdio>
#include <exception>
#include <numeric>
#include <vector>

#include "cordata/runtime/transport/mpi_transport.h"

namespace cordata::runtime {
namespace {

void traffic(Transport& transport) {
  const int rank = transport.rank(), size = transport.size();
  std::vector<int> everyone(size);
  std::iota(everyone.begin(), everyone.end(), 0);
  auto all = transport.make_communicator(everyone);
  auto two = transport.make_communicator({0, 1});
  std::vector<float> in(16 * size), out(16 * size * size);

  for (int i = 0; i < 3; ++i) all->all_reduce(in.data(), out.data(), 10, DType::kF32, Reduce::kAdd);
  if (two) two->all_reduce(in.data(), out.data(), 5, DType::kF64, Reduce::kAdd);
  all->reduce_scatter(in.data(), out.data(), 4, DType::kF32, Reduce::kAdd);
  all->all_gather(in.data(), out.data(), 12);
  all->all_to_all(in.data(), out.data(), 8);
  std::vector<std::pair<int, int>> ring;
  for (int r = 0; r < size; ++r) ring.emplace_back(r, (r + 1) % size);
  all->permute(in.data(), out.data(), 20, ring);
  all->broadcast(in.data(), 36, 0);
  auto receive = transport.receive(out.data(), 28, (rank + size - 1) % size, 7);
  auto send = transport.send(in.data(), 28, (rank + 1) % size, 7);
  wait(*receive, Deadline::after(base::Seconds(30)), "the message of the rank before");
  wait(*send, Deadline::after(base::Seconds(30)), "the message to the rank behind");
}

}  // namespace
}  // namespace cordata::runtime

int main() try {
  auto transport = cordata::runtime::make_mpi_transport();
  cordata::runtime::traffic(*transport);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
