// SPDX-License-Identifier: Apache-2.0
// Each op cut over ranks, a device each, that join its results by custom calls over MPI: every rank then has
// what one device gives.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>

#include "cordata/ir/op_table.h"
#include "cordata/ir/text.h"
#include "cordata/runtime/collectives/handlers.h"
#include "cordata/runtime/transport/mpi_transport.h"
#include "tests/property/round.h"

namespace cordata::property {
namespace {

using runtime::Client;
using sharding::Mesh;

constexpr size_t kMostTimesRanks = 12, kOpsTimesRanks = 12;

// Ops that share their rule are cut by the same code: some of each, others for another seed, and the fewer
// the more ranks there are to compile them. What one op differs in from another is tested inside one process.
std::vector<OpKind> some_ops(uint64_t seed, size_t ranks) {
  const size_t ops = std::max<size_t>(1, kOpsTimesRanks / ranks);
  std::map<ir::FactorRule (*)(const ir::OpView&), std::vector<OpKind>> by_rule;
  for (const auto& [kind, generator] : generators()) by_rule[ir::row(kind).rule].push_back(kind);
  std::vector<OpKind> some;
  for (const auto& [rule, kinds] : by_rule) {
    for (size_t i = 0; i < std::min(kinds.size(), ops); ++i)
      some.push_back(kinds[(seed * ops + i) % kinds.size()]);
  }
  std::ranges::sort(some);  // pointers of functions differ between ranks
  return some;
}

// All sets of a mesh's axes, as emit_case numbers them, with the group of each that this rank is in.
std::vector<std::unique_ptr<runtime::Communicator>> communicators(const Mesh& mesh,
                                                                  runtime::Transport& transport) {
  std::vector<std::unique_ptr<runtime::Communicator>> out;
  for (uint32_t axes = 1; axes < 1u << mesh.num_axes(); ++axes) {
    auto& mine = out.emplace_back();
    for (const auto& group : mesh.groups(axes)) {
      if (auto made = transport.make_communicator(group)) mine = std::move(made);
    }
  }
  return out;
}

// What rank 0 computed, on every rank.
void share(const std::vector<std::unique_ptr<Whole>>& wholes) {
  for (const auto& w : wholes) {
    const ir::Graph& graph = w->instance.graph;
    const ir::Node& op = graph.node(w->instance.op);
    w->operands.resize(op.operands.size());
    w->results.resize(op.num_results);
    auto send = [](HostTensor& t, const Type& type) {
      t.type = type;
      t.values.resize(type.num_elements() * t.parts());
      MPI_Bcast(t.values.data(), static_cast<int>(t.values.size()), MPI_DOUBLE, 0, MPI_COMM_WORLD);
    };
    for (size_t i = 0; i < w->operands.size(); ++i) send(w->operands[i], graph.type(op.operands[i]));
    for (size_t i = 0; i < w->results.size(); ++i)
      send(w->results[i], graph.type(op.result(static_cast<int>(i))));
  }
}

class Rank {
 public:
  Rank()
      : transport_(runtime::make_mpi_transport()),
        client_(runtime::Plugin::load(runtime::plugin_path()),
                {.devices = 1, .threads = 1, .asynchronous = false}) {}

  int number() const { return transport_->rank(); }
  int of() const { return transport_->size(); }

  Tally run(uint64_t seed, const Mesh& mesh) {
    runtime::HeldBytes held;
    runtime::CollectiveContext context(held);
    context.communicators = communicators(mesh, *transport_);
    auto wholes = draw_wholes(seed, mesh, some_ops(seed, static_cast<size_t>(of())));
    if (number() == 0) compute(client_, wholes);
    share(wholes);
    Tally tally;
    for (const auto& w : wholes) {
      for (const Cut& c :
           cut(*w, mesh, partition::CollectiveMode::kCustomCall, kMostTimesRanks / of(), tally))
        run(c, mesh, context, tally);
    }
    return tally;
  }

 private:
  void run(const Cut& c, const Mesh& mesh, runtime::CollectiveContext& collectives, Tally& tally) {
    LocalCase joined = emit_case(*c.local.instance, c.local.rule, c.local.strategy, mesh,
                                 partition::CollectiveMode::kCustomCall, true);
    std::vector<runtime::Buffer> args;
    std::vector<const runtime::Buffer*> in;
    Draw d(c.whole->seed, {});
    for (size_t k = 0; k < c.whole->operands.size(); ++k) {
      args.push_back(upload(client_, distribute(d, c.whole->operands[k], c.local.operand(static_cast<int>(k)),
                                                mesh)[number()]));
    }
    args.push_back(upload(client_, {Type::tensor(DType::kI32), {static_cast<double>(number())}}));
    for (const auto& a : args) in.push_back(&a);
    runtime::ExecuteContext context(client_.plugin(), handlers_, &collectives);
    auto done = client_.compile(ir::write_module(together({&joined.graph})))
                    .execute(in, {.context = &context})
                    .results;
    std::vector<std::vector<HostTensor>> got;
    for (size_t k = 0; k < done.size(); ++k)
      got.emplace_back(mesh.size(), download(done[k], c.whole->results[k].type));
    tally.judge(c, got, mesh, true);
  }

  std::unique_ptr<runtime::Transport> transport_;
  Client client_;
  int64_t handlers_ = runtime::register_collectives(client_.plugin());
};

TEST(PartitionedOps, EqualTheWholeOnRanks) {
  Rank rank;
  Tally all;
  for (const Mesh& mesh : meshes()) {
    if (mesh.size() == rank.of()) all.add(rank.run(1000 + static_cast<uint64_t>(mesh.num_axes()), mesh));
  }
  for (const std::string& f : all.failures) ADD_FAILURE() << f;
  EXPECT_GE(all.counted, 60);
  if (rank.number() == 0) {
    fmt::print("{} cases, {} of them count; {} assignments beyond {} an op were left out by draw\n",
               all.cases, all.counted, all.left_out, kMostTimesRanks / rank.of());
  }
}

}  // namespace
}  // namespace cordata::property
