// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "cordata/runtime/pjrt/client.h"
#include "tests/property/host_tensor.h"
#include "tests/property/local_case.h"

namespace cordata::property {

// Meshes of 2 to 8 devices, 1-D and 2-D.
const std::vector<sharding::Mesh>& meshes();

// A random instance of an op, its values, and what one device makes of them.
struct Whole {
  Instance instance;
  uint64_t seed = 0;
  std::vector<HostTensor> args;               // of the instance's graph
  std::vector<HostTensor> operands, results;  // of the op, once computed
};

// An instance of each op kind that has a rule, or of each of `kinds`; the same for a seed on every machine.
// An instance that the mesh can't cut at all is drawn again, up to 20 times.
std::vector<std::unique_ptr<Whole>> draw_wholes(uint64_t seed, const sharding::Mesh& mesh,
                                                const std::vector<OpKind>& kinds = {});
// Runs them all as one module on one device.
void compute(const runtime::Client& client, const std::vector<std::unique_ptr<Whole>>& wholes);

// The graph that runs many at once: arguments and results one after the other. The identities that only
// Cordata knows are left out.
ir::Graph together(const std::vector<const ir::Graph*>& graphs);

HostTensor download(const runtime::Buffer& buffer, const Type& type);
runtime::Buffer upload(const runtime::Client& client, const HostTensor& t, int device = 0);

}  // namespace cordata::property
