// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/resolve.h"

#include <algorithm>

#include "cordata/base/error.h"
#include "cordata/program/posts.h"

namespace cordata::runtime {
namespace {

using program::Instruction;
using program::OpCode;
using program::Slot;

class Resolver {
 public:
  Resolver(int rank, const std::map<int, CompiledModule>& modules,
           const std::vector<program::ModuleText>& texts, std::map<Slot, ir::Type>& slots)
      : rank_(rank), modules_(modules), texts_(texts), slots_(slots) {}

  ResolvedInstruction one(const Instruction& instruction) {
    ResolvedInstruction r;
    r.source = &instruction;
    switch (instruction.op) {
      case OpCode::kRun:
        run(r);
        break;
      case OpCode::kSend:
        send(r);
        break;
      case OpCode::kRecv:
        receive(r);
        break;
      case OpCode::kLoad:
      case OpCode::kNumber:
      case OpCode::kZero:
        make(r, instruction.type);
        break;
      case OpCode::kMove: {
        ir::Type type = type_of(r, instruction.args.at(0));
        slots_.erase(instruction.args[0]);
        slots_[instruction.results.at(0)] = std::move(type);
        break;
      }
      case OpCode::kFree:
        for (Slot slot : instruction.args) slots_.erase(slot);
        break;
      case OpCode::kLoss:
        type_of(r, instruction.args.at(0));
        break;
    }
    return r;
  }

 private:
  [[noreturn]] static void fail(const ResolvedInstruction& r, const std::string& what) {
    throw base::internal_error("[runtime.resolve] {} {}: {}", program::name(r.source->op), r.source->label,
                               what);
  }

  const ir::Type& type_of(const ResolvedInstruction& r, Slot slot) const {
    auto at = slots_.find(slot);
    if (at == slots_.end()) fail(r, fmt::format("wanted slot {} full, got it empty", slot));
    return at->second;
  }

  void make(ResolvedInstruction& r, const ir::Type& type) {
    if (r.source->results.size() != 1)
      fail(r, fmt::format("wanted one result, got {}", r.source->results.size()));
    r.bytes = type.num_bytes();
    slots_[r.source->results[0]] = type;
  }

  void run(ResolvedInstruction& r) {
    auto found = modules_.find(r.source->module);
    if (found == modules_.end())
      fail(r, fmt::format("wanted a module of this rank, got number {}", r.source->module));
    r.module = &found->second;
    const program::ModuleText& text = texts_[r.source->module];
    const auto& args = r.source->args;
    const auto& results = r.source->results;
    if (args.size() != text.args.size() || results.size() != text.results.size() ||
        static_cast<int>(results.size()) != r.module->executable.num_results()) {
      fail(r, fmt::format("wanted {} arguments and {} results, got {} and {}", text.args.size(),
                          text.results.size(), args.size(), results.size()));
    }
    for (size_t i = 0; i < args.size(); ++i) {
      if (type_of(r, args[i]) != text.args[i]) {
        fail(r, fmt::format("argument {}: wanted {}, got {}", i, ir::to_string(text.args[i]),
                            ir::to_string(type_of(r, args[i]))));
      }
      if (i < text.alias.size() && text.alias[i] >= 0) r.donated.push_back(args[i]);
    }
    for (Slot slot : r.donated) slots_.erase(slot);
    for (size_t i = 0; i < results.size(); ++i) slots_[results[i]] = text.results[i];
  }

  void send(ResolvedInstruction& r) {
    r.pack = runtime::pack(type_of(r, r.source->args.at(0)), r.source->box);
    r.bytes = r.pack.bytes();
  }

  void receive(ResolvedInstruction& r) {
    const ir::Type& type = r.source->type;
    for (const program::Piece& piece : r.source->pieces) {
      ResolvedPiece p{piece.peer, piece.tag};
      p.copy = unpack(type, piece.box);
      p.bytes = p.copy.bytes();
      p.local = piece.peer == rank_;
      if (p.local) {
        p.local_slot = piece.local_slot;
        const ir::Type& from = type_of(r, piece.local_slot);
        runtime::pack(from, piece.source);  // checks the box
        if (piece.source.extent != piece.box.extent || from.dtype != type.dtype) {
          fail(r, "wanted a local piece of the same extent and element type on both sides");
        }
        p.copy = BoxCopy(from.shape, piece.source.start, type.shape, piece.box.start, piece.box.extent,
                         ir::bytes_per_element(type.dtype));
      } else if (p.copy.one_run()) {
        p.in_place = true;
        p.offset = p.copy.to_offset();
      }
      r.pieces.push_back(std::move(p));
    }
    make(r, type);
  }

  int rank_;
  const std::map<int, CompiledModule>& modules_;
  const std::vector<program::ModuleText>& texts_;
  std::map<Slot, ir::Type>& slots_;
};

}  // namespace

ResolvedList resolve(const std::vector<Instruction>& list, int rank,
                     const std::map<int, CompiledModule>& modules,
                     const std::vector<program::ModuleText>& texts, std::map<Slot, ir::Type>& slots) {
  Resolver resolver(rank, modules, texts, slots);
  ResolvedList resolved;
  for (const Instruction& instruction : list) resolved.push_back(resolver.one(instruction));
  const auto posts = program::receives_posted_at(list);
  for (size_t i = 0; i < list.size(); ++i) resolved[i].post = posts[i];
  return resolved;
}

}  // namespace cordata::runtime
