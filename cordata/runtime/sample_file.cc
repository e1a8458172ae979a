// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/sample_file.h"

#include "cordata/base/did_you_mean.h"
#include "cordata/base/error.h"
#include "cordata/runtime/box.h"

namespace cordata::runtime {
namespace {

// What messages ask for: [N, ...dims of a sample].
std::string stacked(const ir::Type& sample) {
  return ir::to_string(sample).insert(std::string("tensor<").size(), "Nx");
}

std::vector<std::string> names(const step::SafetensorsReader& header) {
  std::vector<std::string> all;
  for (const step::TensorEntry& entry : header.entries()) all.push_back(entry.name);
  return all;
}

}  // namespace

SampleFile::SampleFile(const std::string& path, BatchShape batch)
    : DataSource(std::move(batch)), path_(path), file_(path) {
  const step::SafetensorsReader header(path);
  for (size_t i = 0; i < shape().inputs.size(); ++i) inputs_.push_back(find(header, static_cast<int>(i)));
  if (inputs_.empty())
    throw base::user_error("[runtime.data] wanted a model with batch inputs for {}, got none", path);
}

SampleFile::Input SampleFile::find(const step::SafetensorsReader& header, int input) {
  const program::BatchInput& wanted = shape().inputs[input];
  const ir::Type sample = sample_type(wanted);
  const step::TensorEntry* entry = header.find(wanted.name);
  if (!entry) {
    throw base::user_error(
        "[runtime.data] wanted a tensor '{}' of type {} in {}, got {}.{} Try cordata inspect: it lists the "
        "batch inputs",
        wanted.name, stacked(sample), path_, fmt::join(names(header), ", "),
        base::did_you_mean(wanted.name, names(header)));
  }
  ir::Shape dims = entry->type.shape;
  const int64_t samples = dims.empty() ? 0 : dims[0];
  if (!dims.empty()) dims.erase(dims.begin());
  if (entry->type.rank() == 0 || dims != sample.shape || entry->type.dtype != sample.dtype) {
    throw base::user_error(
        "[runtime.data] wanted '{}' in {} to be {}, N samples stacked along the first dim, got {}; try "
        "reshaping "
        "or converting it",
        wanted.name, path_, stacked(sample), ir::to_string(entry->type));
  }
  count_samples(wanted.name, samples);
  return {sample, header.offset(wanted.name)};
}

void SampleFile::count_samples(const std::string& name, int64_t samples) {
  if (samples < shape().batch || samples % shape().batch != 0) {
    throw base::user_error(
        "[runtime.data] wanted whole batches of {} samples in {}, got {} samples of '{}'; try a multiple of "
        "{}",
        shape().batch, path_, samples, name, shape().batch);
  }
  if (samples_ >= 0 && samples != samples_) {
    throw base::user_error(
        "[runtime.data] wanted as many samples of each input in {}, got {} of '{}' and {} of '{}'", path_,
        samples_, shape().inputs[0].name, samples, name);
  }
  samples_ = samples;
}

void SampleFile::write(int input, int64_t sample, const program::Box& box, std::span<std::byte> to) {
  const Input& in = inputs_.at(input);
  const BoxCopy copy = pack(in.sample, box);
  copy.run(file_.data() + in.offset + (sample % samples_) * in.sample.num_bytes(), to.data());
  bytes_read_ += copy.bytes();
}

}  // namespace cordata::runtime
