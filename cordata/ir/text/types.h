// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "cordata/ir/text/cursor.h"

namespace cordata::ir::text {

// Types of a function: "(tensor<2xf32>, tensor<f32>) -> tensor<2xf32>".
struct FunctionType {
  std::vector<Type> inputs, results;
};

// tensor<...>, !stablehlo.token, tuple<...>, or an alias of one. Refuses dynamic shapes and quantised types.
Type read_type(Cursor& c, int depth = 0);
std::vector<Type> read_types(Cursor& c);            // one or more, comma-separated
std::vector<Type> read_types_in_parens(Cursor& c);  // "(t, t)"
std::vector<Type> read_result_types(Cursor& c);     // "(t, t)" or "t"
FunctionType read_function_type(Cursor& c);
bool at_type(Cursor& c);  // of the kinds read_type takes, aliases too

DType read_dtype(Cursor& c);                              // "f32", "complex<f32>", "ui8"
std::optional<DType> dtype_named(std::string_view name);  // without complex

}  // namespace cordata::ir::text
