// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/validate_job.h"

#include <fmt/ranges.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cordata/base/files.h"
#include "cordata/base/progress.h"
#include "cordata/cli/model_source.h"
#include "cordata/cli/names.h"
#include "cordata/cli/simulate_plan.h"
#include "cordata/cli/train_job.h"
#include "cordata/cluster/fit.h"
#include "cordata/report/validation.h"
#include "cordata/runtime/launch/private_folder.h"
#include "cordata/runtime/launch/rank.h"

namespace cordata::cli {
namespace {

constexpr const char* kModels[] = {"gpt:layers=4,hidden=512,heads=8,seq=64,batch=16",
                                   "mlp:layers=6,in=1024,hidden=2048,out=1024,batch=256"};

// {0}: the devices; {1}: half of them.
struct Usual {
  const char* planner;
  const char* microbatches;
  const char* remat;
};
constexpr Usual kUsual[] = {
    {"data", "1", "none"},
    {"data", "4", "none"},
    {"data", "1", "selective"},
    {"data", "1", "layer"},
    {"zero-2", "4", "none"},
    {"zero-3", "1", "none"},
    {"tensor", "1", "none"},
    {"tensor", "4", "none"},
    {"pipeline:stages={0},schedule=1f1b", "8", "none"},
    {"pipeline:stages={0},schedule=gpipe", "8", "none"},
    {"pipeline:stages={0},schedule=1f1b", "4", "layer"},
    {"pipeline:stages={1},data=2,schedule=1f1b", "4", "none"},
    {"pipeline:stages={1},data=2,schedule=gpipe", "4", "selective"},
    {"auto", "auto", "auto"},
};

PlanRequest request_of(const nlohmann::json& entry, const std::string& where, const std::string& model) {
  PlanRequest r{model, {}};
  const std::pair<const char*, std::string*> keys[] = {{"model", &r.model},
                                                       {"planner", &r.plan.planner},
                                                       {"microbatches", &r.plan.microbatches},
                                                       {"remat", &r.plan.remat},
                                                       {"memory_limit", &r.plan.memory_limit}};
  if (!entry.is_object())
    throw base::user_error("{}: wanted an object, e.g. {{\"planner\": \"data\"}}", where);
  for (const auto& [key, value] : entry.items()) {
    const auto at =
        std::find_if(std::begin(keys), std::end(keys), [&](const auto& k) { return key == k.first; });
    if (at == std::end(keys))
      throw base::user_error("{}: wanted model, planner, microbatches, remat or memory_limit, got '{}'",
                             where, key);
    *at->second = value.is_string() ? value.get<std::string>() : value.dump();
  }
  if (r.model.empty())
    throw base::user_error("{}: wanted a model, got none; write \"model\", or name just one after `validate`",
                           where);
  to_planner_options(r.plan);
  return r;
}

// A plan that is to be measured.
struct Candidate {
  std::string spec;
  plan::Plan plan;
  report::ValidatedPlan result;
};

Candidate predict(const PlanRequest& request, const cluster::Cluster& cluster) {
  const auto step = load_step(request.model, "validate");
  Candidate c{request.model, find_plan(request.model, step, cluster, request.plan), {}};
  const auto simulated = simulate_plan(c.plan, step, 3);
  auto& r = c.result;
  r.model = request.model, r.planner = request.plan.planner, r.microbatches = c.plan.microbatches;
  r.remat = request.plan.remat, r.schedule = c.plan.schedule,
  r.stages = static_cast<int>(c.plan.stages.size());
  r.step.planned = c.plan.step.value, r.step.simulated = simulated.step.value;
  r.ranks.resize(simulated.ranks.size());
  for (size_t s = 0; s < c.plan.stages.size(); ++s)
    for (const int rank : c.plan.stages[s].ranks) {
      r.ranks[rank].stage = static_cast<int>(s);
      r.ranks[rank].memory.planned = c.plan.stages[s].predicted.peak_memory.value;
      r.ranks[rank].memory.simulated = simulated.ranks[rank].peak_memory.value;
    }
  return c;
}

// One round: trains as `cordata train` does.
void measure(Candidate& c, const ValidateOptions& o, const Context& context) {
  const std::string text = plan::to_json(c.plan).dump();
  runtime::PrivateFolder folder(base::Bytes(2.0 * static_cast<double>(text.size()) + 1e6));
  TrainOptions train_options;
  train_options.model = c.spec, train_options.plan_file = folder.path() + "/plan.json";
  train_options.ranks = c.plan.cluster.num_devices();
  train_options.steps = o.steps, train_options.plugin = o.plugin, train_options.time_limit = o.time_limit;
  train_options.bind = o.bind;
  base::write_file(train_options.plan_file, text);
  Context quiet = context;
  quiet.json = true;  // its lines for people are not ours
  const Answer answer = train(train_options, quiet);
  if (answer.status != 0)
    throw base::Error(base::ErrorKind::kEnvironment,
                      fmt::format("[cli.validate] {} by {} failed with status {}; the lines above say where",
                                  c.spec, c.result.planner, answer.status));
  c.result.rounds.push_back(answer.json.at("step_s").get<double>());
  c.result.step.measured = cluster::median(c.result.rounds);
  for (const auto& rank : answer.json.at("ranks")) {
    auto& r = c.result.ranks.at(rank.at("rank").get<size_t>());
    r.memory.measured = std::max(r.memory.measured, rank.at("peak_memory_bytes").get<double>());
    r.resident = std::max(r.resident, rank.at("resident_growth_bytes").get<double>());
  }
}

std::vector<PlanRequest> requests_of(const ValidateOptions& o, int devices) {
  if (!o.plans_file.empty()) return read_plan_requests(o.plans_file, o.models.size() == 1 ? o.models[0] : "");
  if (!o.models.empty()) return usual_plans(o.models, devices);
  return usual_plans({std::begin(kModels), std::end(kModels)}, devices);
}

}  // namespace

std::vector<PlanRequest> usual_plans(const std::vector<std::string>& models, int devices) {
  std::vector<PlanRequest> all;
  for (const auto& model : models)
    for (const Usual& u : kUsual) {
      const std::string_view planner = u.planner;
      const bool halves = planner.find("{1}") != std::string_view::npos;
      if (halves && (devices % 2 != 0 || devices < 4)) continue;
      PlanRequest r{model, {}};
      r.plan.planner = fmt::format(fmt::runtime(planner), devices, devices / 2);
      r.plan.microbatches = u.microbatches, r.plan.remat = u.remat;
      all.push_back(std::move(r));
    }
  return all;
}

std::vector<PlanRequest> read_plan_requests(const std::string& path, const std::string& model) {
  const auto list = nlohmann::json::parse(base::read_file(path), nullptr, false);
  if (!list.is_array() || list.empty())
    throw base::user_error(
        "[cli.validate] {}: wanted a JSON list of plans, e.g. [{{\"model\": \"gpt\", \"planner\": "
        "\"data\"}}]",
        path);
  std::vector<PlanRequest> all;
  for (size_t i = 0; i < list.size(); ++i)
    all.push_back(request_of(list[i], fmt::format("[cli.validate] {}, plan {}", path, i), model));
  return all;
}

Answer validate(const ValidateOptions& o, const Context& context) {
  if (runtime::is_worker())
    throw base::user_error(
        "[cli.validate] wanted to start ranks itself, got started by mpirun; run it alone");
  if (!o.directory.empty()) base::check_writable_directory(o.directory);
  const auto cluster = resolve_cluster(o.cluster);
  const int devices = cluster.num_devices();
  if (o.bind && devices > runtime::usable_cores())
    throw base::user_error("[cli.validate] --bind: wanted a core for each of {} ranks, got {} cores", devices,
                           runtime::usable_cores());
  const auto requests = requests_of(o, devices);
  std::vector<Candidate> candidates;
  base::ProgressBar bar("validate", static_cast<int64_t>(requests.size()) * (1 + o.rounds));
  int64_t done = 0;
  for (const auto& request : requests) {
    bar.update(done++, "planning " + request.plan.planner);
    candidates.push_back(predict(request, cluster));
  }
  for (int64_t round = 0; round < o.rounds;
       ++round)  // in turn, so that what changes on the machine meets all alike
    for (Candidate& c : candidates) {
      bar.update(done++, "training " + c.result.planner);
      measure(c, o, context);
    }
  bar.clear();
  std::vector<report::ValidatedPlan> plans;
  for (auto& c : candidates) plans.push_back(std::move(c.result));
  Answer answer;
  answer.text = report::validation_text(plans);
  answer.json = {{"cluster", cluster.name}, {"steps", o.steps}, {"rounds", o.rounds}, {"bound", o.bind}};
  answer.json.update(report::validation_json(plans));
  if (o.directory.empty()) return answer;
  std::filesystem::create_directories(o.directory);
  base::write_file(o.directory + "/validation.json", answer.json.dump(1) + "\n");
  base::write_file(o.directory + "/validation.svg",
                   report::validation_svg(plans, fmt::format("simulated and measured on {}", cluster.name)));
  answer.text += fmt::format("written to {}: validation.json, validation.svg\n", o.directory);
  return answer;
}

}  // namespace cordata::cli
