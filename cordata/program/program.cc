// SPDX-License-Identifier: Apache-2.0
#include "cordata/program/program.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cordata/base/error.h"
#include "cordata/base/files.h"

namespace cordata::program {

std::string_view name(OpCode op) {
  constexpr std::string_view kNames[] = {"RUN",  "SEND", "RECV", "LOAD", "NUMBER",
                                         "ZERO", "MOVE", "FREE", "LOSS"};
  return kNames[static_cast<int>(op)];
}

namespace {

nlohmann::json to_json(const Box& box) { return {{"start", box.start}, {"extent", box.extent}}; }

nlohmann::json to_json(const Instruction& i) {
  nlohmann::json j{{"op", name(i.op)}, {"label", i.label}};
  if (!i.args.empty()) j["args"] = i.args;
  if (!i.results.empty()) j["results"] = i.results;
  if (i.module >= 0) j["module"] = i.module;
  if (i.peer >= 0) j["peer"] = i.peer, j["tag"] = i.tag, j["box"] = to_json(i.box);
  if (i.input >= 0) j["input"] = i.input, j["box"] = to_json(i.box);
  if (i.op != OpCode::kRun && i.op != OpCode::kMove && i.op != OpCode::kFree)
    j["type"] = ir::to_string(i.type);
  if (i.microbatch >= 0) j["microbatch"] = i.microbatch;
  for (const Piece& p : i.pieces)
    j["pieces"].push_back(
        {{"peer", p.peer}, {"tag", p.tag}, {"local_slot", p.local_slot}, {"box", to_json(p.box)}});
  return j;
}

nlohmann::json to_json(const RankProgram& r) {
  nlohmann::json j{{"rank", r.rank},       {"stage", r.stage},     {"index_in_mesh", r.index_in_mesh},
                   {"slots", r.num_slots}, {"modules", r.modules}, {"device_index", r.device_index}};
  for (const Resident& res : r.residents)
    j["residents"].push_back({{"name", res.name},
                              {"index", res.index},
                              {"slot", res.slot},
                              {"type", ir::to_string(res.local)},
                              {"box", to_json(res.box)},
                              {"owner", res.owner},
                              {"primary", res.primary}});
  for (const Instruction& i : r.setup) j["setup"].push_back(to_json(i));
  for (const Instruction& i : r.step) j["step"].push_back(to_json(i));
  return j;
}

std::string file_of(const ModuleText& module) {
  return fmt::format("stage{}.{}.mlir", module.stage, module.name);
}

// An array with a line for each element, those of inner lists of objects too: a list is read as a list.
std::string in_lines(const nlohmann::json& j, int indent) {
  const bool list = j.is_array() && !j.empty() && j[0].is_object(),
             object = j.is_object() && (j.contains("step") || j.contains("ranks"));
  if (!list && !object) return j.dump();
  std::string text;
  const std::string pad(indent + 1, ' ');
  for (const auto& [key, value] : j.items())
    text += (text.empty() ? "\n" : ",\n") + pad + (object ? nlohmann::json(key).dump() + ": " : "") +
            in_lines(value, indent + 1);
  return fmt::format("{}{}\n{}{}", list ? "[" : "{", text, pad.substr(1), list ? "]" : "}");
}

}  // namespace

nlohmann::json to_json(const Program& program) {
  nlohmann::json j{{"format", "cordata.program/1"},        {"num_ranks", program.num_ranks},
                   {"microbatches", program.microbatches}, {"batch", program.batch},
                   {"schedule", program.schedule},         {"communicators", program.communicators}};
  for (const ModuleText& m : program.modules) {
    j["modules"].push_back({{"name", m.name},
                            {"stage", m.stage},
                            {"alias", m.alias},
                            {"collective", m.collective},
                            {"file", file_of(m)}});
  }
  for (const RankProgram& r : program.ranks) j["ranks"].push_back(to_json(r));
  return j;
}

void write_program(const Program& program, const std::string& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) throw base::user_error("[program] can't make {}: {}", dir, error.message());
  for (const ModuleText& m : program.modules) base::write_file(dir + "/" + file_of(m), m.text);
  base::write_file(dir + "/program.json", in_lines(to_json(program), 0) + "\n");
}

}  // namespace cordata::program
