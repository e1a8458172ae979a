// SPDX-License-Identifier: Apache-2.0
// What one rank of `cordata train` does.
#include <cmath>
#include <fstream>
#include <iostream>

#include "cordata/base/files.h"
#include "cordata/base/progress.h"
#include "cordata/base/timeline.h"
#include "cordata/base/units.h"
#include "cordata/cli/train_job.h"
#include "cordata/planner/planner.h"
#include "cordata/program/program.h"
#include "cordata/report/graph_summary.h"
#include "cordata/runtime/checkpoint.h"
#include "cordata/runtime/launch/cores.h"
#include "cordata/runtime/launch/rank.h"
#include "cordata/runtime/pace.h"
#include "cordata/runtime/train.h"
#include "cordata/runtime/transport/mpi_transport.h"
#include "cordata/runtime/transport/texts.h"

namespace cordata::cli {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Under the user's own mpirun nobody has planned yet: rank 0 does, for all.
plan::Plan shared_plan(const TrainOptions& o, const step::TrainStep& step, runtime::Communicator& all) {
  if (!o.plan_file.empty()) return load_plan(o.plan_file, o.model, step, all.size());
  std::string text;
  const int cores = runtime::cores_of_all(all);
  if (all.rank() == 0) {
    const std::string spec = o.cluster.empty() ? fmt::format("local:{}", all.size()) : o.cluster;
    const auto cluster = resolve_cluster(spec, cores);  // a rank that is bound sees its own cores only
    if (cluster.num_devices() != all.size())
      throw base::user_error("[cli.train] wanted a rank for each of the cluster's {} devices, got {} ranks",
                             cluster.num_devices(), all.size());
    text = plan::to_json(find_plan(o.model, step, cluster, o.plan)).dump();
  }
  return plan::from_json(nlohmann::json::parse(runtime::broadcast_text(all, text)), "the plan of rank 0");
}

// What the rank that speaks says while it trains.
class Speaker {
 public:
  Speaker(const TrainOptions& o, const step::TrainStep& step, base::Flops flops, bool quiet)
      : options_(o),
        unit_(step.unit),
        units_(static_cast<double>(step.batch * step.units_per_sample)),
        flops_(flops),
        quiet_(quiet),
        bar_("train", o.steps) {
    if (!o.metrics.empty()) {
      metrics_.open(o.metrics, std::ios::trunc);
      if (!metrics_) throw base::user_error("[cli.train] can't write {}", o.metrics);
    }
  }

  void step(int64_t number, double loss, double seconds) {
    losses_.push_back(loss), seconds_.push_back(seconds);
    if (metrics_.is_open()) {
      metrics_ << ordered_json{{"step", number},
                               {"loss", loss},
                               {"seconds", seconds},
                               {unit_ + "_per_s", units_ / seconds}}
                      .dump()
               << std::endl;
      if (!metrics_)
        throw base::environment_error("[cli.train] can't write {}: no space left, or the device failed",
                                      options_.metrics);
    }
    const std::string words = fmt::format("loss {:.4f}  {:.0f} {}/s  {:.2f} GFLOP/s", loss, units_ / seconds,
                                          unit_, flops_.value / seconds * 1e-9);
    const int64_t every = std::max<int64_t>(1, options_.steps / 20);
    if (!quiet_ && (number % every == 0 || number + 1 == options_.steps)) {
      bar_.clear();
      fmt::print("step {:>6}  {}\n", number, words);
      std::fflush(stdout);
    }
    bar_.update(number + 1, words);
    if (!std::isfinite(loss) && options_.on_nan == "stop") {
      bar_.clear();
      throw base::environment_error(
          "[cli.train] the loss of step {} is {}: not a number to go on with; try a lower learning rate, or "
          "--on-nan go",
          number, loss);
    }
  }

  ordered_json summary() {
    bar_.clear();
    ordered_json j{{"steps", losses_.size()}, {"losses", losses_}};
    if (seconds_.empty()) return j;
    std::vector<double> sorted(seconds_.begin() + (seconds_.size() > 2 ? 1 : 0),
                               seconds_.end());  // the first one warms up
    std::sort(sorted.begin(), sorted.end());
    const double median = sorted[sorted.size() / 2];
    j["step_s"] = median;
    j[unit_ + "_per_s"] = units_ / median;
    j["flops_per_s"] = flops_.value / median;
    return j;
  }

