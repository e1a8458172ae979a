// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/solve.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "cordata/base/files.h"
#include "cordata/base/table.h"
#include "cordata/cli/names.h"
#include "cordata/cli/trajectory.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/planner/intra_op/certificate.h"
#include "cordata/planner/intra_op/read_problem.h"
#include "cordata/planner/intra_op/reduce.h"
#include "cordata/planner/intra_op/simplify.h"

namespace cordata::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMargin = 0.25;          // of the time: for writing the answer
constexpr double kCertificatePart = 0.2;  // of the time, where a certificate is wanted

std::atomic<bool> stop_asked = false;
void on_stop(int) { stop_asked = true; }

struct Options {
  std::string problem, trajectory, certificate, core;
  double seconds = 60;
  int threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 2U));
  uint64_t seed = 1;
  bool explain = false;
};

std::string whole(__int128 x) {
  const bool negative = x < 0;
  std::string digits;
  for (unsigned __int128 rest = negative ? -static_cast<unsigned __int128>(x)
                                         : static_cast<unsigned __int128>(x);
       rest > 0 || digits.empty(); rest /= 10)
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  return (negative ? "-" : "") + digits;
}

// A number of the document: whole where 64 bits hold it.
nlohmann::ordered_json number(__int128 x) {
  if (x >= INT64_MIN && x <= INT64_MAX) return static_cast<int64_t>(x);
  return static_cast<double>(x);
}

std::string counts_table(const planner::ReductionCounts& counts) {
  const auto row = [](const char* what, int64_t n, const char* of) {
    return std::vector<std::string>{what, base::with_commas(n), of};
  };
  return base::table(
      {{"reduction", "gone", "of what"},
       row("times at which no more is alive than at another", counts.times_dominated, "times"),
       row("times at which all together can't pass the limit", counts.times_slack, "times"),
       row("forbidden, or without a partner (arc consistency)", counts.unsupported, "strategies"),
       row("too large beside the least of the others", counts.too_large, "strategies"),
       row("dominated", counts.dominated, "strategies"),
       row("dominated beside a neighbour's strategy", counts.pairs, "pairs"),
       row("a function of a neighbour (contracted)", counts.contracted, "nodes"),
       row("one strategy left", counts.fixed, "nodes"),
       row("minimised out, at most one neighbour", counts.leaves, "nodes"),
       row("minimised out, two neighbours", counts.chains, "nodes"),
       row("beside another edge, or a loop", counts.edges_merged, "edges"),
       row("a sum of a cost of each end", counts.edges_split, "edges")});
}

// The core for other solvers: as Core has it, null forbids.
std::string core_json(const planner::Core& core) {
  const auto costs = [](const std::vector<int64_t>& list) {
    std::string out;
    for (const int64_t c : list)
      out += (out.empty() ? "" : ",") + (planner::never(c) ? "null" : std::to_string(c));
    return "[" + out + "]";
  };
  std::string nodes, edges;
  for (const auto& n : core.nodes) {
    std::string uses;
    for (const auto& use : n.uses)
      uses +=
          fmt::format("{}[{},{},[{}]]", uses.empty() ? "" : ",", use.from, use.to, fmt::join(use.used, ","));
    nodes += fmt::format("{}{{\"cost\":{},\"uses\":[{}]}}", nodes.empty() ? "" : ",\n", costs(n.cost), uses);
  }
  for (const auto& e : core.edges)
    edges += fmt::format("{}[{},{},{}]", edges.empty() ? "" : ",\n", e.u, e.v, costs(e.cost));
  return fmt::format("{{\"core\":{{\"constant\":{},\"limit\":[{}],\n\"nodes\":[{}],\n\"edges\":[{}]}}}}\n",
                     core.constant, fmt::join(core.limit, ","), nodes, edges);
}

