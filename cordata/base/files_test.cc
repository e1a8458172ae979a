// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "cordata/base/error.h"
#include "cordata/base/mapped_file.h"

namespace cordata::base {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  Files() { fs::create_directories(dir_); }
  ~Files() override { fs::remove_all(dir_); }
  std::string at(const char* name) const { return (dir_ / name).string(); }
  template <typename F>
  static ErrorKind kind_of(F&& f) {
    try {
      f();
    } catch (const Error& e) {
      return e.kind();
    }
    ADD_FAILURE() << "no error";
    return ErrorKind::kInternal;
  }

 private:
  fs::path dir_ = fs::path(testing::TempDir()) / ("files_test." + std::to_string(getpid()));
};

TEST_F(Files, WhatIsWrittenIsRead) {
  write_file(at("a"), "one");
  write_file(at("a"), "two");
  EXPECT_EQ(read_file(at("a")), "two");
  EXPECT_FALSE(fs::exists(at("a.partial")));
}

TEST_F(Files, AFullDiskIsTheEnvironmentsFault) {
  EXPECT_EQ(kind_of([] { write_file("/dev/full", "x"); }), ErrorKind::kEnvironment);
  EXPECT_FALSE(fs::exists("/dev/full.partial"));
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST_F(Files, PathsThatCannotBeWrittenAreTheUsersFault) {
  EXPECT_EQ(kind_of([&] { check_writable(at("no/such/folder")); }), ErrorKind::kUser);
  EXPECT_EQ(kind_of([&] { check_writable(at("")); }), ErrorKind::kUser);  // a directory
  EXPECT_EQ(kind_of([&] { check_writable(""); }), ErrorKind::kUser);
  EXPECT_EQ(kind_of([&] { read_file(at("none")); }), ErrorKind::kUser);
  EXPECT_EQ(kind_of([&] { read_file(at("")); }), ErrorKind::kUser);
  write_file(at("file"), "kept");
  EXPECT_EQ(kind_of([&] { check_writable_directory(at("file")); }), ErrorKind::kUser);
  EXPECT_EQ(kind_of([&] { check_writable_directory(at("file/below")); }), ErrorKind::kUser);
}

TEST_F(Files, AMappedFileIsTheFile) {
  write_file(at("file"), "some bytes");
  const MappedFile file(at("file"));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(file.data()), file.size()), "some bytes");
  write_file(at("empty"), "");
  for (const char* name : {"none", "", "empty"})
    EXPECT_EQ(kind_of([&] { MappedFile wrong(at(name)); }), ErrorKind::kUser);
  EXPECT_EQ(MappedFile(at("empty"), MappedFile::Empty::kAllowed).size(), 0);
}

TEST_F(Files, WhatAMappedFileLetGoOfComesBack) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>('a' + i % 23);
  write_file(at("file"), bytes);
  const MappedFile file(at("file"));
  const auto text = [&] { return std::string(reinterpret_cast<const char*>(file.data()), file.size()); };
  EXPECT_EQ(text(), bytes);
  file.let_go(0, file.size());
  EXPECT_EQ(text(), bytes);
  file.let_go(5000, 90'000);
  EXPECT_EQ(text(), bytes);
}

TEST_F(Files, CheckingChangesNothing) {
  write_file(at("file"), "kept");
  check_writable(at("file"));
  check_writable(at("new"));
  check_writable_directory(at("new/folders"));
  EXPECT_EQ(read_file(at("file")), "kept");
  EXPECT_FALSE(fs::exists(at("new")));
}

}  // namespace
}  // namespace cordata::base
