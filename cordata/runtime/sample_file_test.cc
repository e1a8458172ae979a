// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/sample_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "cordata/base/error.h"

namespace cordata::runtime {
namespace {

using ir::DType;
using ir::Type;
using testing::ElementsAre;
using testing::HasSubstr;

class Samples : public testing::Test {
 protected:
  Samples() { std::filesystem::create_directories(dir_); }
  ~Samples() override { std::filesystem::remove_all(dir_); }

  // A file of tensors whose element i has the value i.
  std::string write(const std::vector<step::TensorEntry>& entries) {
    const std::string path = (dir_ / "batches.safetensors").string();
    step::SafetensorsWriter out(path, entries);
    for (const step::TensorEntry& e : entries) {
      if (e.type.dtype == DType::kF64)
        append<double>(out, e.type);
      else if (e.type.dtype == DType::kI32)
        append<int32_t>(out, e.type);
      else
        append<int8_t>(out, e.type);
    }
    out.finish();
    return path;
  }
  template <typename T>
  static void append(step::SafetensorsWriter& out, const Type& type) {
    std::vector<T> values(type.num_elements());
    std::iota(values.begin(), values.end(), T{0});
    out.append(std::as_bytes(std::span(values)));
  }

  std::filesystem::path dir_ =
      std::filesystem::temp_directory_path() / fmt::format("cordata_samples_{}", getpid());
};

// Four samples a step: "x" [2] f64, "mask" [1] i8, and "across" [3] i32 whose batch dim is the second.
BatchShape shape(int microbatches = 1) {
  const int64_t n = 4 / microbatches;
  return {{{"x", Type::tensor(DType::kF64, {n, 2}), 0},
           {"mask", Type::tensor(DType::kI8, {n, 1}), 0},
           {"across", Type::tensor(DType::kI32, {3, n}), 1}},
          4,
          microbatches,
          "",
          {0, 0, 0}};
}
std::vector<step::TensorEntry> tensors(int64_t samples) {
  return {{"across", Type::tensor(DType::kI32, {samples, 3})},
          {"other", Type::tensor(DType::kI32, {7})},
          {"x", Type::tensor(DType::kF64, {samples, 2})},
          {"mask", Type::tensor(DType::kI8, {samples, 1})}};
}

template <typename T>
std::vector<T> read(DataSource& data, int input, int64_t step, int microbatch, const program::Box& box) {
  std::vector<T> values(
      std::accumulate(box.extent.begin(), box.extent.end(), int64_t{1}, std::multiplies<>()));
  data.load(input, step, microbatch, box, std::as_writable_bytes(std::span(values)));
  return values;
}

TEST_F(Samples, ComeInTheOrderOfTheFile) {
  auto data = open_data(write(tensors(8)), shape(), 3);
  EXPECT_THAT(read<double>(*data, 0, 0, 0, {{0, 0}, {4, 2}}), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(read<double>(*data, 0, 1, 0, {{0, 0}, {4, 2}}), ElementsAre(8, 9, 10, 11, 12, 13, 14, 15));
  EXPECT_THAT(read<int8_t>(*data, 1, 1, 0, {{0, 0}, {4, 1}}), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(read<int32_t>(*data, 2, 0, 0, {{0, 0}, {3, 4}}),
              ElementsAre(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11));
  EXPECT_THAT(read<double>(*data, 0, 2, 0, {{0, 0}, {1, 2}}), ElementsAre(0, 1));  // from the beginning again
  EXPECT_EQ(data->num_samples(), 8);
}

TEST_F(Samples, OfAMicrobatchAreItsShareOfTheBatch) {
  auto data = open_data(write(tensors(8)), shape(2), 3);
  EXPECT_THAT(read<double>(*data, 0, 1, 1, {{1, 0}, {1, 2}}), ElementsAre(14, 15));
  EXPECT_THAT(read<int32_t>(*data, 2, 0, 1, {{1, 0}, {2, 2}}), ElementsAre(7, 10, 8, 11));
}

TEST_F(Samples, OnlyTheBoxIsRead) {
  auto data = open_data(write(tensors(8)), shape(), 3);
  read<double>(*data, 0, 0, 0, {{2, 1}, {2, 1}});
  EXPECT_EQ(data->bytes_read(), 16);
}

TEST_F(Samples, ErrorsSayWhatWasWanted) {
  const auto error = [&](std::vector<step::TensorEntry> entries) -> std::string {
    try {
      open_data(write(entries), shape(), 0);
    } catch (const base::Error& e) {
      EXPECT_EQ(e.kind(), base::ErrorKind::kUser);
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(error(tensors(4)), "");
  EXPECT_THAT(error(tensors(2)), HasSubstr("whole batches of 4 samples"));
  EXPECT_THAT(error(tensors(6)), HasSubstr("got 6 samples of 'x'"));
  auto renamed = tensors(4), typed = tensors(4), shaped = tensors(4), uneven = tensors(4);
  renamed[2].name = "xs";
  EXPECT_THAT(error(renamed), HasSubstr("wanted a tensor 'x' of type tensor<Nx2xf64>"));
  EXPECT_THAT(error(renamed), HasSubstr("got across, other, xs, mask"));
  typed[3].type.dtype = DType::kI1;
  EXPECT_THAT(error(typed), HasSubstr("wanted 'mask'"));
  EXPECT_THAT(error(typed), HasSubstr("to be tensor<Nx1xi8>"));
  shaped[2].type.shape = {4, 3};
  EXPECT_THAT(error(shaped), HasSubstr("got tensor<4x3xf64>"));
  uneven[0].type.shape = {8, 3};
  EXPECT_THAT(error(uneven), HasSubstr("got 4 of 'x' and 8 of 'across'"));
  const std::string text = (dir_ / "text.safetensors").string();
  std::ofstream(text) << "no tensors";
  EXPECT_THROW(open_data(text, shape(), 0), base::Error);
  EXPECT_THROW(open_data((dir_ / "none.safetensors").string(), shape(), 0), base::Error);
}

}  // namespace
}  // namespace cordata::runtime
