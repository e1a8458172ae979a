// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/units.h"

#include <gtest/gtest.h>

#include "cordata/base/error.h"

namespace cordata::base {
namespace {

TEST(Units, ThreeDigitsAndTheLargestSuffix) {
  EXPECT_EQ(to_string(Bytes(0)), "0 B");
  EXPECT_EQ(to_string(Bytes(1023)), "1023 B");
  EXPECT_EQ(to_string(Bytes(1023.9)), "1.00 KiB");
  EXPECT_EQ(to_string(Bytes(512)), "512 B");
  EXPECT_EQ(to_string(Bytes(1.5 * (1 << 30))), "1.50 GiB");
  EXPECT_EQ(to_string(Bytes(-2048)), "-2.00 KiB");
  EXPECT_EQ(to_string(Seconds(0)), "0 s");
  EXPECT_EQ(to_string(Seconds(0.0123)), "12.3 ms");
  EXPECT_EQ(to_string(Seconds(0.99999)), "1.00 s");
  EXPECT_EQ(to_string(Seconds(123.4)), "123 s");
  EXPECT_EQ(to_string(Seconds(2e-10)), "0.20 ns");
  EXPECT_EQ(to_string(Flops(4.12e12)), "4.12 TFLOP");
  EXPECT_EQ(to_string(Flops(7)), "7 FLOP");
}

TEST(Units, SizesAndBandwidthsAreRead) {
  EXPECT_EQ(parse_bytes("1024").value, 1024);
  EXPECT_EQ(parse_bytes("16GiB").value, 16.0 * (1 << 30));
  EXPECT_EQ(parse_bytes("16 GiB").value, 16.0 * (1 << 30));
  EXPECT_EQ(parse_bytes("512MB").value, 512e6);
  EXPECT_EQ(parse_bytes("1.5kB").value, 1500);
  EXPECT_EQ(parse_bandwidth("25Gbps").value, 3.125e9);
  EXPECT_EQ(parse_bandwidth("300GB/s").value, 300e9);
}

TEST(Units, WhatIsNoSizeIsRefusedWithTheForm) {
  for (const char* text : {"", "GiB", "-1", "nan", "inf", "1e400", "16 Gib", "16GiBs", "0x10", "1,5GB"}) {
    try {
      parse_bytes(text);
      FAIL() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kUser);
      EXPECT_NE(std::string(e.what()).find("16GiB, 512MB or 1024"), std::string::npos) << e.what();
    }
  }
  EXPECT_THROW(parse_bandwidth("25"), Error);  // bits or bytes?
  EXPECT_THROW(parse_bandwidth("25GB"), Error);
}

}  // namespace
}  // namespace cordata::base
