// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cordata/ir/attribute.h"
#include "cordata/ir/text/module_file.h"

namespace cordata::ir::text {

// Where a function of the module stands in the text.
struct Function {
  std::string name;
  size_t signature = 0;  // of the custom form: at the '(' of its arguments
  size_t body = 0;       // after the '{' (of the body, or of the generic form's region)
  int line = 1;          // of `signature`, or of `body` in the generic form
  bool is_public = true;
  bool generic = false;
  std::vector<Type> arg_types, result_types;      // generic form only
  std::vector<AttrDict> arg_attrs, result_attrs;  // generic form only; may be empty
};

// A module's text, and what its top level says: functions by name, aliases, resources. Everything but
// functions is read where it is used; `text` must outlive it.
struct Source {
  std::string_view text;
  std::string origin;
  ModuleFile* file = nullptr;  // where the text is from, if it can be let go of as it is read

  std::string name;
  AttrDict attrs;
  std::vector<Function> functions;
  std::unordered_map<std::string, int> by_name;
  std::unordered_map<std::string_view, size_t> aliases;  // "#x" or "!x" -> position of what it stands for
  std::unordered_map<std::string_view, std::string_view> resources;  // key -> hex digits, without 0x
};

}  // namespace cordata::ir::text
