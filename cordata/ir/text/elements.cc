// SPDX-License-Identifier: Apache-2.0
// Constants: dense<1.0>, dense<[[1, 2], [3, 4]]>, dense<"0x0000803F...">, dense_resource<key>.
#include <array>
#include <cstring>

#include "cordata/ir/text/attributes.h"
#include "cordata/ir/text/numbers.h"
#include "cordata/ir/text/types.h"

namespace cordata::ir::text {
namespace {

constexpr std::array<int8_t, 256> kHex = [] {
  std::array<int8_t, 256> t{};
  for (int i = 0; i < 256; ++i) {
    t[i] = i >= '0' && i <= '9'   ? i - '0'
           : i >= 'a' && i <= 'f' ? i - 'a' + 10
           : i >= 'A' && i <= 'F' ? i - 'A' + 10
                                  : -1;
  }
  return t;
}();

Bytes decode_hex(Cursor& c, std::string_view digits) {
  size_t start = digits.data() - c.text().data();
  if (digits.size() % 2) c.fail_at(start, "wanted an even number of hex digits, got an odd one");
  Bytes out(digits.size() / 2);
  std::byte* to = out.fill();
  int bad = 0;
  const auto* in = reinterpret_cast<const unsigned char*>(digits.data());
  for (size_t i = 0; i < out.size(); ++i) {
    int high = kHex[in[2 * i]], low = kHex[in[2 * i + 1]];
    bad |= high | low;
    to[i] = static_cast<std::byte>((high << 4) | (low & 15));
  }
  if (bad < 0) {
    size_t i = 0;
    while (kHex[in[i]] >= 0) ++i;
    c.fail_at(start + i, "wanted hex digits, got another character");
  }
  return out;
}

// Packed booleans of older MLIR: one bit an element, 0xFF alone is a splat of true.
Bytes unpack_bits(const Bytes& packed, size_t count) {
  Bytes out(count);
  for (size_t i = 0; i < count; ++i) out.fill()[i] = (packed.span()[i / 8] >> (i % 8)) & std::byte{1};
  return out;
}

DenseElements from_raw(Cursor& c, Bytes raw, Type type, size_t at) {
  size_t count = type.num_elements(), size = bytes_per_element(type.dtype);
  DenseElements d{.type = std::move(type), .splat = false, .bytes = {}};
  if (d.type.dtype == DType::kI1 && count > 1 && raw.size() == (count + 7) / 8 && raw.size() != count) {
    d.splat = raw.size() == 1 && (raw.span()[0] == std::byte{0} || raw.span()[0] == std::byte{0xff});
    if (!d.splat) raw = unpack_bits(raw, count);
  } else if (raw.size() == size && count != 1) {
    d.splat = true;
  } else if (count > raw.size() || raw.size() != count * size) {
    c.fail_at(at, fmt::format("wanted {} bytes of hex digits for {}, got {}", count * size, to_string(d.type),
                              raw.size()));
  }
  if (d.type.dtype == DType::kI1) {
    for (std::byte* b = raw.fill(); b != raw.fill() + raw.size(); ++b)
      *b = *b == std::byte{0} ? std::byte{0} : std::byte{1};
  }
  d.bytes = std::move(raw);
  return d;
}

struct ListReader {
  Cursor& c;
  const Type& type;
  std::vector<std::byte> out;
  size_t size;

  void put(uint64_t bits, size_t n) {
    size_t at = out.size();
    out.resize(at + n);
    std::memcpy(out.data() + at, &bits, n);
  }

  void scalar(DType t, size_t n) {
    size_t at = (c.peek(), c.at());
    if (is_integer(t) && c.accept_word("true"))
      put(1, n);
    else if (is_integer(t) && c.accept_word("false"))
      put(0, n);
    else
      put(number_bits(c, read_number_token(c), t, at), n);
  }

  void one() {
    if (!is_complex(type.dtype)) return scalar(type.dtype, size);
    DType part = type.dtype == DType::kC64 ? DType::kF32 : DType::kF64;
    c.expect('(');
    scalar(part, size / 2);
    c.expect(',');
    scalar(part, size / 2);
    c.expect(')');
  }

  void list(size_t dim) {
    if (dim == type.shape.size()) return one();
    size_t at = (c.peek(), c.at());
    c.expect('[');
    int64_t n = 0;
    if (!c.accept(']')) {
      do {
        list(dim + 1);
        ++n;
      } while (c.accept(','));
      c.expect(']');
    }
    if (n != type.shape[dim]) {
      c.fail_at(at, fmt::format("wanted {} entries for dimension {} of {}, got {}", type.shape[dim], dim,
                                to_string(type), n));
    }
  }
};

}  // namespace

DenseElements read_dense(Cursor& c) {
  if (c.peek() != '<') c.fail("'<'");
  size_t open = c.at();
  c.skip_balanced();
  size_t close = c.at() - 1;
  c.expect(':');
  Type type = read_type(c);
  size_t after = c.at();
  if (!type.is_tensor()) c.fail_at(open, "wanted a tensor type for a constant, got another type");
  c.jump(open + 1);
  DenseElements d{.type = type, .splat = false, .bytes = {}};
  char first = c.peek();
  size_t at = c.at();
  if (first == '"') {
    std::string_view raw = c.raw_string();
    if (!raw.starts_with("0x")) c.fail_at(at, "wanted hex digits after \"0x, got another string");
    d = from_raw(c, decode_hex(c, raw.substr(2)), type, at);
  } else {
    ListReader reader{c, d.type, {}, static_cast<size_t>(bytes_per_element(type.dtype))};
    if (first == '>') {
      if (type.num_elements() != 0) c.fail("elements");
    } else if (first == '[') {
      reader.list(0);
    } else {
      reader.one();
      d.splat = type.num_elements() != 1;
    }
    d.bytes = Bytes(reader.out);
  }
  if (c.peek() != '>' || c.at() != close) c.fail("'>' after the constant");
  c.jump(after);
  return d;
}

DenseElements read_dense_resource(Cursor& c) {
  c.expect('<');
  size_t at = (c.peek(), c.at());
  std::string_view key = c.peek() == '"' ? c.raw_string() : c.suffix_id();
  c.expect('>');
  c.expect(':');
  Type type = read_type(c);
  auto it = c.source().resources.find(key);
  if (it == c.source().resources.end()) {
    c.fail_at(at, "wanted a resource of the module's dialect_resources, got '" + std::string(key) +
                      "', which is not there; print the module without leaving out large constants");
  }
  if (it->second.size() < 8)
    c.fail_at(at, "wanted a resource with its alignment and bytes, got a shorter one");
  return from_raw(c, decode_hex(c, it->second.substr(8)), std::move(type), at);  // 4 bytes of alignment first
}

}  // namespace cordata::ir::text