Answer explain(const planner::Problem& problem, const std::string& core_path) {
  if (!planner::costs_are_small(problem))
    throw base::user_error("[cli] --explain wants costs whose sum is below 2^58, got larger ones");
  planner::Reducer reducer(problem);
  reducer.run();
  const planner::Core core = reducer.core();
  if (!core_path.empty()) base::write_file(core_path, core_json(core));
  size_t strategies = 0;
  for (const auto& n : problem.nodes) strategies += n.cost.size();
  const auto commas = [](size_t n) { return base::with_commas(static_cast<int64_t>(n)); };
  Answer answer;
  answer.text =
      counts_table(reducer.counts()) +
      fmt::format(
          "\n{} nodes, {} edges, {} strategies; left: {} nodes, {} edges, {} strategies, {} times{}\n",
          commas(problem.nodes.size()), commas(problem.edges.size()), commas(strategies),
          commas(core.nodes.size()), commas(core.edges.size()), commas(core.strategies()),
          commas(core.limit.size()), reducer.infeasible() ? "; nothing is feasible" : "");
  const auto& c = reducer.counts();
  answer.json = {
      {"times_dominated", c.times_dominated},
      {"times_slack", c.times_slack},
      {"strategies_unsupported", c.unsupported},
      {"strategies_too_large", c.too_large},
      {"strategies_dominated", c.dominated},
      {"pairs_dominated", c.pairs},
      {"nodes_contracted", c.contracted},
      {"nodes_fixed", c.fixed},
      {"nodes_leaves", c.leaves},
      {"nodes_chains", c.chains},
      {"edges_merged", c.edges_merged},
      {"edges_split", c.edges_split},
      {"infeasible", reducer.infeasible()},
      {"before",
       {{"nodes", problem.nodes.size()}, {"edges", problem.edges.size()}, {"strategies", strategies}}},
      {"left",
       {{"nodes", core.nodes.size()},
        {"edges", core.edges.size()},
        {"strategies", core.strategies()},
        {"times", core.limit.size()}}}};
  return answer;
}

// Where a choice takes most, and how much.
std::pair<int64_t, int64_t> peak_of(const planner::Problem& problem, const std::vector<int>& choice) {
  std::vector<std::pair<int64_t, int64_t>> change;
  for (size_t n = 0; n < choice.size(); ++n) {
    const auto& node = problem.nodes[n];
    if (node.usage.empty() || node.from >= node.to) continue;
    change.emplace_back(node.from, node.usage[choice[n]]),
        change.emplace_back(node.to, -node.usage[choice[n]]);
  }
  std::sort(change.begin(), change.end());
  std::pair<int64_t, int64_t> peak{0, 0};
  int64_t now = 0;
  for (const auto& [time, by] : change)
    if ((now += by) > peak.second) peak = {time, now};
  return peak;
}

class Run {
 public:
  explicit Run(const Options& o) : o_(o) {}

  Answer operator()() {
    for (const auto& path : {o_.trajectory, o_.certificate, o_.core})
      if (!path.empty()) base::check_writable(path);
    const planner::Problem problem = planner::read_problem(o_.problem);
    if (o_.explain) return explain(problem, o_.core);
    std::signal(SIGINT, on_stop), std::signal(SIGTERM, on_stop);
    planner::SolveOptions options;
    options.thorough = true;
    options.threads = o_.threads;
    options.seed = o_.seed;
    options.stop = &stop_asked;
    const double all = std::max(0.01, o_.seconds - elapsed() - std::min(kMargin, 0.1 * o_.seconds));
    options.seconds = o_.certificate.empty() ? all : all * (1 - kCertificatePart);
    options.progress = [this](double, std::optional<__int128> cost, __int128 bound) { note(cost, bound); };
    const planner::Solution found = solve(problem, options);
    note(found.feasible ? std::optional(found.cost) : std::nullopt, found.lower_bound);
    Answer answer = report(problem, found);
    if (!o_.certificate.empty() && !found.proven_infeasible && planner::costs_are_small(problem)) {
      const auto left = std::chrono::duration<double>(std::max(0.5, o_.seconds - elapsed() - kMargin));
      const auto proof = planner::certify(problem, found.prices,
                                          Clock::now() + std::chrono::duration_cast<Clock::duration>(left));
      base::write_file(o_.certificate, proof.json);
      answer.json["certified_bound"] = proof.bound;
    }
    if (!o_.trajectory.empty()) {
      base::write_file(o_.trajectory, trajectory_csv(log_));
      base::write_file(std::filesystem::path(o_.trajectory).replace_extension(".svg").string(),
                       trajectory_svg(log_, std::filesystem::path(o_.problem).filename().string()));
    }
    answer.json["seconds"] = elapsed();
    return answer;
  }

