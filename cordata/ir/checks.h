// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cordata/ir/graph.h"

namespace cordata::ir {

// What a module says about its own values: `stablehlo.custom_call @check.expect_...(actual, expected)`, and
// the ops of StableHLO's check dialect, which the reader takes for the same calls.
struct Check {
  enum class Kind : uint8_t {
    kEqual,   // check.expect_eq: equal values; two NaN are equal, and so are the zeros
    kAlmost,  // check.expect_almost_eq: equal, or of one sign and at most `tolerance` apart
    kClose,   // check.expect_close: from `min_ulps` to `max_ulps` representable values apart
  };
  Kind kind = Kind::kEqual;
  double tolerance = 1e-3;  // the defaults are those of StableHLO's interpreter for custom calls
  uint64_t min_ulps = 0, max_ulps = 3;
  int line = 0;                  // in the text it was read from, for messages
  int actual = 0, expected = 0;  // which results of the graph without checks
  Type type;

  bool operator==(const Check&) const = default;
};

std::string_view name(Check::Kind kind);  // "expect_eq"

// A graph whose checks were taken out: the values they look at are results instead (behind the graph's own
// results, each once), so that whoever runs it can evaluate them on the host.
struct CheckedGraph {
  Graph graph;
  std::vector<Check> checks;
};

// Throws a user error for a check that can't be taken out: inside a region, or with a result that is used.
CheckedGraph strip_checks(const Graph& graph);

// Whether a check holds for the bytes of its two tensors, as devices hold them (dense, row-major,
// little-endian). Empty if it does, else the first element that differs: "at [0, 2]: 1.5 instead of 1.25; 3
// of 8 elements differ".
std::string evaluate(const Check& check, std::span<const std::byte> actual,
                     std::span<const std::byte> expected);

}  // namespace cordata::ir
