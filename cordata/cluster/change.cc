// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/change.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "cordata/base/did_you_mean.h"
#include "cordata/base/error.h"
#include "cordata/base/units.h"

namespace cordata::cluster {
namespace {

using nlohmann::json;

// How fields' names end, longest first, and what reads a value that has a unit.
struct Unit {
  std::string_view suffix;
  double (*parse)(const std::string& word);
};
constexpr Unit kUnits[] = {
    {"_flops_per_s", nullptr},
    {"_bytes_per_s", [](const std::string& word) { return base::parse_bandwidth(word).value; }},
    {"_bytes", [](const std::string& word) { return base::parse_bytes(word).value; }},
    {"_s", nullptr}};

// Objects that a file may do without: their fields can be set all the same.
constexpr std::string_view kMayBeAdded[] = {"racks", "price"};

const Unit* unit_of(std::string_view key) {
  for (const Unit& u : kUnits)
    if (key.ends_with(u.suffix)) return &u;
  return nullptr;
}

std::string without_unit(const std::string& key) {
  const Unit* unit = unit_of(key);
  return unit ? key.substr(0, key.size() - unit->suffix.size()) : key;
}

// "intra.links[3].count" -> intra, links, 3, count.
std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> out(1);
  for (const char c : path) {
    if (c == '.' || c == '[')
      out.emplace_back();
    else if (c != ']')
      out.back() += c;
  }
  return out;
}

[[noreturn]] void no_field(const std::string& path, const std::string& word,
                           const std::vector<std::string>& known) {
  throw base::user_error("[cluster] {}: wanted a field of the cluster, got '{}'.{} There are: {}", path, word,
                         base::did_you_mean(word, known), fmt::join(known, ", "));
}

json& element(json& list, const std::string& path, const std::string& word) {
  size_t i = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), i);
  if (error != std::errc() || end != word.data() + word.size() || i >= list.size())
    throw base::user_error("[cluster] {}: wanted an index from 0 to {}, got '{}'", path, list.size() - 1,
                           word);
  return list[i];
}

bool may_be_added(std::string_view key) {
  return std::ranges::find(kMayBeAdded, key) != std::end(kMayBeAdded);
}

// The member that a word names, with or without its unit.
std::string member(const json& object, const std::string& path, const std::string& word) {
  if (object.contains(word)) return word;
  std::vector<std::string> known;
  for (const auto& [key, unused] : object.items()) {
    if (without_unit(key) == word) return key;
    known.push_back(without_unit(key));
  }
  no_field(path, word, known);
}

std::optional<double> number(std::string_view word) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Whole numbers stay whole: counts are.
json as_json(double value) {
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  return whole ? json(static_cast<int64_t>(value)) : json(value);
}

json read_value(const json& old, const std::string& path, const std::string& key, const std::string& word) {
  if (word.ends_with('x'))
    if (const auto times = number(std::string_view(word).substr(0, word.size() - 1))) {
      if (!old.is_number())
        throw base::user_error("[cluster] {}: wanted a value of its own, as it is no number yet, got '{}'",
                               path, word);
      return as_json(old.get<double>() * *times);
    }
  if (const auto plain = number(word)) return as_json(*plain);
  const Unit* unit = unit_of(key);
  if (unit && unit->parse) try {
      return as_json(unit->parse(word));
    } catch (const base::Error& e) {
      throw base::user_error("[cluster] {}: {}; or so many times what it is, such as 2x", path, e.what());
    }
  return word;
}

}  // namespace

void change_field(json& cluster, const std::string& path, const std::string& value) {
  json* at = &cluster;
  std::string key;
  bool open = false;  // any member may be set: reading the JSON says which there are
  for (const std::string& word : parts_of(path)) {
    if (at->is_array()) {
      at = &element(*at, path, key = word);
      continue;
    }
    if (!at->is_object() && !at->is_null()) no_field(path, word, {"none in " + key});
    const bool add = at == &cluster && may_be_added(word);
    key = open || add ? word : member(*at, path, word);
    open = open || add;
    at = &(*at)[key];
  }
  if (at->is_structured())
    throw base::user_error("[cluster] {}: wanted one of its fields, got '{}' for all of them; it is {}", path,
                           value, at->dump());
  *at = read_value(*at, path, key, value);
}

}  // namespace cordata::cluster