 private:
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  void note(std::optional<__int128> cost, __int128 bound) {
    const bool bounded = bound > -(__int128{1} << 60);
    Progress now{elapsed(), {}, {}};
    if (cost) now.cost = static_cast<double>(*cost);
    if (bounded) now.bound = static_cast<double>(bound);
    log_.push_back(now);
    if (now.seconds < said_ + 1) return;
    said_ = now.seconds;
    fmt::print(stderr, "{:8.1f} s  cost {}  bound {}{}\n", now.seconds, cost ? whole(*cost) : "none yet",
               bounded ? whole(bound) : "none yet",
               cost && bounded && *cost > 0
                   ? fmt::format("  gap {:.4f} %", 100 * (*now.cost - *now.bound) / *now.cost)
                   : "");
  }

  Answer report(const planner::Problem& problem, const planner::Solution& found) const {
    Answer answer;
    const bool bounded = found.lower_bound > -(__int128{1} << 60) && !found.proven_infeasible;
    const bool any = !found.choice.empty() || problem.nodes.empty();
    const auto cost = any ? evaluate(problem, found.choice) : std::nullopt;
    answer.json = {{"solution", found.choice},
                   {"cost", any && cost ? number(*cost) : nlohmann::ordered_json(nullptr)},
                   {"lower_bound", bounded ? number(found.lower_bound) : nlohmann::ordered_json(nullptr)},
                   {"feasible", found.feasible},
                   {"optimal", found.optimal()},
                   {"infeasible", found.proven_infeasible}};
    const auto [time, used] = peak_of(problem, found.choice);
    if (found.feasible) {
      answer.text = fmt::format("cost {}, bound {}{}, {:.2f} s\n", whole(found.cost),
                                bounded ? whole(found.lower_bound) : "none",
                                found.optimal() ? " (optimal)" : "", elapsed());
    } else {
      const int64_t excess = std::max<int64_t>(0, used - problem.usage_limit);
      answer.json["excess"] = any ? nlohmann::ordered_json(excess) : nlohmann::ordered_json(nullptr);
      answer.json["excess_time"] = any ? nlohmann::ordered_json(time) : nlohmann::ordered_json(nullptr);
      answer.failure = base::Error(
          base::ErrorKind::kInfeasible,
          fmt::format("[planner.intra_op] {}; {}",
                      found.proven_infeasible ? "nothing is feasible" : "nothing that fits was found in time",
                      any ? fmt::format("the least excess that was found is {} at time {}", excess, time)
                          : std::string("no choice avoids all forbidden costs")));
    }
    answer.text += fmt::format("[{}]\n", fmt::join(found.choice, ", "));
    return answer;
  }

  const Options& o_;
  const Clock::time_point start_ = Clock::now();
  std::vector<Progress> log_;
  double said_ = 0;
};

}  // namespace

Verb solve_verb() {
  return {"solve", "Solve an intra-op problem in the format of the ASPLOS / EuroSys 2025 contest",
          "  cordata solve problem.json.gz                        the last line is the solution\n"
          "  cordata solve problem.json.gz --seconds 180 --json   {solution, cost, lower_bound, feasible, "
          "optimal, seconds}\n"
          "  cordata solve problem.json.gz --explain              what each reduction takes away\n",
          [](CLI::App& app) -> std::function<Answer(const Context&)> {
            auto o = std::make_shared<Options>();
            app.add_option("problem", o->problem, "The problem, .json or .json.gz")->required();
            app.add_option("--seconds", o->seconds, "For the whole run, reading included")
                ->check(some_seconds())
                ->capture_default_str();
            app.add_option("--threads", o->threads, "Threads")->check(at_least(1))->capture_default_str();
            app.add_option("--seed", o->seed,
                           "Of the search; with one thread the same seed gives the same answer")
                ->capture_default_str();
            app.add_option("--trajectory", o->trajectory,
                           "Write (time, cost, bound) to this file, and a picture of it beside it (.svg)");
            app.add_option("--certificate", o->certificate,
                           "Write dual multipliers and the bound that they prove (tools/check_bound.py)");
            app.add_flag("--explain", o->explain, "Say what each reduction takes away, and solve nothing");
            app.add_option("--core", o->core, "With --explain: write what is left to this file (JSON)");
            return [o](const Context&) { return Run(*o)(); };
          }};
}

}  // namespace cordata::cli
