// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/transport/thread_transport.h"

#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <tuple>

#include "cordata/base/error.h"
#include "cordata/runtime/pjrt/element.h"
#include "cordata/runtime/transport/reduce_kernels.h"

namespace cordata::runtime {
namespace {

// One end of a message that waits for the other.
struct Post {
  std::byte* data;
  int64_t bytes;
  bool done = false;
  bool cancelled = false;
};

struct Channel {
  std::deque<std::shared_ptr<Post>> sends, receives;
};

// What one rank brings to a collective.
struct Offer {
  std::string call;  // must be the same on all ranks
  const std::byte* in = nullptr;
  std::byte* out = nullptr;
};

struct Group {
  std::vector<int> ranks;
  std::vector<Offer> offers;
  int arrived = 0;
  int64_t generation = 0;
};

struct World {
  explicit World(int n) : size(n) {}

  int size;
  std::mutex mutex;
  std::condition_variable changed;
  std::string failure;
  base::Seconds limit{600};
  std::map<std::tuple<int, int, int>, Channel> channels;                    // (from, to, tag)
  std::map<std::pair<std::vector<int>, int>, std::weak_ptr<Group>> groups;  // (ranks, how many made before)

  void fail(const std::string& cause) {  // with the lock held
    if (failure.empty()) failure = cause;
    changed.notify_all();
  }
  void check() const {  // with the lock held
    if (!failure.empty()) throw base::environment_error("[runtime.transport] {}", failure);
  }
};

class ThreadTransfer : public Transfer {
 public:
  ThreadTransfer(std::shared_ptr<World> world, std::shared_ptr<Post> post)
      : world_(std::move(world)), post_(std::move(post)) {}
  ~ThreadTransfer() override {
    std::lock_guard lock(world_->mutex);
    post_->cancelled = true;
  }
  bool done() override {
    std::lock_guard lock(world_->mutex);
    if (!post_->done) world_->check();
    return post_->done;
  }

 private:
  std::shared_ptr<World> world_;
  std::shared_ptr<Post> post_;
};

std::shared_ptr<Post> pop(std::deque<std::shared_ptr<Post>>& queue) {
  while (!queue.empty()) {
    auto post = queue.front();
    queue.pop_front();
    if (!post->cancelled) return post;
  }
  return nullptr;
}

class ThreadCommunicator : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<World> world, std::shared_ptr<Group> group, int rank)
      : world_(std::move(world)), group_(std::move(group)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(group_->ranks.size()); }

  void all_reduce(const void* in, void* out, int64_t count, DType type, Reduce reduce) override {
    ReduceKernel kernel = reduce_kernel(type, reduce);
    const int64_t width = element_bytes(type);
    // Rank r reduces the r-th part of all inputs and writes it to all outputs: nobody else reads that part,
    // so that inputs may be outputs.
    meet(fmt::format("all_reduce({} x {}, {})", count, static_cast<int>(type), name(reduce)), in, out, [&] {
      const int64_t from = count * rank_ / size(), to = count * (rank_ + 1) / size();
      std::vector<std::byte> sum = reduced(from * width, to - from, width, kernel);
      for (const Offer& offer : group_->offers)
        copy(offer.out + from * width, sum.data(), (to - from) * width);
    });
  }

  void all_gather(const void* in, void* out, int64_t bytes) override {
    meet(fmt::format("all_gather({})", bytes), in, out, [&] {
      for (int r = 0; r < size(); ++r)
        copy(static_cast<std::byte*>(out) + r * bytes, group_->offers[r].in, bytes);
    });
  }

  void reduce_scatter(const void* in, void* out, int64_t count, DType type, Reduce reduce) override {
    ReduceKernel kernel = reduce_kernel(type, reduce);
    const int64_t width = element_bytes(type);
    meet(fmt::format("reduce_scatter({} x {}, {})", count, static_cast<int>(type), name(reduce)), in, out,
         [&] {
           copy(static_cast<std::byte*>(out), reduced(rank_ * count * width, count, width, kernel).data(),
                count * width);
         });
  }

  void all_to_all(const void* in, void* out, int64_t bytes) override {
    meet(fmt::format("all_to_all({})", bytes), in, out, [&] {
      for (int r = 0; r < size(); ++r) {
        copy(static_cast<std::byte*>(out) + r * bytes, group_->offers[r].in + rank_ * bytes, bytes);
      }
    });
  }

  void permute(const void* in, void* out, int64_t bytes,
               std::span<const std::pair<int, int>> pairs) override {
    meet(fmt::format("collective_permute({})", bytes), in, out, [&] {
      std::memset(out, 0, bytes);
      for (auto [source, target] : pairs) {
        if (target == rank_) copy(static_cast<std::byte*>(out), group_->offers.at(source).in, bytes);
      }
    });
  }

  void broadcast(void* data, int64_t bytes, int root) override {
    meet(fmt::format("broadcast({}, root {})", bytes, root), data, data, [&] {
      if (rank_ != root) copy(static_cast<std::byte*>(data), group_->offers[root].in, bytes);
    });
  }

  void barrier() override {
    meet("barrier", nullptr, nullptr, [] {});
  }

 private:
  static void copy(std::byte* to, const std::byte* from, int64_t bytes) {
    if (bytes > 0) std::memmove(to, from, bytes);
  }

