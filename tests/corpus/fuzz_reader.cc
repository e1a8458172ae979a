// SPDX-License-Identifier: Apache-2.0
// fuzz_reader [--count N] [--seed S] [--print] FILE.mlir... : reads N damaged texts, numbers S to S + N - 1.
// Each must be read, or refused with a user error that names the place; what is read must be written, and
// read back as the same module. Exit status 1, or a signal, after a line with the number of the text; --seed
// NUMBER --count 1 --print shows that one.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cordata/base/error.h"
#include "cordata/ir/checks.h"
#include "cordata/ir/text.h"
#include "tests/corpus/mutate.h"

using namespace cordata;

namespace {

volatile uint64_t current = 0;

void on_crash(int signal) {
  char digits[32];
  int n = 0;
  for (uint64_t rest = current; n == 0 || rest > 0; rest /= 10)
    digits[n++] = static_cast<char>('0' + rest % 10);
  const char words[] = "crashed, or took 20 seconds, at --seed ";
  [[maybe_unused]] auto written = ::write(2, words, sizeof words - 1);
  while (n > 0) written = ::write(2, &digits[--n], 1);
  written = ::write(2, "\n", 1);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

enum class Outcome { kRead, kRefused };

Outcome read_one(const std::string& text) {
  std::optional<ir::Graph> graph;
  try {
    graph = ir::read_module(text, "mutated");
  } catch (const base::Error& e) {
    bool placed = std::string_view(e.what()).find("mutated:") != std::string_view::npos;
    if (e.kind() == base::ErrorKind::kUser && placed) return Outcome::kRefused;
    throw std::runtime_error(fmt::format("an error of another kind or without a place: {}", e.what()));
  }
  std::string written = ir::write_module(*graph);
  std::string again;
  try {
    again = ir::write_module(ir::read_module(written, "written"));
  } catch (const base::Error& e) {
    throw std::runtime_error(fmt::format("what was written is refused: {}", e.what()));
  }
  if (again != written) throw std::runtime_error("what was written reads back as another module");
  try {
    ir::strip_checks(*graph);
  } catch (const base::Error& e) {
    if (e.kind() != base::ErrorKind::kUser) throw;
  }
  return Outcome::kRead;
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t count = 10000, seed = 0;
  bool print = false;
  std::vector<std::string> corpus;
  for (int i = 1; i < argc; ++i) {
    std::string arg = argv[i];
    if (arg == "--print")
      print = true;
    else if (arg == "--count" && i + 1 < argc)
      count = std::stoull(argv[++i]);
    else if (arg == "--seed" && i + 1 < argc)
      seed = std::stoull(argv[++i]);
    else if (std::filesystem::file_size(arg) < 20000) {
      std::ifstream file(arg);
      corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
  }
  if (corpus.empty()) {
    fmt::print(stderr, "usage: fuzz_reader [--count N] [--seed S] [--print] FILE.mlir...\n");
    return 2;
  }
  for (int s : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS, SIGALRM}) std::signal(s, on_crash);
  fuzz::Mutator mutator(std::move(corpus));
  uint64_t read = 0;
  for (uint64_t i = 0; i < count; ++i) {
    current = seed + i;
    std::string text = mutator.text(current);
    if (print) fmt::print("{}\n", text);
    ::alarm(20);
    try {
      read += read_one(text) == Outcome::kRead;
    } catch (const std::exception& e) {
      fmt::print(stderr, "--seed {}: {}\n", seed + i, e.what());
      return 1;
    }
  }
  fmt::print("{} damaged texts from --seed {}: {} read, {} refused\n", count, seed, read, count - read);
}
