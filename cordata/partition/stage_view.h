// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <vector>

#include "cordata/ir/factor_rule.h"
#include "cordata/partition/partition.h"

namespace cordata::partition {

// Where every value of a stage is (plan.h has the rules), looked up by value and pass.
class StageView {
 public:
  StageView(const step::StageGraph& stage, const plan::StageSharding& sharding, const sharding::Mesh& mesh);

  const ir::Graph& graph() const { return stage_.graph; }
  const ir::Node& op(int position) const { return graph().node(graph().ops()[position]); }
  int num_ops() const { return static_cast<int>(graph().ops().size()); }
  const ir::FactorRule& rule(int position) const { return rules_[position]; }
  const sharding::Strategy& strategy(int position) const { return sharding_.ops[position]; }
  step::Pass pass(int position) const;  // an accumulate op's is backward
  const std::vector<step::Pass>& passes() const {
    return passes_;
  }  // those that have ops, and the last one, in order

  int maker(ir::ValueId v) const {
    return maker_[v.index];
  }  // position of the op that makes it, -1 for an argument
  bool accumulates(ir::ValueId v) const;
  step::Pass made_in(ir::ValueId v) const;  // of op results
  step::Pass delivered_in(
      ir::ValueId v) const;  // of graph results: accumulated values and arguments: once a step
  sharding::Sharding produced(ir::ValueId v) const { return produced_[v.index]; }  // H(v)
  sharding::Sharding kept(ir::ValueId v) const;                                    // K(v)
  const sharding::Sharding* hub(ir::ValueId v, step::Pass pass) const;
  ir::Type local(ir::ValueId v, const sharding::Sharding& s) const;

  // What an op reads: its operands, then what its regions capture (wanted whole).
  struct Read {
    ir::ValueId value;
    sharding::Sharding wanted;
    bool as_it_is = false;  // only waited for
  };
  std::vector<Read> reads(int position) const;

 private:
  const step::StageGraph& stage_;
  const plan::StageSharding& sharding_;
  const sharding::Mesh& mesh_;
  std::vector<ir::FactorRule> rules_;
  std::vector<int> maker_;
  std::vector<sharding::Sharding> produced_;
  std::map<std::pair<int, step::Pass>, sharding::Sharding> hubs_;
  std::vector<step::Pass> passes_;
};

}  // namespace cordata::partition
