// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "cordata/cluster/cluster.h"
#include "cordata/cost/op_time.h"
#include "cordata/sharding/sharding.h"
#include "cordata/step/cut.h"

namespace cordata::tests {

// Prices one stage of a cut on one mesh by the words of plan.h, and finds its least price by enumeration:
// every assignment of mesh axes to the factors of every op. Given those, values don't touch each other: where
// each rests and which hubs it has is enumerated for it alone. Op after op, all assignments so far that
// differ only in ops whose values are all priced are one (the cheapest). Nothing is asked of the planner; op
// times, reshard times, and what a strategy asks and gives are those of `cost` and `sharding`. Memory is not
// looked at.
class StagePrice {
 public:
  StagePrice(const step::Cut& cut, int stage, const cluster::Cluster& cluster, int first_device,
             const sharding::Mesh& mesh, int microbatches);

  // Seconds of a whole step: the ops, and for every value the best rest sharding and hubs.
  double of(const std::vector<sharding::Strategy>& ops);
  // The least of them all; infinity when none is less than `below`.
  double least(double below);

 private:
  struct Reader {
    int op, operand;
    step::Pass pass;
  };
  // Values that share a rest sharding: one that an op makes, or an argument together with its new value.
  struct Unit {
    int value = -1;
    int new_value = -1;                                       // of an argument
    std::vector<int> ops;                                     // that make or read them
    std::map<std::vector<sharding::Sharding>, double> known;  // by all that is asked and given
    std::unordered_map<uint64_t, double> seen;                // the same by its ops' strategies
  };
  using Wants = std::map<step::Pass, std::set<sharding::Sharding>>;

  void find_readers();
  void add_strategies();
  void add_units();
  void order_ops();
  double weight(const step::Pass& pass) const {
    return pass.phase == step::Phase::kApply ? 1 : microbatches_;
  }
  double op_price(int op, int strategy) const;
  double arrival(int arg, const sharding::Sharding& rest) const;
  double move(int value, const sharding::Sharding& from, const sharding::Sharding& to);
  const std::vector<sharding::Sharding>& shardings(int value, bool with_partial);
  Wants wants(int value) const;
  double read(int value, const step::Pass& pass, const std::set<sharding::Sharding>& wants,
              const sharding::Sharding& from);
  double made_value(int value, Wants wants);
  double argument(const Unit& unit);
  double unit_price(Unit& unit);
  std::vector<sharding::Sharding> key(const Unit& unit) const;
  uint64_t packed(const std::vector<int>& ops) const;
  void unpack(uint64_t state, const std::vector<int>& ops);
  const sharding::Sharding& home(int value) const;

  const step::Cut& cut_;
  const step::StageGraph& stage_;
  int index_;
  const cluster::Cluster& cluster_;
  int first_device_;
  sharding::Mesh mesh_;
  int microbatches_;

  // By op, and by its strategies: what each asks of operands and gives as results.
  std::vector<std::vector<sharding::Strategy>> strategies_;
  std::vector<std::vector<std::vector<sharding::Sharding>>> asks_, gives_;
  std::vector<cost::OpTime> times_;
  // By value: the op that makes it (or -1) and as which result, the argument it is (or -1), its readers, and
  // whether it is sent away.
  std::vector<int> maker_, result_, argument_;
  std::vector<std::vector<Reader>> readers_;
  std::vector<bool> sent_;
  int loss_ = -1;
  std::vector<Unit> units_;

  std::vector<int> order_;                    // in which ops are given their strategies
  std::vector<std::vector<int>> units_done_;  // by place in it: units whose last op that is
  std::vector<std::vector<int>> open_;        // by place: ops up to it that units not yet done hold
  std::vector<int> number_;                   // of the strategy that each op has now
  std::map<std::tuple<int, sharding::Sharding, sharding::Sharding>, double> moves_;
  std::map<std::pair<int, bool>, std::vector<sharding::Sharding>> shardings_;
};

}  // namespace cordata::tests
