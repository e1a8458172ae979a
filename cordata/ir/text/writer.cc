// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "cordata/ir/builder.h"
#include "cordata/ir/text.h"
#include "cordata/ir/text/attributes.h"

namespace cordata::ir {
namespace {

using Kind = Attribute::Kind;

class Writer {
 public:
  explicit Writer(const Graph& graph) : graph_(graph), names_(graph.num_values()) {}
  std::string module();
  std::string attributes(const AttrDict& d) && {
    dict(d);
    return std::move(out_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> text, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), text, std::forward<Args>(args)...);
  }
  template <typename List, typename F>
  void join(const List& list, F&& each) {
    bool first = true;
    for (const auto& x : list) {
      if (!first) out_ += ", ";
      first = false;
      each(x);
    }
  }

  void quoted(std::string_view text);
  void name_or_quoted(std::string_view text);
  void symbol(std::string_view name);
  void real(double v, DType dtype);
  void hex(std::span<const std::byte> bytes);
  void dense(const DenseElements& d);
  void list(const DenseElements& d, size_t dim, int64_t& at);
  void small(const DenseElements& d, int64_t at);
  void structure(const Attribute& a);
  void attribute(const Attribute& a);
  void dict(const AttrDict& d);
  void types(std::span<const ValueId> values);
  void result_types(const Node& n);
  void values(std::span<const ValueId> vs) {
    join(vs, [&](ValueId v) { out_ += names_[v.index]; });
  }
  void region(RegionId id, int indent);
  void block(const Region& r, int indent, std::string_view terminator);
  void node(const Node& n, int indent);

  const Graph& graph_;
  std::vector<std::string> names_;
  int next_value_ = 0, next_arg_ = 0;
  std::string out_;
};

bool is_bare(std::string_view key) {
  if (key.empty() || (key[0] >= '0' && key[0] <= '9') || key[0] == '.' || key[0] == '$') return false;
  for (char c : key) {
    if (!text::is_word_char(c)) return false;
  }
  return true;
}

void Writer::quoted(std::string_view text) {
  out_ += '"';
  for (char ch : text) {
    auto c = static_cast<unsigned char>(ch);
    if (c == '"' || c == '\\' || c < 0x20 || c > 0x7e)
      put("\\{:02X}", c);
    else
      out_ += ch;
  }
  out_ += '"';
}

void Writer::name_or_quoted(std::string_view text) {
  if (is_bare(text))
    out_ += text;
  else
    quoted(text);
}

// "a", or the nested "a::@b".
void Writer::symbol(std::string_view name) {
  for (size_t next = name.find("::@"); next != std::string_view::npos; next = name.find("::@")) {
    out_ += '@';
    name_or_quoted(name.substr(0, next));
    out_ += "::";
    name.remove_prefix(next + 3);
  }
  out_ += '@';
  name_or_quoted(name);
}

void Writer::real(double v, DType dtype) {
  if (!std::isfinite(v)) {
    DenseElements d = splat(v, dtype, {});
    uint64_t bits = 0;
    std::memcpy(&bits, d.data().data(), d.data().size());
    put("0x{:0{}X}", bits, d.data().size() * 2);
    return;
  }
  std::string s = dtype == DType::kF32 ? fmt::format("{}", static_cast<float>(v)) : fmt::format("{}", v);
  size_t exponent = s.find('e');
  if (s.find('.') == std::string::npos) s.insert(exponent == std::string::npos ? s.size() : exponent, ".0");
  out_ += s;
}

void Writer::hex(std::span<const std::byte> bytes) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  size_t at = out_.size();
  out_.resize(at + 2 * bytes.size());
  for (std::byte b : bytes) {
    out_[at++] = kDigits[static_cast<unsigned>(b) >> 4];
    out_[at++] = kDigits[static_cast<unsigned>(b) & 15];
  }
}

// What has less than a byte never goes out as hex: MLIR packed booleans in bits once, and leaves the upper
// bits of a small integer's byte clear where we extend its sign.
void Writer::list(const DenseElements& d, size_t dim, int64_t& at) {
  if (dim == d.type.shape.size()) return small(d, at++);
  out_ += '[';
  for (int64_t i = 0; i < d.type.shape[dim]; ++i) {
    if (i > 0) out_ += ", ";
    list(d, dim + 1, at);
  }
  out_ += ']';
}

