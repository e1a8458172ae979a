// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "cordata/base/error.h"

namespace cordata::step {
namespace {

std::string temporary(const std::string& name) { return testing::TempDir() + "cordata_" + name; }

std::vector<std::byte> bytes_of(const std::vector<float>& v) {
  std::vector<std::byte> b(v.size() * 4);
  std::memcpy(b.data(), v.data(), b.size());
  return b;
}

std::string write_two(const std::string& name) {
  std::string path = temporary(name);
  SafetensorsWriter out(
      path, {{"a", ir::Type::tensor(ir::DType::kF32, {2, 2})}, {"n", ir::Type::tensor(ir::DType::kI32)}},
      {{"step", "7"}});
  out.append(bytes_of({1, 2, 3, 4}));
  out.append(bytes_of({5}));
  out.finish();
  return path;
}

TEST(Safetensors, WhatIsWrittenIsRead) {
  SafetensorsReader in(write_two("whole"));
  ASSERT_EQ(in.entries().size(), 2u);
  EXPECT_EQ(in.metadata().at("step"), "7");
  EXPECT_EQ(in.find("a")->type, ir::Type::tensor(ir::DType::kF32, {2, 2}));
  EXPECT_EQ(in.find("b"), nullptr);
  EXPECT_EQ(in.read("a"), bytes_of({1, 2, 3, 4}));
  std::vector<std::byte> part(8);
  in.read("a", 4, part);
  EXPECT_EQ(part, bytes_of({2, 3}));
}

TEST(Safetensors, NothingAppearsBeforeTheEnd) {
  std::string path = temporary("unfinished");
  {
    SafetensorsWriter out(path, {{"a", ir::Type::tensor(ir::DType::kF32, {2})}});
    EXPECT_THROW(out.finish(), base::Error);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  std::string path = write_two("cut");
  auto size = std::filesystem::file_size(path);
  for (uintmax_t keep = 0; keep < size; ++keep) {
    std::string shorter = temporary("shorter");
    std::filesystem::copy_file(path, shorter, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(shorter, keep);
    EXPECT_THROW(SafetensorsReader{shorter}, base::Error) << keep;
  }
}

TEST(Safetensors, AFullDiskIsAnEnvironmentError) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  std::string path = temporary("full");
  std::filesystem::remove(path + ".partial");
  std::filesystem::create_symlink("/dev/full", path + ".partial");
  try {
    SafetensorsWriter out(path, {{"a", ir::Type::tensor(ir::DType::kF32, {2})}});
    FAIL() << "a write to a full disk went through";
  } catch (const base::Error& e) {
    EXPECT_EQ(e.kind(), base::ErrorKind::kEnvironment);
  }
}

}  // namespace
}  // namespace cordata::step
