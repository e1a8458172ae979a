// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace cordata::fuzz {

// Damages texts, the same way for the same seed: cuts, doubled and moved pieces, tokens for tokens of other
// texts.
class Mutator {
 public:
  explicit Mutator(std::vector<std::string> corpus);

  // A text of the corpus, cut or changed in one to eight places.
  std::string text(uint64_t seed) const;

 private:
  using Random = std::mt19937_64;
  void change(std::string& text, Random& random) const;
  std::string_view token(Random& random) const;

  std::vector<std::string> corpus_;
  std::vector<std::string_view> tokens_;  // all there are, each once
};

}  // namespace cordata::fuzz