void Writer::small(const DenseElements& d, int64_t at) {
  if (d.type.dtype == DType::kI1)
    out_ += d.data()[at] == std::byte{0} ? "false" : "true";
  else
    put("{}", static_cast<int64_t>(element(d, at)));
}

void Writer::dense(const DenseElements& d) {
  out_ += "dense<";
  int64_t at = 0;
  bool one = d.splat || d.type.num_elements() == 1;
  if (d.type.num_elements() == 0 && !d.splat) {
  } else if (is_integer(d.type.dtype) && bits(d.type.dtype) < 8) {
    if (one)
      small(d, 0);
    else
      list(d, 0, at);
  } else if (one && is_integer(d.type.dtype) && bits(d.type.dtype) < 64) {
    put("{}", static_cast<int64_t>(element(d, 0)));
  } else if (one && is_float(d.type.dtype) && bits(d.type.dtype) >= 16 && std::isfinite(element(d, 0))) {
    real(element(d, 0), d.type.dtype);
  } else {
    out_ += "\"0x";
    hex(d.data());
    out_ += '"';
  }
  put("> : {}", to_string(d.type));
}

void Writer::structure(const Attribute& a) {
  size_t dot = a.text().find('.');
  if (!a.word().empty()) {
    if (a.text().ends_with("_mode"))
      put("#{}<{}>", a.text(), a.word());  // an enum in the struct's clothes
    else
      put("#{}<{} {}>", a.text().substr(0, dot), a.text().substr(dot + 1), a.word());
    return;
  }
  put("#{}<{}", a.text(), a.text() == "stablehlo.conv" ? "raw " : "");
  bool first = true;
  auto field = [&](std::string_view key, const Attribute& v) {
    if (!first) out_ += ", ";
    first = false;
    put("{} = ", key);
    if (v.kind() == Kind::kDenseArray)
      put("[{}]", fmt::join(v.integers(), ", "));
    else if (v.kind() == Kind::kInt)
      put("{}", v.integer());
    else if (v.kind() == Kind::kFloat)
      real(v.real(), DType::kF64);
    else
      attribute(v);
  };
  auto order = text::field_order(a.text());
  for (std::string_view key : order) {
    if (auto it = a.dict().find(key); it != a.dict().end()) field(key, it->second);
  }
  for (auto& [key, v] : a.dict()) {
    if (order.empty()) field(key, v);
  }
  out_ += '>';
}

void Writer::attribute(const Attribute& a) {
  switch (a.kind()) {
    case Kind::kUnit:
      out_ += "unit";
      break;
    case Kind::kBool:
      out_ += a.integer() ? "true" : "false";
      break;
    case Kind::kInt:
      if (is_unsigned(a.dtype()))
        put("{}", static_cast<uint64_t>(a.integer()));
      else
        put("{}", a.integer());
      put(" : {}", name(a.dtype()));
      break;
    case Kind::kFloat:
      real(a.real(), a.dtype());
      put(" : {}", name(a.dtype()));
      break;
    case Kind::kString:
      quoted(a.text());
      break;
    case Kind::kType:
      out_ += to_string(a.type());
      break;
    case Kind::kArray:
      out_ += '[';
      join(a.array(), [&](const Attribute& e) { attribute(e); });
      out_ += ']';
      break;
    case Kind::kDict:
      dict(a.dict());
      break;
    case Kind::kDenseArray:
      put("array<{}", name(a.dtype()));
      if (!a.integers().empty() || !a.reals().empty()) out_ += ": ";
      join(a.reals(), [&](double v) { real(v, a.dtype()); });
      join(a.integers(), [&](int64_t v) {
        if (a.dtype() == DType::kI1)
          out_ += v ? "true" : "false";
        else
          put("{}", v);
      });
      out_ += '>';
      break;
    case Kind::kDenseElements:
      dense(a.dense());
      break;
    case Kind::kSymbol:
      symbol(a.text());
      break;
    case Kind::kStruct:
      structure(a);
      break;
    case Kind::kOpaque:
      out_ += a.text();
      break;
  }
}

