// SPDX-License-Identifier: Apache-2.0
#include "cordata/program/program.h"

#include <nlohmann/json.hpp>

namespace cordata::program {

std::string_view name(OpCode op) {
  constexpr std::string_view kNames[] = {"RUN", "SEND", "RECV", "LOAD", "ZERO", "MOVE", "FREE", "LOSS"};
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
  if (i.microbatch >= 0) j["microbatch"] = i.microbatch;
  for (const Piece& p : i.pieces)
    j["pieces"].push_back({{"peer", p.peer}, {"tag", p.tag}, {"local_slot", p.local_slot}, {"box", to_json(p.box)}});
  return j;
}

nlohmann::json to_json(const RankProgram& r) {
  nlohmann::json j{{"rank", r.rank}, {"stage", r.stage}, {"index_in_mesh", r.index_in_mesh}, {"slots", r.num_slots},
                   {"modules", r.modules}, {"device_index", r.device_index}};
  for (const Resident& res : r.residents)
    j["residents"].push_back({{"name", res.name}, {"index", res.index}, {"slot", res.slot}, {"type", ir::to_string(res.local)},
                              {"box", to_json(res.box)}, {"owner", res.owner}, {"primary", res.primary}});
  for (const Instruction& i : r.setup) j["setup"].push_back(to_json(i));
  for (const Instruction& i : r.step) j["step"].push_back(to_json(i));
  return j;
}

}  // namespace

nlohmann::json to_json(const Program& program, bool with_text) {
  nlohmann::json j{{"format", "cordata.program/1"}, {"num_ranks", program.num_ranks}, {"microbatches", program.microbatches},
                   {"batch", program.batch}, {"schedule", program.schedule}, {"communicators", program.communicators}};
  for (const ModuleText& m : program.modules) {
    nlohmann::json module{{"name", m.name}, {"stage", m.stage}, {"alias", m.alias}, {"collective", m.collective}};
    if (with_text) module["text"] = m.text;
    j["modules"].push_back(std::move(module));
  }
  for (const RankProgram& r : program.ranks) j["ranks"].push_back(to_json(r));
  return j;
}

}  // namespace cordata::program
