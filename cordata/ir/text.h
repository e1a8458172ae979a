// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cordata/ir/graph.h"

namespace cordata::ir {

// Reads a StableHLO module as MLIR text, the pretty form that JAX prints or the generic one, and gives its
// public function (`main`, or the only public one) with every call inlined. `origin` names the text in
// errors. Throws a user error with line, column, the line itself and a caret under the place, and what was
// expected. Dynamic shapes and quantised types are refused, saying so.
Graph read_module(std::string_view text, const std::string& origin = "module");
Graph read_module_file(const std::string& path);

// Prints a module with one function @main in MLIR's generic form, which every StableHLO consumer parses.
std::string write_module(const Graph& graph);

// An op's attributes as the module has them: "{dim = 1 : i64}".
std::string write_attributes(const AttrDict& attrs);

}  // namespace cordata::ir
