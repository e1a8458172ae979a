// SPDX-License-Identifier: Apache-2.0
#include "tests/property/scan.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "cordata/base/error.h"

namespace cordata::property {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// "2x3xf32", "f32", "complex<f32>"
ScannedTensor tensor(std::string_view inside) {
  ScannedTensor t;
  while (!inside.empty() && inside[0] >= '0' && inside[0] <= '9') {
    size_t x = inside.find('x');
    t.dims.push_back(std::atoll(std::string(inside.substr(0, x)).c_str()));
    inside.remove_prefix(x + 1);
  }
  t.element = inside;
  return t;
}

// Each "tensor<...>" of a list of types.
std::vector<ScannedTensor> tensors(std::string_view list) {
  constexpr std::string_view kOpen = "tensor<";
  std::vector<ScannedTensor> out;
  for (size_t at = list.find(kOpen); at != list.npos; at = list.find(kOpen, at)) {
    size_t begin = at + kOpen.size(), depth = 1;
    for (at = begin; depth > 0; ++at) depth += list[at] == '<' ? 1 : list[at] == '>' ? -1 : 0;
    out.push_back(tensor(list.substr(begin, at - 1 - begin)));
  }
  return out;
}

// Sets operands and results from a line's end, "... : (types) -> (types)".
bool set_types(ScannedOp& op, std::string_view line) {
  size_t types = line.rfind(" : ("), arrow = line.rfind(") -> (");
  if (types == line.npos || arrow == line.npos || arrow < types) return false;
  op.operands = tensors(line.substr(types, arrow - types));
  op.results = tensors(line.substr(arrow));
  return true;
}

// The integers of "key = [1, 2]" in an op's attributes.
std::vector<int64_t> list(const ScannedOp& op, const std::string& key) {
  std::vector<int64_t> out;
  size_t at = op.attrs.find(key + " = [");
  if (at == op.attrs.npos) return out;
  for (at += key.size() + 4; at < op.attrs.size() && op.attrs[at] != ']'; ++at) {
    if (op.attrs[at] < '0' || op.attrs[at] > '9') continue;
    char* end = nullptr;
    out.push_back(std::strtoll(op.attrs.c_str() + at, &end, 10));
    at = end - op.attrs.c_str() - 1;
  }
  return out;
}

int64_t integer(const ScannedOp& op, const std::string& key) {
  size_t at = op.attrs.find(key + " = ");
  if (at == op.attrs.npos)
    throw base::internal_error("[tests] wanted {} in a line of {}, got {}", key, op.name, op.attrs);
  return std::atoll(op.attrs.c_str() + at + key.size() + 3);
}

double work_of(const ScannedOp& op) {
  auto size_of_largest = [&] {
    double most = 0;
    for (const auto* side : {&op.operands, &op.results}) {
      for (const ScannedTensor& t : *side) most = std::max(most, t.size());
    }
    return most;
  };
  if (op.name == "stablehlo.dot_general" || op.name == "stablehlo.dot") {
    const ScannedTensor& rhs = op.operands[1];
    auto contracted =
        op.name == "stablehlo.dot" ? std::vector<int64_t>{0} : list(op, "rhs_contracting_dimensions");
    double inner = 1;
    for (int64_t d : contracted) inner *= static_cast<double>(rhs.dims[d]);
    return 2 * op.results[0].size() * inner;
  }
  if (op.name == "stablehlo.convolution") {
    const ScannedTensor& kernel = op.operands[1];
    return 2 * op.results[0].size() * kernel.size() /
           static_cast<double>(kernel.dims[integer(op, "kernel_output_feature_dimension")]);
  }
  if (op.name == "stablehlo.gather" || op.name == "stablehlo.triangular_solve") return op.results[0].size();
  if (op.name == "stablehlo.scatter") return op.operands.back().size();
  return size_of_largest();
}

}  // namespace

double ScannedTensor::size() const {
  return std::accumulate(dims.begin(), dims.end(), 1.0,
                         [](double n, int64_t d) { return n * static_cast<double>(d); });
}

ScannedModule scan(std::string_view text) {
  ScannedModule module;
  std::vector<ScannedOp> open;  // ops whose regions are being read
  for (std::string_view line : lines_of(text)) {
    if (line.starts_with("func.func")) {
      size_t arrow = line.find(") -> (");
      module.args = tensors(line.substr(0, arrow)), module.results = tensors(line.substr(arrow));
      continue;
    }
    bool closes = line.starts_with("}) ");
    size_t quote = closes ? line.npos : line.find('"'),
           end = quote == line.npos ? quote : line.find('"', quote + 1);
    if (!closes && (end == line.npos || line.starts_with("\"func.return\""))) continue;
    ScannedOp op;
    if (closes)
      op = std::move(open.back()), open.pop_back();
    else
      op.name = line.substr(quote + 1, end - quote - 1);
    op.attrs += line.substr(closes ? 0 : end + 1);
    if (line.ends_with("({"))
      open.push_back(std::move(op));
    else if (!set_types(op, line))
      throw base::internal_error("[tests] wanted an op and its types, got the line {}", line);
    else if (open.empty())
      module.ops.push_back(std::move(op));
  }
  return module;
}

double work(const ScannedModule& module, std::string_view op) {
  double sum = 0;
  for (const ScannedOp& o : module.ops) {
    if (o.name == op && !o.operands.empty()) sum += work_of(o);
    // Ops without operands make what the module returns, whatever is then cut out of it or added to it.
    if (o.name == op && o.operands.empty()) sum += module.results[0].size();
  }
  return sum;
}

}  // namespace cordata::property
