// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/data.h"

#include "cordata/base/error.h"
#include "cordata/runtime/box.h"
#include "cordata/runtime/sample_file.h"
#include "cordata/runtime/token_file.h"
#include "cordata/step/synthetic.h"

namespace cordata::runtime {
namespace {

template <typename T>
std::vector<T> without(std::vector<T> values, int64_t dim) {
  values.erase(values.begin() + dim);
  return values;
}

class Synthetic : public DataSource {
 public:
  Synthetic(BatchShape batch, uint64_t seed)
      : DataSource(std::move(batch)), source_(shape().kind, inputs(), seed) {}

 protected:
  void write(int input, int64_t sample, const program::Box& box, std::span<std::byte> to) override {
    ir::Type type = sample_type(shape().inputs[input]);
    if (box == whole(type.shape)) return source_.write(input, sample, to);
    whole_.resize(type.num_bytes());
    source_.write(input, sample, whole_);
    pack(type, box).run(whole_.data(), to.data());
  }

 private:
  std::vector<step::SyntheticSource::Input> inputs() const {
    std::vector<step::SyntheticSource::Input> list;
    for (size_t i = 0; i < shape().inputs.size(); ++i) {
      list.push_back(
          {sample_type(shape().inputs[i]), i < shape().vocabulary.size() ? shape().vocabulary[i] : 0});
    }
    return list;
  }

  step::SyntheticSource source_;
  std::vector<std::byte> whole_;
};

class Tokens : public DataSource {
 public:
  Tokens(const std::string& path, BatchShape batch, uint64_t seed, Split split)
      : DataSource(std::move(batch)), file_(path), shuffle_(seed, "data.shuffle"), split_(split) {
    const int64_t held_out = file_.size() / 20;
    begin_ = split == Split::kTrain ? 0 : file_.size() - held_out;
    const int64_t size = split == Split::kTrain ? file_.size() - held_out : held_out;
    ahead_ = static_cast<int64_t>(shape().inputs.size()) - 1;
    length_ = sequence_length(path);
    windows_ = (size - ahead_) / length_;
    if (size >= ahead_ && windows_ > 0) return;
    throw base::user_error(
        "[runtime.data] wanted at least {} tokens for {} in {}, got {}; try a longer file, or a shorter "
        "sequence",
        length_ + ahead_,
        split == Split::kTrain ? "training (95 % of the file)" : "evaluation (5 % of the file)", path, size);
  }

  int64_t bytes_read() const override { return bytes_read_; }
  int64_t num_samples() const override { return windows_; }
  void check() const override {
    int64_t least = 0;
    for (int64_t vocabulary : shape().vocabulary) {
      if (vocabulary > 0 && (least == 0 || vocabulary < least)) least = vocabulary;
    }
    if (least == 0 || least >= file_.largest_possible() + 1) return;
    for (int64_t i = 0; i < file_.size(); ++i) file_.check(i, least);
  }

 protected:
  void write(int input, int64_t sample, const program::Box& box, std::span<std::byte> to) override {
    const int64_t epoch = sample / windows_, place = sample % windows_;
    const int64_t window = split_ == Split::kTrain ? shuffled(shuffle_.sub(epoch), place, windows_) : place;
    const int64_t first = begin_ + window * length_ + input + box.start[0];
    const ir::DType dtype = shape().inputs[input].microbatch_type.dtype;
    std::byte* out = to.data();
    for (int64_t i = 0; i < box.extent[0]; ++i) {
      const int64_t token = file_[first + i];
      file_.check(first + i, vocabulary(input));
      step::put_element(static_cast<double>(token), dtype, out);
    }
    bytes_read_ += box.extent[0] * file_.width();
  }

 private:
  int64_t vocabulary(int input) const {
    return input < static_cast<int>(shape().vocabulary.size()) ? shape().vocabulary[input] : 0;
  }

  int64_t sequence_length(const std::string& path) const {
    int64_t length = -1;
    for (const auto& input : shape().inputs) {
      ir::Type type = sample_type(input);
      const bool tokens =
          ir::is_integer(type.dtype) && type.rank() == 1 && (length < 0 || type.shape[0] == length);
      if (!tokens) {
        throw base::user_error(
            "[runtime.data] wanted a model whose batches are token sequences for {}, got the input {} of {} "
            "a sample; "
            "try a safetensors file with a tensor for each input, or no --data",
            path, input.name, ir::to_string(type));
      }
      length = type.shape[0];
    }
    if (length < 1)
      throw base::user_error("[runtime.data] wanted a model with batch inputs for {}, got none", path);
    return length;
  }

  TokenFile file_;
  step::RandomStream shuffle_;
  Split split_;
  int64_t begin_ = 0, length_ = 0, ahead_ = 0, windows_ = 0;
  int64_t bytes_read_ = 0;
};

}  // namespace

ir::Type sample_type(const program::BatchInput& input) {
  return ir::Type::tensor(input.microbatch_type.dtype, without(input.microbatch_type.shape, input.batch_dim));
}

void DataSource::load(int input, int64_t step, int microbatch, const program::Box& box,
                      std::span<std::byte> to) {
  const program::BatchInput& in = shape_.inputs.at(input);
  const int64_t d = in.batch_dim, samples = in.microbatch_type.shape[d];
  const program::Box part{without(box.start, d), without(box.extent, d)};
  const int64_t width = ir::bytes_per_element(in.microbatch_type.dtype);
  scratch_.resize(num_elements(part) * width);
  std::vector<int64_t> one = box.extent, at(box.extent.size());
  one[d] = 1;
  const int64_t first = step * shape_.batch + microbatch * samples + box.start[d];
  for (int64_t k = 0; k < box.extent[d]; ++k) {
    write(input, first + k, part, scratch_);
    at[d] = k;
    BoxCopy(one, std::vector<int64_t>(one.size()), box.extent, at, one, width)
        .run(scratch_.data(), to.data());
  }
}

std::unique_ptr<DataSource> open_data(const std::string& path, BatchShape shape, uint64_t seed, Split split) {
  if (path.empty()) return std::make_unique<Synthetic>(std::move(shape), seed);
  if (path.ends_with(".safetensors")) return std::make_unique<SampleFile>(path, std::move(shape));
  return std::make_unique<Tokens>(path, std::move(shape), seed, split);
}

}  // namespace cordata::runtime
