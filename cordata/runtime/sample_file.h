// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/base/mapped_file.h"
#include "cordata/runtime/data.h"
#include "cordata/step/safetensors.h"

namespace cordata::runtime {

// Given batches: a safetensors file with a tensor for each batch input, of its name and element type, all
// samples stacked along the first dim: [N, ...the input's dims without its batch dim], N a multiple of the
// global batch. Sample i of training is sample i of the file, never shuffled; after the last comes the first
// again. Other tensors of the file are left alone.
class SampleFile : public DataSource {
 public:
  // Throws user errors: no such file, no safetensors file, a tensor missing or of another type, too few
  // samples.
  SampleFile(const std::string& path, BatchShape batch);

  int64_t bytes_read() const override { return bytes_read_; }
  int64_t num_samples() const override { return samples_; }

 protected:
  void write(int input, int64_t sample, const program::Box& box, std::span<std::byte> to) override;

 private:
  struct Input {
    ir::Type sample;      // type of one sample
    uint64_t offset = 0;  // in the file
  };
  Input find(const step::SafetensorsReader& header, int input);
  void count_samples(const std::string& name, int64_t samples);

  std::string path_;
  base::MappedFile file_;
  std::vector<Input> inputs_;
  int64_t samples_ = -1, bytes_read_ = 0;
};

}  // namespace cordata::runtime
