// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cordata/base/error.h"

namespace CLI {
class App;
}

namespace cordata::cli {

// What every verb is told.
struct Context {
  bool json = false;    // stdout is for one JSON document: say nothing else there
  std::string program;  // the path of this executable, for ranks
  // Prints text for people on stdout at once; nothing under --json. Throws an environment error when stdout
  // is full.
  void say(std::string_view text) const;
};

// What a verb came to; the frame prints it on stdout: `json` under --json (nothing where there is none), else
// `text`.
struct Answer {
  nlohmann::ordered_json json;
  std::string text;
  std::optional<base::Error> failure;  // raised once the answer is printed: a check that didn't hold
  int status = 0;                      // to exit with where a rank has already said why
};

// One row of the table of verbs. A verb's file in verbs/ has one function that gives its row.
struct Verb {
  std::string_view name;
  std::string_view summary;
  std::string_view examples;  // lines "cordata plan ...   what it does"
  // Declares the options and gives what runs once they are parsed.
  std::function<Answer(const Context&)> (*declare)(CLI::App& app);
  bool hidden = false;  // started by Cordata itself
};

std::span<const Verb> verb_table();  // alphabetical

// The whole command: parses, runs the verb, prints, and gives the exit status (design, section 7).
int run_command(int argc, const char* const* argv);

}  // namespace cordata::cli
