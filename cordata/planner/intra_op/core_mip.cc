// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/core_mip.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <Highs.h>
#pragma GCC diagnostic pop

#include <algorithm>
#include <cmath>

#include "cordata/planner/intra_op/core_choice.h"

namespace cordata::planner {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kRange = 1e4;       // what lies between the bound and `below` in the program
constexpr double kRoom = 1e3;        // a limit there
constexpr double kTolerance = 1e-6;  // of HiGHS

double left(Clock::time_point deadline) {
  return std::clamp(std::chrono::duration<double>(deadline - Clock::now()).count(), 0.0, 1e7);
}

class Program {
 public:
  Program(const Core& core, const ExactDual& dual, int64_t below) : core_(core), dual_(dual), below_(below) {
    const double gap = static_cast<double>(below) - dual.unrounded_bound();
    scale_ = kRange / std::max(gap, 1.0);
    priced_.assign(core.limit.size(), 0);
    unit_ = std::ldexp(1.0, -dual.shift());
    build();
  }

  MipResult run(const MipLimits& limits) {
    MipResult out;
    highs_.setOptionValue("output_flag", false);
    highs_.setOptionValue("threads", 1);
    highs_.setOptionValue("parallel", "off");
    highs_.setOptionValue("mip_rel_gap", 0.0);
    highs_.setOptionValue("mip_abs_gap", std::max(kTolerance, 0.9 * scale_));
    highs_.setOptionValue("objective_bound", (static_cast<double>(below_) - 0.5 - base()) * scale_);
    highs_.setCallback([&limits](int, const std::string&, const HighsCallbackOutput* out,
                                 HighsCallbackInput* in, void*) {
      if (in && ((limits.stop && limits.stop()) || (out && out->mip_total_lp_iterations > limits.iterations)))
        in->user_interrupt = 1;
    });
    for (const auto what : {kCallbackMipInterrupt, kCallbackSimplexInterrupt, kCallbackIpmInterrupt})
      highs_.startCallback(what);
    highs_.passModel(model_);
    model_ = {};
    while (true) {
      highs_.setOptionValue("time_limit", highs_.getRunTime() + left(limits.deadline));
      highs_.run();
      const HighsModelStatus status = highs_.getModelStatus();
      if (status == HighsModelStatus::kInfeasible || status == HighsModelStatus::kObjectiveBound) {
        out.bound = below_, out.settled = true;
        return out;
      }
      const HighsInfo& info = highs_.getInfo();
      if (std::isfinite(info.mip_dual_bound))
        out.bound =
            std::max(out.bound, static_cast<int64_t>(std::ceil(info.mip_dual_bound / scale_ + base() - 0.5)));
      out.bound = std::min(out.bound, below_);
      if (info.primal_solution_status != kSolutionStatusFeasible) return out;
      std::vector<int> choice = read_choice();
      const bool more = add_limits(choice);
      if (!more) {
        const int64_t cost = cost_of(core_, choice);
        if (cost < below_) out.choice = std::move(choice), out.cost = cost;
        if (status == HighsModelStatus::kOptimal) out.bound = std::min(out.cost, below_), out.settled = true;
        out.bound = std::min(out.bound, std::min(out.cost, below_));
        return out;
      }
      if (status != HighsModelStatus::kOptimal || left(limits.deadline) <= 0) return out;
    }
  }

 private:
  double base() const { return dual_.unrounded_bound(); }

  // One column a strategy, one a pair of each edge, and for each time with a price what it leaves of the
  // limit.
  void build() {
    HighsLp& lp = model_.lp_;
    std::vector<std::vector<std::pair<int, double>>> rows;
    int columns = 0;
    const auto column = [&](double cost, double upper, bool whole) {
      lp.col_cost_.push_back(cost);
      lp.col_lower_.push_back(0);
      lp.col_upper_.push_back(upper);
      lp.integrality_.push_back(whole ? HighsVarType::kInteger : HighsVarType::kContinuous);
      return columns++;
    };
    const auto row = [&](double lower, double upper) -> auto& {
      lp.row_lower_.push_back(lower), lp.row_upper_.push_back(upper);
      return rows.emplace_back();
    };
    for (int n = 0; n < static_cast<int>(core_.nodes.size()); ++n) {
      first_.push_back(columns);
      auto& one = row(1, 1);
      for (size_t s = 0; s < core_.nodes[n].cost.size(); ++s)
        one.emplace_back(
            never(dual_.node_cost(n, s)) ? column(0, 0, true) : column(moved_cost(n, s) * scale_, 1, true),
            1.0);
    }
    for (size_t e = 0; e < core_.edges.size(); ++e) {
      const auto& edge = core_.edges[e];
      const size_t nu = core_.nodes[edge.u].cost.size(), nv = core_.nodes[edge.v].cost.size(),
                   at = rows.size();
      for (size_t i = 0; i < nu; ++i) row(0, 0).emplace_back(first_[edge.u] + static_cast<int>(i), -1.0);
      for (size_t j = 0; j < nv; ++j) row(0, 0).emplace_back(first_[edge.v] + static_cast<int>(j), -1.0);
      const auto &to_u = dual_.moved(static_cast<int>(e), true),
                 &to_v = dual_.moved(static_cast<int>(e), false);
      for (size_t i = 0; i < nu; ++i)
        for (size_t j = 0; j < nv; ++j) {
          const int64_t c = edge.cost[i * nv + j];
          if (never(c)) continue;
          const double cost = static_cast<double>((c << dual_.shift()) - to_u[i] - to_v[j]) * unit_;
          const int y = column(cost * scale_, 1, false);
          rows[at + i].emplace_back(y, 1.0), rows[at + nu + j].emplace_back(y, 1.0);
        }
    }
    for (size_t t = 0; t < core_.limit.size(); ++t) {
      if (dual_.prices()[t] == 0) continue;
      const double size = static_cast<double>(std::max<int64_t>(core_.limit[t], 1)) / kRoom;
      const double price = static_cast<double>(dual_.prices()[t]) * unit_;
      priced_[t] = 1;
      auto& limit =
          row(static_cast<double>(core_.limit[t]) / size, static_cast<double>(core_.limit[t]) / size);
      limit = users(static_cast<int>(t), size);
      limit.emplace_back(column(price * size * scale_, kHighsInf, false), 1.0);
    }
    lp.num_col_ = columns, lp.num_row_ = static_cast<int>(rows.size());
    lp.sense_ = ObjSense::kMinimize;
    auto& matrix = lp.a_matrix_;
    matrix.format_ = MatrixFormat::kRowwise;
    matrix.start_ = {0};
    for (const auto& r : rows) {
      for (const auto& [c, value] : r) matrix.index_.push_back(c), matrix.value_.push_back(value);
      matrix.start_.push_back(static_cast<int>(matrix.index_.size()));
    }
  }

