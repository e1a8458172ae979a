// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cordata/base/error.h"
#include "cordata/runtime/box.h"
#include "cordata/runtime/transport/thread_transport.h"

namespace cordata::runtime {
namespace {

namespace fs = std::filesystem;
using ir::DType;
using ir::Type;
using program::Box;
using program::Program;
using step::Role;
using testing::HasSubstr;

const Type kMatrix = Type::tensor(DType::kF32, {4, 6}), kVector = Type::tensor(DType::kBF16, {3}),
           kCount = Type::tensor(DType::kI32);

program::Resident resident(Role role, int index, std::string name, Type global, Box box,
                           bool primary = true) {
  Type local = global;
  local.shape = box.extent;
  return {role,           index, std::move(name), index, std::move(global), std::move(local),
          std::move(box), true,  primary};
}

// A matrix in 2 x 2 blocks over four ranks; a vector that all have; a step counter and an unnamed moment on
// rank 2.
Program four_ranks() {
  Program p;
  p.num_ranks = 4;
  for (int r = 0; r < 4; ++r) {
    auto& rank = p.ranks.emplace_back();
    rank.rank = r;
    rank.residents.push_back(resident(Role::kParam, 0, "w", kMatrix, {{r / 2 * 2, r % 2 * 3}, {2, 3}}));
    rank.residents.push_back(resident(Role::kParam, 1, "layer/b", kVector, whole(kVector.shape), r == 3));
  }
  p.ranks[2].residents.push_back(resident(Role::kOptState, 0, "count", kCount, {}));
  p.ranks[2].residents.push_back(resident(Role::kOptState, 1, "", kMatrix, whole(kMatrix.shape)));
  return p;
}

// Element i of a value is salt + i.
std::vector<std::byte> values_of(const program::Resident& r, int salt) {
  std::vector<std::byte> all(r.global.num_bytes()), block(r.local.num_bytes());
  for (int64_t i = 0; i < num_elements(whole(r.global.shape)); ++i) {
    const float f = static_cast<float>(salt + i);
    const int32_t n = static_cast<int32_t>(salt + i);
    uint32_t bits = 0;
    std::memcpy(&bits, &f, sizeof bits);
    const auto half = static_cast<uint16_t>(bits >> 16);
    if (r.global.dtype == DType::kF32) std::memcpy(all.data() + 4 * i, &f, 4);
    if (r.global.dtype == DType::kI32) std::memcpy(all.data() + 4 * i, &n, 4);
    if (r.global.dtype == DType::kBF16) std::memcpy(all.data() + 2 * i, &half, 2);
  }
  pack(r.global, r.box).run(all.data(), block.data());
  return block;
}

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() : dir_(testing::TempDir() + fmt::format("cordata_checkpoint_{}", ::getpid())) {
    fs::remove_all(dir_);
  }
  ~CheckpointTest() override { fs::remove_all(dir_); }

  // Saves on thread ranks; gives rank 0's error.
  std::string save(const std::string& dir, int64_t step, int salt) {
    const Program p = four_ranks();
    auto world = make_thread_world(p.num_ranks);
    std::string error;
    std::vector<std::thread> threads;
    for (int r = 0; r < p.num_ranks; ++r) {
      threads.emplace_back([&, r] {
        auto read = [&](const program::Resident& which, std::span<std::byte> to) {
          auto bytes = values_of(which, salt + 100 * which.index);
          std::copy(bytes.begin(), bytes.end(), to.begin());
        };
        try {
          save_checkpoint(dir, {"mlp:layers=2", 0xabc, step, {{"seed", 7}}}, p, read, *world[r],
                          base::Seconds(20));
        } catch (const base::Error& e) {
          if (r == 0) error = e.what();
          world[r]->abort(e.what());
        }
      });
    }
    for (auto& thread : threads) thread.join();
    return error;
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_)) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  void expect_saved(int salt) const {
    Checkpoint checkpoint(dir_);
    for (const auto& rank : four_ranks().ranks) {
      for (const auto& r : rank.residents) {
        std::vector<std::byte> block(r.local.num_bytes());
        checkpoint.read(r, block);
        EXPECT_EQ(block, values_of(r, salt + 100 * r.index)) << r.name << " of rank " << rank.rank;
      }
    }
  }

