// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>

#include "cordata/base/table.h"
#include "cordata/cli/model_source.h"
#include "cordata/cli/names.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/ir/op_table.h"
#include "cordata/ir/text.h"
#include "cordata/planner/layers/step_layers.h"
#include "cordata/planner/planner.h"
#include "cordata/report/graph_summary.h"

namespace cordata::cli {
namespace {

using nlohmann::ordered_json;

// "dot_general 49, add 37, ..." most frequent first.
std::string kinds_line(const std::map<std::string, int>& kinds, size_t most) {
  std::vector<std::pair<std::string, int>> sorted(kinds.begin(), kinds.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](auto& a, auto& b) { return a.second > b.second; });
  std::string text;
  for (size_t i = 0; i < std::min(most, sorted.size()); ++i) {
    const std::string& kind = sorted[i].first;
    text += fmt::format("{}{} {}", i ? ", " : "", kind.substr(kind.rfind('.') + 1), sorted[i].second);
  }
  return sorted.size() > most ? fmt::format("{}, and {} more kinds", text, sorted.size() - most) : text;
}

void add_ops(Answer& answer, std::vector<std::vector<std::string>>& rows, const report::GraphSummary& g) {
  int without = 0;
  for (const auto& [kind, n] : g.without_rule) without += n;
  rows.push_back({"ops", std::to_string(g.ops), kinds_line(g.ops_by_kind, 8)});
  rows.push_back({"ops without a rule", std::to_string(without),
                  without ? kinds_line(g.without_rule, 8) + "; they run replicated" : ""});
  answer.json["ops"] = g.ops;
  answer.json["ops_by_kind"] = g.ops_by_kind;
  answer.json["ops_without_rule"] = without;
  answer.json["ops_without_rule_by_kind"] = g.without_rule;
}

// What --data gives: one row for each batch input, its type that of the global batch.
void add_inputs(Answer& answer, std::vector<std::vector<std::string>>& rows, const step::TrainStep& step,
                const step::JointStep& joint) {
  answer.json["inputs"] = nlohmann::ordered_json::array();
  for (size_t a = 0; a < joint.args.size(); ++a) {
    const step::Port& port = joint.args[a];
    if (port.role != step::Role::kBatch) continue;
    ir::Type type = joint.graph.type(joint.graph.args()[a]);
    type.shape[port.batch_dim] = step.batch;
    rows.push_back({fmt::format("input {}", port.index), port.name, ir::to_string(type)});
    answer.json["inputs"].push_back(
        {{"name", port.name}, {"type", ir::to_string(type)}, {"batch_dim", port.batch_dim}});
  }
}

// What stages would be made of on a cluster, or on few devices: the joint step's ops and FLOPs of a
// microbatch, by layer.
void add_layers(Answer& answer, std::vector<std::vector<std::string>>& rows, const step::JointStep& joint,
                const std::string& cluster) {
  const auto layers = cluster.empty() ? planner::step_layers(joint, 0, 1)
                                      : planner::layers_of(joint, resolve_cluster(cluster));
  struct Layer {
    int ops = 0;
    double forward = 0, backward = 0;
  };
  std::vector<Layer> sums(layers.count);
  double total = 0;
  for (size_t i = 0; i < layers.of_op.size(); ++i) {
    if (layers.of_op[i] < 0) continue;
    Layer& of = sums[layers.of_op[i]];
    const double flops = ir::flops(joint.graph, joint.graph.node(joint.graph.ops()[i])).value;
    ++of.ops;
    if (joint.phase[i] == step::Phase::kForward) of.forward += flops, total += flops;
    if (joint.phase[i] == step::Phase::kBackward) of.backward += flops;
  }
  std::string shares;
  answer.json["layers"] = nlohmann::ordered_json::array();
  for (const Layer& of : sums) {
    shares += fmt::format("{}{:.0f}", shares.empty() ? "" : " ", total > 0 ? 100 * of.forward / total : 0);
    answer.json["layers"].push_back(
        {{"ops", of.ops}, {"forward_flops", of.forward}, {"backward_flops", of.backward}});
  }
  rows.push_back({"layers", std::to_string(layers.count), "forward FLOPs, %: " + shares});
}

Answer inspect_step(const std::string& spec, const std::string& cluster) {
  const auto step = load_step(spec, "inspect");
  const int64_t smallest = *std::min_element(step.microbatch_sizes.begin(), step.microbatch_sizes.end());
  const auto joint = step::build_joint(step, static_cast<int>(step.batch / smallest));
  const auto s = report::summarize(joint);
  const auto people = [](auto quantity) { return base::to_string(quantity); };
  const double total = (s.forward + s.backward + s.apply).value;
  Answer answer;
  answer.json = {{"model", spec}, {"kind", "train_step"}, {"batch", step.batch}};
  std::vector<std::vector<std::string>> rows = {{"what", "how much", ""}};
  rows.push_back({"parameters", base::count_for_people(static_cast<double>(s.parameters)),
                  fmt::format("{} in {} tensors", base::with_commas(s.parameters), step.num_params())});
  rows.push_back(
      {"global batch", std::to_string(step.batch),
       fmt::format("{} {} a step", base::with_commas(step.batch * step.units_per_sample), step.unit)});
  add_inputs(answer, rows, step, joint);
  add_ops(answer, rows, s.graph);
  add_layers(answer, rows, joint, cluster);
  rows.push_back({"FLOPs of a step", people(base::Flops(total)),
                  fmt::format("forward {}, backward {}, update {}", people(s.forward), people(s.backward),
                              people(s.apply))});
  const base::Bytes resting = s.parameter_bytes + s.optimizer_bytes + s.gradient_bytes;
  rows.push_back({"memory that stays", people(resting),
                  fmt::format("parameters {}, optimizer state {}, gradients {}", people(s.parameter_bytes),
                              people(s.optimizer_bytes), people(s.gradient_bytes))});
  rows.push_back({"memory in passing", people(s.live),
                  fmt::format("forward and backward of {} sample{} on one device, no op fused", smallest,
                              smallest == 1 ? "" : "s")});
  answer.json["parameters"] = s.parameters;
  answer.json["flops"] = total;
  answer.json["forward_flops"] = s.forward.value;
  answer.json["backward_flops"] = s.backward.value;
  answer.json["apply_flops"] = s.apply.value;
  answer.json["parameter_bytes"] = s.parameter_bytes.value;
  answer.json["optimizer_bytes"] = s.optimizer_bytes.value;
  answer.json["gradient_bytes"] = s.gradient_bytes.value;
  answer.json["live_bytes"] = s.live.value;
  answer.json["live_samples"] = smallest;
  answer.text = fmt::format("{}: a train step\n{}", spec, base::table(rows));
  return answer;
}

std::vector<std::string> types_of(const ir::Graph& graph, std::span<const ir::ValueId> values) {
  std::vector<std::string> types;
  for (const auto v : values) types.push_back(ir::to_string(graph.type(v)));
  return types;
}

Answer inspect_module(const std::string& path) {
  const auto graph = ir::read_module_file(path);
  const auto g = report::summarize(graph);
  Answer answer;
  answer.json = {{"model", path}, {"kind", "module"}};
  std::vector<std::vector<std::string>> rows = {{"what", "how much", ""}};
  add_ops(answer, rows, g);
  rows.push_back({"FLOPs", base::to_string(g.flops), ""});
  rows.push_back({"arguments", std::to_string(graph.args().size()), base::to_string(g.arguments)});
  rows.push_back({"results", std::to_string(graph.results().size()), base::to_string(g.results)});
  rows.push_back({"memory in passing", base::to_string(g.live), "besides the arguments, no op fused"});
  answer.json["flops"] = g.flops.value;
  answer.json["arguments"] = types_of(graph, graph.args());
  answer.json["results"] = types_of(graph, graph.results());
  answer.json["argument_bytes"] = g.arguments.value;
  answer.json["result_bytes"] = g.results.value;
  answer.json["live_bytes"] = g.live.value;
  answer.text = fmt::format("{}: the function @{}\n{}", path, graph.name(), base::table(rows));
  return answer;
}

}  // namespace

Verb inspect_verb() {
  return {"inspect", "Ops, layers, parameters, FLOPs and memory of a model, directory or module",
          "  cordata inspect gpt-39b                        no weights are made\n"
          "  cordata inspect gpt:layers=4,hidden=256        a zoo model with overrides\n"
          "  cordata inspect gpt-2.6b --cluster h100:1      with the layers that plan --fix counts\n"
          "  cordata inspect step_directory                 what cordata export or the Python export wrote\n"
          "  cordata inspect module.mlir --json             any StableHLO module\n",
          [](CLI::App& app) -> std::function<Answer(const Context&)> {
            auto spec = std::make_shared<std::string>(), cluster = std::make_shared<std::string>();
            app.add_option("model", *spec, "Zoo name with overrides, train step directory, or module file")
                ->required();
            app.add_option("--cluster", *cluster,
                           "Layers as `plan` cuts them for this cluster, and --fix counts them");
            return [spec, cluster](const Context&) {
              return source_kind(*spec) == SourceKind::kModule ? inspect_module(*spec)
                                                               : inspect_step(*spec, *cluster);
            };
          }};
}

}  // namespace cordata::cli