  std::vector<std::byte> reduced(int64_t offset, int64_t count, int64_t width, ReduceKernel kernel) const {
    const std::byte* first = group_->offers[0].in + offset;
    std::vector<std::byte> sum(first, first + count * width);
    for (int r = 1; r < size(); ++r) kernel(group_->offers[r].in + offset, sum.data(), count);
    return sum;
  }

  // All ranks show what they bring, do `work` at once, and leave together.
  void meet(std::string call, const void* in, void* out, const std::function<void()>& work) {
    {
      std::unique_lock lock(world_->mutex);
      group_->offers[rank_] = {std::move(call), static_cast<const std::byte*>(in),
                               static_cast<std::byte*>(out)};
      wait_for_all(lock);
      check_offers();
    }
    work();
    std::unique_lock lock(world_->mutex);
    wait_for_all(lock);
  }

  void check_offers() {
    for (const Offer& offer : group_->offers) {
      const Offer& mine = group_->offers[rank_];
      if (offer.call == mine.call) continue;
      world_->fail(fmt::format("ranks disagree: one calls {}, another {}", mine.call, offer.call));
    }
    world_->check();
  }

  void wait_for_all(std::unique_lock<std::mutex>& lock) {
    world_->check();
    const int64_t generation = group_->generation;
    if (++group_->arrived == size()) {
      group_->arrived = 0;
      ++group_->generation;
      world_->changed.notify_all();
      return;
    }
    auto ready = [&] { return group_->generation != generation || !world_->failure.empty(); };
    if (!world_->changed.wait_until(lock, Deadline::after(world_->limit).when(), ready)) {
      world_->fail(fmt::format("rank {} waited too long for the others in {}", group_->ranks[rank_],
                               group_->offers[rank_].call));
    }
    if (group_->generation == generation) world_->check();
  }

  std::shared_ptr<World> world_;
  std::shared_ptr<Group> group_;
  int rank_;
};

class ThreadTransport : public Transport {
 public:
  ThreadTransport(std::shared_ptr<World> world, int rank) : world_(std::move(world)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return world_->size; }

  std::unique_ptr<Communicator> make_communicator(const std::vector<int>& ranks) override {
    const int copy = made_[ranks]++;
    for (size_t i = 0; i < ranks.size(); ++i) {
      if (ranks[i] == rank_) {
        return std::make_unique<ThreadCommunicator>(world_, join(ranks, copy), static_cast<int>(i));
      }
    }
    return nullptr;
  }

  std::unique_ptr<Transfer> send(const void* data, int64_t bytes, int to, int tag) override {
    return post(const_cast<void*>(data), bytes, {rank_, to, tag}, &Channel::sends, &Channel::receives);
  }
  std::unique_ptr<Transfer> receive(void* data, int64_t bytes, int from, int tag) override {
    return post(data, bytes, {from, rank_, tag}, &Channel::receives, &Channel::sends);
  }

  void set_time_limit(base::Seconds limit) override {
    std::lock_guard lock(world_->mutex);
    world_->limit = limit;
  }
  void abort(const std::string& cause) override {
    std::lock_guard lock(world_->mutex);
    world_->fail(cause);
  }

 private:
  using Queue = std::deque<std::shared_ptr<Post>>;

  std::shared_ptr<Group> join(const std::vector<int>& ranks, int copy) {
    std::lock_guard lock(world_->mutex);
    auto& slot = world_->groups[{ranks, copy}];
    auto group = slot.lock();
    if (!group) {
      group = std::make_shared<Group>(Group{ranks, std::vector<Offer>(ranks.size())});
      slot = group;
    }
    held_.push_back(group);
    return group;
  }

  std::unique_ptr<Transfer> post(void* data, int64_t bytes, std::tuple<int, int, int> key,
                                 Queue Channel::*mine, Queue Channel::*others) {
    auto post = std::make_shared<Post>(Post{static_cast<std::byte*>(data), bytes});
    std::lock_guard lock(world_->mutex);
    world_->check();
    Channel& channel = world_->channels[key];
    if (auto other = pop(channel.*others)) {
      const bool sending = mine == &Channel::sends;
      match(sending ? *post : *other, sending ? *other : *post, key);
    } else {
      (channel.*mine).push_back(post);
    }
    return std::make_unique<ThreadTransfer>(world_, post);
  }

  void match(Post& sent, Post& received, const std::tuple<int, int, int>& key) {
    auto [from, to, tag] = key;
    if (sent.bytes != received.bytes) {
      world_->fail(fmt::format("rank {} sends {} bytes under tag {}, rank {} expects {}", from, sent.bytes,
                               tag, to, received.bytes));
      world_->check();
    }
    if (sent.bytes > 0) std::memcpy(received.data, sent.data, sent.bytes);
    sent.done = received.done = true;
  }

  std::shared_ptr<World> world_;
  int rank_;
  std::map<std::vector<int>, int> made_;
  std::vector<std::shared_ptr<Group>> held_;  // so that a rank that comes late finds it
};

}  // namespace

std::vector<std::unique_ptr<Transport>> make_thread_world(int size) {
  auto world = std::make_shared<World>(size);
  std::vector<std::unique_ptr<Transport>> ranks;
  for (int r = 0; r < size; ++r) ranks.push_back(std::make_unique<ThreadTransport>(world, r));
  return ranks;
}

}  // namespace cordata::runtime
