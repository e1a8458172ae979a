// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cordata/base/timeline.h"
#include "cordata/cluster/cluster.h"
#include "cordata/program/program.h"

namespace cordata::simulate {

struct SimulationOptions {
  int steps = 3;
  std::map<int, base::Seconds>
      run_times;  // by module, measured with nothing else running: instead of the cost model's
  base::Seconds message_delay{0};  // each message leaves that much after it was sent
  bool free_transfers = false;     // messages between ranks take no time but the delay
};

struct RankTimeline {
  std::vector<base::TimelineEvent> events;         // seconds from the first step's begin
  std::vector<std::pair<double, int64_t>> memory;  // bytes held from a moment on
  base::Bytes peak_memory{0};
  base::Seconds busy{0};  // computing, or in collectives
};

struct SimulationResult {
  base::Seconds step{0};       // from one step's end to the next one's; of one step only, all of it
  base::Bytes peak_memory{0};  // of the fullest rank
  base::Flops flops{0};        // that all ranks together do in a step, what is done twice counted twice
  std::vector<RankTimeline> ranks;
};

// Runs the lists as the executor does, the cost model as the clock. Receives are posted where
// program::receives_posted_at says; a message leaves when sent and posted, one at a time through each rank's
// way out and in (between hosts: each host's); a RUN overwrites a buffer only when the messages from it have
// left; collectives begin when their last member comes; ranks of a host that compute at once share its cores
// where there are fewer (Cluster::cores_shared_by). Throws an internal error for a program that
// program::check refuses.
SimulationResult simulate(const program::Program& program, const cluster::Cluster& cluster,
                          const SimulationOptions& options = {});

// The timeline as a Chrome trace, in the format of measured ones.
void write_trace(const SimulationResult& result, const std::string& path);

}  // namespace cordata::simulate
