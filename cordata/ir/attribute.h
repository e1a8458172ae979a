// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cordata/ir/attr_dict.h"
#include "cordata/ir/bytes.h"
#include "cordata/ir/type.h"

namespace cordata::ir {

// The elements of a constant: little-endian bytes, bytes_per_element(dtype) each (i1: one byte, 0 or 1; 4-
// and 2-bit types: one byte each, sign-extended), row-major. A splat holds one element whatever the shape.
// Shared, immutable.
struct DenseElements {
  Type type;
  bool splat = false;
  Bytes bytes;

  std::span<const std::byte> data() const { return bytes.span(); }
  bool operator==(const DenseElements& o) const;  // by value: a splat equals its expansion
};

// An MLIR attribute as a value of 16 bytes: a number in place, anything longer shared and immutable.
// Attributes of a dialect (#stablehlo.dot<...>, #stablehlo<comparison_direction EQ>) are kStruct: `text` is
// the mnemonic
// ("stablehlo.dot", "stablehlo.comparison_direction") and `dict` the fields; enum attributes hold their one
// word in `word`. All forms the reader meets print back.
class Attribute {
 public:
  enum class Kind : uint8_t {
    kUnit,
    kBool,
    kInt,
    kFloat,
    kString,
    kType,
    kArray,
    kDict,
    kDenseArray,
    kDenseElements,
    kSymbol,
    kStruct,
    kOpaque,
  };

  Attribute() : integer_(0) {}
  Attribute(const Attribute& o) : kind_(o.kind_), dtype_(o.dtype_), integer_(o.integer_) { hold(); }
  Attribute(Attribute&& o) noexcept : kind_(o.kind_), dtype_(o.dtype_), integer_(o.integer_) {
    o.kind_ = Kind::kUnit;
  }
  Attribute& operator=(Attribute o) noexcept;
  ~Attribute() {
    if (has_payload()) release();
  }

  static Attribute unit() { return {}; }
  static Attribute boolean(bool v);
  static Attribute of(int64_t v, DType dtype = DType::kI64);
  static Attribute of_float(double v, DType dtype = DType::kF64);
  static Attribute string(std::string v);
  static Attribute of_type(Type v);
  static Attribute symbol(std::string v);
  static Attribute opaque(std::string text);  // of a form that nothing here looks into
  static Attribute list(std::vector<Attribute> v);
  static Attribute dictionary(AttrDict v);
  static Attribute dense_array(std::span<const int64_t> v, DType dtype = DType::kI64);
  static Attribute dense_array(std::initializer_list<int64_t> v) {
    return dense_array({v.begin(), v.size()});
  }
  static Attribute dense_array(std::span<const double> v, DType dtype);
  static Attribute elements(DenseElements v);
  static Attribute structure(std::string_view mnemonic, AttrDict fields);
  static Attribute enumeration(std::string_view mnemonic, std::string_view word);

  // Of an attribute of another kind: zero, or empty.
  Kind kind() const { return kind_; }
  DType dtype() const { return dtype_; }  // of kInt, kFloat, kDenseArray
  int64_t integer() const;                // kInt, kBool
  double real() const;                    // kFloat
  const std::string& text() const;        // kString, kSymbol (without @), kStruct's mnemonic, kOpaque's text
  const std::string& word() const;        // kStruct of an enum
  const Type& type() const;               // kType
  std::span<const int64_t> integers() const;  // kDenseArray of integers or booleans
  std::span<const double> reals() const;      // kDenseArray of floats
  std::span<const Attribute> array() const;   // kArray
  const AttrDict& dict() const;               // kDict, kStruct
  const DenseElements& dense() const;         // kDenseElements

  bool operator==(const Attribute&) const;

 private:
  struct Payload {
    std::atomic<uint32_t> holders = 1;
    uint32_t count = 0;  // of the words of a kDenseArray, which follow
  };
  template <typename T>
  struct Box;
  struct Structure;

  template <typename T>
  static Attribute boxed(Kind kind, T value);
  template <typename T>
  const T& unboxed() const;
  template <typename T>
  static Attribute words(std::span<const T> v, DType dtype);
  template <typename T>
  std::span<const T> words() const;

  bool has_payload() const { return kind_ > Kind::kFloat; }
  void hold() const {
    if (has_payload()) payload_->holders.fetch_add(1, std::memory_order_relaxed);
  }
  void release();

  Kind kind_ = Kind::kUnit;
  DType dtype_ = DType::kI64;
  union {
    int64_t integer_;
    double real_;
    Payload* payload_;
  };
};

// An attribute and its name.
struct AttrDict::Entry {
  AttrName first;
  Attribute second;
  bool operator==(const Entry&) const = default;
};

inline AttrDict::const_iterator AttrDict::end() const { return begin() + size(); }

template <typename Condition>
void AttrDict::erase_if(Condition condition) {
  for (const_iterator it = begin(); it != end();) {
    size_t at = it - begin();
    if (condition(*it))
      erase(it), it = begin() + at;
    else
      ++it;
  }
}

}  // namespace cordata::ir
