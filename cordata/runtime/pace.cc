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
constexpr int64_t kEnd = 0, kWrong = -1;
constexpr auto kNap = std::chrono::milliseconds(5);

// "steps 20" -> 20; no line: kEnd; anything else: kWrong.
int64_t read_order(std::istream& in, std::string& line) {
  if (!std::getline(in, line)) return kEnd;
  constexpr std::string_view kWord = "steps ";
  if (!line.starts_with(kWord) || line.size() > kWord.size() + 9) return kWrong;
  int64_t count = 0;
  for (char c : line.substr(kWord.size())) {
    if (c < '0' || c > '9') return kWrong;
    count = count * 10 + (c - '0');
  }
  return count > 0 ? count : kWrong;
}

void nap_until_done(Transfer& transfer) {
  while (!transfer.done()) std::this_thread::sleep_for(kNap);
}

// Rank 0 reads the order and tells the others. There is no deadline: the driver decides how long a pause is,
// and its end closes `in`.
int64_t next_order(Transport& transport, std::istream& in, std::string& line) {
  int64_t order = kEnd;
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
  while (int64_t count = next_order(pace.transport, in, line)) {
    if (count == kWrong)
      throw base::user_error("[runtime.pace] wanted 'steps N' on standard input, got '{}'", line);
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
