// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// Called once, from any thread, when a collective passed its time limit (the thread inside MPI can't be
// called back) or abort() was called. Should end the job; if it returns, MPI_Abort does.
using FailureHandler = std::function<void(const std::string& cause)>;

// The ranks of an MPI job; this process is one of them. Initialises MPI (thread level MULTIPLE; waiting ranks
// yield their core) and finalises it when destroyed. One per process. Throws an environment error when MPI
// can't do that.
std::unique_ptr<Transport> make_mpi_transport(FailureHandler on_failure = {});

}  // namespace cordata::runtime
