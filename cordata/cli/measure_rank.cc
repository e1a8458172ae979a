// SPDX-License-Identifier: Apache-2.0
// What one rank of `cordata cluster measure` does.
#include <fmt/chrono.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <limits>
#include <numeric>

#include "cordata/base/files.h"
#include "cordata/base/progress.h"
#include "cordata/cli/measure_job.h"
#include "cordata/cli/profile_ops.h"
#include "cordata/cluster/topology.h"
#include "cordata/cost/meshes.h"
#include "cordata/cost/op_time.h"
#include "cordata/runtime/launch/cores.h"
#include "cordata/runtime/launch/rank.h"
#include "cordata/runtime/measure/op_speed.h"
#include "cordata/runtime/transport/mpi_transport.h"
#include "cordata/runtime/transport/texts.h"

namespace cordata::cli {
namespace {

using base::Bytes;
using base::BytesPerSecond;
using base::Seconds;
using nlohmann::json;

constexpr int kTurn = 3;  // the tag of "your turn"
constexpr Seconds kLimit{120};

struct Effort {
  runtime::DeviceEffort device;
  runtime::LinkEffort link;
  std::vector<ir::DType> types;
  int windows;  // in which all ranks' speeds are compared
};

// The whole command takes less than a minute, or a quarter of one.
Effort effort_of(bool quick) {
  Effort e;
  e.device = {Seconds(quick ? 0.1 : 0.4), quick ? 1024 : 8192, 16 << 20};
  using enum ir::DType;
  e.types = quick ? std::vector{kF32, kF64} : std::vector{kF32, kF64, kBF16, kF16};
  e.link.sizes = {64, 4096, 65536, 1 << 20};
  if (!quick) e.link.sizes = {64, 1024, 8192, 65536, 1 << 19, 4 << 20, 16 << 20};
  e.link.times = quick ? 15 : 40;
  e.link.each = Seconds(quick ? 0.01 : 0.15);
  e.windows = quick ? 7 : 11;
  e.link.end = runtime::Deadline::after(Seconds(quick ? 7 : 40));
  return e;
}

// Ranks lie host by host, as many on each.
void check_places(runtime::Communicator& all, const runtime::RankPlace& place) {
  const int mine[2] = {place.local_rank, place.local_size};
  std::vector<int> theirs(2 * static_cast<size_t>(all.size()));
  all.all_gather(mine, theirs.data(), sizeof mine);
  for (int r = 0; r < all.size(); ++r)
    if (theirs[2 * r + 1] != theirs[1] || theirs[2 * r] != r % theirs[1])
      throw base::user_error(
          "[cluster.measure] wanted as many ranks on each host, numbered host by host, got rank {} as number "
          "{} "
          "of {} on its host",
          r, theirs[2 * r], theirs[2 * r + 1]);
}

// A CPU plugin doesn't say what can be allocated: its ranks divide the host's memory.
Bytes memory_of(const runtime::Client& client, int ranks_here) {
  const auto memory = client.device(0).memory;
  if (memory && client.platform() != "cpu") return *memory;
  struct sysinfo info {};
  sysinfo(&info);
  return Bytes(static_cast<double>(info.totalram) * info.mem_unit / ranks_here);
}

json device_figures(const runtime::Client& client, const Effort& effort) {
  const auto memory = runtime::measure_memory(client, effort.device);
  json j = {{"memory", memory.value},
            {"launch", runtime::measure_launch(client, effort.device).value},
            {"matmul", json::array()}};
  base::FlopsPerSecond best{0};  // of f32
  for (const ir::DType type : effort.types)
    for (const auto& s : runtime::measure_matmul(client, type, effort.device)) {
      j["matmul"].push_back({static_cast<int>(s.type), s.size, s.rate.value});
      if (type == ir::DType::kF32) best = std::max(best, s.rate);
    }
  if (best.value > 0) j["overlap"] = runtime::measure_overlap(client, best, memory, effort.device);
  return j;
}

double middle(const std::vector<json>& figures, const json::json_pointer& of) {
  std::vector<double> values;
  for (const json& f : figures)
    if (f.contains(of)) values.push_back(f.at(of).get<double>());
  return cluster::median(std::move(values));
}

class Measuring {
 public:
  Measuring(const MeasureOptions& o, runtime::Transport& transport)
      : o_(o),
        transport_(transport),
        effort_(effort_of(o.quick)),
        all_(runtime::everyone(transport)),
        place_(runtime::rank_from_environment().value_or(runtime::RankPlace{})) {
    check_places(*all_, place_);
    auto& c = measured_.cluster;
    c.name = "measured";
    c.devices_per_host = place_.local_size;
    c.hosts = transport.size() / place_.local_size;
    cores_ = runtime::cores_of_all(*all_);
    c.cores_shared_by = std::max(1.0, static_cast<double>(c.devices_per_host) / cores_);
  }

