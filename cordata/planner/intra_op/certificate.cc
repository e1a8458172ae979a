// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/certificate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cordata/planner/intra_op/exact_dual.h"
#include "cordata/planner/intra_op/reduce.h"

namespace cordata::planner {
namespace {

constexpr int kSteps = 400;

}  // namespace

Certificate certify(const Problem& problem, const std::vector<std::pair<int64_t, double>>& prices,
                    std::chrono::steady_clock::time_point deadline) {
  const Reducer plain(problem);  // not run: the same nodes and strategies
  const Core core = plain.core();
  const auto& times = plain.times();
  CoreDual dual(core, {kSteps, 1e-3, 1e-5});
  std::vector<double> start(times.size(), 0);
  for (const auto& [time, price] : prices) {
    // The time that stands for it: the last that is not later.
    const auto at = std::upper_bound(times.begin(), times.end(), time);
    if (at != times.begin()) start[at - times.begin() - 1] += price;
  }
  dual.start_from(std::move(start));
  while (!dual.converged() && std::chrono::steady_clock::now() < deadline) dual.step();
  dual.settle(4);
  ExactDual exact(core, dual);
  exact.sweep(false);
  exact.sweep(true);
  Certificate out{exact.bound(), fmt::format("{{\"shift\":{},\"prices\":[", exact.shift())};
  const char* comma = "";
  for (size_t t = 0; t < times.size(); ++t) {
    if (exact.prices()[t] == 0) continue;
    out.json += fmt::format("{}[{},{}]", comma, times[t], exact.prices()[t]);
    comma = ",";
  }
  out.json += "],\"edges\":[";
  comma = "";
  for (size_t e = 0; e < core.edges.size(); ++e) {
    const int id = static_cast<int>(e);
    out.json += fmt::format("{}\n[{},{},[{}],[{}]]", comma, core.edges[e].u, core.edges[e].v,
                            fmt::join(exact.moved(id, true), ","), fmt::join(exact.moved(id, false), ","));
    comma = ",";
  }
  out.json += fmt::format("],\n\"bound\":{}}}\n", out.bound);
  return out;
}

}  // namespace cordata::planner
