// SPDX-License-Identifier: Apache-2.0
// Prints docs/ops.md: every op of the table, and what its row knows. A rule depends on an op's shapes and
// attributes, so each op that has one shows that of its first use in EXAMPLES.mlir.
//
//   op_table EXAMPLES.mlir
#include "cordata/ir/op_table.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>

#include "cordata/base/error.h"
#include "cordata/ir/ops/whole_dims.h"
#include "cordata/ir/text.h"

namespace cordata::ir {
namespace {

constexpr std::string_view kHead = R"(# Ops

Made by `tests/tools/op_table`, checked by a test; after a change: `tests/tools/test_op_table.py --update`.

Every op that a graph can hold, one row of the table in `cordata/ir/ops` each. *Infers*: result types are worked out, not only
checked by who made them. *Derivative*, *FLOPs*: the row has them; an op without FLOPs counts as none. *Local*: one device's share
is more than the same op on smaller tensors (an offset, a mask). *Rule*: how dims may be cut, by an example from
`tests/tools/op_examples.mlir`; letters are factors, `1` a dim that stays whole. "replicated": every device computes the whole
op, and a plan says so. How to read a rule, and how to add an op: [how-to-add-an-op.md](how-to-add-an-op.md).

| op | infers | derivative | FLOPs | local | rule |
| --- | --- | --- | --- | --- | --- |
)";

constexpr std::string_view kWhys = R"(
## Where dims stay whole

The measure is Shardy's op sharding rule registry. Ops that aren't listed here have a factor wherever it has one that can be cut without
sending elements between devices.

| op | what stays whole, and why |
| --- | --- |
)";

// By op: the rule of its first use.
std::array<std::string, kNumOpKinds> examples(const Graph& graph) {
  std::array<std::string, kNumOpKinds> rules;
  for (NodeId n : graph.ops()) {
    const Node& node = graph.node(n);
    std::string& rule = rules[static_cast<int>(node.kind)];
    if (rule.empty()) rule = to_string(factor_rule(graph, node));
  }
  return rules;
}

const char* tick(bool yes) { return yes ? "yes" : "–"; }

int print(const std::string& path) {
  const auto rules = examples(read_module_file(path));
  std::fputs(std::string(kHead).c_str(), stdout);
  std::array<int, 5> count{};
  int missing = 0;
  for (int i = 0; i < kNumOpKinds; ++i) {
    const OpRow& r = row(static_cast<OpKind>(i));
    const std::array<bool, 5> has = {r.infer != nullptr, r.vjp != nullptr, r.flops != nullptr,
                                     r.localize != nullptr, r.rule != nullptr};
    for (size_t k = 0; k < has.size(); ++k) count[k] += has[k];
    if (r.rule && rules[i].empty()) {
      ++missing;
      fmt::print(stderr, "no example of {} in {}\n", name(r.kind), path);
    }
    const std::string rule = r.rule ? fmt::format("`{}`", rules[i]) : "replicated";
    fmt::print("| `{}` | {} | {} | {} | {} | {} |\n", name(r.kind), tick(has[0]), tick(has[1]), tick(has[2]),
               tick(has[3]), rule);
  }
  fmt::print("\n{} ops: {} infer their results, {} have a derivative, {} FLOPs, {} a rule.\n", kNumOpKinds,
             count[0], count[1], count[2], count[4]);
  std::fputs(std::string(kWhys).c_str(), stdout);
  for (auto [kind, why] : whole_dims()) fmt::print("| `{}` | {} |\n", name(kind), why);
  return missing > 0;
}

}  // namespace
}  // namespace cordata::ir

int main(int argc, char** argv) try {
  if (argc != 2) throw cordata::base::user_error("[op_table] wanted EXAMPLES.mlir");
  return cordata::ir::print(argv[1]);
} catch (const cordata::base::Error& e) {
  fmt::print(stderr, "{}\n", e.what());
  return cordata::base::exit_status(e.kind());
}
