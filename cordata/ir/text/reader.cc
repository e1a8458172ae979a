// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/text/reader.h"

#include <algorithm>

#include "cordata/base/error.h"
#include "cordata/ir/text.h"
#include "cordata/ir/text/attributes.h"
#include "cordata/ir/text/index.h"

namespace cordata::ir {
namespace text {
namespace {

// Placements for another partitioner; they don't change what is computed.
void drop_shardings(AttrDict& attrs) {
  attrs.erase_if(
      [](const AttrDict::Entry& e) { return e.first == "mhlo.sharding" || e.first.starts_with("sdy."); });
}

constexpr std::string_view kDynamic[] = {"stablehlo.dynamic_broadcast_in_dim",
                                         "stablehlo.dynamic_conv",
                                         "stablehlo.dynamic_gather",
                                         "stablehlo.dynamic_iota",
                                         "stablehlo.dynamic_pad",
                                         "stablehlo.dynamic_reshape",
                                         "stablehlo.real_dynamic_slice",
                                         "stablehlo.set_dimension_size"};

OpKind kind_named(Cursor& c, std::string_view full, size_t at) {
  if (auto kind = op_kind(full)) return *kind;
  if (std::ranges::find(kDynamic, full) != std::end(kDynamic)) {
    c.fail_at(at,
              fmt::format("wanted an op with static shapes, got {}; dynamic shapes are not supported", full));
  }
  if (full.starts_with("stablehlo.uniform_")) {
    c.fail_at(at,
              fmt::format("wanted an op on plain types, got {}; quantised types are not supported", full));
  }
  c.fail_at(at, fmt::format("wanted an op of StableHLO or CHLO, got {}", full));
}

bool is_return(std::string_view op) {
  return op == "return" || op == "func.return" || op == "stablehlo.return";
}
bool is_call(std::string_view op) { return op == "call" || op == "func.call"; }

}  // namespace

Graph Reader::read() {
  Cursor top(source_, source_.text.size(), 1);
  const Function* entry = nullptr;
  for (const Function& f : source_.functions) {
    if (f.name == "main") entry = &f;
  }
  int publics = std::ranges::count_if(source_.functions, [](const Function& f) { return f.is_public; });
  if (!entry && publics == 1) {
    entry = &*std::ranges::find_if(source_.functions, [](const Function& f) { return f.is_public; });
  }
  if (!entry)
    top.fail_at(0,
                fmt::format("wanted a function @main or one public function, got {} public ones", publics));
  std::vector<AttrDict> result_attrs;
  Values results = read_function(*entry, nullptr, nullptr, 0, &result_attrs);
  builder_.set_module_attrs(source_.attrs);
  return builder_.finish(std::move(results), std::move(result_attrs));
}

Reader::Values Reader::read_function(const Function& f, const Values* args, Cursor* call, size_t call_at,
                                     std::vector<AttrDict>* result_attrs) {
  Cursor c(source_, f.generic ? f.body : f.signature, f.line);
  Scope outer;
  std::swap(outer, scope_);
  std::vector<Type> arg_types;
  auto bind = [&](std::string_view name, const Type& type, AttrDict attrs) {
    size_t i = arg_types.size();
    arg_types.push_back(type);
    ValueId v;
    if (!args) {
      drop_shardings(attrs);
      v = builder_.arg(type, std::string(name), std::move(attrs));
    } else if (i < args->size()) {
      v = (*args)[i];
      if (builder_.type(v) != type) {
        call->fail_at(call_at, fmt::format("wanted {} as argument {} of @{}, got {}", to_string(type), i,
                                           f.name, to_string(builder_.type(v))));
      }
    }
    if (v.valid()) define(c, name, v, 1);
  };
  std::vector<Type> results;
  bool declared = !f.generic;
  auto read_arg = [&](size_t i) {
    std::string_view name = c.value_name();
    c.expect(':');
    Type type = read_type(c);
    AttrDict attrs;
    read_optional_dict(c, attrs);
    if (f.generic && i < f.arg_attrs.size()) attrs = f.arg_attrs[i];
    c.skip_location();
    bind(name, type, std::move(attrs));
  };
  if (f.generic) {
    if (c.accept('^')) {
      c.suffix_id();
      if (c.accept('(')) {
        size_t i = 0;
        if (!c.accept(')')) {
          do read_arg(i++);
          while (c.accept(','));
          c.expect(')');
        }
      }
      c.expect(':');
    }
    if (result_attrs) *result_attrs = f.result_attrs;
  } else {
    c.expect('(');
    if (!c.accept(')')) {
      do read_arg(0);
      while (c.accept(','));
      c.expect(')');
    }
    if (c.accept("->")) {
      bool many = c.accept('(');
      if (!many || !c.accept(')')) {
        do {
          results.push_back(read_type(c));
          AttrDict attrs;
          if (many) read_optional_dict(c, attrs);
          drop_shardings(attrs);
          if (result_attrs) result_attrs->push_back(std::move(attrs));
        } while (many && c.accept(','));
        if (many) c.expect(')');
      }
    }
    c.jump(f.body);
  }
  if (args && args->size() != arg_types.size()) {
    call->fail_at(call_at,
                  fmt::format("wanted {} arguments for @{}, got {}", arg_types.size(), f.name, args->size()));
  }
  active_.push_back(&f);
  Values out = read_ops(c);
  active_.pop_back();
  c.expect('}');
  if (declared) {
    bool same = out.size() == results.size();
    for (size_t i = 0; same && i < out.size(); ++i) same = builder_.type(out[i]) == results[i];
    if (!same)
      c.fail_at(f.signature, fmt::format("wanted @{} to return what it declares, got other types", f.name));
  }
  std::swap(outer, scope_);
  return out;
}

Reader::Values Reader::read_ops(Cursor& c) {
  Nesting nesting(c, depth_);
  while (true) {
    if (source_.file) source_.file->read_up_to(c.at());
    std::vector<Result> names;
    if (c.peek() == '%') {
      do {
        std::string_view name = c.value_name();
        int64_t count = c.accept(':') ? c.integer() : 1;
        if (count < 1 || count > 1 << 20) c.fail("a number of results from 1");
        names.push_back({name, static_cast<int>(count)});
      } while (c.accept(','));
      c.expect('=');
    }
    if (names.empty()) {
      size_t at = (c.peek(), c.at());
      bool quoted = c.peek() == '"';
      std::string_view op = quoted ? c.raw_string() : c.word("an op");
      if (is_return(op)) {
        if (quoted) c.expect('(');
        Values out = operands(c);
        if (quoted) c.expect(')');
        AttrDict ignored;
        read_optional_dict(c, ignored);
        if (c.accept(':')) {
          if (quoted)
            read_function_type(c);
          else
            read_types(c);
        }
        c.skip_location();
        if (c.peek() != '}') c.fail("'}' after the return (regions have one block)");
        return out;
      }
      c.jump(at);
    }
    read_op(c, std::move(names));
  }
}

void Reader::read_op(Cursor& c, std::vector<Result> names) {
  OpText op{};
  op.at = (c.peek(), c.at());
  op.line = c.line();
  bool quoted = c.peek() == '"';
  std::string_view full = quoted ? c.raw_string() : c.word("an op");
  Values out;
  if (is_call(full)) {
    std::string callee = quoted ? "" : c.symbol();
    c.expect('(');
    Values args = operands(c);
    c.expect(')');
    if (quoted) {
      if (c.accept('<')) {
        read_optional_dict(c, op.attrs);
        c.expect('>');
      }
    }
    read_optional_dict(c, op.attrs);
    if (auto it = op.attrs.find("callee"); quoted && it != op.attrs.end()) callee = it->second.text();
    c.expect(':');
    read_function_type(c);
    c.skip_location();
    out = read_call(c, callee, op.at, args);
  } else if (full.starts_with("check.")) {
    read_check(c, op, full, quoted);
    c.skip_location();
    out = emit(c, op);
  } else {
    op.kind = kind_named(c, full, op.at);
    if (quoted)
      read_generic(c, op);
    else
      read_custom(c, op);
    c.skip_location();
    out = emit(c, op);
  }
  size_t total = 0;
  for (const Result& r : names) total += r.count;
  if (total != out.size() && !names.empty()) {
    c.fail_at(op.at, fmt::format("wanted names for {} results of {}, got {}", out.size(), full, total));
  }
  // Results of an inlined call need not be neighbours; each takes a slot of its own then.
  size_t i = 0;
  for (const Result& r : names) {
    bool neighbours = true;
    for (int k = 1; k < r.count; ++k) neighbours &= out[i + k].index == out[i].index + k;
    if (neighbours) {
      define(c, r.name, out[i], r.count);
    } else {
      spread_[r.name] = Values(out.begin() + i, out.begin() + i + r.count);
      define(c, r.name, ValueId(), r.count);
    }
    i += r.count;
  }
}

Reader::Values Reader::read_call(Cursor& c, const std::string& callee, size_t at, const Values& args) {
  auto it = source_.by_name.find(callee);
  if (it == source_.by_name.end())
    c.fail_at(at, fmt::format("wanted a function of the module, got @{}", callee));
  const Function& f = source_.functions[it->second];
  if (std::ranges::find(active_, &f) != active_.end()) {
    c.fail_at(at, fmt::format("wanted functions that don't call themselves, got a recursion of @{}", callee));
  }
  if (++calls_ > kMaxCalls) c.fail_at(at, "wanted at most 100000 calls to inline, got more");
  auto spread = std::move(spread_);
  spread_.clear();
  Values out = read_function(f, &args, &c, at, nullptr);
  spread_ = std::move(spread);
  return out;
}

Reader::Values Reader::emit(Cursor& c, OpText& op) {
  drop_shardings(op.attrs);
  if (op.operands.size() != op.type.inputs.size()) {
    c.fail_at(op.at, fmt::format("wanted types for {} operands of {}, got {}", op.operands.size(),
                                 name(op.kind), op.type.inputs.size()));
  }
  for (size_t i = 0; i < op.operands.size(); ++i) {
    if (builder_.type(op.operands[i]) != op.type.inputs[i]) {
      c.fail_at(op.at,
                fmt::format("wanted {} as the type of operand {}, as it was defined, got {}",
                            to_string(builder_.type(op.operands[i])), i, to_string(op.type.inputs[i])));
    }
  }
  if (op.kind == OpKind::kComposite) {
    Values args = op.operands;
    return read_call(c, op.attrs.contains("decomposition") ? op.attrs["decomposition"].text() : "", op.at,
                     args);
  }
  if (auto it = op.attrs.find("called_computations"); it != op.attrs.end()) {
    if (!it->second.array().empty())
      c.fail_at(op.at, "wanted a custom call without called computations, got one with some");
    op.attrs.erase(it);
  }
  NodeId id = placed(c, op.at, [&] {
    return builder_.create(op.kind, std::move(op.operands), std::move(op.attrs), std::move(op.type.results),
                           std::move(op.regions), op.line);
  });
  const Node& node = builder_.node(id);
  Values out;
  for (int i = 0; i < node.num_results; ++i) out.push_back(node.result(i));
  return out;
}

void Reader::define(Cursor& c, std::string_view name, ValueId first, int count) {
  if (!scope_.define(name, {first, count})) c.fail(fmt::format("%{} to be defined once", name));
}

ValueId Reader::operand(Cursor& c) {
  size_t at = (c.peek(), c.at());
  std::string_view name = c.value_name();
  const Scope::Slot* slot = scope_.find(name);
  if (!slot) c.fail_at(at, fmt::format("wanted a value defined before, got %{}", name));
  int64_t index = 0;
  if (c.ahead(0) == '#') {
    c.jump(c.at() + 1);
    index = c.integer();
  }
  if (index < 0 || index >= slot->count) {
    c.fail_at(at, fmt::format("wanted one of the {} results of %{}, got #{}", slot->count, name, index));
  }
  if (!slot->first.valid()) return spread_.at(name)[index];
  return ValueId(slot->first.index + index);
}

Reader::Values Reader::operands(Cursor& c) {
  Values out;
  if (c.peek() != '%') return out;
  do out.push_back(operand(c));
  while (c.accept(','));
  return out;
}

RegionId Reader::read_region(Cursor& c, const std::vector<std::string_view>* names,
                             const std::vector<Type>* types) {
  c.expect('{');
  size_t mark = scope_.mark();
  std::vector<std::string_view> own_names;
  std::vector<Type> own_types;
  if (names) {
    own_names = *names;
    own_types = *types;
  } else if (c.accept('^')) {
    c.suffix_id();
    if (c.accept('(') && !c.accept(')')) {
      do {
        own_names.push_back(c.value_name());
        c.expect(':');
        own_types.push_back(read_type(c));
        c.skip_location();
      } while (c.accept(','));
      c.expect(')');
    }
    c.expect(':');
  }
  RegionId id = builder_.begin_region(own_types);
  for (size_t i = 0; i < own_names.size(); ++i) define(c, own_names[i], builder_.region_args(id)[i], 1);
  Values results = read_ops(c);
  c.expect('}');
  builder_.end_region(std::move(results));
  scope_.forget(mark);
  return id;
}

}  // namespace text

Graph read_module(std::string_view text, const std::string& origin) {
  text::Source source = text::index_module(text, origin, nullptr);
  return text::Reader(source).read();
}

Graph read_module_file(const std::string& path) {
  text::ModuleFile file(path);
  text::Source source = text::index_module(file.text(), path, &file);
  return text::Reader(source).read();
}

}  // namespace cordata::ir
