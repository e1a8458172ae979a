// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/fixes.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include "cordata/base/error.h"
#include "cordata/planner/baselines/restrictions.h"

namespace cordata::planner {
namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(at, begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

std::optional<int> whole_number(const std::string& text) {
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool read = error == std::errc() && end == text.data() + text.size() && n >= 0;
  return read ? std::optional(n) : std::nullopt;
}

// "3" or "0-3": the first, and how many.
std::pair<int, int> range(const std::string& key, const std::string& value) {
  const auto parts = split(value, '-');
  const auto first = whole_number(parts.front()), last = whole_number(parts.back());
  if (parts.size() > 2 || !first || !last || *last < *first)
    throw base::user_error("[planner] --fix {}={}: wanted the first and the last, such as 0-3, or one number",
                           key, value);
  return {*first, *last - *first + 1};
}

std::vector<int64_t> shape(const std::string& value) {
  std::vector<int64_t> out;
  for (const auto& part : split(value, 'x')) {
    const auto n = whole_number(part);
    if (!n || *n < 1)
      throw base::user_error("[planner] --fix mesh={}: wanted a shape such as 4 or 2x4", value);
    if (*n > 1) out.push_back(*n);
  }
  return out;
}

void set(Fix& fix, const std::string& key, const std::string& value) {
  if (key == "devices") {
    std::tie(fix.first_device, fix.devices) = range(key, value);
  } else if (key == "mesh") {
    fix.mesh = shape(value), fix.mesh_given = true;
  } else if (key == "sharding") {
    fix.sharding = split(value, '/');
    const auto names = restriction_names();
    for (const auto& name : fix.sharding)
      if (std::find(names.begin(), names.end(), name) == names.end())
        throw base::user_error(
            "[planner] --fix sharding={}: no sharding '{}'; there are {}; one for each axis "
            "of the mesh, such as batch/tensor, or one for all",
            value, name, fmt::join(names, ", "));
  } else {
    throw base::user_error(
        "[planner] --fix: no key '{}'; there are stage=0-11 (layers), devices=0-3, "
        "mesh=2x2, sharding=batch/tensor",
        key);
  }
}

}  // namespace

std::optional<std::vector<std::string>> Fix::on_view(const std::vector<int64_t>& view) const {
  if (mesh_given && view != mesh) return std::nullopt;
  if (sharding.size() > 1 && sharding.size() != view.size()) return std::nullopt;
  if (sharding.empty()) return std::vector<std::string>(view.size(), "free");
  return sharding.size() == 1 ? std::vector(view.size(), sharding[0]) : sharding;
}

std::vector<Fix> parse_fixes(const std::vector<std::string>& words) {
  std::vector<Fix> out;
  for (const auto& word : words) {
    for (const auto& part : split(word, ',')) {
      const auto equals = part.find('=');
      if (equals == std::string::npos || equals == 0)
        throw base::user_error("[planner] --fix: wanted KEY=VALUE, got '{}'", part);
      const auto key = part.substr(0, equals), value = part.substr(equals + 1);
      if (key == "stage") {
        Fix& fix = out.emplace_back();
        const auto [first, count] = range(key, value);
        fix.first_layer = first, fix.last_layer = first + count;
      } else if (out.empty()) {
        throw base::user_error("[planner] --fix: wanted stage=FIRST-LAST (its layers) first, got '{}'", part);
      } else {
        set(out.back(), key, value);
      }
      out.back().words += (out.back().words.empty() ? "" : " ") + part;
    }
  }
  std::sort(out.begin(), out.end(), [](const Fix& a, const Fix& b) { return a.first_layer < b.first_layer; });
  return out;
}

void check_fixes(const std::vector<Fix>& fixes, int layers, int devices) {
  for (size_t i = 0; i < fixes.size(); ++i) {
    const Fix& fix = fixes[i];
    if (fix.last_layer > layers)
      throw base::user_error("[planner] --fix {}: the step has {} layers, 0 to {}", fix.words, layers,
                             layers - 1);
    if (i > 0 && fixes[i - 1].last_layer > fix.first_layer)
      throw base::user_error("[planner] --fix {}: layer {} is fixed by {} too", fix.words, fix.first_layer,
                             fixes[i - 1].words);
    if (fix.first_device + fix.devices > devices)
      throw base::user_error("[planner] --fix {}: the cluster has {} devices, 0 to {}", fix.words, devices,
                             devices - 1);
    int64_t size = 1;
    for (const int64_t n : fix.mesh) size *= n;
    if (fix.mesh_given && fix.devices > 0 && size != fix.devices)
      throw base::user_error("[planner] --fix {}: the mesh has {} devices, the stage {}", fix.words, size,
                             fix.devices);
  }
}

const Fix* fix_of(const std::vector<Fix>& fixes, int layer) {
  for (const Fix& fix : fixes)
    if (fix.first_layer <= layer && layer < fix.last_layer) return &fix;
  return nullptr;
}

bool allowed(const std::vector<Fix>& fixes, const StageKey& key) {
  for (const Fix& fix : fixes) {
    if (key.last_layer <= fix.first_layer || key.first_layer >= fix.last_layer) continue;
    if (key.first_layer != fix.first_layer || key.last_layer != fix.last_layer) return false;
    if (fix.devices > 0 && (key.devices != fix.devices || key.first_device != fix.first_device)) return false;
    int64_t size = 1;
    for (const int64_t n : fix.mesh) size *= n;
    return !fix.mesh_given || size == key.devices;
  }
  return true;
}

}  // namespace cordata::planner
