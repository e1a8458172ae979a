// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <random>

#include "cordata/cluster/cluster.h"
#include "cordata/step/train_step.h"

namespace cordata::tests {

// A random train step whose joint graph has at most ten ops: matrices and samples through products,
// elementwise ops and skips to a sum, a gradient for each trained matrix, an update with or without momentum;
// one or two products, at most that many. What it computes makes no sense; how it hangs together is that of
// training.
step::TrainStep draw_step(std::mt19937_64& random, int most_products, int64_t least_batch = 60);

// One to four devices, equal or unequal, on one or several hosts, with links and devices of random speed.
cluster::Cluster draw_cluster(std::mt19937_64& random);
// Two or three slow devices on slower links: with few samples a pipeline is best now and then.
cluster::Cluster draw_slow_links(std::mt19937_64& random);

}  // namespace cordata::tests
