// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// Hands everything to `inner`, but point-to-point messages leave `delay` after they were sent: a slow link,
// for tests. Messages don't delay each other (latency, not bandwidth). A message leaves when its sender next
// asks done() after that time, so a sender must keep asking.
std::unique_ptr<Transport> make_delay_transport(std::unique_ptr<Transport> inner, base::Seconds delay);

}  // namespace cordata::runtime
