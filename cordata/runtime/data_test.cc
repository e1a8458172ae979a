// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "cordata/base/error.h"
#include "cordata/runtime/box.h"
#include "cordata/runtime/token_file.h"

namespace cordata::runtime {
namespace {

using program::Box;

constexpr int64_t kSeq = 8;

class Data : public testing::Test {
 protected:
  Data() {
    std::filesystem::create_directories(dir_);
    std::string text;
    for (int i = 0; i < 2000; ++i) text.push_back(static_cast<char>(i * 31 % 251));
    write("text", text);
  }
  ~Data() override { std::filesystem::remove_all(dir_); }

  std::string write(const std::string& name, const std::string& bytes) {
    std::ofstream(dir_ / name, std::ios::binary) << bytes;
    return (dir_ / name).string();
  }
  std::string path(const std::string& name) const { return (dir_ / name).string(); }

  std::filesystem::path dir_ =
      std::filesystem::temp_directory_path() / fmt::format("cordata_data_{}", getpid());
};

BatchShape tokens(int64_t batch, int microbatches, int64_t vocabulary = 256, int batch_dim = 0) {
  ir::Shape shape{batch / microbatches, kSeq};
  if (batch_dim == 1) std::swap(shape[0], shape[1]);
  auto type = ir::Type::tensor(ir::DType::kI32, shape);
  return {{{"tokens", type, batch_dim}, {"labels", type, batch_dim}},
          batch,
          microbatches,
          "tokens",
          {vocabulary, vocabulary}};
}

std::vector<int32_t> read(DataSource& data, int input, int64_t step, int microbatch, const Box& box) {
  std::vector<int32_t> values(num_elements(box));
  data.load(input, step, microbatch, box, std::as_writable_bytes(std::span(values)));
  return values;
}

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUser);
    return error.what();
  }
  return "";
}

TEST_F(Data, LabelsAreTheTokensThatFollow) {
  auto data = open_data(path("text"), tokens(4, 1), 1);
  auto x = read(*data, 0, 3, 0, {{0, 0}, {4, kSeq}}), y = read(*data, 1, 3, 0, {{0, 0}, {4, kSeq}});
  for (int k = 0; k < 4; ++k) {
    for (int i = 0; i < kSeq; ++i) {
      EXPECT_EQ(y[k * kSeq + i], i + 1 < kSeq ? x[k * kSeq + i + 1] : (x[k * kSeq + i] + 31) % 251);
    }
  }
}

TEST_F(Data, AnyCutOfABatchGivesTheSameValues) {
  for (const std::string& file : {path("text"), std::string()}) {
    auto one = open_data(file, tokens(8, 1), 5), four = open_data(file, tokens(8, 4), 5),
         across = open_data(file, tokens(8, 4, 256, 1), 5);
    for (int64_t step : {0, 40}) {
      auto all = read(*one, 1, step, 0, {{0, 0}, {8, kSeq}});
      for (int m = 0; m < 4; ++m) {
        auto part = read(*four, 1, step, m, {{1, 2}, {1, 3}});
        auto turned = read(*across, 1, step, m, {{2, 0}, {3, 2}});
        for (int i = 0; i < 3; ++i) {
          EXPECT_EQ(part[i], all[(2 * m + 1) * kSeq + 2 + i]);
          EXPECT_EQ(turned[2 * i + 1], part[i]);
        }
      }
    }
  }
}

