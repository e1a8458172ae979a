// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/text/numbers.h"

#include <bit>
#include <charconv>

#include "cordata/ir/minifloat.h"

namespace cordata::ir::text {

Number read_number_token(Cursor& c) {
  Number n;
  n.negative = c.accept('-');
  size_t start = c.at();
  if (!is_digit(c.ahead(0))) c.fail("a number");
  std::string_view text = c.text();
  const char* end = text.data() + text.size();
  if (c.ahead(0) == '0' && c.ahead(1) == 'x' && hex_digit(c.ahead(2)) >= 0) {
    n.is_hex = true;
    auto r = std::from_chars(text.data() + start + 2, end, n.magnitude, 16);
    if (r.ec != std::errc()) c.fail_at(start, "wanted a number of at most 64 bits, got a longer one");
    c.jump(r.ptr - text.data());
    return n;
  }
  size_t i = start;
  while (i < text.size() && is_digit(text[i])) ++i;
  n.is_float = i < text.size() && text[i] == '.';
  if (n.is_float) {
    auto r = std::from_chars(text.data() + start, end, n.real);
    if (r.ec != std::errc()) {  // out of range: strtod gives 0 or infinity, as APFloat does
      n.real = std::strtod(std::string(text.substr(start, r.ptr - text.data() - start)).c_str(), nullptr);
    }
    if (n.negative) n.real = -n.real;
    c.jump(r.ptr - text.data());
    return n;
  }
  auto r = std::from_chars(text.data() + start, end, n.magnitude);
  if (r.ec != std::errc()) c.fail_at(start, "wanted a number of at most 64 bits, got a longer one");
  c.jump(r.ptr - text.data());
  return n;
}

double number_value(Cursor& c, const Number& n, DType dtype, size_t at) {
  if (n.is_float) return n.real;
  if (!n.is_hex || n.negative) c.fail_at(at, "wanted a floating point number such as 1.0, got an integer");
  if (bits(dtype) < 64 && n.magnitude >> bits(dtype))
    c.fail_at(at, "wanted no more bits than the type has, got more");
  return dtype == DType::kF64 ? std::bit_cast<double>(n.magnitude) : from_bits(n.magnitude, dtype);
}

uint64_t number_bits(Cursor& c, const Number& n, DType dtype, size_t at) {
  if (is_float(dtype)) {
    double v = number_value(c, n, dtype, at);
    if (n.is_hex) return n.magnitude;  // bits as they stand, so that no NaN changes
    return dtype == DType::kF64 ? std::bit_cast<uint64_t>(v) : to_bits(v, dtype);
  }
  if (n.is_float) c.fail_at(at, "wanted an integer for an integer type, got a floating point number");
  int width = dtype == DType::kIndex ? 64 : bits(dtype);
  uint64_t half = uint64_t{1} << (width - 1);
  bool fits = n.negative ? n.magnitude <= half && !(is_unsigned(dtype) && width > 1)
                         : (n.magnitude - 1) / 2 < half || !n.magnitude;
  if (!fits) c.fail_at(at, "wanted an integer that fits the element type, got one that does not");
  uint64_t value = static_cast<uint64_t>(n.integer());
  if (dtype == DType::kI1) return value & 1;
  if (width < 8 && !is_unsigned(dtype) && (value & half))
    value |= ~(2 * half - 1);  // sign-extended in its byte
  return value;
}

}  // namespace cordata::ir::text
