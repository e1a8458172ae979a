// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/measure/op_speed.h"

#include <algorithm>
#include <numeric>

#include "cordata/base/error.h"
#include "cordata/ir/builder.h"
#include "cordata/ir/text.h"
#include "cordata/runtime/measure/timed.h"

namespace cordata::runtime {
namespace {

Buffer argument(const Client& client, const ir::Type& type) {
  auto bytes = halves(type.dtype, type.num_elements());
  if (bytes.empty()) bytes.resize(static_cast<size_t>(type.num_bytes()));
  return client.upload(bytes.data(), type.dtype, type.shape);
}

int sets_of(const ir::Graph& module, const OpEffort& effort) {
  double bytes = 1;
  for (const auto v : module.args()) bytes += static_cast<double>(module.type(v).num_bytes());
  return static_cast<int>(std::clamp(effort.rotated.value / bytes, 1.0, 1.0 * effort.most_sets));
}

double seconds_of(const Client& client, const Executable& compiled, const ir::Graph& module,
                  const OpEffort& effort) {
  std::vector<std::vector<Buffer>> sets(sets_of(module, effort));
  for (auto& set : sets)
    for (const auto v : module.args()) set.push_back(argument(client, module.type(v)));
  size_t next = 0;
  if (effort.ready) effort.ready();
  const auto seconds = run_times(effort.each, [&] {
    std::vector<const Buffer*> arguments;
    for (const Buffer& b : sets[next]) arguments.push_back(&b);
    next = (next + 1) % sets.size();
    compiled.execute(arguments).done.await(measured_soon(), "a module of one op");
  });
  return std::accumulate(seconds.begin(), seconds.end(), 0.0) / static_cast<double>(seconds.size());
}

}  // namespace

base::Seconds measure_run(const Client& client, const OpEffort& effort) {
  ir::GraphBuilder b;
  const auto x = b.arg(ir::Type::tensor(ir::DType::kF32, {1}));
  const auto module = b.finish({b.neg(x)});
  return base::Seconds(seconds_of(client, client.compile(ir::write_module(module)), module, effort));
}

std::optional<base::Seconds> measure_op(const Client& client, const ir::Graph& module, base::Seconds besides,
                                        const OpEffort& effort) {
  std::optional<Executable> compiled;
  try {
    compiled.emplace(client.compile(ir::write_module(module)));
  } catch (const base::Error&) {
    if (effort.ready) effort.ready();
    return {};
  }
  const double least = besides.value / 100;  // what a run takes varies
  return base::Seconds(std::max(least, seconds_of(client, *compiled, module, effort) - besides.value));
}

}  // namespace cordata::runtime
