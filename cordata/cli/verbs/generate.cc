// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "cordata/cli/names.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/ir/text.h"
#include "cordata/models/zoo.h"
#include "cordata/runtime/checkpoint.h"
#include "cordata/runtime/pjrt/client.h"
#include "cordata/runtime/pjrt/plugin.h"
#include "cordata/step/random.h"

namespace cordata::cli {
namespace {

constexpr int kByteValues = 256;
constexpr base::Seconds kLongestStep{600};

struct Options {
  std::string model, checkpoint, prompt, plugin;
  int64_t bytes = 300;
  uint64_t seed = 0;
  double temperature = 0.8;
};

// The zoo model of that name, or the one that a directory was exported from.
models::ZooModel find_model(const std::string& spec) {
  std::error_code ignored;
  if (models::is_zoo_name(spec) || !std::filesystem::is_directory(spec, ignored))
    return models::parse_model(spec);
  const auto step = step::read_directory(spec);
  if (!models::is_zoo_name(step.name))
    throw base::user_error(
        "[cli] cordata generate wanted a GPT of the zoo, or a directory that was exported from one; {} holds "
        "'{}', whose logits it can't make",
        spec, step.name);
  return models::parse_model(step.name);
}

const models::GptConfig& gpt_config(const models::ZooModel& model) {
  const auto* config = std::get_if<models::GptConfig>(&model.config);
  if (!config)
    throw base::user_error("[cli] cordata generate wanted a model of text (gpt), got {}", model.spec);
  if (config->vocab > kByteValues)
    throw base::user_error(
        "[cli] cordata generate wanted a model of bytes (vocab=256 or less), got {} with vocab={}",
        model.spec, config->vocab);
  return *config;
}

std::vector<int32_t> to_tokens(const std::string& prompt, int64_t vocab) {
  std::vector<int32_t> tokens;
  for (const char c : prompt) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= vocab)
      throw base::user_error("[cli] --prompt: wanted bytes below the model's vocab={}, got the byte {}",
                             vocab, byte);
    tokens.push_back(byte);
  }
  if (tokens.empty()) tokens.push_back(vocab > '\n' ? '\n' : 0);  // a model needs something to go on
  return tokens;
}

// Draws from softmax(logits / temperature); temperature 0: the likeliest, the first of equals.
int32_t draw(std::span<const double> logits, double temperature, double uniform) {
  const auto best = std::max_element(logits.begin(), logits.end());
  if (temperature == 0) return static_cast<int32_t>(best - logits.begin());
  std::vector<double> weights;
  double sum = 0;
  for (const double x : logits) sum += weights.emplace_back(std::exp((x - *best) / temperature));
  double left = uniform * sum;
  for (size_t i = 0; i < weights.size(); ++i)
    if ((left -= weights[i]) < 0) return static_cast<int32_t>(i);
  return static_cast<int32_t>(best - logits.begin());
}

// A GPT on one device with parameters from a checkpoint.
class Sampler {
 public:
  Sampler(const models::ZooModel& model, const runtime::Checkpoint& checkpoint, const runtime::Client& client)
      : config_(gpt_config(model)), client_(client) {
    const ir::Graph graph = models::gpt_logits(config_, 1);
    dtype_ = graph.type(graph.results()[0]).dtype;
    executable_ = client.compile(ir::write_module(graph));
    for (const models::Parameter& p : models::build_model(model).parameters) {
      const auto bytes = checkpoint.read(step::Role::kParam, p.name, p.type);
      parameters_.push_back(client.upload(bytes.data(), p.type.dtype, p.type.shape));
    }
  }

  // The logits of what follows `tokens`, of which the model sees the last `seq`. The model is causal: what
  // stands behind them in its window doesn't matter.
  std::vector<double> logits(std::span<const int32_t> tokens) const {
    const size_t seq = static_cast<size_t>(config_.seq);
    const auto seen = tokens.last(std::min(seq, tokens.size()));
    std::vector<int32_t> window(seq, 0);
    std::copy(seen.begin(), seen.end(), window.begin());
    const std::vector<int64_t> dims = {1, config_.seq};
    const runtime::Buffer ids = client_.upload(window, ir::DType::kI32, dims);
    std::vector<const runtime::Buffer*> arguments;
    for (const auto& p : parameters_) arguments.push_back(&p);
    arguments.push_back(&ids);
    const auto deadline = runtime::Deadline::after(kLongestStep);
    const auto run = executable_.execute(arguments);
    run.done.await(deadline, "compute logits");
    return dtype_ == ir::DType::kF64 ? row<double>(run.results[0], seen.size() - 1, deadline)
                                     : row<float>(run.results[0], seen.size() - 1, deadline);
  }

