// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/inter_op/stages.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "cordata/planner/inter_op/suffix_table.h"

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr int kEstimateRounds = 12;
constexpr double kLittle = 5e-3;  // what estimates promise less of isn't looked at
constexpr int kRaises = 16;
constexpr double kCoarse = 0.02;  // to which the least cap is looked for

double join(const StageProblem& p, double sum, double most, double cores) {
  return sum + (p.microbatches - 1) * std::max(most, cores);
}

struct KeyHash {
  size_t operator()(const StageKey& k) const {
    uint64_t h = 0;
    for (const int v : {k.first_layer, k.last_layer, k.first_device, k.devices, k.in_flight})
      h = (h ^ static_cast<uint64_t>(v)) * 0x9E3779B97F4A7C15ull, h ^= h >> 32;
    return h;
  }
};
using Known = std::unordered_map<StageKey, double, KeyHash>;

// What is known of stages' costs, and the best cuttings by it.
class Search {
 public:
  enum class Costs : uint8_t {
    kBound,     // exact ones where they are known, else bounds
    kEstimate,  // exact ones where they are known, else estimates
    kSettled,   // only of stages whose exact cost is known
    kProven,
  };
  explicit Search(const StageProblem& p) : p_(p), table_(p) {}

  // The best cutting under these costs that takes less than `at_most`, to epsilon.
  std::optional<StageSolution> best(Costs costs, double at_most);
  // Asks for exact costs of the stages of a cutting that would take less than `at_most`; true when all were
  // exact before.
  bool settle(const StageSolution& cutting, double at_most);
  // The best cutting of solved stages, when what is best by estimates has been solved.
  void best_estimated(std::optional<StageSolution>& best);
  // Asks for all of them.
  bool settle_estimated(const StageSolution& cutting);
  // No step is shorter, by least_work: c_i's sum is one stage's at least, and the largest has its share.
  double least_step() const { return table_.least_cap() * p_.microbatches; }
  int64_t evaluated() const { return static_cast<int64_t>(exact_.size()); }
  std::optional<StageSolution> least_most();
  // As settle, of numbers of which the largest counts: up to the first that is not below `at_most`.
  bool settle_most(const StageSolution& cutting);

 private:
  StageKey normal(StageKey key) const {
    if (p_.alike) key.first_device = p_.alike(key.first_device, key.devices);
    return key;
  }
  double cost(const StageKey& key, Costs costs);
  double bound(const StageKey& key);
  void offer(const std::vector<Cutting>& found, std::optional<StageSolution>& best) const;
  std::vector<Cutting> under(Costs costs, double cap);

  const StageProblem& p_;
  SuffixTable table_;
  Known bound_, exact_, estimate_;
  std::unordered_map<StageKey, std::vector<double>, KeyHash> rows_[4];  // by Costs
};

double Search::bound(const StageKey& key) {
  if (!p_.bound) return 0;
  const auto [it, fresh] = bound_.try_emplace(key, 0);
  if (fresh) it->second = p_.bound(key);
  return it->second;
}

double Search::cost(const StageKey& key, Costs costs) {
  if (costs == Costs::kProven) return p_.proven ? p_.proven(key) : cost(key, Costs::kBound);
  if (const auto it = exact_.find(key); it != exact_.end()) return it->second;
  if (costs == Costs::kSettled) return kNever;
  if (costs == Costs::kEstimate) {
    const auto [it, fresh] = estimate_.try_emplace(key, 0);
    if (fresh) it->second = p_.estimate(key);
    return it->second;
  }
  if (!p_.bound) return exact_[key] = p_.exact(key, kNever);
  return bound(key);
}

std::vector<Cutting> Search::under(Costs costs, double cap) {
  if (p_.time) p_.time->check();
  auto& rows = rows_[static_cast<size_t>(costs)];
  const auto row = [&](StageKey key) -> std::vector<double>& {
    key.last_layer = 0;
    auto& out = rows[key];
    if (out.empty()) out.assign(p_.layers + 1, std::numeric_limits<double>::quiet_NaN());
    return out;
  };
  return table_.cuttings([&](const StageKey& k) { return cost(k, costs); }, row, cap);
}

void Search::offer(const std::vector<Cutting>& found, std::optional<StageSolution>& best) const {
  for (const Cutting& c : found) {
    const double seconds = join(p_, c.sum, c.most, c.cores);
    if (!best || seconds < best->seconds) best = StageSolution{c.stages, seconds};
  }
}

