// SPDX-License-Identifier: Apache-2.0
// ir_gradient FILE.mlir           the gradient module of a scalar loss by every float argument, on stdout
// ir_gradient --differentiable    the names of ops that have a derivative, one a line
// ir_gradient --zero              of those whose derivative is zero wherever there is one
// ir_gradient --none              of the rest
#include <cstdio>
#include <cstring>

#include "cordata/base/error.h"
#include "cordata/ir/autodiff.h"
#include "cordata/ir/op_table.h"
#include "cordata/ir/ops/vjp.h"
#include "cordata/ir/text.h"

namespace {

using namespace cordata;

// By what the table says of their derivative: "--differentiable", "--zero", "--none".
void list_ops(const std::string& which) {
  for (int k = 0; k < ir::kNumOpKinds; ++k) {
    ir::ops::Vjp vjp = ir::row(static_cast<ir::OpKind>(k)).vjp;
    const char* has = !vjp ? "--none" : vjp == ir::ops::vjp_zero ? "--zero" : "--differentiable";
    if (which == has) fmt::print("{}\n", ir::name(static_cast<ir::OpKind>(k)));
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
    fmt::print(stderr, "usage: ir_gradient FILE.mlir | --differentiable | --zero | --none\n");
    return 2;
  }
  try {
    if (std::strncmp(argv[1], "--", 2) == 0) {
      list_ops(argv[1]);
    } else {
      write_gradient(argv[1]);
    }
  } catch (const base::Error& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 2;
  }
  return 0;
}