  // Whole on rank 0 only.
  Measured run() {
    measure_speeds();
    measure_sharing();
    measure_device();
    measure_pairs();
    measure_rings();
    choose_links();
    measure_ops();  // last: it may take long, and links have their time from the start on
    return std::move(measured_);
  }

 private:
  runtime::Client client() const {
    return runtime::Client(runtime::Plugin::load(runtime::plugin_path(o_.plugin)),
                           {.devices = 1, .threads = runtime::threads_of_this_rank(), .asynchronous = false});
  }

  // All ranks at work together: whether some of them have less of a core than others. What they have then is
  // in their speeds, and no cores are shared.
  void measure_speeds() {
    json rates;
    {
      const auto mine = client();
      all_->barrier();
      rates = runtime::measure_windows(mine, Seconds(0.2), effort_.windows);  // two periods of a CPU quota
    }
    std::vector<std::vector<double>> of_all;
    for (const std::string& text : runtime::gather_texts(*all_, rates.dump()))
      of_all.push_back(json::parse(text).get<std::vector<double>>());
    together_ = 0;
    for (const auto& rates_of_one : of_all) together_ += cluster::median(rates_of_one);
    measured_.speeds = cluster::relative_speeds(of_all);
    const bool equal = std::ranges::all_of(measured_.speeds, [](double s) { return s == 1; });
    measured_.at_once = equal ? std::min(transport_.size(), cores_) : transport_.size();
    if (!equal) measured_.cluster.cores_shared_by = 1;
  }

  // What `measure` gives on as many ranks at once as have a core each, so that what they share counts and
  // waiting doesn't; on all where they are unequal. On rank 0 the fastest ones' figures, else nothing.
  template <typename Measure>
  std::vector<json> at_once(Seconds limit, Measure&& measure) {
    std::vector<int> working(measured_.at_once);
    std::iota(working.begin(), working.end(), 0);
    const auto together = transport_.make_communicator(working);
    std::string figures;
    if (together) {
      const auto mine = client();
      together->barrier();
      figures = measure(mine, *together).dump();
      together->barrier();
    }
    wake_the_others(limit);
    std::vector<json> parsed;
    const auto texts = runtime::gather_texts(*all_, figures);
    for (size_t r = 0; r < texts.size(); ++r)
      if (!texts[r].empty() && measured_.speeds[r] == 1) parsed.push_back(json::parse(texts[r]));
    return parsed;
  }

  // Where ranks share cores: what all of them reach together beside as many as there are cores. Caches are
  // shared, too, and changing turns takes time.
  void measure_sharing() {
    if (measured_.at_once == transport_.size()) return;
    const auto alone = at_once(kLimit, [&](const runtime::Client& mine, runtime::Communicator&) {
      return json(runtime::measure_windows(mine, Seconds(0.2), effort_.windows));
    });
    double few = 0;
    for (const json& rates : alone) few += cluster::median(rates.get<std::vector<double>>());
    if (few > 0) measured_.sharing = std::min(1.0, together_ / few);
  }

  void measure_device() {
    take_device(at_once(kLimit, [&](const runtime::Client& mine, runtime::Communicator&) {
      measured_.cluster.device.kind = mine.device(0).kind;
      measured_.cluster.device.memory = memory_of(mine, place_.local_size);
      return device_figures(mine, effort_);
    }));
  }

  void measure_ops() {
    if (o_.ops.empty()) return;
    const auto cases = ops_to_profile(o_.ops, o_.devices > 0 ? o_.devices : transport_.size());
    const Seconds limit = kLimit + static_cast<double>(cases.size()) * Seconds(1);
    transport_.set_time_limit(limit);
    const auto figures = at_once(limit, [&](const runtime::Client& mine, runtime::Communicator& together) {
      return op_figures(mine, together, cases);
    });
    transport_.set_time_limit(kLimit);
    auto& c = measured_.cluster;
    for (size_t i = 0; i < cases.size(); ++i) {
      const Seconds seconds(middle(figures, json::json_pointer(fmt::format("/{}", i))));
      if (seconds.value <= 0) continue;  // the plugin doesn't compile it
      const auto modelled = cost::op_times(cases[i].module, c.device)[0];
      measured_.ops.push_back(
          {{cases[i].form, cases[i].sizes, std::string(ir::name(cases[i].dtype)), seconds},
           Seconds(modelled.seconds + modelled.launch)});
    }
  }

