// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/keep_memory.h"

#include <fmt/format.h>
#include <jemalloc/jemalloc.h>
#include <sys/types.h>

extern "C" __attribute__((weak)) decltype(mallctl) mallctl;

namespace cordata::runtime {
namespace {

void set(const std::string& name, ssize_t value) {
  mallctl(name.c_str(), nullptr, nullptr, &value, sizeof value);
}

}  // namespace

void keep_freed_memory() {
  if (!mallctl) return;
  for (const char* pages : {"dirty", "muzzy"}) {
    set(fmt::format("arenas.{}_decay_ms", pages), -1);  // of arenas that are made from now on
    set(fmt::format("arena.0.{}_decay_ms", pages), -1);
  }
}

}  // namespace cordata::runtime
