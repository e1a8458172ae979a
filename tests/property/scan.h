// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cordata::property {

// A module as its text says it, line by line: found apart from the product's reader, types and FLOPs, which
// are what is tested.
struct ScannedTensor {
  std::vector<int64_t> dims;
  std::string element;

  double size() const;
};

struct ScannedOp {
  std::string name;   // "stablehlo.add"
  std::string attrs;  // what stands between operands and types, regions included
  std::vector<ScannedTensor> operands, results;
};

struct ScannedModule {
  std::vector<ScannedTensor> args, results;  // of @main
  std::vector<ScannedOp> ops;                // of its body, not of regions inside
};

// Reads what write_module prints of a function of tensors. Throws an internal error where the text is of
// another form.
ScannedModule scan(std::string_view text);

// How much all ops of a name do: multiplications and additions where an op contracts dims, else the elements
// that it goes through.
double work(const ScannedModule& module, std::string_view op);

}  // namespace cordata::property
