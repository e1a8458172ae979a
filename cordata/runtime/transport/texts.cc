// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/transport/texts.h"

#include <numeric>

namespace cordata::runtime {
namespace {

std::string from(Communicator& all, std::string text, int root) {
  int64_t size = static_cast<int64_t>(text.size());
  all.broadcast(&size, sizeof size, root);
  text.resize(size);
  if (size > 0) all.broadcast(text.data(), size, root);
  return text;
}

}  // namespace

std::unique_ptr<Communicator> everyone(Transport& transport) {
  std::vector<int> ranks(transport.size());
  std::iota(ranks.begin(), ranks.end(), 0);
  return transport.make_communicator(ranks);
}

std::string broadcast_text(Communicator& all, std::string text) { return from(all, std::move(text), 0); }

std::vector<std::string> gather_texts(Communicator& all, const std::string& text) {
  std::vector<std::string> texts;
  for (int r = 0; r < all.size(); ++r) texts.push_back(from(all, r == all.rank() ? text : "", r));
  return texts;
}

}  // namespace cordata::runtime
