// SPDX-License-Identifier: Apache-2.0
// run_modules [--print DIR] [--no-run] FILE.mlir... : one JSON line a file, all in one process: module, read,
// status ("passed", "failed" with `why`, or "error" with its words), checks, passed. With --print DIR what
// the writer prints of each module, checks included, is left there.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cordata/base/error.h"
#include "cordata/ir/text.h"
#include "cordata/runtime/run_checked.h"

using namespace cordata;

int main(int argc, char** argv) {
  std::filesystem::path print_to;
  bool run_them = true;
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--print" && i + 1 < argc)
      print_to = argv[++i];
    else if (std::string(argv[i]) == "--no-run")
      run_them = false;
    else
      files.push_back(argv[i]);
  }
  runtime::Client client(runtime::Plugin::load(runtime::plugin_path()), {.threads = 1});
  for (const auto& file : files) {
    nlohmann::json line{{"module", file.stem()}, {"status", "error"}, {"read", false}};
    try {
      ir::Graph graph = ir::read_module_file(file);
      if (!print_to.empty()) {
        std::ofstream(print_to / file.filename()) << ir::write_module(graph);
      }
      line["read"] = true;
      line["status"] = "read";
      if (!run_them) {
        fmt::print("{}\n", line.dump());
        continue;
      }
      line["status"] = "error";
      auto run = runtime::run_checked(client, graph, runtime::Deadline::after(base::Seconds(60)));
      line["checks"] = run.checks.size();
      line["passed"] = run.passed();
      line["status"] = run.passed() == static_cast<int>(run.checks.size()) ? "passed" : "failed";
      for (auto& c : run.checks) {
        if (!c.held()) line["why"].push_back(std::string(ir::name(c.check.kind)) + ": " + c.difference);
      }
    } catch (const base::Error& e) {
      line["error"] = e.what();
    }
    fmt::print("{}\n", line.dump());
  }
}