 private:
  template <typename T>
  std::vector<double> row(const runtime::Buffer& buffer, size_t position, runtime::Deadline deadline) const {
    const auto all = buffer.to_vector<T>(deadline);
    const auto first = all.begin() + static_cast<int64_t>(position) * config_.vocab;
    return {first, first + config_.vocab};
  }

  models::GptConfig config_;
  const runtime::Client& client_;
  ir::DType dtype_ = ir::DType::kF32;
  runtime::Executable executable_;
  std::vector<runtime::Buffer> parameters_;
};

Answer generate(const Options& o, const Context& context) {
  if (o.bytes < 0) throw base::user_error("[cli] --bytes: wanted 0 or more, got {}", o.bytes);
  if (!(o.temperature >= 0 && std::isfinite(o.temperature)))
    throw base::user_error("[cli] --temperature: wanted 0 or more, got {}", o.temperature);
  const auto model = find_model(o.model);
  auto tokens = to_tokens(o.prompt, gpt_config(model).vocab);
  const runtime::Checkpoint checkpoint(o.checkpoint);
  const runtime::Client client(runtime::Plugin::load(runtime::plugin_path(o.plugin)));
  const Sampler sampler(model, checkpoint, client);
  const step::RandomStream random(o.seed, "generate");
  context.say(o.prompt);
  std::string text;
  for (int64_t i = 0; i < o.bytes; ++i) {
    const int32_t token =
        draw(sampler.logits(tokens), o.temperature, random.uniform(static_cast<uint64_t>(i)));
    tokens.push_back(token);
    text.push_back(static_cast<char>(token));
    context.say(text.substr(text.size() - 1));
  }
  Answer answer;
  answer.json = {{"model", model.spec},
                 {"checkpoint", o.checkpoint},
                 {"step", checkpoint.info().step},
                 {"seed", o.seed},
                 {"temperature", o.temperature},
                 {"prompt", o.prompt},
                 {"text", text},
                 {"tokens", std::vector<int>(tokens.end() - o.bytes, tokens.end())}};
  answer.text = "\n";
  return answer;
}

}  // namespace

Verb generate_verb() {
  return {
      "generate", "Sample text from trained parameters",
      "  cordata generate gpt:layers=4,hidden=256 --checkpoint ckpt --prompt 'And God said'    300 bytes\n"
      "  cordata generate step_directory --checkpoint ckpt --bytes 80 --seed 3                 another "
      "sample\n"
      "  cordata generate gpt --checkpoint ckpt --temperature 0                                the "
      "likeliest, byte by byte\n",
      [](CLI::App& app) -> std::function<Answer(const Context&)> {
        auto o = std::make_shared<Options>();
        app.add_option(
               "model", o->model,
               "The GPT as it was trained: zoo name with overrides, or the directory exported from it")
            ->required();
        app.add_option("--checkpoint", o->checkpoint, "What `cordata train --checkpoint DIR` wrote")
            ->required();
        app.add_option("--prompt", o->prompt, "Text to go on from");
        app.add_option("--bytes", o->bytes, "How many to sample")->check(at_least(0))->capture_default_str();
        app.add_option("--seed", o->seed, "Another seed, another sample")
            ->check(at_least(0))
            ->capture_default_str();
        app.add_option("--temperature", o->temperature,
                       "Below 1: likelier text; 0: always the likeliest byte")
            ->capture_default_str();
        app.add_option("--plugin", o->plugin,
                       "A PJRT plugin (default: $CORDATA_PJRT_PLUGIN, else the CPU one of tools/setup)");
        return [o](const Context& context) { return generate(*o, context); };
      }};
}

}  // namespace cordata::cli
