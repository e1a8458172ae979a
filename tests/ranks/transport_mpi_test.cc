// SPDX-License-Identifier: Apache-2.0
// The conformance suite over real MPI.
#include <gtest/gtest.h>

#include "cordata/runtime/transport/conformance.h"
#include "cordata/runtime/transport/delay_transport.h"
#include "cordata/runtime/transport/mpi_transport.h"

namespace cordata::runtime {
namespace {

TEST(MpiTransport, Conforms) {
  auto world = make_mpi_transport();
  check_conformance(*world);
}

TEST(MpiTransport, ConformsWithDelayedMessages) {
  auto world = make_delay_transport(make_mpi_transport(), base::Seconds(0.005));
  check_conformance(*world);
}

}  // namespace
}  // namespace cordata::runtime
