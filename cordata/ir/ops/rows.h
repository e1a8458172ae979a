// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "cordata/ir/op_table.h"

// The groups of rows that make the op table; each stands at the end of the file it is named after.
namespace cordata::ir::ops {

std::span<const OpRow> chlo_rows();
std::span<const OpRow> collective_rows();
std::span<const OpRow> control_rows();
std::span<const OpRow> convert_rows();
std::span<const OpRow> convolution_rows();
std::span<const OpRow> dot_rows();
std::span<const OpRow> dynamic_slice_rows();
std::span<const OpRow> elementwise_rows();
std::span<const OpRow> gather_rows();
std::span<const OpRow> linalg_rows();
std::span<const OpRow> norm_rows();
std::span<const OpRow> random_rows();
std::span<const OpRow> reduce_rows();
std::span<const OpRow> scatter_rows();
std::span<const OpRow> select_rows();
std::span<const OpRow> shape_rows();
std::span<const OpRow> sort_rows();
std::span<const OpRow> source_rows();
std::span<const OpRow> window_rows();

inline std::vector<std::span<const OpRow>> all_rows() {
  return {chlo_rows(),  collective_rows(),    control_rows(),     convert_rows(), convolution_rows(),
          dot_rows(),   dynamic_slice_rows(), elementwise_rows(), gather_rows(),  linalg_rows(),
          norm_rows(),  random_rows(),        reduce_rows(),      scatter_rows(), select_rows(),
          shape_rows(), sort_rows(),          source_rows(),      window_rows()};
}

}  // namespace cordata::ir::ops