  // By case: seconds, 0 where it can't be compiled.
  json op_figures(const runtime::Client& mine, runtime::Communicator& together,
                  const std::vector<OpCase>& cases) const {
    runtime::OpEffort effort;
    effort.ready = [&] { together.barrier(); };
    if (o_.quick) effort.each = effort.each / 4;
    const Seconds besides =
        std::max(Seconds(0), runtime::measure_run(mine, effort) - measured_.cluster.device.launch);
    base::ProgressBar bar("measuring ops", static_cast<int64_t>(cases.size()));
    json out = json::array();
    for (const OpCase& c : cases) {
      if (transport_.rank() == 0)
        bar.update(static_cast<int64_t>(out.size()), c.form.substr(0, c.form.find(' ')));
      out.push_back(runtime::measure_op(mine, c.module, besides, effort).value_or(Seconds(0)).value);
    }
    return out;
  }

  // Those that don't work sleep until rank 0 is done: waiting in a collective would take the cores.
  void wake_the_others(Seconds limit) {
    char word = 0;
    const auto soon = runtime::Deadline::after(limit);
    for (int r = measured_.at_once; r < transport_.size(); ++r) {
      if (transport_.rank() == 0) wait(*transport_.send(&word, 1, r, kTurn), soon, "a turn");
      if (transport_.rank() == r) wait(*transport_.receive(&word, 1, 0, kTurn), soon, "a turn");
    }
  }

  void take_device(const std::vector<json>& figures) {
    auto& d = measured_.cluster.device;
    d.memory_bandwidth = BytesPerSecond(middle(figures, json::json_pointer("/memory")));
    d.launch = Seconds(middle(figures, json::json_pointer("/launch")));
    if (figures.at(0).contains("overlap")) d.overlap = middle(figures, json::json_pointer("/overlap"));
    const json& first = figures.at(0)["matmul"];
    for (size_t i = 0; i < first.size(); ++i) {
      const auto type = static_cast<ir::DType>(first[i][0].get<int>());
      const base::FlopsPerSecond rate(middle(figures, json::json_pointer(fmt::format("/matmul/{}/2", i))));
      measured_.matmul.push_back({type, first[i][1].get<int64_t>(), rate});
      d.peak[type] = std::max(d.peak[type], rate);
    }
    if (d.peak.empty())
      throw base::environment_error(
          "[cluster.measure] wanted a matmul of f32, f64, bf16 or f16, got none that "
          "the plugin compiles");
    d.efficiency = largest_of_peak();
    d.speed = measured_.sharing;
    d.source = stamp() + fmt::format(
                             ": matmul by size ({} ranks at once), memory by a += b / 2; efficiency: the "
                             "largest matmul of the best",
                             measured_.at_once);
    measured_.cluster.groups = cluster::speed_groups(measured_.speeds, d);
    for (auto& g : measured_.cluster.groups) g.device.source = d.source + "; speed: all ranks at work";
    sums_ = cost::sum_rate(measured_.cluster, 0, 1);
  }

  // The first type's largest matmul: what "efficiency" says.
  double largest_of_peak() const {
    const auto type = measured_.matmul.front().type;
    base::FlopsPerSecond largest{0};
    for (const auto& s : measured_.matmul)
      if (s.type == type) largest = s.rate;
    return std::min(1.0, largest / measured_.cluster.device.peak.at(type));
  }

  std::string stamp() const {
    char host[256] = "a host";
    ::gethostname(host, sizeof host - 1);
    const std::time_t now = std::time(nullptr);
    return fmt::format("measured on {:%Y-%m-%d} by cordata cluster measure on {}", fmt::gmtime(now), host);
  }

  void measure_pairs() {
    const auto& c = measured_.cluster;
    if (c.devices_per_host > 1) measure_pair("same host", 0, 1);
    if (c.hosts > 1) measure_pair("other host", 0, c.devices_per_host);
  }

  void measure_pair(const char* kind, int a, int b) {
    MeasuredPair pair{kind, a, b, {}, {}};
    for (const auto& t : runtime::ping_pong(transport_, a, b, effort_.link))
      pair.samples.push_back({1, t.bytes, t.seconds});
    if (transport_.rank() != a) return;
    pair.fit = cluster::fit_link(pair.samples);
    measured_.pairs.push_back(std::move(pair));
  }

  void measure_rings() {
    if (transport_.size() == 1) return;
    for (const auto& shape : cost::logical_views(transport_.size()))
      for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) measure_axis({shape, {}}, axis);
  }

  void measure_axis(const sharding::Mesh& mesh, int axis) {
    const auto groups = mesh.groups(1u << axis);
    const auto& c = measured_.cluster;
    const bool leaves = std::ranges::any_of(
        groups, [&](const auto& g) { return c.host_of(g.front()) != c.host_of(g.back()); });
    for (const auto& t : runtime::time_collectives(transport_, *all_, groups, effort_.link)) {
      auto& all = measured_.rings;
      if (all.empty() || all.back().kind != t.kind || all.back().mesh != sharding::to_string(mesh) ||
          all.back().axis != axis)
        all.push_back({t.kind, sharding::to_string(mesh), axis, leaves, {}, {}, {}});
      all.back().bytes.push_back(t.bytes);
      all.back().samples.push_back(as_ring(t, mesh.shape[axis]));
    }
  }

