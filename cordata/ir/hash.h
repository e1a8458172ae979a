// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/ir/attribute.h"

namespace cordata::ir {

// Hashes that go on from a running one, by value and the same on every machine: a model's hash is made of
// them.
uint64_t mix(uint64_t h, uint64_t x);
uint64_t hash(uint64_t h, const Type& type);
uint64_t hash(uint64_t h, const Attribute& attribute);
uint64_t hash(uint64_t h, const AttrDict& dict);

}  // namespace cordata::ir
