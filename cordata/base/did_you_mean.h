// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cordata::base {

// Optimal string alignment: the fewest insertions, deletions, substitutions and swaps of neighbours that make
// `a` into `b`.
size_t edit_distance(std::string_view a, std::string_view b);

// The known word closest to `word`, or "" when none is close enough to be what was meant (more than a third
// of its letters would have to change, and it is no beginning of any).
std::string nearest(std::string_view word, std::span<const std::string> known);

// " Did you mean 'gpt-1.3b'?", or "" when nothing is close: to be put behind what was wrong.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace cordata::base