  // How many hops the model counts, and how many bytes they carry: its price at one second a hop, and at one
  // byte a second.
  // What adding up takes, the model counts beside the links.
  cluster::Sample as_ring(const runtime::CollectiveTime& t, int64_t size) const {
    const BytesPerSecond endless(std::numeric_limits<double>::infinity());
    const auto adding =
        sharding::collective_seconds(t.kind, t.bytes, 1, {{size}, {{Seconds(0), endless}}, {}, sums_});
    const auto hops = sharding::collective_seconds(t.kind, t.bytes, 1, {{size}, {{Seconds(1), endless}}});
    const auto sent =
        sharding::collective_seconds(t.kind, t.bytes, 1, {{size}, {{Seconds(0), BytesPerSecond(1)}}});
    return {hops.value, Bytes(sent.value), std::max(t.seconds - adding, t.seconds / 10)};
  }

  // What plans are priced with is what collectives reach, all ranks at work; a lone message is quicker.
  void choose_links() {
    if (transport_.rank() != 0) return;
    auto& c = measured_.cluster;
    c.intra = link_of(false);
    c.inter = c.hosts > 1 ? link_of(true) : c.intra;
    for (auto& r : measured_.rings) {
      if (r.samples.size() > 1) r.fit = cluster::fit_link(r.samples);
      const auto& link = r.leaves_host ? c.inter : c.intra;
      r.off_by_file = cluster::relative_error(r.samples, link.alpha, link.bandwidth);
      for (const auto& p : measured_.pairs)
        if ((p.kind == "other host") == r.leaves_host)
          r.off_by_messages = cluster::relative_error(r.samples, p.fit.alpha, p.fit.bandwidth);
    }
  }

  cluster::Link link_of(bool leaves_host) const {
    std::vector<cluster::Sample> samples;
    for (const auto& r : measured_.rings) {
      // One ring over all ranks has the way out of a host to itself.
      const bool counts = leaves_host ? r.mesh == std::to_string(transport_.size()) : !r.leaves_host;
      if (counts) samples.insert(samples.end(), r.samples.begin(), r.samples.end());
    }
    if (samples.size() < 2)
      return {Seconds(0), measured_.cluster.device.memory_bandwidth,
              "no such link was measured: the memory's bandwidth"};
    const auto fit = cluster::fit_link(samples);
    return {fit.alpha, fit.bandwidth,
            stamp() + fmt::format(": ring model fitted to {} times of collectives, residual {:.0f} %",
                                  samples.size(), 100 * fit.residual)};
  }

  const MeasureOptions& o_;
  runtime::Transport& transport_;
  const Effort effort_;
  std::unique_ptr<runtime::Communicator> all_;
  const runtime::RankPlace place_;
  int cores_ = 1;
  double together_ = 0;     // what all ranks at work reach, in runs of one module a second
  BytesPerSecond sums_{0};  // what this machine's ranks add up at, once that is known
  Measured measured_;
};

// The times of ops, and in the cluster where they are.
void write_profile(Measured& m, const MeasureOptions& o) {
  namespace fs = std::filesystem;
  const std::string path = profile_path(o);
  std::vector<cost::ProfiledOp> ops;
  for (const MeasuredOp& op : m.ops) ops.push_back(op.op);
  cost::add_to_profile(path, m.cluster.device.kind, ops, m.cluster.device.source);
  const auto folder = fs::absolute(o.output.empty() ? "-" : o.output).parent_path().lexically_normal();
  m.cluster.device.profile = fs::absolute(path).lexically_normal().lexically_relative(folder).string();
  for (auto& g : m.cluster.groups) g.device.profile = m.cluster.device.profile;
}

}  // namespace

int run_measure_rank(const MeasureOptions& o, const Context& context) {
  auto transport =
      runtime::make_mpi_transport([](const std::string& cause) { runtime::report_failure(cause); });
  transport->set_time_limit(kLimit);
  Measured measured = Measuring(o, *transport).run();
  if (transport->rank() != 0) return 0;
  if (!measured.ops.empty()) write_profile(measured, o);
  if (!o.output.empty()) base::write_file(o.output, json(measured.cluster).dump(1) + "\n");
  const Answer answer = show(measured, o.output);
  fmt::print("{}", context.json ? answer.json.dump(1) + "\n" : answer.text);
  std::fflush(stdout);
  return 0;
}

}  // namespace cordata::cli
