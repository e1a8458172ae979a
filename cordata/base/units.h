// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <string>

namespace cordata::base {

// A number that knows what it counts. Sums and scaling stay in the unit; ratios are plain doubles.
template <typename Tag>
struct Quantity {
  double value = 0;

  constexpr Quantity() = default;
  constexpr explicit Quantity(double v) : value(v) {}
  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity& operator+=(Quantity o) {
    value += o.value;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity o) {
    value -= o.value;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.value + b.value); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.value - b.value); }
  friend constexpr Quantity operator*(Quantity a, double k) { return Quantity(a.value * k); }
  friend constexpr Quantity operator*(double k, Quantity a) { return Quantity(a.value * k); }
  friend constexpr Quantity operator/(Quantity a, double k) { return Quantity(a.value / k); }
  friend constexpr double operator/(Quantity a, Quantity b) { return a.value / b.value; }
};

using Bytes = Quantity<struct BytesTag>;
using Seconds = Quantity<struct SecondsTag>;
using Flops = Quantity<struct FlopsTag>;  // a count of floating point operations
using BytesPerSecond = Quantity<struct BytesPerSecondTag>;
using FlopsPerSecond = Quantity<struct FlopsPerSecondTag>;

constexpr Seconds operator/(Bytes b, BytesPerSecond r) { return Seconds(b.value / r.value); }
constexpr Seconds operator/(Flops f, FlopsPerSecond r) { return Seconds(f.value / r.value); }

// For people: "1.50 GiB", "12.3 ms", "4.12 TFLOP".
std::string to_string(Bytes bytes);
std::string to_string(Seconds seconds);
std::string to_string(Flops flops);

// "16GiB", "512MB", "1024" -> bytes; "25Gbps", "300GB/s" -> bytes a second. Throws a user error naming the
// form.
Bytes parse_bytes(const std::string& text);
BytesPerSecond parse_bandwidth(const std::string& text);

}  // namespace cordata::base
