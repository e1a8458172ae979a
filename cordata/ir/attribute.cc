// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/attribute.h"

#include <algorithm>

namespace cordata::ir {
namespace {

using Kind = Attribute::Kind;

Attribute make(Kind kind) {
  Attribute a;
  a.kind = kind;
  return a;
}

// Whether `bytes` is `element` again and again.
bool repeats(std::span<const std::byte> bytes, std::span<const std::byte> element) {
  if (element.empty()) return bytes.empty();
  for (size_t at = 0; at < bytes.size(); at += element.size()) {
    if (!std::equal(element.begin(), element.end(), bytes.begin() + at)) return false;
  }
  return true;
}

}  // namespace

bool DenseElements::operator==(const DenseElements& o) const {
  if (type != o.type) return false;
  if (!bytes || !o.bytes) return bytes == o.bytes;
  if (splat == o.splat) return bytes == o.bytes || *bytes == *o.bytes;
  return splat ? repeats(o.data(), data()) : repeats(data(), o.data());
}

Attribute Attribute::unit() { return make(Kind::kUnit); }

Attribute Attribute::boolean(bool v) {
  Attribute a = make(Kind::kBool);
  a.dtype = DType::kI1;
  a.integer = v;
  return a;
}

Attribute Attribute::of(int64_t v, DType dtype) {
  Attribute a = make(Kind::kInt);
  a.dtype = dtype;
  a.integer = v;
  return a;
}

Attribute Attribute::of_float(double v, DType dtype) {
  Attribute a = make(Kind::kFloat);
  a.dtype = dtype;
  a.real = v;
  return a;
}

Attribute Attribute::string(std::string v) {
  Attribute a = make(Kind::kString);
  a.text = std::move(v);
  return a;
}

Attribute Attribute::of_type(Type v) {
  Attribute a = make(Kind::kType);
  a.type = std::move(v);
  return a;
}

Attribute Attribute::symbol(std::string v) {
  Attribute a = make(Kind::kSymbol);
  a.text = std::move(v);
  return a;
}

Attribute Attribute::list(std::vector<Attribute> v) {
  Attribute a = make(Kind::kArray);
  a.array = std::move(v);
  return a;
}

Attribute Attribute::dictionary(AttrDict v) {
  Attribute a = make(Kind::kDict);
  a.dict = std::move(v);
  return a;
}

Attribute Attribute::dense_array(std::vector<int64_t> v, DType dtype) {
  Attribute a = make(Kind::kDenseArray);
  a.dtype = dtype;
  a.integers = std::move(v);
  return a;
}

Attribute Attribute::elements(DenseElements v) {
  Attribute a = make(Kind::kDenseElements);
  a.dense = std::move(v);
  return a;
}

Attribute Attribute::structure(std::string mnemonic, AttrDict fields) {
  Attribute a = make(Kind::kStruct);
  a.text = std::move(mnemonic);
  a.dict = std::move(fields);
  return a;
}

Attribute Attribute::enumeration(std::string mnemonic, std::string word) {
  Attribute a = make(Kind::kStruct);
  a.text = std::move(mnemonic);
  a.word = std::move(word);
  return a;
}

}  // namespace cordata::ir
