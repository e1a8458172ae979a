// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "cordata/ir/text/cursor.h"

namespace cordata::ir::text {

Attribute read_attribute(Cursor& c, int depth = 0);
AttrDict read_dict(Cursor& c, int depth = 0);        // "{a = 1, b}", the cursor at '{'
void read_optional_dict(Cursor& c, AttrDict& into);  // adds to `into` if there is one
std::vector<int64_t> read_integers(Cursor& c);       // "[1, 2]"
Attribute read_struct(Cursor& c, std::string_view mnemonic, int depth = 0);  // "<field = value, ...>"
Attribute read_conv_dims(Cursor& c);           // "[b, 0, f]x[0, i, o]->[b, 0, f]"
DenseElements read_dense(Cursor& c);           // after "dense": "<...> : type"
DenseElements read_dense_resource(Cursor& c);  // after "dense_resource": "<key> : type"

// The fields of an attribute whose order in print is fixed; empty: any order.
std::span<const std::string_view> field_order(std::string_view mnemonic);

}  // namespace cordata::ir::text