void Writer::dict(const AttrDict& d) {
  out_ += '{';
  join(d, [&](const auto& entry) {
    name_or_quoted(entry.first);
    if (entry.second.kind() == Kind::kUnit) return;
    out_ += " = ";
    attribute(entry.second);
  });
  out_ += '}';
}

void Writer::types(std::span<const ValueId> values) {
  out_ += '(';
  join(values, [&](ValueId v) { out_ += to_string(graph_.type(v)); });
  out_ += ')';
}

void Writer::result_types(const Node& n) {
  std::vector<ValueId> results;
  for (int i = 0; i < n.num_results; ++i) results.push_back(n.result(i));
  types(results);
}

void Writer::block(const Region& r, int indent, std::string_view terminator) {
  for (NodeId n : r.nodes) node(graph_.node(n), indent);
  put("{:{}}\"{}\"(", "", indent, terminator);
  values(r.results);
  out_ += ") : ";
  types(r.results);
  out_ += " -> ()\n";
}

void Writer::region(RegionId id, int indent) {
  const Region& r = graph_.region(id);
  out_ += "{\n";
  if (!r.args.empty()) {
    put("{:{}}^bb0(", "", indent);
    join(r.args, [&](ValueId v) {
      names_[v.index] = fmt::format("%arg{}", next_arg_++);
      put("{}: {}", names_[v.index], to_string(graph_.type(v)));
    });
    out_ += "):\n";
  }
  block(r, indent + 2, "stablehlo.return");
  put("{:{}}}}", "", indent);
}

void Writer::node(const Node& n, int indent) {
  put("{:{}}", "", indent);
  if (n.num_results > 0) {
    std::string result = fmt::format("%{}", next_value_++);
    for (int i = 0; i < n.num_results; ++i) {
      names_[n.result(i).index] = n.num_results > 1 ? fmt::format("{}#{}", result, i) : result;
    }
    out_ += result;
    if (n.num_results > 1) put(":{}", n.num_results);
    out_ += " = ";
  }
  put("\"{}\"(", name(n.kind));
  values(n.operands);
  out_ += ')';
  if (!n.regions.empty()) {
    out_ += " (";
    join(n.regions, [&](RegionId r) { region(r, indent); });
    out_ += ')';
  }
  if (!n.attrs.empty()) {
    out_ += ' ';
    dict(n.attrs);
  }
  out_ += " : ";
  types(n.operands);
  out_ += " -> ";
  result_types(n);
  out_ += '\n';
}

std::string Writer::module() {
  out_ += "module ";
  out_ += '@';
  name_or_quoted(graph_.name());
  out_ += ' ';
  if (!graph_.module_attrs().empty()) {
    out_ += "attributes ";
    dict(graph_.module_attrs());
    out_ += ' ';
  }
  out_ += "{\n  func.func public @main(";
  auto with_attrs = [&](const std::vector<AttrDict>& attrs, size_t i) {
    if (i >= attrs.size() || attrs[i].empty()) return;
    out_ += ' ';
    dict(attrs[i]);
  };
  size_t i = 0;
  join(graph_.args(), [&](ValueId v) {
    names_[v.index] = fmt::format("%arg{}", next_arg_++);
    put("{}: {}", names_[v.index], to_string(graph_.type(v)));
    with_attrs(graph_.arg_attrs(), i++);
  });
  out_ += ") -> (";
  i = 0;
  join(graph_.results(), [&](ValueId v) {
    out_ += to_string(graph_.type(v));
    with_attrs(graph_.result_attrs(), i++);
  });
  out_ += ") {\n";
  block(graph_.body(), 4, "func.return");
  out_ += "  }\n}\n";
  return std::move(out_);
}

}  // namespace

std::string write_module(const Graph& graph) { return Writer(graph).module(); }

std::string write_attributes(const AttrDict& attrs) { return Writer(Graph()).attributes(attrs); }

}  // namespace cordata::ir
