// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/transport/conformance.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "cordata/base/error.h"
#include "cordata/runtime/transport/reduce_kernels.h"

namespace cordata::runtime {
namespace {

void expect(bool holds, std::string_view what, int rank) {
  if (!holds) throw base::internal_error("[runtime.conformance] rank {}: wrong {}", rank, what);
}

Deadline soon() { return Deadline::after(base::Seconds(30)); }

constexpr int64_t kCounts[] = {1, 3, 1000, 70001};

// Rank r brings r + i % 7; small whole numbers, so that every order of summation gives the same.
template <typename T>
void check_sums(Communicator& comm, DType type) {
  const int n = comm.size();
  for (int64_t count : kCounts) {
    std::vector<T> in(count), out(count);
    for (int64_t i = 0; i < count; ++i) in[i] = static_cast<T>(comm.rank() + i % 7);
    comm.all_reduce(in.data(), out.data(), count, type, Reduce::kAdd);
    comm.all_reduce(in.data(), in.data(), count, type, Reduce::kMax);
    for (int64_t i = 0; i < count; ++i) {
      expect(out[i] == static_cast<T>(n * (n - 1) / 2 + n * (i % 7)), "all_reduce(add)", comm.rank());
      expect(in[i] == static_cast<T>(n - 1 + i % 7), "all_reduce(max) in place", comm.rank());
    }
  }
}

void check_sixteen_bits(Communicator& comm, DType type, uint16_t (*store)(float), float (*load)(uint16_t)) {
  std::vector<uint16_t> values(1001);
  for (size_t i = 0; i < values.size(); ++i) values[i] = store(static_cast<float>(comm.rank() + 1) * 0.5f);
  comm.all_reduce(values.data(), values.data(), values.size(), type, Reduce::kAdd);
  const int n = comm.size();
  for (uint16_t v : values) expect(load(v) == 0.25f * n * (n + 1), "16-bit all_reduce", comm.rank());
}

void check_other_reductions(Communicator& comm) {
  const int n = comm.size(), r = comm.rank();
  uint8_t truth[2] = {r == 0, true}, result[2];
  comm.all_reduce(truth, result, 2, DType::kI1, Reduce::kAnd);
  expect(result[0] == (n == 1) && result[1] == 1, "all_reduce(and)", r);
  comm.all_reduce(truth, result, 2, DType::kI1, Reduce::kAdd);
  expect(result[0] == 1 && result[1] == 1, "all_reduce(add) of truth values", r);
  float values[2] = {r == n - 1 ? std::numeric_limits<float>::quiet_NaN() : 1.f, static_cast<float>(r)};
  comm.all_reduce(values, values, 2, DType::kF32, Reduce::kMax);
  expect(std::isnan(values[0]) && values[1] == static_cast<float>(n - 1), "all_reduce(max) with NaN", r);
  int32_t product = r + 1, factorial = 1;
  for (int i = 2; i <= n; ++i) factorial *= i;
  comm.all_reduce(&product, &product, 1, DType::kI32, Reduce::kMul);
  expect(product == factorial, "all_reduce(mul)", r);
}

void check_moves(Communicator& comm, int64_t count) {
  const int n = comm.size(), r = comm.rank();
  std::vector<int32_t> one(count), all(count * n), out(count * n);
  for (int64_t i = 0; i < count; ++i) one[i] = static_cast<int32_t>(r * 100000 + i);
  comm.all_gather(one.data(), all.data(), count * 4);
  for (int s = 0; s < n; ++s) expect(all[s * count + count - 1] == s * 100000 + count - 1, "all_gather", r);

  for (int t = 0; t < n; ++t) {
    for (int64_t i = 0; i < count; ++i) all[t * count + i] = static_cast<int32_t>(r * 1000 + t);
  }
  comm.all_to_all(all.data(), out.data(), count * 4);
  for (int s = 0; s < n; ++s) expect(out[s * count + count / 2] == s * 1000 + r, "all_to_all", r);
  comm.reduce_scatter(all.data(), one.data(), count, DType::kI32, Reduce::kAdd);
  for (int32_t v : one) expect(v == 1000 * n * (n - 1) / 2 + n * r, "reduce_scatter", r);

  std::vector<int32_t> mine(count, r + 1), got(count, -1);
  std::vector<std::pair<int, int>> shift;  // open chain: rank 0 receives nothing
  for (int s = 0; s + 1 < n; ++s) shift.push_back({s, s + 1});
  comm.permute(mine.data(), got.data(), count * 4, shift);
  for (int32_t v : got) expect(v == r, "collective_permute", r);
  comm.broadcast(mine.data(), count * 4, n - 1);
  for (int32_t v : mine) expect(v == n, "broadcast", r);
}

void check_messages(Transport& world) {
  const int n = world.size(), r = world.rank();
  const int to = (r + 1) % n, from = (r + n - 1) % n;
  constexpr int kMessages = 4;
  const int64_t counts[kMessages] = {0, 5, 4000, 300000};
  std::vector<std::vector<int>> sent, got;
  std::vector<std::unique_ptr<Transfer>> receives, sends;
  for (int64_t count : counts) {
    sent.emplace_back(count, r * 10 + static_cast<int>(count % 7));
    got.emplace_back(count, -1);
  }
  for (int m = 0; m < kMessages; ++m)
    receives.push_back(world.receive(got[m].data(), counts[m] * 4, from, m));
  for (int m = kMessages - 1; m >= 0; --m) sends.push_back(world.send(sent[m].data(), counts[m] * 4, to, m));
  while (true) {  // all at once: a send may need its receiver's attention, and a delayed one its sender's
    bool all = true;
    for (auto& t : sends) all &= t->done();
    for (auto& t : receives) all &= t->done();
    if (all) break;
  }
  for (int m = 0; m < kMessages; ++m) {
    for (int v : got[m]) expect(v == from * 10 + static_cast<int>(counts[m] % 7), "message", r);
  }
}

void check_deadline(Transport& world, Communicator& comm) {
  int value = 0;
  bool threw = false;
  const int last = world.size() - 1;
  auto receive = world.receive(&value, 4, last, 77);
  try {
    wait(*receive, Deadline::after(base::Seconds(0.02)), "a message nobody sent");
  } catch (const base::Error& error) {
    threw = error.kind() == base::ErrorKind::kEnvironment;
  }
  expect(threw, "deadline", world.rank());
  comm.barrier();  // now it is sent after all, by the last rank to each
  int seven = 7;
  std::vector<std::unique_ptr<Transfer>> sends;
  for (int to = 0; world.rank() == last && to < world.size(); ++to)
    sends.push_back(world.send(&seven, 4, to, 77));
  for (auto& send : sends) {
    while (!send->done()) {
    }
  }
  wait(*receive, soon(), "the late message");
  expect(value == 7, "late message", world.rank());
}

void check_subgroups(Transport& world) {
  std::vector<int> even, odd;
  for (int r = 0; r < world.size(); ++r) (r % 2 ? odd : even).push_back(r);
  auto first = world.make_communicator(even);
  auto second = odd.empty() ? nullptr : world.make_communicator(odd);
  const bool is_odd = world.rank() % 2;
  expect((first == nullptr) == is_odd && (second != nullptr) == is_odd, "membership", world.rank());
  Communicator& mine = is_odd ? *second : *first;
  expect(mine.rank() == world.rank() / 2, "rank in a subgroup", world.rank());
  int64_t sum = world.rank(), expected = 0;
  for (int r : is_odd ? odd : even) expected += r;
  mine.all_reduce(&sum, &sum, 1, DType::kI64, Reduce::kAdd);
  expect(sum == expected, "all_reduce in a subgroup", world.rank());
}

}  // namespace

void check_conformance(Transport& transport) {
  std::vector<int> everyone(transport.size());
  std::iota(everyone.begin(), everyone.end(), 0);
  auto comm = transport.make_communicator(everyone);
  expect(comm->rank() == transport.rank() && comm->size() == transport.size(), "communicator",
         transport.rank());
  check_sums<float>(*comm, DType::kF32);
  check_sums<double>(*comm, DType::kF64);
  check_sums<int32_t>(*comm, DType::kI32);
  check_sums<uint8_t>(*comm, DType::kUI8);
  check_sixteen_bits(*comm, DType::kBF16, float_to_bfloat, bfloat_to_float);
  check_sixteen_bits(*comm, DType::kF16, float_to_half, half_to_float);
  check_other_reductions(*comm);
  for (int64_t count : kCounts) check_moves(*comm, count);
  check_messages(transport);
  check_deadline(transport, *comm);
  check_subgroups(transport);
  comm->barrier();
}

}  // namespace cordata::runtime
