// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/evaluate.h"

#include <algorithm>
#include <chrono>

#include "cordata/base/error.h"
#include "cordata/ir/builder.h"
#include "cordata/ir/text.h"
#include "cordata/runtime/scalar.h"

namespace cordata::runtime {
namespace {

using Clock = std::chrono::steady_clock;
using step::Role;

base::Seconds since(Clock::time_point begin) {
  return base::Seconds(std::chrono::duration<double>(Clock::now() - begin).count());
}

Deadline soon() { return Deadline::after(base::Seconds(600)); }

// The arguments of a loss module on the device: values once, batch inputs anew for each batch.
class Arguments {
 public:
  Arguments(const step::TrainStep& step, const ir::Graph& graph, const Client& client, const ReadTensor& read)
      : step_(step),
        graph_(graph),
        client_(client),
        buffers_(graph.args().size()),
        hosts_(graph.args().size()) {
    for (size_t i = 0; i < buffers_.size(); ++i) {
      const step::Port& port = step.grad_args[i];
      const ir::Type& type = graph.type(graph.args()[i]);
      if (port.role == Role::kBatch) {
        hosts_[i].resize(type.num_bytes());
      } else {
        buffers_[i] =
            client.upload(read(port.role, port.index, port.name, type).data(), type.dtype, type.shape);
      }
    }
  }

  std::vector<const Buffer*> of_batch(DataSource& data, int64_t number) {
    std::vector<const Buffer*> all;
    for (size_t i = 0; i < buffers_.size(); ++i) {
      if (step_.grad_args[i].role == Role::kBatch) {
        const ir::Type& type = graph_.type(graph_.args()[i]);
        data.load(step_.grad_args[i].index, number, 0, {std::vector<int64_t>(type.rank()), type.shape},
                  hosts_[i]);
        buffers_[i] = client_.upload(hosts_[i].data(), type.dtype, type.shape);
      }
      all.push_back(&buffers_[i]);
    }
    return all;
  }

 private:
  const step::TrainStep& step_;
  const ir::Graph& graph_;
  const Client& client_;
  std::vector<Buffer> buffers_;
  std::vector<std::vector<std::byte>> hosts_;
};

double value_of(const Buffer& buffer) {
  std::vector<std::byte> bytes(buffer.num_bytes());
  buffer.download(bytes, soon());
  return scalar(buffer.type(), bytes);
}

}  // namespace

ir::Graph loss_module(const step::TrainStep& step, int64_t samples) {
  const ir::Graph grad = step.grad(samples);
  ir::GraphBuilder builder;
  std::vector<ir::ValueId> args, results;
  for (size_t i = 0; i < grad.args().size(); ++i) {
    if (step.grad_args[i].role == Role::kKey) {
      throw base::user_error(
          "[runtime.evaluate] wanted a train step without random keys, got the argument {}",
          step.grad_args[i].name);
    }
    args.push_back(builder.arg(grad.type(grad.args()[i]), step.grad_args[i].name));
  }
  const std::vector<ir::ValueId> all = builder.inline_graph(grad, args);
  for (Role wanted : {Role::kLoss, Role::kWeight}) {
    for (size_t i = 0; i < all.size(); ++i) {
      if (step.grad_results[i].role == wanted) results.push_back(all[i]);
    }
  }
  return ir::canonicalize(builder.finish(std::move(results)));  // drops what no result needs
}

BatchShape evaluation_shape(const step::TrainStep& step) {
  BatchShape shape{.batch = step.batch, .kind = step.data_kind, .vocabulary = step.vocabulary};
  shape.inputs.resize(step.num_batch_inputs());
  const ir::Graph grad = step.grad(step.batch);
  for (size_t i = 0; i < grad.args().size(); ++i) {
    const step::Port& port = step.grad_args[i];
    if (port.role == Role::kBatch)
      shape.inputs[port.index] = {port.name, grad.type(grad.args()[i]), port.batch_dim};
  }
  return shape;
}

Evaluation evaluate(const step::TrainStep& step, const Client& client, DataSource& data,
                    const ReadTensor& read, int64_t most,
                    const std::function<void(int64_t, int64_t)>& progress) {
  int64_t samples = most > 0 ? most : data.num_samples();
  if (most > 0 && data.num_samples() > 0) samples = std::min(most, data.num_samples());
  const int64_t batches = samples / step.batch;
  if (batches < 1)
    throw base::user_error("[runtime.evaluate] wanted at least one batch of {} samples, got {}", step.batch,
                           samples);

  auto begin = Clock::now();
  const ir::Graph graph = loss_module(step, step.batch);
  const Executable executable = client.compile(ir::write_module(graph));
  Evaluation result{.samples = batches * step.batch, .compile = since(begin)};

  begin = Clock::now();
  Arguments arguments(step, graph, client, read);
  double sum = 0, weights = 0;
  for (int64_t b = 0; b < batches; ++b) {
    const Execution done = executable.execute(arguments.of_batch(data, b));
    sum += value_of(done.results[0]);
    if (step.join == step::LossJoin::kWeighted) weights += value_of(done.results[1]);
    if (progress) progress((b + 1) * step.batch, result.samples);
  }
  switch (step.join) {
    case step::LossJoin::kMean:
      result.loss = sum / static_cast<double>(batches);
      break;
    case step::LossJoin::kSum:
      result.loss = sum;
      break;
    case step::LossJoin::kWeighted:
      result.loss = sum / weights;
      break;
  }
  result.run = since(begin);
  return result;
}

}  // namespace cordata::runtime