TEST_F(Data, AnEpochHoldsEveryWindowOnceInAnotherOrder) {
  auto data = open_data(path("text"), tokens(1, 1), 1), other = open_data(path("text"), tokens(1, 1), 2);
  const int64_t n = data->num_samples();
  EXPECT_EQ(n, (1900 - 1) / kSeq);
  auto epoch = [&](DataSource& source, int64_t e) {
    std::vector<std::vector<int32_t>> windows;
    for (int64_t s = 0; s < n; ++s) windows.push_back(read(source, 0, e * n + s, 0, {{0, 0}, {1, kSeq}}));
    return windows;
  };
  auto first = epoch(*data, 0), second = epoch(*data, 1), elsewhere = epoch(*other, 0);
  EXPECT_EQ(std::set(first.begin(), first.end()).size(), static_cast<size_t>(n));
  EXPECT_THAT(second, testing::UnorderedElementsAreArray(first));
  EXPECT_NE(second, first);
  EXPECT_NE(elsewhere, first);
}

TEST_F(Data, OnlyTheBoxIsRead) {
  auto data = open_data(path("text"), tokens(8, 1), 5);
  read(*data, 0, 0, 0, {{2, 0}, {2, 4}});
  EXPECT_EQ(data->bytes_read(), 8);
}

TEST_F(Data, HeldOutTokensAreNeverTrainedOn) {
  std::string text(1900, 'a');
  text += std::string(100, 'b');
  auto file = write("split", text);
  auto train = open_data(file, tokens(1, 1), 1), rest = open_data(file, tokens(1, 1), 1, Split::kHeldOut);
  for (int64_t s = 0; s < train->num_samples(); ++s) {
    for (int32_t token : read(*train, 1, s, 0, {{0, 0}, {1, kSeq}})) EXPECT_EQ(token, 'a');
  }
  EXPECT_EQ(rest->num_samples(), (100 - 1) / kSeq);
  for (int32_t token : read(*rest, 0, 0, 0, {{0, 0}, {1, kSeq}})) EXPECT_EQ(token, 'b');
}

TEST_F(Data, IdsOfTwoBytes) {
  std::string ids;
  for (int i = 0; i < 400; ++i) ids += {static_cast<char>(i % 100), 1};
  auto data = open_data(write("ids.u16", ids), tokens(1, 1, 1000), 1, Split::kHeldOut);
  EXPECT_EQ(read(*data, 0, 0, 0, {{0, 0}, {1, 3}}), (std::vector<int32_t>{256 + 80, 256 + 81, 256 + 82}));
}

TEST_F(Data, ErrorsSayWhatIsWrong) {
  auto open = [&](const std::string& file) { return error_of([&] { open_data(file, tokens(1, 1), 1); }); };
  EXPECT_THAT(open(path("none")), testing::HasSubstr("No such file"));
  EXPECT_THAT(open(dir_.string()), testing::HasSubstr("no file"));
  EXPECT_THAT(open(write("empty", "")), testing::HasSubstr("empty"));
  EXPECT_THAT(open(write("short", "12345678")), testing::HasSubstr("at least 9 tokens"));
  EXPECT_EQ(open(write("enough", "123456789")), "");
  EXPECT_THAT(open(write("odd.u16", "123")), testing::HasSubstr("whole number"));
  EXPECT_THAT(error_of([&] { open_data(path("text"), tokens(1, 1, 100), 1)->check(); }),
              testing::HasSubstr("below 100"));
  EXPECT_EQ(error_of([&] { open_data(path("text"), tokens(1, 1, 251), 1)->check(); }), "");
  BatchShape images{{{"x", ir::Type::tensor(ir::DType::kF32, {1, 8, 8, 3}), 0}}, 1, 1, "images", {0}};
  EXPECT_THAT(error_of([&] { open_data(path("text"), images, 1); }), testing::HasSubstr("token sequences"));
}

TEST(Shuffled, IsAPermutation) {
  step::RandomStream stream(3, "x");
  for (int64_t n : {1, 2, 5, 16, 17, 1000}) {
    std::set<int64_t> seen;
    for (int64_t i = 0; i < n; ++i) seen.insert(shuffled(stream, i, n));
    EXPECT_EQ(seen.size(), static_cast<size_t>(n));
    EXPECT_EQ(*seen.rbegin(), n - 1);
  }
}

}  // namespace
}  // namespace cordata::runtime
