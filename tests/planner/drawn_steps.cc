// SPDX-License-Identifier: Apache-2.0
#include "tests/planner/drawn_steps.h"

#include <cmath>

#include "cordata/ir/builder.h"

namespace cordata::tests {
namespace {

using ir::DType;
using ir::OpKind;
using ir::Type;
using ir::ValueId;
using step::Role;

// What is drawn once, so that the step can be built for every size of a microbatch.
struct Draw {
  std::vector<int64_t> widths;  // of what goes into each product, and of the last one's result
  std::vector<int>
      between;  // after each product: 0 nothing, 1 an elementwise op, 2 a product of the value with itself
  bool skip = false;     // the last value is joined with an earlier one where shapes allow
  bool tied = false;     // all products use one square matrix
  bool chained = false;  // gradients flow back through the matrices, else from each product's own result
  bool momentum = false;
  int num_params() const { return tied ? 1 : static_cast<int>(widths.size()) - 1; }
};

ValueId product(ir::GraphBuilder& b, ValueId x, ValueId y, int64_t dx, int64_t dy) {
  return b.dot_general(x, y, {}, {}, {dx}, {dy}, DType::kF32);
}

ir::Graph build_grad(const Draw& d, int64_t size) {
  ir::GraphBuilder b;
  std::vector<ValueId> w, into, out;
  for (int p = 0; p < d.num_params(); ++p)
    w.push_back(b.arg(Type::tensor(DType::kF32, {d.widths[p], d.widths[p + 1]})));
  const auto matrix = [&](size_t k) { return w[d.tied ? 0 : k]; };
  ValueId h = b.arg(Type::tensor(DType::kF32, {size, d.widths[0]}));
  for (size_t k = 0; k + 1 < d.widths.size(); ++k) {
    into.push_back(h);
    h = product(b, h, matrix(k), 1, 0);
    out.push_back(h);
    if (d.between[k] == 1) h = b.unary(OpKind::kTanh, h);
    if (d.between[k] == 2) h = b.mul(h, h);
  }
  if (d.skip && b.type(into[0]).shape == b.type(h).shape) h = b.add(h, into[0]);
  std::vector<ValueId> results{b.reduce(OpKind::kAdd, h, 0, {0, 1})}, grads(w.size());
  ValueId back = h;
  for (int k = static_cast<int>(into.size()) - 1; k >= 0; --k) {
    const ValueId g = product(b, into[k], d.chained ? back : out[k], 0, 0);
    ValueId& sum = grads[d.tied ? 0 : k];
    sum = sum.valid() ? b.add(sum, g) : g;
    if (d.chained && k > 0) back = product(b, back, matrix(k), 1, 1);
  }
  results.insert(results.end(), grads.begin(), grads.end());
  return b.finish(results);
}

ir::Graph build_apply(const Draw& d) {
  ir::GraphBuilder b;
  std::vector<ValueId> w, m, g, results, moments;
  const auto args = [&](std::vector<ValueId>& to) {
    for (int p = 0; p < d.num_params(); ++p)
      to.push_back(b.arg(Type::tensor(DType::kF32, {d.widths[p], d.widths[p + 1]})));
  };
  args(w);
  if (d.momentum) args(m);
  args(g);
  for (int p = 0; p < d.num_params(); ++p) {
    const ValueId change = d.momentum ? b.add(m[p], g[p]) : g[p];
    if (d.momentum) moments.push_back(change);
    results.push_back(b.sub(w[p], change));
  }
  results.insert(results.end(), moments.begin(), moments.end());
  return b.finish(results);
}

void add_ports(std::vector<step::Port>& to, Role role, int count) {
  for (int i = 0; i < count; ++i) to.push_back({role, i, "", role == Role::kBatch ? 0 : -1});
}

Draw draw(std::mt19937_64& random, int most_products) {
  Draw d;
  constexpr int64_t kWidths[] = {75, 100, 150, 200, 225, 400};
  const int products = 1 + static_cast<int>(random() % most_products);
  for (int k = 0; k <= products; ++k) d.widths.push_back(kWidths[random() % 6]);
  d.tied = random() % 4 == 0;
  if (d.tied) d.widths.assign(d.widths.size(), d.widths[0]);
  // Ten ops: products, a sum, a gradient and its add for each, an update for each matrix; what is left may be
  // spent on the rest.
  int left = 10 - products - 1 - 1 - products - 2 * d.num_params() - (d.tied ? products - 1 : 0);
  const auto spend = [&](int ops) { return left >= ops && random() % 2 == 0 ? (left -= ops, true) : false; };
  d.momentum = spend(d.num_params());
  d.chained = products == 1 || spend(products - 1);
  d.skip = spend(1);
  for (int k = 0; k < products; ++k) d.between.push_back(spend(1) ? 1 + static_cast<int>(random() % 2) : 0);
  return d;
}

double between(std::mt19937_64& random, double low, double high) {
  return low * std::pow(high / low, std::uniform_real_distribution<double>(0, 1)(random));
}

// In every other cluster some devices are slower or quicker than the first, each in its own way or like one
// before.
void draw_groups(std::mt19937_64& random, cluster::Cluster& c) {
  c.groups.clear();
  if (random() % 2) return;
  for (int d = 1; d < c.num_devices(); ++d) {
    if (random() % 3 == 0) continue;
    auto device = c.device;
    if (!c.groups.empty() && random() % 2) {
      device = c.groups.back().device;
    } else {
      device.peak[DType::kF32] = between(random, 0.2, 3) * device.peak[DType::kF32];
      device.memory_bandwidth = between(random, 0.2, 3) * device.memory_bandwidth;
      device.speed = random() % 2 ? 1 : between(random, 0.3, 1);
    }
    c.groups.push_back({d, 1, device});
  }
}

}  // namespace

step::TrainStep draw_step(std::mt19937_64& random, int most_products, int64_t least_batch) {
  const Draw d = draw(random, most_products);
  step::TrainStep step;
  step.batch = least_batch << random() % 3;
  step.microbatch_sizes = {step.batch / 4, step.batch / 2, step.batch};
  step.join = step::LossJoin::kSum;
  step.grad = [d](int64_t size) { return build_grad(d, size); };
  step.apply = build_apply(d);
  const int params = d.num_params();
  add_ports(step.grad_args, Role::kParam, params);
  add_ports(step.grad_args, Role::kBatch, 1);
  add_ports(step.grad_results, Role::kLoss, 1);
  add_ports(step.grad_results, Role::kGrad, params);
  add_ports(step.apply_args, Role::kParam, params);
  add_ports(step.apply_results, Role::kParam, params);
  if (d.momentum)
    add_ports(step.apply_args, Role::kOptState, params),
        add_ports(step.apply_results, Role::kOptState, params);
  add_ports(step.apply_args, Role::kGrad, params);
  return step;
}

cluster::Cluster draw_cluster(std::mt19937_64& random) {
  cluster::Cluster c;
  constexpr int kShapes[][2] = {{1, 1}, {1, 2}, {2, 1}, {1, 3}, {1, 4}, {2, 2}, {4, 1}, {1, 4}, {2, 2}};
  const auto& shape = kShapes[random() % 9];
  c.hosts = shape[0];
  c.devices_per_host = shape[1];
  c.device.peak = {{DType::kF32, base::FlopsPerSecond(between(random, 1e11, 1e13))}};
  c.device.memory = base::Bytes(64e9);
  c.device.memory_bandwidth = base::BytesPerSecond(between(random, 1e10, 1e12));
  c.device.launch = base::Seconds(between(random, 1e-8, 1e-5));
  c.intra = {base::Seconds(between(random, 1e-8, 1e-5)), base::BytesPerSecond(between(random, 1e9, 1e12)),
             ""};
  c.inter = {base::Seconds(between(random, 1e-7, 3e-5)), base::BytesPerSecond(between(random, 3e8, 1e11)),
             ""};
  // Some hosts have links of their own, so that places in a host differ. Drawn from a copy: the rest stays as
  // it was.
  auto links = random;
  for (int a = 0; c.devices_per_host > 2 && a < c.devices_per_host; ++a)
    for (int b = a + 1; b < c.devices_per_host; ++b)
      if (links() % 2) c.wires.push_back({a, b, 1 + static_cast<int>(links() % 2), 2 * c.intra.bandwidth});
  if (!c.wires.empty()) c.topology = cluster::Topology::kLinks;
  draw_groups(links, c);
  return c;
}

cluster::Cluster draw_slow_links(std::mt19937_64& random) {
  auto c = draw_cluster(random);
  constexpr int kShapes[][2] = {{1, 2}, {2, 1}, {3, 1}, {1, 3}};
  const auto& shape = kShapes[random() % 4];
  c.hosts = shape[0];
  c.devices_per_host = shape[1];
  c.topology = cluster::Topology::kUniform;
  c.wires.clear();
  c.device.peak = {{DType::kF32, base::FlopsPerSecond(between(random, 3e9, 2e10))}};
  c.device.launch = base::Seconds(between(random, 1e-8, 1e-6));
  c.intra = c.inter = {base::Seconds(between(random, 1e-8, 1e-6)),
                       base::BytesPerSecond(between(random, 1e7, 3e8)), ""};
  auto copy = random;
  draw_groups(copy, c);
  return c;
}

}  // namespace cordata::tests
