// SPDX-License-Identifier: Apache-2.0
// ir_gradient FILE.mlir           the gradient module of a scalar loss by every float argument, on stdout
// ir_gradient --differentiable    the names of all ops that have a VJP, one a line
// ir_gradient --zero              those of them whose derivative is zero
#include <cstdio>
#include <cstring>

#include "cordata/base/error.h"
#include "cordata/ir/autodiff.h"
#include "cordata/ir/op_table.h"
#include "cordata/ir/ops/vjp.h"
#include "cordata/ir/text.h"

namespace {

using namespace cordata;

void list_ops(bool zero) {
  for (int k = 0; k < ir::kNumOpKinds; ++k) {
    ir::ops::Vjp vjp = ir::row(static_cast<ir::OpKind>(k)).vjp;
    if (vjp && (vjp == ir::ops::vjp_zero) == zero) fmt::print("{}\n", ir::name(static_cast<ir::OpKind>(k)));
  }
}

void write_gradient(const char* path) {
  ir::Graph loss = ir::read_module_file(path);
  std::vector<int> wrt;
  for (size_t i = 0; i < loss.args().size(); ++i) {
    if (ir::is_float(loss.type(loss.args()[i]).dtype)) wrt.push_back(static_cast<int>(i));
  }
  fmt::print("{}", ir::write_module(ir::gradient(loss, wrt)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: ir_gradient FILE.mlir | --differentiable | --zero\n");
    return 2;
  }
  try {
    bool zero = std::strcmp(argv[1], "--zero") == 0;
    if (zero || std::strcmp(argv[1], "--differentiable") == 0) {
      list_ops(zero);
    } else {
      write_gradient(argv[1]);
    }
  } catch (const base::Error& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 2;
  }
  return 0;
}
