// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/cli/verb.h"
#include "cordata/cluster/cluster.h"
#include "cordata/cluster/fit.h"
#include "cordata/cost/op_profile.h"
#include "cordata/runtime/measure/device_speed.h"
#include "cordata/runtime/measure/link_speed.h"

namespace cordata::cli {

struct MeasureOptions {
  std::string output, plugin, cpu_list;
  int ranks = 1;
  bool quick = false;
  std::vector<std::string> ops;  // models whose ops are measured, too
  std::string profile;           // where those go; empty: beside `output`
  int devices = 0;               // that share them, at most; 0: the ranks
};

// An op as measured, and what the cluster's other figures would have said of it.
struct MeasuredOp {
  cost::ProfiledOp op;
  base::Seconds modelled{0};
};

// A pair of ranks with messages back and forth.
struct MeasuredPair {
  std::string kind;  // "same host", "other host"
  int a = 0, b = 0;
  std::vector<cluster::Sample> samples;
  cluster::LinkFit fit;
};

// A kind of collective along one axis of one shape of all ranks, all its groups at once.
struct MeasuredRings {
  sharding::CollectiveKind kind;
  std::string mesh;  // "2x4"
  int axis = 0;
  bool leaves_host = false;
  std::vector<base::Bytes> bytes;        // of each sample, as the collective's caller counts them
  std::vector<cluster::Sample> samples;  // as the ring model has them: hops and what each sends in all
  cluster::LinkFit fit;
  double off_by_messages = 0, off_by_file = 0;  // relative_error of the pair's fit, of the file's link
};

struct Measured {
  cluster::Cluster cluster;  // what is written
  std::vector<runtime::MatmulSpeed> matmul;
  std::vector<double> speeds;  // by rank, beside the fastest, all at work together
  int at_once = 1;             // ranks that measured their device together
  double sharing = 1;          // what all ranks reach beside those, where they share cores: Device::speed
  std::vector<MeasuredPair> pairs;
  std::vector<MeasuredRings> rings;
  std::vector<MeasuredOp> ops;
};

// Measures the machine that this runs on with ranks that it starts, or, under the user's own mpirun, the
// hosts of its ranks. Wrong words and files are found before a rank starts.
Answer measure_cluster(const MeasureOptions& options, const Context& context);

// What one rank does; gives the process's status. Rank 0 writes the file and prints.
int run_measure_rank(const MeasureOptions& options, const Context& context);

// Where the times of ops go.
std::string profile_path(const MeasureOptions& options);

// For people, and for --json.
Answer show(const Measured& measured, const std::string& written_to);

}  // namespace cordata::cli
