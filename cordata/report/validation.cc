// SPDX-License-Identifier: Apache-2.0
#include "cordata/report/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "cordata/base/table.h"
#include "cordata/cluster/fit.h"

namespace cordata::report {
namespace {

using nlohmann::ordered_json;

constexpr double kApart = 0.05, kDistinct = 0.1;

double of(const Compared& c, Source source) { return source == Source::kPlanned ? c.planned : c.simulated; }
double off(const Compared& c, Source source) { return std::abs(of(c, source) / c.measured - 1); }

double ordered_share(const std::vector<ValidatedPlan>& plans, Source source) {
  int pairs = 0, right = 0;
  for (const auto& a : plans)
    for (const auto& b : plans) {  // each pair once: b is the slower one
      if (a.model != b.model || b.step.measured <= (1 + kApart) * a.step.measured) continue;
      ++pairs;
      right += of(b.step, source) > of(a.step, source);
    }
  return pairs ? static_cast<double>(right) / pairs : 1;
}

double auto_behind(const std::vector<ValidatedPlan>& plans) {
  std::map<std::string, double> best;
  for (const auto& p : plans) {
    const auto [it, fresh] = best.try_emplace(p.model, p.step.measured);
    it->second = std::min(it->second, p.step.measured);
  }
  double worst = 0;
  for (const auto& p : plans)
    if (p.planner == "auto") worst = std::max(worst, p.step.measured / best.at(p.model) - 1);
  return worst;
}

bool has_auto(const std::vector<ValidatedPlan>& plans) {
  return std::any_of(plans.begin(), plans.end(), [](const auto& p) { return p.planner == "auto"; });
}

std::string part(double predicted, double measured) {
  return fmt::format("{:+.1f} %", 100 * (predicted / measured - 1));
}

std::string mib(double bytes) { return fmt::format("{:.2f}", bytes / (1 << 20)); }
std::string ms(double seconds) { return fmt::format("{:.1f}", seconds * 1e3); }

std::string plans_table(const std::vector<ValidatedPlan>& plans) {
  std::vector<std::vector<std::string>> rows = {{"plan", "microbatches", "remat", "measured ms",
                                                 "simulated ms", "", "planned ms", "", "measured MiB",
                                                 "simulated MiB", "", "planned MiB", ""}};
  for (const auto& p : plans) {
    const Compared memory = p.memory();
    rows.push_back({p.planner, std::to_string(p.microbatches), p.remat, ms(p.step.measured),
                    ms(p.step.simulated), part(p.step.simulated, p.step.measured), ms(p.step.planned),
                    part(p.step.planned, p.step.measured), mib(memory.measured), mib(memory.simulated),
                    part(memory.simulated, memory.measured), mib(memory.planned),
                    part(memory.planned, memory.measured)});
  }
  return base::table(rows);
}

std::string ranks_table(const std::vector<ValidatedPlan>& plans) {
  std::vector<std::vector<std::string>> rows = {{"plan", "microbatches", "remat", "rank", "stage",
                                                 "measured MiB", "by the kernel MiB", "simulated MiB", "",
                                                 "planned MiB", ""}};
  for (const auto& p : plans)
    for (size_t r = 0; r < p.ranks.size(); ++r) {
      const auto& rank = p.ranks[r];
      const auto& m = rank.memory;
      rows.push_back({p.planner, std::to_string(p.microbatches), p.remat, std::to_string(r),
                      std::to_string(rank.stage), mib(m.measured), mib(rank.resident), mib(m.simulated),
                      part(m.simulated, m.measured), mib(m.planned), part(m.planned, m.measured)});
    }
  return base::table(rows);
}

std::string summary(const std::vector<ValidatedPlan>& plans) {
  std::string text;
  for (const auto& [source, words] :
       {std::pair(Source::kSimulated, "simulated"), {Source::kPlanned, "planned"}}) {
    const Deviation d = deviation(plans, source);
    text += fmt::format(
        "{}: step time {:.1f} % off, memory {:.1f} % off (medians); {:.0f} % of the pairs whose steps differ "
        "by more "
        "than 5 % in the right order\n",
        words, 100 * d.step, 100 * d.memory, 100 * d.ordered);
  }
  if (has_auto(plans))
    text += fmt::format("auto: {:.1f} % slower than the fastest plan measured\n",
                        100 * deviation(plans, Source::kPlanned).auto_behind);
  return text + fmt::format(
                    "{} plans, {} of them more than 10 % apart from each other; peaks as counted are {:.1f} "
                    "% off the "
                    "kernel's (median over ranks)\n",
                    plans.size(), distinct_steps(plans), 100 * resident_deviation(plans));
}

std::vector<std::vector<ValidatedPlan>> by_model(const std::vector<ValidatedPlan>& plans) {
  std::vector<std::vector<ValidatedPlan>> groups;
  for (const auto& p : plans) {
    auto at =
        std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g[0].model == p.model; });
    if (at == groups.end()) at = groups.emplace(at);
    at->push_back(p);
  }
  return groups;
}