  std::string dir_;
};

const std::vector<std::string> kFirstFiles = {"checkpoint.json", "opt_state-000020.safetensors",
                                              "param-000020.safetensors"};

TEST_F(CheckpointTest, GivesEveryBlockBack) {
  ASSERT_EQ(save(dir_, 20, 0), "");
  EXPECT_EQ(files(), kFirstFiles);
  expect_saved(0);
  Checkpoint checkpoint(dir_);
  EXPECT_EQ(checkpoint.info().model, "mlp:layers=2");
  EXPECT_EQ(checkpoint.info().model_hash, 0xabcu);
  EXPECT_EQ(checkpoint.info().step, 20);
  EXPECT_EQ(checkpoint.info().run["seed"], 7);
  EXPECT_EQ(checkpoint.entries(Role::kParam).size(), 2u);
  EXPECT_TRUE(checkpoint.has(Role::kOptState, "1"));
  EXPECT_EQ(checkpoint.read(Role::kParam, "w", kMatrix).size(), 96u);
  EXPECT_GE(checkpoint_bytes(four_ranks()).value, 96 + 6 + 4 + 96);
}

TEST_F(CheckpointTest, ALaterSaveReplacesTheFirst) {
  ASSERT_EQ(save(dir_, 20, 0), "");
  ASSERT_EQ(save(dir_, 20, 5), "");  // the same step: the names in use are not written over
  expect_saved(5);
  EXPECT_EQ(files().size(), 3u);
  ASSERT_EQ(save(dir_, 20, 9), "");
  EXPECT_EQ(files(), kFirstFiles);
  ASSERT_EQ(save(dir_, 40, 1), "");
  expect_saved(1);
  EXPECT_EQ(files()[1], "opt_state-000040.safetensors");
  EXPECT_EQ(files().size(), 3u);
}

TEST_F(CheckpointTest, WhatAKilledRunLeftIsRemoved) {
  fs::create_directories(dir_);
  std::ofstream(dir_ + "/param-000010.safetensors.partial") << "half";
  std::ofstream(dir_ + "/notes.partial") << "the user's";
  ASSERT_EQ(save(dir_, 20, 0), "");
  EXPECT_EQ(files().size(), 4u);
  EXPECT_TRUE(fs::exists(dir_ + "/notes.partial"));
}

TEST_F(CheckpointTest, PythonReadsIt) {
  const char* deps = std::getenv("CORDATA_DEPS");
  const char* home = std::getenv("HOME");
  const std::string python =
      (deps ? deps : std::string(home ? home : "") + "/.cache/cordata/deps") + "/venv/bin/python";
  if (::access(python.c_str(), X_OK) != 0) GTEST_SKIP() << "wanted " << python << "; try tools/setup";
  ASSERT_EQ(save(dir_, 20, 0), "");
  std::ofstream(dir_ + "/read.py")
      << "import sys\nfrom safetensors.numpy import load_file\n"
         "p = load_file(sys.argv[1] + '/opt_state-000020.safetensors')\n"
         "assert sorted(p) == ['1', 'count'], p\n"
         "assert p['1'].shape == (4, 6) and (p['1'].ravel() == range(100, 124)).all(), p\n"
         "from safetensors import safe_open\n"
         "with safe_open(sys.argv[1] + '/param-000020.safetensors', 'np') as f:\n"
         "    assert f.get_slice('layer/b').get_dtype() == 'BF16'\n"
         "    assert (f.get_tensor('w').ravel() == range(24)).all()\n";
  EXPECT_EQ(std::system((python + " " + dir_ + "/read.py " + dir_).c_str()), 0);
}

