// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cordata/program/program.h"
#include "cordata/runtime/execute.h"

namespace cordata::runtime {

// What batches look like: of a Program and the train step it came from.
struct BatchShape {
  std::vector<program::BatchInput> inputs;
  int64_t batch = 1;
  int microbatches = 1;
  std::string kind;                 // TrainStep::data_kind
  std::vector<int64_t> vocabulary;  // by input
};

// Where batches come from. A sample is a pure function of its number, so the values are the same for any
// number of ranks, and a rank makes only the box it asks for. Sample k of step s has the number s * batch +
// k; microbatch m holds the samples from m * batch / M on.
class DataSource {
 public:
  explicit DataSource(BatchShape shape) : shape_(std::move(shape)) {}
  virtual ~DataSource() = default;

  // Fills `to` with `box` of input `input` of a microbatch (type BatchInput::microbatch_type), dense.
  void load(int input, int64_t step, int microbatch, const program::Box& box, std::span<std::byte> to);
  LoadBox loader() {
    return [this](int input, int64_t step, int microbatch, const program::Box& box, std::span<std::byte> to) {
      load(input, step, microbatch, box, to);
    };
  }
  virtual int64_t bytes_read() const { return 0; }    // of files, by this rank
  virtual int64_t num_samples() const { return -1; }  // before they repeat; -1: no end
  // Reads everything once and throws a user error naming the first value that the model has no place for. For
  // the process that starts the ranks.
  virtual void check() const {}

 protected:
  // Writes `box` of one sample (its type without the batch dim), dense.
  virtual void write(int input, int64_t sample, const program::Box& box, std::span<std::byte> to) = 0;
  const BatchShape& shape() const { return shape_; }

 private:
  BatchShape shape_;
  std::vector<std::byte> scratch_;
};

// The type of one sample: the batch input's without its batch dim.
ir::Type sample_type(const program::BatchInput& input);

// Training takes the first 95 % of a file of tokens, shuffled anew each epoch; evaluation the rest, in order.
enum class Split : uint8_t { kTrain, kHeldOut };

// `path` empty: made-up data that can be learnt (step/synthetic.h). *.safetensors: given batches
// (sample_file.h), whatever the split. Else a file of tokens, cut into windows of the sequence length plus
// what labels look ahead (the i-th token input is shifted by i): *.u16 and *.u32 hold little-endian ids, any
// other file is its bytes. Throws a user error when the file can't be read, is empty or shorter than a
// window, or the inputs aren't tokens.
std::unique_ptr<DataSource> open_data(const std::string& path, BatchShape shape, uint64_t seed,
                                      Split split = Split::kTrain);

}  // namespace cordata::runtime
