// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/fields.h"

#include <algorithm>
#include <cmath>

#include "cordata/base/did_you_mean.h"
#include "cordata/base/error.h"

namespace cordata::cluster {
namespace {

using nlohmann::json;

std::string shown(const json& v) {
  if (v.is_number_float() && !std::isfinite(v.get<double>())) return fmt::format("{}", v.get<double>());
  const std::string text = v.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

bool within(double v, const Wanted& w) {
  return std::isfinite(v) && (w.above ? v > w.least : v >= w.least) && v <= w.most;
}

}  // namespace

void refuse(const std::string& path, const Wanted& w, const std::string& got) {
  throw base::user_error("[cluster] {}: wanted {}{}, got {}; for example {}",
                         path.empty() ? "the file" : path, w.what,
                         *w.unit ? fmt::format(" ({})", w.unit) : "", got, w.example);
}

double number_of(const json& v, const std::string& path, const Wanted& wanted) {
  if (!v.is_number() || !within(v.get<double>(), wanted)) refuse(path, wanted, shown(v));
  return v.get<double>();
}

Fields::Fields(const json& object, std::string path, std::initializer_list<const char*> known,
               const char* example)
    : object_(object), path_(std::move(path)) {
  if (!object.is_object()) refuse(path_, {"an object", "", example}, shown(object));
  const std::vector<std::string> keys(known.begin(), known.end());
  for (const auto& [key, unused] : object.items())
    if (std::ranges::find(keys, key) == keys.end())
      refuse(path_of(key), {"no such key", "", example},
             fmt::format("'{}'.{}", key, base::did_you_mean(key, keys)));
}

std::string Fields::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const json& Fields::value(const char* key, const Wanted& wanted) const {
  const auto it = object_.find(key);
  if (it == object_.end()) refuse(path_of(key), wanted, "nothing");
  return *it;
}

double Fields::number(const char* key, const Wanted& wanted) const {
  return number_of(value(key, wanted), path_of(key), wanted);
}

int Fields::whole(const char* key, const Wanted& wanted) const {
  const json& v = value(key, wanted);
  if (!v.is_number_integer() || !within(v.get<double>(), wanted)) refuse(path_of(key), wanted, shown(v));
  return v.get<int>();
}

std::string Fields::text(const char* key, const Wanted& wanted) const {
  const json& v = value(key, wanted);
  if (!v.is_string()) refuse(path_of(key), wanted, shown(v));
  return v.get<std::string>();
}

namespace {

// The end of the text literal that begins at `at`.
size_t end_of_text(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return std::min(at + 1, text.size());
}

bool is_unreal(const std::string& word) {
  for (const char* name : {"NaN", "Infinity", "-Infinity"})
    if (word == name) return true;
  char* end = nullptr;
  const double v = std::strtod(word.c_str(), &end);
  const bool digits = std::isdigit(static_cast<unsigned char>(word.back())) != 0;
  return digits && *end == 0 && !std::isfinite(v);
}

}  // namespace

std::string quote_unreal_numbers(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    size_t end = at + 1;
    if (c == '"') {
      end = end_of_text(text, at);
    } else if (std::isalnum(static_cast<unsigned char>(c)) || c == '-') {
      end = std::min(text.find_first_of(" \t\r\n,:]}\"", at), text.size());
    }
    const std::string word(text.substr(at, end - at));
    out += c != '"' && is_unreal(word) ? '"' + word + '"' : word;
    at = end;
  }
  return out;
}

}  // namespace cordata::cluster