  // What strategy s costs after all that was moved, usage at its price.
  double moved_cost(int n, size_t s) const { return static_cast<double>(dual_.node_cost(n, s)) * unit_; }

  std::vector<std::pair<int, double>> users(int t, double size) const {
    std::vector<std::pair<int, double>> out;
    for (size_t n = 0; n < core_.nodes.size(); ++n)
      for (const auto& use : core_.nodes[n].uses)
        if (use.from <= t && t < use.to)
          for (size_t s = 0; s < use.used.size(); ++s)
            if (use.used[s] > 0)
              out.emplace_back(first_[n] + static_cast<int>(s), static_cast<double>(use.used[s]) / size);
    return out;
  }

  std::vector<int> read_choice() const {
    const auto& value = highs_.getSolution().col_value;
    std::vector<int> choice;
    for (size_t n = 0; n < core_.nodes.size(); ++n) {
      const auto from = value.begin() + first_[n];
      choice.push_back(static_cast<int>(
          std::max_element(from, from + static_cast<std::ptrdiff_t>(core_.nodes[n].cost.size())) - from));
    }
    return choice;
  }

  // Rows for the times at which the choice takes too much, the worst of each stretch; false: it fits. A row
  // that was passed by rounding alone gets a cut that forbids this very choice of those who use the time.
  bool add_limits(const std::vector<int>& choice) {
    const auto room = room_of(core_, choice);
    std::vector<std::pair<int64_t, int>> passed;
    for (size_t t = 0; t < room.size(); ++t)
      if (room[t] < 0) passed.emplace_back(room[t], static_cast<int>(t));
    if (passed.empty()) return false;
    std::sort(passed.begin(), passed.end());
    std::vector<int> taken;
    const int apart = static_cast<int>(room.size()) / 50 + 1;
    for (const auto& [excess, t] : passed) {
      if (std::any_of(taken.begin(), taken.end(), [&](int u) { return std::abs(u - t) < apart; })) continue;
      taken.push_back(t);
      std::vector<int> index;
      std::vector<double> value;
      const double size = static_cast<double>(std::max<int64_t>(core_.limit[t], 1)) / kRoom;
      double upper = static_cast<double>(core_.limit[t]) / size;
      if (priced_[t]) {
        for (size_t n = 0; n < core_.nodes.size(); ++n)
          for (const auto& use : core_.nodes[n].uses)
            if (use.from <= t && t < use.to && use.used[choice[n]] > 0)
              for (size_t s = 0; s < use.used.size(); ++s)
                if (use.used[s] >= use.used[choice[n]])
                  index.push_back(first_[n] + static_cast<int>(s)), value.push_back(1);
        double nodes = 0;
        for (size_t n = 0; n < core_.nodes.size(); ++n)
          for (const auto& use : core_.nodes[n].uses)
            nodes += use.from <= t && t < use.to && use.used[choice[n]] > 0;
        upper = nodes - 1;
      } else {
        priced_[t] = 1;
        for (const auto& [c, v] : users(t, size)) index.push_back(c), value.push_back(v);
      }
      highs_.addRow(-kHighsInf, upper, static_cast<int>(index.size()), index.data(), value.data());
      if (taken.size() >= 10) break;
    }
    return true;
  }

  const Core& core_;
  const ExactDual& dual_;
  int64_t below_;
  double scale_ = 1, unit_ = 1;
  HighsModel model_;
  Highs highs_;
  std::vector<int> first_;    // column of each node's first strategy
  std::vector<char> priced_;  // by time: whether it has a row
};

}  // namespace

size_t mip_columns(const Core& core) {
  size_t columns = core.strategies();
  for (const auto& e : core.edges)
    columns += e.cost.size() - static_cast<size_t>(std::count_if(e.cost.begin(), e.cost.end(), never));
  return columns;
}

MipResult minimise_by_mip(const Core& core, const ExactDual& dual, int64_t below, const MipLimits& limits) {
  return Program(core, dual, below).run(limits);
}

}  // namespace cordata::planner
