// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <vector>

#include "cordata/base/did_you_mean.h"
#include "cordata/cli/verb.h"

namespace cordata::cli {
namespace {

using base::user_error;

constexpr int kInterrupted = 130;

void on_interrupt(int) {
  constexpr std::string_view words = "\ncordata: interrupted\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, words.data(), words.size());
  _exit(kInterrupted);
}

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw base::environment_error("[cli] can't write to standard output: {}", std::strerror(errno));
}

const Verb* find_verb(std::string_view name) {
  for (const Verb& v : verb_table())
    if (v.name == name) return &v;
  return nullptr;
}

std::vector<std::string> verb_names() {
  std::vector<std::string> names;
  for (const Verb& v : verb_table())
    if (!v.hidden) names.emplace_back(v.name);
  return names;
}

std::string general_help() {
  std::string text =
      "cordata: plans and runs training over many devices\n\nUsage: cordata VERB [ARGUMENTS] "
      "[--json]\n\nVerbs:\n";
  for (const Verb& v : verb_table())
    if (!v.hidden) text += fmt::format("  {:<14}{}\n", v.name, v.summary);
  return text +
         "\n`cordata VERB --help` shows a verb's options and examples. --json prints one JSON document on "
         "stdout.\n"
         "Exit status: 0 done, 1 internal error, 2 wrong usage or bad input, 3 a device or rank failed, 4 no "
         "plan fits\n"
         "(or was found in time), 5 a check didn't hold, 130 interrupted.\n";
}

// Flags are looked at before anything else is parsed, so that a misspelt one is what the message is about.
void check_flags(const CLI::App& app, const Verb& verb, const std::vector<std::string>& args) {
  for (const std::string& arg : args) {
    if (arg == "--") return;
    const bool is_long = arg.starts_with("--");
    const bool is_short =
        !is_long && arg.size() > 1 && arg[0] == '-' && !std::isdigit(arg[1]) && arg[1] != '.';
    if (!is_long && !is_short) continue;
    const std::string flag = is_long ? arg.substr(0, arg.find('=')) : arg.substr(0, 2);
    if (app.get_option_no_throw(flag)) continue;
    std::vector<std::string> known;
    for (const CLI::Option* o : app.get_options())
      for (const std::string& name : o->get_lnames()) known.push_back("--" + name);
    throw user_error("[cli] cordata {} has no flag '{}'.{} `cordata {} --help` lists them", verb.name, flag,
                     base::did_you_mean(flag, known), verb.name);
  }
}

// CLI11 reads words from the last to the first.
void parse(CLI::App& app, const Verb& verb, std::vector<std::string> args) {
  check_flags(app, verb, args);
  std::reverse(args.begin(), args.end());
  try {
    app.parse(std::move(args));
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::ParseError& e) {
    throw user_error("[cli] cordata {}: {}; try `cordata {} --help`", verb.name, e.what(), verb.name);
  }
}

int report(const base::Error& error, const Context& context, bool answered) {
  const int status = base::exit_status(error.kind());
  if (context.json && !answered)
    fmt::print("{}\n", nlohmann::ordered_json{{"error", error.what()}, {"status", status}}.dump(
                           1, ' ', false, nlohmann::json::error_handler_t::replace));
  std::fflush(stdout);
  fmt::print(stderr, "cordata: {}\n", error.what());
  return status;
}

std::string own_path(const char* argv0) {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? argv0 : path.string();
}

// Runs the verb; `answered` says whether anything stands on stdout.
int run_verb(const Verb& verb, Context& context, std::vector<std::string> args, bool& answered) {
  CLI::App app{std::string(verb.summary), "cordata " + std::string(verb.name)};
  app.get_formatter()->column_width(34);
  app.footer("Examples:\n" + std::string(verb.examples));
  app.add_flag("--json", context.json, "Print one JSON document on stdout");
  const auto run = verb.declare(app);
  try {
    parse(app, verb, std::move(args));
  } catch (const CLI::CallForHelp&) {
    print(app.help());
    return 0;
  }
  const Answer answer = run(context);
  answered = true;
  if (context.json && !answer.json.is_null())
    print(answer.json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  else if (!context.json)
    print(answer.text);
  if (answer.failure) throw *answer.failure;
  return answer.status;
}

int run_words(const std::vector<std::string>& words, Context& context, bool& answered) {
  const std::string& first = words[0];
  if (first == "help" && words.size() > 1) return run_words({words[1], "--help"}, context, answered);
  if (first == "--help" || first == "-h" || first == "help") return print(general_help()), 0;
  if (first == "--version") return print("cordata " CORDATA_VERSION "\n"), 0;
  const Verb* verb = find_verb(first);
  if (!verb && first.starts_with("-"))
    throw user_error("[cli] wanted a verb first, got '{}'; try `cordata --help`", first);
  if (!verb)
    throw user_error("[cli] no verb '{}'.{} `cordata --help` lists them", first,
                     base::did_you_mean(first, verb_names()));
  return run_verb(*verb, context, {words.begin() + 1, words.end()}, answered);
}

}  // namespace

void Context::say(std::string_view text) const {
  if (!json) print(text);
}

int run_command(int argc, const char* const* argv) {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGPIPE, SIG_DFL);  // `cordata ... | head` ends quietly, whatever the parent ignores
  Context context;
  context.program = own_path(argv[0]);
  const std::vector<std::string> words(argv + 1, argv + argc);
  context.json =
      std::find(words.begin(), words.end(), "--json") != words.end();  // for errors before parsing is done
  if (words.empty()) {
    fmt::print(stderr, "{}", general_help());
    return base::exit_status(base::ErrorKind::kUser);
  }
  bool answered = false;
  try {
    return run_words(words, context, answered);
  } catch (const base::Error& e) {
    return report(e, context, answered);
  } catch (const std::bad_alloc&) {
    return report(base::environment_error("[cli] out of memory on this machine"), context, answered);
  } catch (const std::exception& e) {
    return report(base::internal_error("[cli] a mistake in Cordata: {}", e.what()), context, answered);
  }
}

}  // namespace cordata::cli
