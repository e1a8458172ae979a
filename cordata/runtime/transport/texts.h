// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// All ranks of a transport as one communicator.
std::unique_ptr<Communicator> everyone(Transport& transport);

// Rank 0's text on every rank.
std::string broadcast_text(Communicator& all, std::string text);
// Every rank's text, by rank, on every rank.
std::vector<std::string> gather_texts(Communicator& all, const std::string& text);

}  // namespace cordata::runtime
