// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/pace.h"

#include <chrono>
#include <istream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "cordata/base/error.h"

namespace cordata::runtime {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;

constexpr int kTag = (1 << 21) - 1;  // the last one there is: a program's messages count from 0
constexpr auto kNap = std::chrono::milliseconds(5);

struct Order {
  int64_t count = 0;  // 0: the end; below: a line that is no order
  int64_t alone = 0;
};

Order read_order(std::istream& in, std::string& line) {
  if (!std::getline(in, line)) return {};
  constexpr Order kWrong{-1, 0};
  constexpr std::string_view kSteps = "steps ", kAlone = "alone ";
  static_assert(kSteps.size() == kAlone.size());
  Order order{0, line.starts_with(kAlone)};
  if ((!order.alone && !line.starts_with(kSteps)) || line.size() > kSteps.size() + 9) return kWrong;
  for (char c : line.substr(kSteps.size())) {
    if (c < '0' || c > '9') return kWrong;
    order.count = order.count * 10 + (c - '0');
  }
  return order.count > 0 ? order : kWrong;
}

void nap_until_done(Transfer& transfer) {
  while (!transfer.done()) std::this_thread::sleep_for(kNap);
}

// Rank 0 reads the order and tells the others. There is no deadline: the driver decides how long a pause is,
// and its end closes `in`.
Order next_order(Transport& transport, std::istream& in, std::string& line) {
  Order order;
  if (transport.rank() != 0) {
    nap_until_done(*transport.receive(&order, sizeof(order), 0, kTag));
    return order;
  }
  order = read_order(in, line);
  for (int r = 1; r < transport.size(); ++r) nap_until_done(*transport.send(&order, sizeof(order), r, kTag));
  return order;
}

}  // namespace

void run_paced(const Pace& pace, std::istream& in, std::ostream& out) {
  std::vector<int> everyone(pace.transport.size());
  std::iota(everyone.begin(), everyone.end(), 0);
  auto all = pace.transport.make_communicator(everyone);
  if (pace.speaks)
    out << ordered_json{{"ready", true}, {"compile_s", pace.compile.value}}.dump() << std::endl;
  std::string line;
  while (true) {
    const auto [count, alone] = next_order(pace.transport, in, line);
    if (count == 0) return;
    if (count < 0)
      throw base::user_error("[runtime.pace] wanted 'steps N' or 'alone N' as an order, got '{}'", line);
    if (pace.alone) pace.alone(alone);
    all->barrier();
    const auto begin = Clock::now();
    std::vector<double> losses;
    for (int64_t i = 0; i < count; ++i) {
      if (auto loss = pace.step()) losses.push_back(*loss);
    }
    if (pace.finish) pace.finish();
    all->barrier();
    if (!pace.speaks) continue;
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    out << ordered_json{{"steps", count}, {"seconds", seconds}, {"losses", losses}}.dump() << std::endl;
  }
}

}  // namespace cordata::runtime
