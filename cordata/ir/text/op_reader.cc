// SPDX-License-Identifier: Apache-2.0
// Ops in generic form, and custom assemblies as the table of formats.cc spells them.
#include "cordata/ir/text/attributes.h"
#include "cordata/ir/text/numbers.h"
#include "cordata/ir/text/reader.h"

namespace cordata::ir::text {
namespace {

std::string enum_kind(OpKind op, const std::string& attribute) {
  std::string_view full = name(op);
  std::string dialect(full.substr(0, full.find('.')));
  return dialect + "." + (attribute == "compare_type" ? "comparison_type" : attribute);
}

Attribute padding(std::vector<int64_t> flat) {
  int64_t n = static_cast<int64_t>(flat.size()) / 2;
  return Attribute::elements(dense_i64(std::move(flat), {n, 2}));
}

void read_window(Cursor& c, AttrDict& attrs) {
  c.expect('{');
  while (!c.accept('}')) {
    size_t at = (c.peek(), c.at());
    std::string_view key = c.word("stride, pad, lhs_dilate, rhs_dilate or reverse");
    c.expect('=');
    if (key == "stride")
      attrs["window_strides"] = Attribute::dense_array(read_integers(c));
    else if (key == "lhs_dilate")
      attrs["lhs_dilation"] = Attribute::dense_array(read_integers(c));
    else if (key == "rhs_dilate")
      attrs["rhs_dilation"] = Attribute::dense_array(read_integers(c));
    else if (key == "reverse") {
      std::vector<int64_t> flags = read_integers(c);
      for (int64_t& f : flags) f = f != 0;
      attrs["window_reversal"] = Attribute::dense_array(std::move(flags), DType::kI1);
    } else if (key == "pad") {
      std::vector<int64_t> flat;
      c.expect('[');
      if (!c.accept(']')) {
        do {
          size_t here = (c.peek(), c.at());
          std::vector<int64_t> pair = read_integers(c);
          if (pair.size() != 2) c.fail_at(here, "wanted a pair [low, high], got another count");
          flat.insert(flat.end(), pair.begin(), pair.end());
        } while (c.accept(','));
        c.expect(']');
      }
      attrs["padding"] = padding(std::move(flat));
    } else {
      c.fail_at(at, "wanted stride, pad, lhs_dilate, rhs_dilate or reverse, got " + std::string(key));
    }
    if (!c.accept(',') && c.peek() != '}') c.fail("'}'");
  }
}

void read_slice(Cursor& c, AttrDict& attrs) {
  std::vector<int64_t> start, limit, stride;
  c.expect('[');
  if (!c.accept(']')) {
    do {
      start.push_back(c.integer());
      c.expect(':');
      limit.push_back(c.integer());
      stride.push_back(c.accept(':') ? c.integer() : 1);
    } while (c.accept(','));
    c.expect(']');
  }
  attrs["start_indices"] = Attribute::dense_array(std::move(start));
  attrs["limit_indices"] = Attribute::dense_array(std::move(limit));
  attrs["strides"] = Attribute::dense_array(std::move(stride));
}

void read_dot_dims(Cursor& c, AttrDict& attrs) {
  AttrDict fields;
  auto pair = [&](const char* what) {
    c.expect('=');
    fields[std::string("lhs_") + what] = Attribute::dense_array(read_integers(c));
    c.expect_word("x");
    fields[std::string("rhs_") + what] = Attribute::dense_array(read_integers(c));
  };
  if (c.accept_word("batching_dims")) {
    pair("batching_dimensions");
    c.expect(',');
  }
  c.expect_word("contracting_dims");
  pair("contracting_dimensions");
  attrs["dot_dimension_numbers"] = Attribute::structure("stablehlo.dot", std::move(fields));
}

void read_precision(Cursor& c, AttrDict& attrs) {
  while (c.accept(',')) {
    if (c.accept_word("algorithm")) {
      c.expect('=');
      attrs["algorithm"] = read_struct(c, "stablehlo.dot_algorithm");
      return;
    }
    c.expect_word("precision");
    c.expect('=');
    c.expect('[');
    std::vector<Attribute> list;
    if (!c.accept(']')) {
      do list.push_back(Attribute::enumeration("stablehlo.precision", c.word("a precision")));
      while (c.accept(','));
      c.expect(']');
    }
    attrs["precision_config"] = Attribute::list(std::move(list));
  }
}

// "e5m10": bits of exponent and mantissa.
void read_format(Cursor& c, AttrDict& attrs) {
  size_t at = (c.peek(), c.at());
  std::string word(c.word("a format such as e5m10"));
  int e = -1, m = -1, used = 0;
  if (word.size() > 12 || sscanf(word.c_str(), "e%dm%d%n", &e, &m, &used) != 2 ||
      used != static_cast<int>(word.size())) {
    c.fail_at(at, "wanted a format such as e5m10, got " + word);
  }
  attrs["exponent_bits"] = Attribute::of(e, DType::kI32);
  attrs["mantissa_bits"] = Attribute::of(m, DType::kI32);
}

}  // namespace

void Reader::read_generic(Cursor& c, OpText& op) {
  c.expect('(');
  op.operands = operands(c);
  c.expect(')');
  if (c.accept('<')) {
    read_optional_dict(c, op.attrs);
    c.expect('>');
  }
  if (c.accept('(')) {
    do op.regions.push_back(read_region(c, nullptr, nullptr));
    while (c.accept(','));
    c.expect(')');
  }
  read_optional_dict(c, op.attrs);
  c.expect(':');
  op.type = read_function_type(c);
}

void Reader::read_custom(Cursor& c, OpText& op) {
  const std::vector<Step>* steps = format(op.kind);
  if (!steps)
    c.fail_at(op.at, fmt::format("wanted {} in generic form, \"{}\"(...), got it without quotes",
                                 name(op.kind), name(op.kind)));
  for (const Step& step : *steps) run_step(c, op, step);
}

// StableHLO's check dialect, "check.expect_eq %a, %b : tensor<2xf32>, ..." or "check.expect_eq_const %a,
// dense<...> : ...", as the custom call of the same name.
void Reader::read_check(Cursor& c, OpText& op, std::string_view full, bool quoted) {
  op.kind = OpKind::kCustomCall;
  if (quoted) {
    read_generic(c, op);
  } else {
    op.operands.push_back(operand(c));
    while (c.accept(',')) {
      if (c.peek() == '%') {
        op.operands.push_back(operand(c));
      } else if (c.accept_word("dense")) {
        op.attrs["value"] = Attribute::elements(read_dense(c));
      } else {
        std::string key(c.word("a value, dense<...> or an attribute"));
        c.expect('=');
        c.peek();
        Number n = read_number_token(c);  // its type isn't said: what comes after ':' are the operands'
        op.attrs[key] = n.is_float ? Attribute::of_float(n.real) : Attribute::of(n.integer(), DType::kUI64);
      }
    }
    read_optional_dict(c, op.attrs);
    if (c.accept(':')) read_types(c);
    for (ValueId v : op.operands) op.type.inputs.push_back(builder_.type(v));
  }
  if (full.find("almost") != full.npos) op.attrs.emplace("tolerance", Attribute::of_float(1e-4));
  op.attrs["call_target_name"] = Attribute::string(std::string(full));
  op.attrs["has_side_effect"] = Attribute::boolean(true);
}

void Reader::run_step(Cursor& c, OpText& op, const Step& step) {
  using Kind = Step::Kind;
  switch (step.kind) {
    case Kind::kLiteral:
      if (is_letter(step.name[0]))
        c.expect_word(step.name);
      else
        c.expect(std::string_view(step.name));
      break;
    case Kind::kOperand:
      op.operands.push_back(operand(c));
      break;
    case Kind::kOperands: {
      Values more = operands(c);
      op.operands.insert(op.operands.end(), more.begin(), more.end());
      break;
    }
    case Kind::kOperandsWithComma:
      while (c.peek() == '%') {
        op.operands.push_back(operand(c));
        c.expect(',');
      }
      break;
    case Kind::kAttribute: {
      Attribute a;
      if (step.form == "dims")
        a = Attribute::dense_array(read_integers(c));
      else if (step.form == "string")
        a = Attribute::string(c.string());
      else if (step.form == "word")
        a = Attribute::enumeration(enum_kind(op.kind, step.name), c.word("a value of " + step.name));
      else
        a = Attribute::of(c.integer(), step.form == "i32" ? DType::kI32 : DType::kI64);
      op.attrs[step.name] = std::move(a);
      break;
    }
    case Kind::kDict:
      read_optional_dict(c, op.attrs);
      break;
    case Kind::kTypes:
      read_op_types(c, op, step.name);
      break;
    case Kind::kCustom:
      custom_step(c, op, step.name);
      break;
  }
}

void Reader::custom_step(Cursor& c, OpText& op, const std::string& name) {
  if (name == "slice")
    read_slice(c, op.attrs);
  else if (name == "dot_dims")
    read_dot_dims(c, op.attrs);
  else if (name == "precision")
    read_precision(c, op.attrs);
  else if (name == "conv_dims")
    op.attrs["dimension_numbers"] = read_conv_dims(c);
  else if (name == "window")
    read_window(c, op.attrs);
  else if (name == "format")
    read_format(c, op.attrs);
  else if (name == "target")
    op.attrs["call_target_name"] = Attribute::string(c.symbol());
  else if (name == "while")
    read_while(c, op);
  else if (name == "reduce")
    read_reduce(c, op);
  else if (name == "compare_type") {
    if (c.accept(','))
      op.attrs[name] = Attribute::enumeration(enum_kind(op.kind, name), c.word("a type of comparison"));
  } else if (name == "lower" || name == "is_stable") {
    if (!c.accept(',')) return;
    c.expect_word(name);
    c.expect('=');
    op.attrs[name] = read_attribute(c);
  } else {  // constant
    size_t at = (c.peek(), c.at());
    if (c.peek() == '(') return read_generic(c, op);
    Attribute value = read_attribute(c);
    if (value.kind() != Attribute::Kind::kDenseElements)
      c.fail_at(at, "wanted dense<...>, got another attribute");
    op.type.results = {value.dense().type};
    op.attrs["value"] = std::move(value);
  }
}

void Reader::read_op_types(Cursor& c, OpText& op, const std::string& how) {
  size_t n = op.operands.size();
  if (how == "each" && n == 0) {
    c.expect("()");
    return;
  }
  c.expect(':');
  bool full = c.peek() == '(';
  if (how == "fn" || (full && how != "arrow" && how != "each" && how != "result" && how != "tuple")) {
    op.type = read_function_type(c);
  } else if (how == "result") {
    op.type.results = read_result_types(c);
  } else if (how == "arrow") {
    op.type.inputs = read_types(c);
    c.expect("->");
    op.type.results = read_result_types(c);
  } else if (how == "each") {
    op.type.inputs = read_types(c);
    op.type.results = op.type.inputs;
  } else if (how == "select") {
    Type pred = read_type(c);
    c.expect(',');
    Type value = read_type(c);
    op.type = {{pred, value, value}, {value}};
  } else {
    size_t at = (c.peek(), c.at());
    Type type = read_type(c);
    op.type.results = {type};
    if (how == "tuple") {
      op.type.inputs = type.elements;
    } else if (how == "complex") {
      if (!is_complex(type.dtype)) c.fail_at(at, "wanted a complex tensor, got " + to_string(type));
      op.type.inputs.assign(n,
                            Type::tensor(type.dtype == DType::kC64 ? DType::kF32 : DType::kF64, type.shape));
    } else {
      op.type.inputs.assign(n, type);
    }
  }
}

void Reader::read_while(Cursor& c, OpText& op) {
  std::vector<std::string_view> names;
  c.expect('(');
  if (!c.accept(')')) {
    do {
      names.push_back(c.value_name());
      c.expect('=');
      op.operands.push_back(operand(c));
    } while (c.accept(','));
    c.expect(')');
  }
  if (!names.empty()) {
    c.expect(':');
    op.type.inputs = read_types(c);
    op.type.results = op.type.inputs;
  }
  if (op.type.inputs.size() != names.size())
    c.fail(fmt::format("{} types of carried values before this", names.size()));
  if (c.accept_word("attributes")) read_optional_dict(c, op.attrs);
  c.expect_word("cond");
  op.regions.push_back(read_region(c, &names, &op.type.inputs));
  c.expect_word("do");
  op.regions.push_back(read_region(c, &names, &op.type.inputs));
}

void Reader::read_reduce(Cursor& c, OpText& op) {
  Values inits;
  do {
    c.expect('(');
    op.operands.push_back(operand(c));
    c.expect_word("init");
    c.expect(':');
    inits.push_back(operand(c));
    c.expect(')');
  } while (c.accept(','));
  size_t n = inits.size();
  op.operands.insert(op.operands.end(), inits.begin(), inits.end());
  std::optional<OpKind> inner;
  if (c.accept_word("applies")) {
    inner = op_kind(c.word("an op"));
    if (!inner) c.fail("an op of StableHLO before this");
  }
  c.expect_word("across");
  c.expect_word("dimensions");
  c.expect('=');
  op.attrs["dimensions"] = Attribute::dense_array(read_integers(c));
  read_optional_dict(c, op.attrs);
  c.expect(':');
  op.type = read_function_type(c);
  if (inner) {
    Type scalar = Type::tensor(op.type.inputs.empty() ? DType::kF32 : op.type.inputs[0].dtype);
    RegionId region = builder_.begin_region({scalar, scalar});
    Values args(builder_.region_args(region).begin(), builder_.region_args(region).end());
    builder_.end_region({placed(c, op.at, [&] { return builder_.value(*inner, args, {}, {scalar}); })});
    op.regions.push_back(region);
    return;
  }
  c.expect_word("reducer");
  std::vector<std::string_view> names(2 * n);
  std::vector<Type> types(2 * n);
  for (size_t i = 0; i < n; ++i) {
    c.expect('(');
    for (size_t k : {i, n + i}) {
      names[k] = c.value_name();
      c.expect(':');
      types[k] = read_type(c);
      c.skip_location();
      if (k == i) c.expect(',');
    }
    c.expect(')');
  }
  op.regions.push_back(read_region(c, &names, &types));
}

}  // namespace cordata::ir::text
