// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unordered_map>

#include "cordata/base/error.h"
#include "cordata/ir/builder.h"
#include "cordata/ir/text/formats.h"
#include "cordata/ir/text/scope.h"
#include "cordata/ir/text/types.h"

namespace cordata::ir::text {

// An op while it is being read.
struct OpText {
  OpKind kind;
  size_t at = 0;
  int line = 0;
  std::vector<ValueId> operands;
  AttrDict attrs;
  FunctionType type;
  std::vector<RegionId> regions;
};

// Reads functions into one graph; a call reads its callee's text in place.
class Reader {
 public:
  explicit Reader(const Source& source) : source_(source), builder_(source.name) {}
  Graph read();

 private:
  using Values = std::vector<ValueId>;
  struct Result {
    std::string_view name;
    int count;
  };

  Values read_function(const Function& f, const Values* args, Cursor* call, size_t call_at,
                       std::vector<AttrDict>* result_attrs);
  Values read_ops(Cursor& c);  // to the terminator; gives what it returns
  void read_op(Cursor& c, std::vector<Result> names);
  void read_generic(Cursor& c, OpText& op);
  void read_custom(Cursor& c, OpText& op);
  void run_step(Cursor& c, OpText& op, const Step& step);
  void custom_step(Cursor& c, OpText& op, const std::string& name);
  void read_op_types(Cursor& c, OpText& op, const std::string& how);
  void read_check(Cursor& c, OpText& op, std::string_view full, bool quoted);
  void read_while(Cursor& c, OpText& op);
  void read_reduce(Cursor& c, OpText& op);
  RegionId read_region(Cursor& c, const std::vector<std::string_view>* names, const std::vector<Type>* types);
  Values read_call(Cursor& c, const std::string& callee, size_t at, const Values& args);
  Values emit(Cursor& c, OpText& op);

  // Calls the builder; its user errors get the op's place.
  template <typename F>
  auto placed(Cursor& c, size_t at, F&& build) {
    try {
      return build();
    } catch (const base::Error& e) {
      if (e.kind() != base::ErrorKind::kUser) throw;
      c.fail_at(at, e.what());
    }
  }

  Values operands(Cursor& c);  // zero or more, comma-separated
  ValueId operand(Cursor& c);
  void define(Cursor& c, std::string_view name, ValueId first, int count);

  const Source& source_;
  GraphBuilder builder_;
  Scope scope_;
  std::unordered_map<std::string_view, Values> spread_;  // of names whose values are not neighbours
  static constexpr int kMaxCalls = 100000;
  int calls_ = 0;
  std::vector<const Function*> active_;
  int depth_ = 0;
};

}  // namespace cordata::ir::text
