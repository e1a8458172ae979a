// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/partition/collectives.h"
#include "cordata/sharding/sharding.h"
#include "tests/property/draw.h"

namespace cordata::property {

// One device's share of an instance's op under a strategy, as the partitioner prints it: a module from the
// op's local operands (in custom-call mode: then the device's index, a scalar i32) to its local results.
struct LocalCase {
  const Instance* instance = nullptr;
  ir::FactorRule rule;
  sharding::Strategy strategy;
  std::string text;
  ir::Graph graph;  // that text, read back

  const ir::Node& op() const { return instance->graph.node(instance->op); }
  sharding::Sharding operand(int i) const { return sharding::operand_sharding(rule, strategy, i); }
  sharding::Sharding result(int i) const { return sharding::result_sharding(rule, strategy, i); }
};

// `join`: results are brought to every device whole. Custom calls name a set of axes by its bits, less one.
LocalCase emit_case(const Instance& instance, const ir::FactorRule& rule, const sharding::Strategy& strategy,
                    const sharding::Mesh& mesh, partition::CollectiveMode mode, bool join);

// What the emitted text says of the case (read by scan(), compared with the text of the whole op). `wrong`:
// in words, empty if nothing; `counts`: a factor is sharded, every local tensor has the global size divided
// by the axes on its factors, and the local work is the whole's divided by all assigned axes, both by what
// scan() counts and by the table's FLOPs.
struct Verdict {
  std::string wrong;
  bool counts = false;
};
Verdict read_case(const LocalCase& c, const sharding::Mesh& mesh);

// All assignments of mesh axes to factors that a rule allows, found apart from
// sharding::enumerate_strategies.
std::vector<sharding::Strategy> all_assignments(const ir::FactorRule& rule, const sharding::Mesh& mesh);

std::string describe(const LocalCase& c, const sharding::Mesh& mesh);

}  // namespace cordata::property
