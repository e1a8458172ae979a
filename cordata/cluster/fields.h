// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace cordata::cluster {

// What a field of a cluster file must be, as its error says it.
struct Wanted {
  const char* what;     // "a number above 0"
  const char* unit;     // "bytes"; "" for texts and counts that name themselves
  const char* example;  // as it would stand in the file
  double least = 0;
  bool above = true;  // than `least`; else `least` itself will do, too
  double most = 1e300;
};

constexpr Wanted above_zero(const char* unit, const char* example) {
  return {"a number above 0", unit, example};
}
constexpr Wanted zero_or_more(const char* unit, const char* example) {
  return {"a number, 0 or more", unit, example, 0, false};
}
constexpr Wanted one_or_more(const char* unit, const char* example) {
  return {"a number, 1 or more", unit, example, 1, false};
}
constexpr Wanted count(const char* unit, const char* example, double least = 1, double most = 1e6) {
  return {least == 0 ? "a whole number from 0 to 1000000" : "a whole number from 1 to 1000000",
          unit,
          example,
          least,
          false,
          most};
}
constexpr Wanted some_text(const char* example) { return {"a text", "", example}; }

// [cluster] PATH: wanted WHAT (UNIT), got GOT; for example EXAMPLE. A user error.
[[noreturn]] void refuse(const std::string& path, const Wanted& wanted, const std::string& got);

// The value as a number; refuses it under that path.
double number_of(const nlohmann::json& value, const std::string& path, const Wanted& wanted);

// The members of one object of a cluster file, each checked as it is read. `path` is the object's own
// ("device"; "" for the file).
class Fields {
 public:
  // Refuses what is no object, and members that are not in `known`.
  Fields(const nlohmann::json& object, std::string path, std::initializer_list<const char*> known,
         const char* example);

  bool has(const char* key) const { return object_.contains(key); }
  double number(const char* key, const Wanted& wanted) const;
  int whole(const char* key, const Wanted& wanted) const;
  std::string text(const char* key, const Wanted& wanted) const;
  // Where the file may leave it out.
  double number_or(double other, const char* key, const Wanted& w) const {
    return has(key) ? number(key, w) : other;
  }
  int whole_or(int other, const char* key, const Wanted& w) const { return has(key) ? whole(key, w) : other; }
  std::string text_or(const char* other, const char* key, const Wanted& w) const {
    return has(key) ? text(key, w) : other;
  }
  // A member that is an object or a list of its own.
  const nlohmann::json& value(const char* key, const Wanted& wanted) const;
  std::string path_of(std::string_view key) const;

 private:
  const nlohmann::json& object_;
  std::string path_;
};

// JSON with every NaN, Infinity and number beyond doubles as a text, so that its field can be named.
std::string quote_unreal_numbers(std::string_view text);

}  // namespace cordata::cluster