ordered_json to_json(const Compared& c, const char* unit) {
  return {{fmt::format("planned_{}", unit), c.planned},
          {fmt::format("simulated_{}", unit), c.simulated},
          {fmt::format("measured_{}", unit), c.measured}};
}

ordered_json to_json(const Deviation& d) {
  return {{"step", d.step}, {"memory", d.memory}, {"ordered_pairs", d.ordered}};
}

}  // namespace

Compared ValidatedPlan::memory() const {
  Compared most;
  for (const auto& r : ranks)
    for (double Compared::*figure : {&Compared::planned, &Compared::simulated, &Compared::measured})
      most.*figure = std::max(most.*figure, r.memory.*figure);
  return most;
}

Deviation deviation(const std::vector<ValidatedPlan>& plans, Source source) {
  std::vector<double> steps, memories;
  for (const auto& p : plans)
    steps.push_back(off(p.step, source)), memories.push_back(off(p.memory(), source));
  return {cluster::median(steps), cluster::median(memories), ordered_share(plans, source),
          auto_behind(plans)};
}

int distinct_steps(const std::vector<ValidatedPlan>& plans) {
  std::vector<double> steps;
  for (const auto& p : plans) steps.push_back(p.step.measured);
  std::sort(steps.begin(), steps.end());
  int count = 0;
  double last = 0;
  for (const double s : steps)
    if (count == 0 || s > (1 + kDistinct) * last) ++count, last = s;
  return count;
}

double resident_deviation(const std::vector<ValidatedPlan>& plans) {
  std::vector<double> all;
  for (const auto& p : plans)
    for (const auto& r : p.ranks)
      if (r.resident > 0) all.push_back(std::abs(r.memory.measured / r.resident - 1));
  return cluster::median(std::move(all));
}

std::string validation_text(const std::vector<ValidatedPlan>& plans) {
  std::string text;
  for (const auto& group : by_model(plans)) text += group[0].model + "\n" + plans_table(group) + "\n";
  for (const auto& group : by_model(plans))
    text += "ranks of " + group[0].model + "\n" + ranks_table(group) + "\n";
  return text + summary(plans);
}

ordered_json validation_json(const std::vector<ValidatedPlan>& plans) {
  ordered_json j = {{"plans", ordered_json::array()}};
  for (const auto& p : plans) {
    ordered_json one = {{"model", p.model},    {"planner", p.planner}, {"microbatches", p.microbatches},
                        {"remat", p.remat},    {"stages", p.stages},   {"schedule", p.schedule},
                        {"rounds_s", p.rounds}};
    one.update(to_json(p.step, "step_s"));
    one.update(to_json(p.memory(), "peak_memory_bytes"));
    for (const auto& r : p.ranks) {
      ordered_json rank = {{"stage", r.stage}};
      rank.update(to_json(r.memory, "peak_memory_bytes"));
      rank["resident_growth_bytes"] = r.resident;
      one["ranks"].push_back(std::move(rank));
    }
    j["plans"].push_back(std::move(one));
  }
  j["simulated"] = to_json(deviation(plans, Source::kSimulated));
  j["planned"] = to_json(deviation(plans, Source::kPlanned));
  j["distinct_steps"] = distinct_steps(plans);
  j["resident"] = resident_deviation(plans);
  if (has_auto(plans)) j["auto_behind"] = deviation(plans, Source::kPlanned).auto_behind;
  return j;
}

}  // namespace cordata::report
