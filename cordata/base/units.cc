// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string_view>

#include "cordata/base/error.h"

namespace cordata::base {
namespace {

struct Scale {
  std::string_view suffix;
  double factor;
};

constexpr double kKi = 1024, kMi = kKi * kKi, kGi = kMi * kKi, kTi = kGi * kKi, kPi = kTi * kKi;
constexpr Scale kBytesShown[] = {{"PiB", kPi}, {"TiB", kTi}, {"GiB", kGi},
                                 {"MiB", kMi}, {"KiB", kKi}, {"B", 1}};
constexpr Scale kFlopsShown[] = {{"EFLOP", 1e18}, {"PFLOP", 1e15}, {"TFLOP", 1e12}, {"GFLOP", 1e9},
                                 {"MFLOP", 1e6},  {"kFLOP", 1e3},  {"FLOP", 1}};
constexpr Scale kSecondsShown[] = {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}};
constexpr Scale kBytesRead[] = {{"", 1},      {"B", 1},     {"kB", 1e3},  {"KB", 1e3},  {"MB", 1e6},
                                {"GB", 1e9},  {"TB", 1e12}, {"KiB", kKi}, {"MiB", kMi}, {"GiB", kGi},
                                {"TiB", kTi}, {"K", kKi},   {"M", kMi},   {"G", kGi},   {"T", kTi}};
constexpr Scale kBandwidthRead[] = {
    {"bps", 1. / 8},   {"kbps", 1e3 / 8},  {"Kbps", 1e3 / 8}, {"Mbps", 1e6 / 8},
    {"Gbps", 1e9 / 8}, {"Tbps", 1e12 / 8}, {"B/s", 1},        {"kB/s", 1e3},
    {"KB/s", 1e3},     {"MB/s", 1e6},      {"GB/s", 1e9},     {"TB/s", 1e12},
    {"KiB/s", kKi},    {"MiB/s", kMi},     {"GiB/s", kGi},    {"TiB/s", kTi}};

// Three significant digits and the largest suffix that leaves at least 1 before the point. 999.9 would print
// as 1000: the next suffix takes it.
std::string show(double value, std::span<const Scale> scales) {
  if (!std::isfinite(value)) return fmt::format("{} {}", value, scales.back().suffix);
  const double size = std::abs(value);
  for (const Scale& s : scales) {
    const bool last = s.suffix == scales.back().suffix;
    if (size < 0.9995 * s.factor && !last) continue;
    const double scaled = value / s.factor;
    if (last && s.factor == 1 && scaled == std::floor(scaled))
      return fmt::format("{:.0f} {}", scaled, s.suffix);
    const double shown = std::abs(scaled);
    const int digits = shown < 9.995 ? 2 : shown < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f} {}", scaled, digits, s.suffix);
  }
  return {};
}

double parse(const std::string& text, std::span<const Scale> scales, std::string_view wanted) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view suffix(end, text.data() + text.size() - end);
  while (suffix.starts_with(' ')) suffix.remove_prefix(1);
  if (error == std::errc() && std::isfinite(number) && number >= 0)
    for (const Scale& s : scales)
      if (s.suffix == suffix) return number * s.factor;
  throw user_error("[base.units] wanted {}, got '{}'", wanted, text);
}

}  // namespace

std::string to_string(Bytes bytes) { return show(bytes.value, kBytesShown); }
std::string to_string(Seconds seconds) {
  return seconds.value == 0 ? "0 s" : show(seconds.value, kSecondsShown);
}
std::string to_string(Flops flops) { return show(flops.value, kFlopsShown); }

Bytes parse_bytes(const std::string& text) {
  return Bytes(parse(text, kBytesRead, "a size such as 16GiB, 512MB or 1024 (bytes)"));
}

BytesPerSecond parse_bandwidth(const std::string& text) {
  return BytesPerSecond(parse(text, kBandwidthRead, "a bandwidth such as 25Gbps (bits) or 300GB/s (bytes)"));
}

}  // namespace cordata::base
