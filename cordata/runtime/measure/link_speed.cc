// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/measure/link_speed.h"

#include <algorithm>
#include <chrono>

#include "cordata/cluster/fit.h"
#include "cordata/runtime/measure/timed.h"

namespace cordata::runtime {
namespace {

using Clock = std::chrono::steady_clock;
using sharding::CollectiveKind;

constexpr int kPing = 1, kOver = 2;                // tags
constexpr int64_t kMostBytes = int64_t{64} << 20;  // that all messages of one size take together

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

void send(Transport& t, std::vector<std::byte>& data, int to, int tag) {
  wait(*t.send(data.data(), static_cast<int64_t>(data.size()), to, tag), measured_soon(), "a message");
}
void receive(Transport& t, std::vector<std::byte>& data, int from, int tag) {
  wait(*t.receive(data.data(), static_cast<int64_t>(data.size()), from, tag), measured_soon(), "a message");
}

// One size's round trips; both ranks take the same number. The first is left out: its memory is new.
double one_way(Transport& t, int a, int b, int64_t bytes, int times) {
  std::vector<std::byte> data(bytes);
  std::vector<double> seconds;
  for (int i = 0; i <= times; ++i) {
    const auto begin = Clock::now();
    if (t.rank() == a) send(t, data, b, kPing), receive(t, data, b, kPing);
    if (t.rank() == b) receive(t, data, a, kPing), send(t, data, a, kPing);
    if (i > 0) seconds.push_back(since(begin) / 2);
  }
  return cluster::median(std::move(seconds));
}

// Rank 0's answer, so that all stop together.
bool time_left(Communicator& all, Deadline end) {
  char left = end.passed() ? 0 : 1;
  all.broadcast(&left, 1, 0);
  return left != 0;
}

double slowest(Communicator& all, double seconds) {
  std::vector<double> theirs(all.size());
  all.all_gather(&seconds, theirs.data(), sizeof seconds);
  return *std::ranges::max_element(theirs);
}

// One collective with the memory it needs. The bytes of each rank's part are made a whole number of elements.
class Exchange {
 public:
  Exchange(CollectiveKind kind, int64_t bytes, Communicator& group)
      : kind_(kind),
        group_(group),
        part_(std::max<int64_t>(1, bytes / group.size() / static_cast<int64_t>(sizeof(float)))),
        in_(part_ * group.size(), 1.0f),
        out_(in_.size()) {}

  void run() {
    const auto part_bytes = part_ * static_cast<int64_t>(sizeof(float));
    if (kind_ == CollectiveKind::kAllReduce)
      group_.all_reduce(in_.data(), out_.data(), static_cast<int64_t>(in_.size()), DType::kF32, Reduce::kAdd);
    if (kind_ == CollectiveKind::kAllGather) group_.all_gather(in_.data(), out_.data(), part_bytes);
    if (kind_ == CollectiveKind::kReduceScatter)
      group_.reduce_scatter(in_.data(), out_.data(), part_, DType::kF32, Reduce::kAdd);
    if (kind_ == CollectiveKind::kAllToAll) group_.all_to_all(in_.data(), out_.data(), part_bytes);
  }
  // Of an all-gather, what each rank brings; of the others, what each holds before.
  base::Bytes bytes() const {
    const auto elements = kind_ == CollectiveKind::kAllGather ? part_ : static_cast<int64_t>(in_.size());
    return base::Bytes(static_cast<double>(elements) * sizeof(float));
  }

 private:
  CollectiveKind kind_;
  Communicator& group_;
  int64_t part_;
  std::vector<float> in_, out_;
};

// From a barrier on, on the slowest rank; over several exchanges in turn, so that caches don't hold what they
// move. The mean, since it is what many of them in a step come to. How often is decided by the first time,
// which all ranks know.
double collective_seconds(Communicator& all, std::vector<Exchange>& exchanges, const LinkEffort& effort) {
  size_t next = 0;
  const auto once = [&] {
    Exchange& exchange = exchanges[next++ % exchanges.size()];
    all.barrier();
    const auto begin = Clock::now();
    exchange.run();
    return slowest(all, since(begin));
  };
  for (size_t i = 1; i < exchanges.size(); ++i) once();
  const double first = once();
  const int times = std::clamp(static_cast<int>(effort.each.value / first), 3, effort.times);
  double seconds = 0;
  for (int i = 0; i < times; ++i) seconds += once();
  return seconds / times;
}

std::unique_ptr<Communicator> my_group(Transport& t, const std::vector<std::vector<int>>& groups) {
  std::unique_ptr<Communicator> mine;
  for (const auto& group : groups)
    if (auto made = t.make_communicator(group)) mine = std::move(made);
  return mine;
}

}  // namespace

std::vector<MessageTime> ping_pong(Transport& t, int a, int b, const LinkEffort& effort) {
  std::vector<std::byte> nothing(1);
  if (t.rank() != a && t.rank() != b) {
    receive(t, nothing, a, kOver);
    return {};
  }
  std::vector<MessageTime> found;
  for (const int64_t bytes : effort.sizes) {
    const int times = static_cast<int>(std::clamp<int64_t>(kMostBytes / bytes, 3, effort.times));
    found.push_back({base::Bytes(static_cast<double>(bytes)), base::Seconds(one_way(t, a, b, bytes, times))});
  }
  if (t.rank() != a) return {};
  for (int r = 0; r < t.size(); ++r)
    if (r != a && r != b) send(t, nothing, r, kOver);
  return found;
}

std::vector<CollectiveTime> time_collectives(Transport& t, Communicator& all,
                                             const std::vector<std::vector<int>>& groups,
                                             const LinkEffort& effort) {
  const auto mine = my_group(t, groups);
  std::vector<CollectiveTime> found;
  for (const CollectiveKind kind : {CollectiveKind::kAllReduce, CollectiveKind::kAllGather,
                                    CollectiveKind::kReduceScatter, CollectiveKind::kAllToAll})
    for (const int64_t bytes : effort.sizes) {
      if (!time_left(all, effort.end)) return found;
      const auto sets = std::clamp<int64_t>(effort.rotated / (2 * bytes), 1, effort.most_sets);
      std::vector<Exchange> exchanges;
      for (int64_t i = 0; i < sets; ++i) exchanges.emplace_back(kind, bytes, *mine);
      found.push_back(
          {kind, exchanges[0].bytes(), base::Seconds(collective_seconds(all, exchanges, effort))});
    }
  return found;
}

}  // namespace cordata::runtime
