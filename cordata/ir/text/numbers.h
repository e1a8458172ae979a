// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/ir/text/cursor.h"

namespace cordata::ir::text {

// A number as written: "-1", "0x7FC0", "1.5e-3".
struct Number {
  bool negative = false, is_float = false, is_hex = false;
  uint64_t magnitude = 0;
  double real = 0;  // of a float, with its sign
  int64_t integer() const { return static_cast<int64_t>(negative ? ~magnitude + 1 : magnitude); }
};

Number read_number_token(Cursor& c);

// The number as a float of a type: hex digits are its bits. Throws for decimal integers, as MLIR does.
double number_value(Cursor& c, const Number& n, DType dtype, size_t at);
// The bits of one element of a type; checks the range.
uint64_t number_bits(Cursor& c, const Number& n, DType dtype, size_t at);

}  // namespace cordata::ir::text
