// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/ir/op_kind.h"

namespace cordata::ir::text {

// One step of an op's custom assembly; see formats.cc for the words it is written with.
struct Step {
  enum class Kind : uint8_t {
    kLiteral,
    kOperand,
    kOperands,
    kOperandsWithComma,
    kAttribute,
    kDict,
    kTypes,
    kCustom
  };
  Kind kind;
  std::string name;  // the literal, the attribute, the kind of types, the custom step
  std::string form;  // of the attribute
};

// The custom assembly of an op as steps, or nullptr where it has none (then it is only written in generic
// form).
const std::vector<Step>* format(OpKind kind);

}  // namespace cordata::ir::text
