// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "cordata/cluster/cluster.h"

namespace cordata::simulate {

// The cores of the hosts, shared alike by the ranks that compute where there are fewer cores than ranks
// (local:4 on 2 cores); a rank computes at full speed while no more ranks do than the host has cores. Where
// more devices share a core than a host has (hosts that are namespaces of one machine), all hosts are one.
class Cores {
 public:
  explicit Cores(const cluster::Cluster& cluster)
      : per_host_(cluster.cores_shared_by > cluster.devices_per_host ? cluster.num_devices()
                                                                     : cluster.devices_per_host),
        cores_(per_host_ / std::max(1.0, cluster.cores_shared_by)),
        shared_(cluster.cores_shared_by > 1),
        hosts_(cluster.num_devices() / per_host_),
        jobs_(cluster.num_devices()) {}

  // When a rank that computes would be done if nobody else began or ended; `version` tells an outdated answer
  // from a new one.
  struct Finish {
    int rank;
    double at;
    int version;
  };

  // `work` seconds of a core begin now. Gives the new finishing times of all whom that concerns.
  std::vector<Finish> begin(int rank, double work, double now) {
    Host& host = hosts_[rank / per_host_];
    catch_up(host, now);
    jobs_[rank].work = work;
    host.running.push_back(rank);
    return finishes(host, rank, now);
  }

  std::vector<Finish> end(int rank, double now) {
    Host& host = hosts_[rank / per_host_];
    catch_up(host, now);
    std::erase(host.running, rank);
    ++jobs_[rank].version;
    return finishes(host, -1, now);
  }

  bool is_current(int rank, int version) const { return jobs_[rank].version == version; }

 private:
  struct Host {
    std::vector<int> running;
    double since = 0;
  };
  struct Job {
    double work = 0;  // left at the host's `since`
    int version = 0;
  };

  double speed(const Host& host) const {
    return shared_ ? std::min(1.0, cores_ / static_cast<double>(std::max<size_t>(host.running.size(), 1)))
                   : 1.0;
  }

  void catch_up(Host& host, double now) {
    if (shared_)
      for (int r : host.running)
        jobs_[r].work = std::max(0.0, jobs_[r].work - (now - host.since) * speed(host));
    host.since = now;
  }

  // Where speed is always 1, only who begins is concerned.
  std::vector<Finish> finishes(const Host& host, int who, double now) {
    std::vector<Finish> all;
    for (int r : host.running)
      if (shared_ || r == who) all.push_back({r, now + jobs_[r].work / speed(host), ++jobs_[r].version});
    return all;
  }

  const int per_host_;
  const double cores_;
  const bool shared_;
  std::vector<Host> hosts_;
  std::vector<Job> jobs_;
};

}  // namespace cordata::simulate
