// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/factor_rule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cordata/ir/factor_name.h"

namespace cordata::ir {

std::string factor_name(int factor) {
  if (factor < 18) return std::string(1, static_cast<char>('i' + factor));
  return fmt::format("{}{}", static_cast<char>('a' + factor % 26), factor / 26 + 1);
}

namespace {

std::string tensors_text(const std::vector<TensorFactors>& tensors) {
  std::vector<std::string> parts;
  for (const TensorFactors& t : tensors) {
    std::vector<std::string> dims;
    for (const DimFactors& dim : t) {
      std::string d;
      for (int f : dim) d += factor_name(f);
      dims.push_back(d.empty() ? "1" : d);
    }
    parts.push_back(fmt::format("[{}]", fmt::join(dims, ", ")));
  }
  return fmt::format("({})", fmt::join(parts, ", "));
}

}  // namespace

std::string to_string(const FactorRule& rule) {
  std::vector<std::string> sizes, reduced, special;
  for (size_t i = 0; i < rule.factors.size(); ++i) {
    const Factor& f = rule.factors[i];
    std::string name = factor_name(static_cast<int>(i));
    sizes.push_back(fmt::format("{}={}", name, f.size));
    if (f.kind == FactorKind::kReduce) reduced.push_back(name);
    if (f.kind == FactorKind::kSpecial) special.push_back(name);
  }
  std::string s = fmt::format("{}->{}", tensors_text(rule.operands), tensors_text(rule.results));
  if (!sizes.empty()) s += fmt::format(" {{{}}}", fmt::join(sizes, ", "));
  if (!reduced.empty()) s += fmt::format(" reduction={{{}}}", fmt::join(reduced, ", "));
  if (!special.empty()) s += fmt::format(" special={{{}}}", fmt::join(special, ", "));
  return s;
}

}  // namespace cordata::ir