// Caps from the least that anything fits under upwards give a first answer; then all caps from what that
// leaves open downwards. What is cut under a cap is the same for all caps down to its largest c_i.
std::optional<StageSolution> Search::best(Costs costs, double at_most) {
  rows_[static_cast<size_t>(costs)].clear();  // more may be known by now
  std::optional<StageSolution> best;
  double low = table_.least_cap() * (1 - 1e-9);
  const auto open = [&] {  // every c_i counts M times or more
    const double now = best ? std::min(at_most, best->seconds) : at_most;
    return now / p_.microbatches;
  };
  if (low > 0) {
    double cap = low;
    for (int k = 0; cap < open() && !best; cap = ++k < kRaises ? cap * 1.5 : kNever)
      offer(under(costs, cap), best), low = best ? low : cap;
    for (double high = best && std::isfinite(cap) ? cap / 1.5 : 0; high > low * (1 + kCoarse);) {
      const double middle = std::sqrt(low * high);
      const auto found = under(costs, middle);
      offer(found, best);
      (found.empty() ? low : high) = middle;
    }
  }
  for (double cap = std::nextafter(open(), 0.0); cap >= low;) {
    const auto found = under(costs, cap);
    if (found.empty()) break;
    offer(found, best);
    double most = 0, least = kNever;  // of any with a smaller cap
    for (const Cutting& c : found)
      most = std::max(most, c.most), least = std::min(least, join(p_, c.sum, low, c.cores));
    if (least >= best->seconds * (1 - p_.epsilon)) break;
    cap = std::min(std::nextafter(most, 0.0), most * (1 - p_.epsilon));
  }
  if (best && best->seconds >= at_most) return std::nullopt;
  return best;
}

// A stage that costs its bound and all the room there is makes a step of `at_most` or more: its c_i counts at
// least once. The dearest stage comes first: what it costs more than its bound is most likely to settle the
// matter.
bool Search::settle(const StageSolution& cutting, double at_most) {
  std::vector<double> costs;
  for (const auto& key : cutting.stages) costs.push_back(cost(normal(key), Costs::kBound));
  std::vector<size_t> open;
  for (size_t i = 0; i < costs.size(); ++i)
    if (!exact_.contains(normal(cutting.stages[i]))) open.push_back(i);
  if (open.empty()) return true;
  std::stable_sort(open.begin(), open.end(), [&](size_t a, size_t b) { return costs[a] > costs[b]; });
  for (const size_t i : open) {
    const StageKey key = normal(cutting.stages[i]);
    double& bound = bound_.at(key);
    const double room = at_most - step_seconds(p_, cutting.stages, costs);
    if (room <= 0 && i != open.front()) break;
    const double below = room > 1e-9 * at_most ? bound + room : kNever;  // infinite room: infinite too
    const double found = p_.exact(key, below);
    if (found < below || found == kNever)
      exact_[key] = found;
    else
      bound = std::max(bound, found);
    costs[i] = std::max(bound, found);
  }
  return false;
}

bool Search::settle_estimated(const StageSolution& cutting) {
  const bool all = std::all_of(cutting.stages.begin(), cutting.stages.end(),
                               [&](const StageKey& k) { return exact_.contains(normal(k)); });
  if (all) return true;
  const auto costs = p_.exact_together(cutting.stages);
  for (size_t i = 0; i < costs.size(); ++i)
    if (!std::isnan(costs[i])) exact_[normal(cutting.stages[i])] = costs[i];
  estimate_.clear();  // they may have learnt from it
  return false;
}

void Search::best_estimated(std::optional<StageSolution>& best) {
  for (int round = 1; round <= kEstimateRounds; ++round) {
    const auto cutting = this->best(Costs::kEstimate, p_.at_most);
    if (!cutting || (best && cutting->seconds > best->seconds * (1 - kLittle))) break;
    const bool known = settle_estimated(*cutting);
    if ((best = this->best(Costs::kSettled, p_.at_most))) best->rounds = round;
    if (known) break;
  }
  if (best) best->evaluated = evaluated();
}

// By what is known now: the cap is halved in on, as far as rounding lets it.
std::optional<StageSolution> Search::least_most() {
  rows_[static_cast<size_t>(Costs::kBound)].clear();
  std::optional<StageSolution> best;
  double low = 0, high = p_.at_most;
  for (double cap = std::nextafter(high, 0.0); cap >= low;) {
    const auto found = under(Costs::kBound, cap);
    if (found.empty()) {
      low = std::nextafter(cap, kNever);
    } else {
      const auto& least = *std::min_element(
          found.begin(), found.end(), [](const Cutting& a, const Cutting& b) { return a.most < b.most; });
      best = StageSolution{least.stages, high = least.most};
    }
    cap = high > low * (1 + 1e-9) && std::isfinite(high) ? low + (high - low) / 2 : std::nextafter(high, 0.0);
    if (cap >= high) cap = std::nextafter(high, 0.0);
    if (!best && !std::isfinite(high)) break;
  }
  return best;
}

