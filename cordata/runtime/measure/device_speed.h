// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/base/units.h"
#include "cordata/ir/type.h"
#include "cordata/runtime/pjrt/client.h"

namespace cordata::runtime {

// How much to spend: each figure takes about this long, and no matrix is larger.
struct DeviceEffort {
  base::Seconds each{0.3};
  int64_t largest_matrix = 4096;
  int64_t stream_elements = 16 << 20;  // f32
};

struct MatmulSpeed {
  ir::DType type;
  int64_t size;  // n x n by n x n
  base::FlopsPerSecond rate;
};

// Rates of C = A B compiled by the plugin, n from 128 on, doubled until one takes a third of the
// effort. Nothing for a type that the plugin can't compile.
std::vector<MatmulSpeed> measure_matmul(const Client& client, ir::DType type, const DeviceEffort& effort);

// Rates of a product of 256 rows by matrices that no cache holds, again and again for `each` of so many
// windows.
std::vector<double> measure_windows(const Client& client, base::Seconds each, int windows);

// Bytes read and written by a += b / 2 in place over arrays larger than any cache.
base::BytesPerSecond measure_memory(const Client& client, const DeviceEffort& effort);

// What a product of few rows by a matrix that no cache holds hides of the shorter of computing, at `rate` (of
// f32), and reading, at `memory`: cluster::Device::overlap.
double measure_overlap(const Client& client, base::FlopsPerSecond rate, base::BytesPerSecond memory,
                       const DeviceEffort& effort);

// What one more tiny op takes in a module of many.
base::Seconds measure_launch(const Client& client, const DeviceEffort& effort);

}  // namespace cordata::runtime
