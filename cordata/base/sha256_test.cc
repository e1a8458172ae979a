// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/sha256.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string_view>

namespace cordata::base {
namespace {

std::string sum(std::string_view text, size_t piece) {
  Sha256 sha;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    sha.add(std::as_bytes(std::span(text.substr(0, piece))));
  return sha.hex();
}

// The examples of FIPS 180-4, and one that needs a second padding block.
TEST(Sha256, KnownSums) {
  EXPECT_EQ(sum("", 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sum("abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sum("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 7),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, PiecesDontMatter) {
  const std::string text(100'000, 'a');
  for (size_t piece : {1, 63, 64, 65, 4096}) EXPECT_EQ(sum(text, piece), sum(text, text.size()));
}

TEST(Sha256, OfAFileAsSha256sumHasIt) {
  const std::string path = testing::TempDir() + "sha256_test.bin";
  std::ofstream(path) << std::string(3 << 20, 'x');
  FILE* peer = popen(("sha256sum " + path).c_str(), "r");
  ASSERT_NE(peer, nullptr);
  char text[65] = {};
  ASSERT_EQ(fread(text, 1, 64, peer), 64u);
  pclose(peer);
  EXPECT_EQ(sha256_of_file(path), text);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace cordata::base