TEST_F(CheckpointTest, DamageIsFound) {
  ASSERT_EQ(save(dir_, 20, 0), "");
  auto message = [&] {
    try {
      Checkpoint checkpoint(dir_);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::kUser);
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string path = dir_ + "/param-000020.safetensors";
  const auto size = fs::file_size(path);
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
          .seekp(static_cast<std::streamoff>(size) - 1)
      << '\x7f';
  EXPECT_THAT(message(), HasSubstr("damaged"));
  fs::resize_file(path, size - 1);
  EXPECT_THAT(message(), HasSubstr("wanted " + std::to_string(size) + " bytes"));
  fs::remove(path);
  EXPECT_THAT(message(), HasSubstr("can't read"));
  std::ofstream(dir_ + "/checkpoint.json") << "{\"format\": \"cordata.plan/1\"}";
  EXPECT_THAT(message(), HasSubstr("cordata.checkpoint/1"));
  fs::remove(dir_ + "/checkpoint.json");
  EXPECT_THAT(message(), HasSubstr("wanted a checkpoint"));
}

TEST_F(CheckpointTest, AnotherModelIsRefused) {
  ASSERT_EQ(save(dir_, 20, 0), "");
  Checkpoint checkpoint(dir_);
  EXPECT_THROW(checkpoint.read(Role::kParam, "v", kMatrix), base::Error);
  EXPECT_THROW(checkpoint.read(Role::kParam, "w", kVector), base::Error);
}

// A limit on the size of files stands for a full disk: it needs no rights.
TEST_F(CheckpointTest, AFullDiskLeavesWhatWasThere) {
  ASSERT_EQ(save(dir_, 20, 0), "");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  auto handler = ::signal(SIGXFSZ, SIG_IGN);
  for (rlim_t limit : {0, 100, 300, 400}) {
    rlimit small{limit, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    const std::string error = save(dir_, 40, 5);
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_THAT(error, HasSubstr("can't write")) << limit;
    EXPECT_THAT(error, HasSubstr("File too large")) << limit;
    EXPECT_EQ(files(), kFirstFiles) << limit;
  }
  ::signal(SIGXFSZ, handler);
  expect_saved(0);
}

TEST_F(CheckpointTest, AFullFileSystem) {
  fs::create_directories(dir_);
  if (::mount("tmpfs", dir_.c_str(), "tmpfs", 0, "size=16k") != 0)
    GTEST_SKIP() << "needs root, to mount a tmpfs";
  check_checkpoint_folder(dir_, base::Bytes(1000));
  EXPECT_THROW(check_checkpoint_folder(dir_, base::Bytes(1e6)), base::Error);
  std::ofstream(dir_ + "/filler") << std::string(16 << 10, 'x');
  try {
    check_checkpoint_folder(dir_);
    ADD_FAILURE() << "wanted an error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kEnvironment);
  }
  EXPECT_THAT(save(dir_, 20, 0), HasSubstr("No space left on device"));
  EXPECT_EQ(files(), std::vector<std::string>{"filler"});
  ::umount(dir_.c_str());
}

TEST_F(CheckpointTest, APlaceThatCanNotBeWritten) {
  try {
    check_checkpoint_folder("/proc/nothing/here");
    ADD_FAILURE() << "wanted an error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUser);
    EXPECT_THAT(error.what(), HasSubstr("/proc/nothing/here"));
  }
  check_checkpoint_folder(dir_ + "/made/on/demand");
  EXPECT_TRUE(fs::is_directory(dir_ + "/made/on/demand"));
  EXPECT_THAT(save("/proc/nothing/here", 1, 0), HasSubstr("can't make"));
}

TEST(CheckpointBlocks, AHoleIsFound) {
  Program p = four_ranks();
  p.ranks[1].residents[0].primary = false;
  EXPECT_THROW(checkpoint_bytes(p), base::Error);
}

}  // namespace
}  // namespace cordata::runtime
