// SPDX-License-Identifier: Apache-2.0
// An all-reduce as the runtime runs it (a compiled module with cordata.all_reduce, its argument donated)
// beside a bare MPI_Allreduce on a buffer that was made and touched before, both in place, in turns, in the
// same processes under the same settings.
//
//   mpirun -n 4 bench_all_reduce [MiB] [REPETITIONS]      rank 0 prints one JSON object
//
// A repetition's time is that of the slowest rank, from a barrier on.
#include <fmt/format.h>
#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cordata/base/error.h"
#include "cordata/runtime/collectives/handlers.h"
#include "cordata/runtime/transport/mpi_transport.h"

namespace cordata::runtime {
namespace {

constexpr int kWarmUp = 10;

Deadline soon() { return Deadline::after(base::Seconds(60)); }

std::string module_text(int64_t elements) {
  return fmt::format(R"(module @all_reduce {{
  func.func @main(%a: tensor<{0}xf32> {{tf.aliasing_output = 0 : i32}}) -> tensor<{0}xf32> {{
    %t = stablehlo.create_token : !stablehlo.token
    %r:2 = "stablehlo.custom_call"(%a, %t) {{call_target_name = "cordata.all_reduce", api_version = 4 : i32,
      has_side_effect = true, backend_config = {{comm = 0 : i64, reduce = "add"}},
      output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [0], operand_index = 0, operand_tuple_indices = []>]
    }} : (tensor<{0}xf32>, !stablehlo.token) -> (tensor<{0}xf32>, !stablehlo.token)
    return %r#0 : tensor<{0}xf32>
  }}
}})",
                     elements);
}

// Seconds of `work` on the slowest rank.
template <typename Work>
double timed(Communicator& all, Work&& work) {
  all.barrier();
  const auto begin = std::chrono::steady_clock::now();
  work();
  const double mine = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  double slowest = 0;
  MPI_Allreduce(&mine, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return slowest;
}

nlohmann::json run(Transport& transport, int64_t mebibytes, int repetitions) {
  const int64_t elements = (mebibytes << 20) / 4;
  std::vector<int> everyone(transport.size());
  std::iota(everyone.begin(), everyone.end(), 0);
  HeldBytes held;
  CollectiveContext collectives(held);
  collectives.communicators.push_back(transport.make_communicator(everyone));
  auto all = transport.make_communicator(everyone);
  const Plugin& plugin = Plugin::load(plugin_path());
  ExecuteContext context(plugin, register_collectives(plugin), &collectives);
  Client client(plugin, {.threads = 1, .asynchronous = false});
  Executable executable = client.compile(module_text(elements));

  const int64_t dims[] = {elements};
  std::vector<float> in(elements), bare_value(elements);  // zeros: repeated sums must not overflow
  std::vector<const Buffer*> arguments(1);
  Buffer value = client.upload(in, DType::kF32, dims);
  auto ours = [&] {
    arguments[0] = &value;
    Execution done = executable.execute(arguments, {&context, {}});
    done.done.await(soon(), "all-reduce");
    value = std::move(done.results[0]);
  };
  auto bare = [&] {
    MPI_Allreduce(MPI_IN_PLACE, bare_value.data(), static_cast<int>(elements), MPI_FLOAT, MPI_SUM,
                  MPI_COMM_WORLD);
  };
  std::vector<double> our_seconds, bare_seconds;
  for (int i = -kWarmUp; i < repetitions; ++i) {
    const bool ours_first = i % 2 == 0;
    double a = ours_first ? timed(*all, ours) : 0;
    double b = timed(*all, bare);
    if (!ours_first) a = timed(*all, ours);
    if (i < 0) continue;
    our_seconds.push_back(a);
    bare_seconds.push_back(b);
  }
  // Both must have reduced: one more, of ones.
  std::fill(in.begin(), in.end(), 1.0f);
  bare_value = in;
  value = client.upload(in, DType::kF32, dims);
  ours();
  bare();
  const bool same = value.to_vector<float>(soon()) == bare_value &&
                    bare_value.front() == static_cast<float>(transport.size());
  return {{"bytes", elements * 4},
          {"ranks", transport.size()},
          {"ours_s", our_seconds},
          {"bare_s", bare_seconds},
          {"same_sums", same}};
}

}  // namespace
}  // namespace cordata::runtime

int main(int argc, char** argv) try {
  auto transport = cordata::runtime::make_mpi_transport();
  const auto result = cordata::runtime::run(*transport, argc > 1 ? std::atoll(argv[1]) : 16,
                                            argc > 2 ? std::atoi(argv[2]) : 60);
  if (transport->rank() == 0) std::puts(result.dump().c_str());
  return 0;
} catch (const cordata::base::Error& e) {
  fmt::print(stderr, "{}\n", e.what());
  return cordata::base::exit_status(e.kind());
}
