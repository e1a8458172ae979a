// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "cordata/program/program.h"
#include "cordata/runtime/pjrt/plugin.h"

namespace cordata::tests {

// Makes a module out of its types: it takes that long, whoever else computes, and gives donated arguments
// back as they are and zeros for all else. Before it is compiled: register_sleep.
void make_sleep(program::ModuleText& module, std::chrono::microseconds duration);
void register_sleep(const runtime::Plugin& plugin);

}  // namespace cordata::tests
