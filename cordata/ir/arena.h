// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace cordata::ir {

// A vector that only grows, in chunks: what is in it never moves, and growing never holds everything twice.
template <typename T>
class Arena {
 public:
  T& operator[](size_t i) { return chunks_[i / kChunk][i % kChunk]; }
  const T& operator[](size_t i) const { return chunks_[i / kChunk][i % kChunk]; }
  size_t size() const { return chunks_.empty() ? 0 : (chunks_.size() - 1) * kChunk + chunks_.back().size(); }

  T& push_back(T x) {
    if (chunks_.empty() || chunks_.back().size() == kChunk) chunks_.emplace_back();
    chunks_.back().reserve(kChunk);  // a copied arena's last chunk may be short
    return chunks_.back().emplace_back(std::move(x));
  }

 private:
  static constexpr size_t kChunk = 128;
  std::vector<std::vector<T>> chunks_;
};

}  // namespace cordata::ir
