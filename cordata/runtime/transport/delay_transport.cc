// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/transport/delay_transport.h"

namespace cordata::runtime {
namespace {

class DelayedSend : public Transfer {
 public:
  DelayedSend(Transport& inner, const void* data, int64_t bytes, int to, int tag, Deadline leave)
      : inner_(inner), data_(data), bytes_(bytes), to_(to), tag_(tag), leave_(leave) {}

  bool done() override {
    if (!sent_) {
      if (!leave_.passed()) return false;
      sent_ = inner_.send(data_, bytes_, to_, tag_);
    }
    return sent_->done();
  }

 private:
  Transport& inner_;
  const void* data_;
  int64_t bytes_;
  int to_, tag_;
  Deadline leave_;
  std::unique_ptr<Transfer> sent_;
};

class DelayTransport : public Transport {
 public:
  DelayTransport(std::unique_ptr<Transport> inner, base::Seconds delay)
      : inner_(std::move(inner)), delay_(delay) {}

  int rank() const override { return inner_->rank(); }
  int size() const override { return inner_->size(); }
  std::unique_ptr<Communicator> make_communicator(const std::vector<int>& ranks) override {
    return inner_->make_communicator(ranks);
  }
  std::unique_ptr<Transfer> send(const void* data, int64_t bytes, int to, int tag) override {
    return std::make_unique<DelayedSend>(*inner_, data, bytes, to, tag, Deadline::after(delay_));
  }
  std::unique_ptr<Transfer> receive(void* data, int64_t bytes, int from, int tag) override {
    return inner_->receive(data, bytes, from, tag);
  }
  void set_time_limit(base::Seconds limit) override { inner_->set_time_limit(limit); }
  void abort(const std::string& cause) override { inner_->abort(cause); }

 private:
  std::unique_ptr<Transport> inner_;
  base::Seconds delay_;
};

}  // namespace

std::unique_ptr<Transport> make_delay_transport(std::unique_ptr<Transport> inner, base::Seconds delay) {
  return std::make_unique<DelayTransport>(std::move(inner), delay);
}

}  // namespace cordata::runtime