bool Search::settle_most(const StageSolution& cutting) {
  bool all = true;
  for (const auto& stage : cutting.stages) {
    const StageKey key = normal(stage);
    if (exact_.contains(key)) continue;
    all = false;
    const double known = std::max(bound(key), p_.exact(key, p_.at_most));
    exact_[key] = known;
    if (known >= p_.at_most) break;
  }
  return all;
}

}  // namespace

std::vector<int> submesh_sizes(int devices, int devices_per_host) {
  std::vector<int> out;
  for (int n = 1; n <= std::min(devices, devices_per_host); ++n)
    if (devices_per_host <= 6 || (n & (n - 1)) == 0 || devices_per_host % n == 0) out.push_back(n);
  const auto round = [](int n) { return (n & (n - 1)) == 0; };
  for (int n = 2; n * devices_per_host <= devices; ++n)
    if (n <= 16 || round(n) || (n % 3 == 0 && round(n / 3)) || n * devices_per_host == devices)
      out.push_back(n * devices_per_host);
  return out;
}

std::vector<int> stage_sizes(const StageProblem& p) {
  auto out = submesh_sizes(p.devices, p.devices_per_host);
  std::erase_if(out, [&](int size) {
    const int hosts = size / p.devices_per_host;
    return p.round_sizes && hosts > 1 && (hosts & (hosts - 1)) != 0 && size != p.devices;
  });
  return out;
}

bool submesh_starts_at(int first_device, int devices, int devices_per_host) {
  const int within = first_device % devices_per_host;
  return devices <= devices_per_host ? within + devices <= devices_per_host : within == 0;
}

double step_seconds(const StageProblem& p, const std::vector<StageKey>& stages,
                    const std::vector<double>& cost) {
  double sum = 0, most = 0, cores = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    sum += cost[i];
    most = std::max(most, cost[i]);
    cores += cost[i] * cores_share(p, stages[i].devices);
  }
  return join(p, sum, most, cores);
}

namespace {

// cut_stages without estimates: `best` is the best so far whenever the time is over.
void cut_by_bounds(Search& search, const StageProblem& problem, std::optional<StageSolution>& best,
                   double* least) {
  using Costs = Search::Costs;
  double at_most = problem.at_most;
  const auto prove = [&] {
    if (!least) return;
    const auto proven = search.best(Costs::kProven, at_most);
    *least = proven ? proven->seconds : at_most;
  };
  for (int round = 1;; ++round) {
    auto solution = search.best(Costs::kBound, at_most);
    if (!solution || solution->seconds >= problem.at_most) return prove();
    const bool enough = best && solution->seconds >= best->seconds * (1 - problem.epsilon);
    const bool settled = enough || !problem.bound || search.settle(*solution, at_most);
    if (settled) {
      if (!enough) best = std::move(solution);
      best->rounds = round, best->evaluated = search.evaluated();
      return prove();
    }
    if (auto whole = search.best(Costs::kSettled, at_most)) {
      best = std::move(whole);
      at_most = std::min(at_most, std::nextafter(best->seconds, kNever));
    }
  }
}

}  // namespace

StageProblem on_devices(StageProblem problem, int devices) {
  problem.cores_shared_by *= static_cast<double>(devices) / problem.devices;
  problem.devices = devices;
  return problem;
}

std::optional<StageSolution> cut_stages(const StageProblem& problem, double* least) {
  Search search(problem);
  std::optional<StageSolution> best;
  if (least) *least = problem.estimate ? search.least_step() : 0;
  try {
    if (problem.estimate)
      search.best_estimated(best);
    else
      cut_by_bounds(search, problem, best, least);
  } catch (const TimeIsOver&) {  // the best so far
  }
  return best;
}

std::optional<StageSolution> cut_by_estimates(const StageProblem& problem) {
  return Search(problem).best(Search::Costs::kEstimate, problem.at_most);
}

std::optional<StageSolution> cut_least_most(const StageProblem& problem) {
  Search search(problem);
  auto solution = search.least_most();
  while (solution && !search.settle_most(*solution)) solution = search.least_most();
  return solution;
}

}  // namespace cordata::planner
