// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cordata/ir/type.h"

namespace cordata::ir {

class Attribute;
using AttrDict = std::map<std::string, Attribute, std::less<>>;

// The elements of a constant: little-endian bytes, bytes_per_element(dtype) each (i1: one byte, 0 or 1; 4- and 2-bit
// types: one byte each, sign-extended), row-major. A splat holds one element whatever the shape. Shared, immutable.
struct DenseElements {
  Type type;
  bool splat = false;
  std::shared_ptr<const std::vector<std::byte>> bytes;

  std::span<const std::byte> data() const { return *bytes; }
  bool operator==(const DenseElements& o) const;  // by value: a splat equals its expansion
};

// An MLIR attribute as a value. Attributes of a dialect (#stablehlo.dot<...>, #stablehlo<comparison_direction EQ>)
// are kStruct: `text` is the mnemonic ("stablehlo.dot", "stablehlo.comparison_direction") and `dict` the fields;
// enum attributes hold their one word in `word`. All forms the reader meets print back.
class Attribute {
 public:
  enum class Kind : uint8_t {
    kUnit, kBool, kInt, kFloat, kString, kType, kArray, kDict, kDenseArray, kDenseElements, kSymbol, kStruct, kOpaque,
  };

  Kind kind = Kind::kUnit;
  DType dtype = DType::kI64;        // of kInt, kFloat, kDenseArray
  int64_t integer = 0;              // kInt, kBool
  double real = 0;                  // kFloat
  std::string text;                 // kString, kSymbol (without @), kStruct's mnemonic, kOpaque's text
  std::string word;                 // kStruct of an enum
  Type type;                        // kType
  std::vector<int64_t> integers;    // kDenseArray of integers or booleans
  std::vector<double> reals;        // kDenseArray of floats
  std::vector<Attribute> array;     // kArray
  AttrDict dict;                    // kDict, kStruct
  DenseElements dense;              // kDenseElements

  static Attribute unit();
  static Attribute boolean(bool v);
  static Attribute of(int64_t v, DType dtype = DType::kI64);
  static Attribute of_float(double v, DType dtype = DType::kF64);
  static Attribute string(std::string v);
  static Attribute of_type(Type v);
  static Attribute symbol(std::string v);
  static Attribute list(std::vector<Attribute> v);
  static Attribute dictionary(AttrDict v);
  static Attribute dense_array(std::vector<int64_t> v, DType dtype = DType::kI64);
  static Attribute elements(DenseElements v);
  static Attribute structure(std::string mnemonic, AttrDict fields);
  static Attribute enumeration(std::string mnemonic, std::string word);

  bool operator==(const Attribute&) const = default;
};

}  // namespace cordata::ir
