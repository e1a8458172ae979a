// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/ir/text/source.h"

namespace cordata::ir::text {

// Finds the module's name, attributes, functions, aliases and resources without reading function bodies.
Source index_module(std::string_view text, const std::string& origin, ModuleFile* file);

}  // namespace cordata::ir::text