 private:
  const TrainOptions& options_;
  std::string unit_;
  double units_;
  base::Flops flops_;
  bool quiet_;
  base::ProgressBar bar_;
  std::ofstream metrics_;
  std::vector<double> losses_, seconds_;
};

// What a rank holds and has moved, for the document of --json.
ordered_json rank_facts(const program::RankProgram& mine, runtime::Trainer& trainer) {
  int64_t params = 0, states = 0;
  for (const program::Resident& r : mine.residents) {
    if (r.role == step::Role::kParam) params += r.local.num_bytes();
    if (r.role == step::Role::kOptState) states += r.local.num_bytes();
  }
  const auto c = trainer.executor().counters();
  return {{"rank", mine.rank},
          {"stage", mine.stage},
          {"param_bytes", params},
          {"opt_state_bytes", states},
          {"peak_memory_bytes", c.peak_bytes},
          {"resident_growth_bytes", trainer.resident_growth().value},
          {"bytes_sent", c.bytes_sent},
          {"bytes_received", c.bytes_received},
          {"data_bytes", c.bytes_loaded},
          {"compile_s", c.compile.value},
          {"run_s", c.run.value},
          {"wait_s", c.wait.value}};
}

// A moment that traces of all ranks count from (those of one host share the clock).
Clock::time_point shared_origin(runtime::Communicator& all) {
  int64_t origin = Clock::now().time_since_epoch().count();
  all.broadcast(&origin, sizeof origin, 0);
  return Clock::time_point(Clock::duration(origin));
}

// All ranks' events as one file; no path: nothing. Called by all ranks.
void write_trace(const std::string& path, const runtime::Trace& trace, Clock::time_point origin,
                 runtime::Communicator& all) {
  if (path.empty()) return;
  const auto traces = runtime::gather_texts(all, trace.to_json(all.rank(), origin));
  if (all.rank() == 0) base::write_chrome_trace(path, traces);
}

}  // namespace

int run_train_rank(const TrainOptions& o, const Context& context) {
  auto transport =
      runtime::make_mpi_transport([](const std::string& cause) { runtime::report_failure(cause); });
  transport->set_time_limit(base::Seconds(o.time_limit));
  auto all = runtime::everyone(*transport);
  const auto step = load_step(o.model, "train", true);
  const auto plan = shared_plan(o, step, *all);
  const auto joint = step::build_joint(step, plan.microbatches);
  const auto program =
      program::lower(plan::planned_step(joint, plan), step, plan, partition::CollectiveMode::kCustomCall);
  if (const std::string error = program::check(program); !error.empty())
    throw base::internal_error("[cli.train] the plan's program can't run: {}", error);
  const int rank = transport->rank();
  if (rank == 0 && !o.programs.empty())
    program::write_program(program, o.programs);  // the very texts that are compiled below
  const bool speaks = rank == runtime::speaker(program);

  const auto& plugin = runtime::Plugin::load(runtime::plugin_path(o.plugin));
  const runtime::Client client(
      plugin, {.devices = 1, .threads = runtime::threads_of_this_rank(), .asynchronous = false});
  runtime::Trace trace;
  runtime::TrainerOptions options;
  options.seed = o.seed, options.data = o.data;
  options.executor.time_limit = base::Seconds(o.time_limit);
  if (!o.trace.empty()) options.executor.trace = &trace;
  std::optional<runtime::OneAtATime> alone;
  if (!o.paced.empty()) options.executor.alone = &alone.emplace(o.paced + ".alone");
  runtime::Trainer trainer(step, program, rank, client, *transport, options);
  const auto origin = shared_origin(*all);
  all->barrier();

  if (!o.paced.empty()) {
    std::ifstream orders;
    if (rank == 0) orders.open(o.paced);
    runtime::run_paced(
        {*transport, speaks, trainer.executor().counters().compile, [&] { return trainer.step(); },
         [&] { trainer.finish(); }, [&](bool on) { alone->turn(on); }},
        orders, std::cout);
    write_trace(o.trace, trace, origin, *all);
    return 0;
  }

  std::optional<Speaker> speaker;
  const report::StepSummary work = report::summarize(joint);
  if (speaks) speaker.emplace(o, step, work.forward + work.backward + work.apply, context.json);
  auto begin = Clock::now();
  for (int64_t s = 0; s < o.steps; ++s) {
    const auto loss = trainer.step();
    if (speaker && loss) speaker->step(s, *loss, since(begin));
    begin = Clock::now();
  }
  trainer.finish();
  all->barrier();

  if (!o.checkpoint.empty()) {
    runtime::CheckpointInfo info{
        o.model, plan.model_hash, o.steps, {{"seed", o.seed}, {"data", o.data}, {"planner", plan.planner}}};
    runtime::save_checkpoint(
        o.checkpoint, info, program,
        [&](const program::Resident& r, std::span<std::byte> to) { trainer.executor().read(r, to); },
        *transport, base::Seconds(o.time_limit));
  }
  const auto facts = runtime::gather_texts(*all, rank_facts(program.ranks[rank], trainer).dump());
  write_trace(o.trace, trace, origin, *all);
  if (!speaker) return 0;
  ordered_json document{{"model", o.model},
                        {"planner", plan.planner},
                        {"microbatches", plan.microbatches},
                        {"schedule", plan.schedule},
                        {"predicted_step_s", plan.step.value}};
  document.update(speaker->summary());
  for (const auto& f : facts) document["ranks"].push_back(ordered_json::parse(f));
  if (!o.result.empty())
    base::write_file(o.result, document.dump());
  else if (context.json)
    fmt::print("{}\n", document.dump(1));
  else if (!o.checkpoint.empty())
    fmt::print("parameters and optimizer state saved in {}\n", o.checkpoint);
  return 0;
}

}  // namespace cordata::cli
