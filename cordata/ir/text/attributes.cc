// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/text/attributes.h"

#include <array>
#include <bit>
#include <charconv>
#include <map>

#include "cordata/ir/text/numbers.h"
#include "cordata/ir/text/types.h"

namespace cordata::ir::text {
namespace {

std::string key_of(Cursor& c) {
  return c.peek() == '"' ? c.string() : std::string(c.word("the name of an attribute"));
}

Attribute opaque(std::string_view text) { return Attribute::opaque(std::string(text)); }

// Everything from `start` to the cursor, as it stands.
Attribute opaque_since(Cursor& c, size_t start) { return opaque(c.text().substr(start, c.at() - start)); }

Attribute read_number(Cursor& c) {
  size_t start = c.at();
  Number number = read_number_token(c);
  bool typed = c.accept(':');
  DType dtype = typed ? read_dtype(c) : number.is_float ? DType::kF64 : DType::kI64;
  if (is_float(dtype)) return Attribute::of_float(number_value(c, number, dtype, start), dtype);
  if (number.is_float) c.fail_at(start, "wanted an integer for an integer type, got a floating point number");
  return Attribute::of(number.integer(), dtype);
}

// "array<i64: 1, 2>", the cursor after "array".
Attribute read_dense_array(Cursor& c) {
  c.expect('<');
  DType dtype = read_dtype(c);
  std::vector<int64_t> integers;
  std::vector<double> reals;
  if (c.accept(':')) {
    do {
      size_t at = (c.peek(), c.at());
      bool yes = c.accept_word("true");
      if (yes || c.accept_word("false")) {
        if (is_float(dtype)) c.fail_at(at, "wanted a floating point number, got a boolean");
        integers.push_back(yes);
        continue;
      }
      Number n = read_number_token(c);
      if (is_float(dtype))
        reals.push_back(number_value(c, n, dtype, at));
      else if (n.is_float)
        c.fail_at(at, "wanted an integer, got a floating point number");
      else
        integers.push_back(n.integer());
    } while (c.accept(','));
  }
  c.expect('>');
  return is_float(dtype) ? Attribute::dense_array(reals, dtype) : Attribute::dense_array(integers, dtype);
}

// A value inside "<...>" of a dialect's attribute: lists of integers, bare types and words besides
// attributes.
Attribute read_field(Cursor& c, int depth) {
  if (c.peek() == '[') {
    size_t start = c.at();
    c.jump(start + 1);
    bool integers = c.at_integer() || c.peek() == ']';
    c.jump(start);
    if (integers) return Attribute::dense_array(read_integers(c));
  }
  size_t start = (c.peek(), c.at());
  std::string_view word = is_letter(c.peek()) ? c.word("") : "";
  if (!word.empty() && (c.peek() == ',' || c.peek() == '>') && word != "true" && word != "false")
    return opaque(word);
  c.jump(start);
  return read_attribute(c, depth);
}

Attribute read_alias(Cursor& c, std::string_view name, size_t start, int depth) {
  auto it = c.source().aliases.find(name);
  if (it == c.source().aliases.end())
    c.fail_at(start, "wanted an attribute, got the undefined alias " + std::string(name));
  Cursor there(c.source(), it->second, 1);
  return read_attribute(there, depth);
}

// "#stablehlo<comparison_direction EQ>", "#stablehlo.dot<...>", "#alias", or another dialect's, kept as it
// stands.
Attribute read_hash(Cursor& c, int depth) {
  size_t start = c.at();
  c.jump(start + 1);
  std::string_view id = c.suffix_id();
  if (c.ahead(0) != '<') {
    if (id.find('.') == std::string_view::npos) {
      return read_alias(c, c.text().substr(start, c.at() - start), start, depth);
    }
    return opaque_since(c, start);
  }
  bool known = id.starts_with("stablehlo") || id.starts_with("chlo");
  size_t dot = id.find('.');
  if (known && dot == std::string_view::npos) {
    c.expect('<');
    std::string mnemonic = std::string(id) + "." + std::string(c.word("the kind of the attribute"));
    if (c.peek() == '<') {
      Attribute a = read_struct(c, mnemonic, depth);
      c.expect('>');
      return a;
    }
    Attribute a = Attribute::enumeration(mnemonic, c.word("a value of " + mnemonic));
    c.expect('>');
    return a;
  }
  if (known && (id == "stablehlo.bounds" || id == "stablehlo.type_extensions")) {
    c.fail_at(start, "wanted a static shape, got bounds of a dynamic one; dynamic shapes are not supported");
  }
  if (known) return read_struct(c, id, depth);
  c.skip_balanced();
  return opaque_since(c, start);
}

Attribute read_symbol(Cursor& c) {
  std::string name = c.symbol();
  while (c.ahead(0) == ':' && c.ahead(1) == ':' && c.ahead(2) == '@') {
    c.jump(c.at() + 2);
    name += "::@" + c.symbol();
  }
  return Attribute::symbol(std::move(name));
}

Attribute read_word(Cursor& c, int depth) {
  size_t start = c.at();
  if (at_type(c)) return Attribute::of_type(read_type(c, depth));
  std::string_view word = c.word("an attribute");
  if (word == "true" || word == "false") return Attribute::boolean(word == "true");
  if (word == "unit") return Attribute::unit();
  if (word == "array") return read_dense_array(c);
  if (word == "dense") return Attribute::elements(read_dense(c));
  if (word == "dense_resource") return Attribute::elements(read_dense_resource(c));
  if (word == "loc" || word == "affine_map" || word == "affine_set" || word == "vector" || word == "memref") {
    if (c.peek() != '(' && c.peek() != '<') c.fail("'<'");
    c.skip_balanced();
    return opaque_since(c, start);
  }
  c.jump(start);
  if (word == "none") return c.word(""), opaque("none");
  read_dtype(c);
  return opaque_since(c, start);
}

}  // namespace

std::vector<int64_t> read_integers(Cursor& c) {
  std::vector<int64_t> out;
  c.expect('[');
  if (c.accept(']')) return out;
  do out.push_back(c.accept_word("true") ? 1 : c.accept_word("false") ? 0 : c.integer());
  while (c.accept(','));
  c.expect(']');
  return out;
}

Attribute read_struct(Cursor& c, std::string_view mnemonic, int depth) {
  c.expect('<');
  if (mnemonic == "stablehlo.conv" && c.peek() == '[') {
    Attribute a = read_conv_dims(c);
    c.expect('>');
    return a;
  }
  if (mnemonic.ends_with("_mode") && c.peek() != '>') {  // an enum in the struct's clothes
    Attribute a = Attribute::enumeration(mnemonic, c.word("a word"));
    c.expect('>');
    return a;
  }
  AttrDict fields;
  c.accept_word("raw");
  while (!c.accept('>')) {
    size_t at = (c.peek(), c.at());
    std::string key(c.word("the name of a field"));
    c.expect('=');
    if (!fields.emplace(key, read_field(c, depth + 1)).second)
      c.fail_at(at, "wanted each field once, got " + key + " again");
    if (!c.accept(',')) {
      c.expect('>');
      break;
    }
  }
  return Attribute::structure(mnemonic, std::move(fields));
}

AttrDict read_dict(Cursor& c, int depth) {
  AttrDict dict;
  c.expect('{');
  if (c.accept('}')) return dict;
  do {
    size_t at = (c.peek(), c.at());
    std::string key = key_of(c);
    Attribute value = c.accept('=') ? read_attribute(c, depth) : Attribute::unit();
    if (!dict.emplace(key, std::move(value)).second)
      c.fail_at(at, "wanted each attribute once, got " + key + " again");
  } while (c.accept(','));
  c.expect('}');
  return dict;
}

void read_optional_dict(Cursor& c, AttrDict& into) {
  if (c.peek() != '{') return;
  AttrDict more = read_dict(c);
  if (into.empty())
    into = std::move(more);
  else
    for (auto& [key, value] : more) into.insert_or_assign(key, value);
}

Attribute read_attribute(Cursor& c, int depth) {
  Nesting nesting(c, depth);
  char first = c.peek();
  if (is_digit(first) || first == '-') return read_number(c);
  switch (first) {
    case '"': {
      Attribute a = Attribute::string(c.string());
      if (c.accept(':')) read_dtype(c);
      return a;
    }
    case '#':
      return read_hash(c, depth);
    case '@':
      return read_symbol(c);
    case '{':
      return Attribute::dictionary(read_dict(c, depth));
    case '(': {
      size_t start = c.at();
      read_function_type(c);
      return opaque_since(c, start);
    }
    case '[': {
      c.expect('[');
      std::vector<Attribute> list;
      if (c.accept(']')) return Attribute::list({});
      do list.push_back(read_attribute(c, depth));
      while (c.accept(','));
      c.expect(']');
      return Attribute::list(std::move(list));
    }
    default:
      return read_word(c, depth);
  }
}

namespace {

struct ConvSide {
  std::map<int64_t, int64_t> spatial;
  std::map<char, int64_t> named;
};

ConvSide read_conv_side(Cursor& c, char first, char second) {
  ConvSide side;
  c.expect('[');
  int64_t index = 0;
  do {
    size_t at = (c.peek(), c.at());
    bool fresh = false;
    if (c.at_integer()) {
      fresh = side.spatial.emplace(c.integer(), index).second;
    } else {
      std::string_view word = c.word("a dimension");
      if (word.size() != 1 || (word[0] != first && word[0] != second)) {
        c.fail_at(at, fmt::format("wanted a dimension ({}, {} or a number), got {}", first, second, word));
      }
      fresh = side.named.emplace(word[0], index).second;
    }
    if (!fresh) c.fail_at(at, "wanted each dimension once, got one again");
    ++index;
  } while (c.accept(','));
  bool whole = side.named.size() == 2;
  int64_t next = 0;
  for (auto& [dim, place] : side.spatial) whole &= dim == next++;
  if (!whole)
    c.fail(fmt::format("dimensions {}, {} and 0, 1, ... up to the last one before this", first, second));
  c.expect(']');
  return side;
}

Attribute spatial(const ConvSide& side) {
  std::vector<int64_t> out;
  for (auto& [dim, place] : side.spatial) out.push_back(place);
  return Attribute::dense_array(std::move(out));
}

}  // namespace

Attribute read_conv_dims(Cursor& c) {
  ConvSide input = read_conv_side(c, 'b', 'f');
  c.expect('x');
  ConvSide kernel = read_conv_side(c, 'i', 'o');
  c.expect("->");
  ConvSide output = read_conv_side(c, 'b', 'f');
  return Attribute::structure("stablehlo.conv",
                              {{"input_batch_dimension", Attribute::of(input.named['b'])},
                               {"input_feature_dimension", Attribute::of(input.named['f'])},
                               {"input_spatial_dimensions", spatial(input)},
                               {"kernel_input_feature_dimension", Attribute::of(kernel.named['i'])},
                               {"kernel_output_feature_dimension", Attribute::of(kernel.named['o'])},
                               {"kernel_spatial_dimensions", spatial(kernel)},
                               {"output_batch_dimension", Attribute::of(output.named['b'])},
                               {"output_feature_dimension", Attribute::of(output.named['f'])},
                               {"output_spatial_dimensions", spatial(output)}});
}

std::span<const std::string_view> field_order(std::string_view mnemonic) {
  static constexpr std::array<std::string_view, 7> kAlgorithm = {
      "lhs_precision_type",  "rhs_precision_type",       "accumulation_type",           "lhs_component_count",
      "rhs_component_count", "num_primitive_operations", "allow_imprecise_accumulation"};
  static constexpr std::array<std::string_view, 3> kAlias = {"output_tuple_indices", "operand_index",
                                                             "operand_tuple_indices"};
  static constexpr std::array<std::string_view, 4> kAccuracy = {"atol", "rtol", "ulps", "mode"};
  if (mnemonic == "stablehlo.dot_algorithm") return kAlgorithm;
  if (mnemonic == "stablehlo.output_operand_alias") return kAlias;
  if (mnemonic == "stablehlo.result_accuracy") return kAccuracy;
  return {};
}

}  // namespace cordata::ir::text
