// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/presets.h"

namespace cordata::cluster {
namespace {

using base::Bytes;
using base::BytesPerSecond;
using base::FlopsPerSecond;
using base::Seconds;
using ir::DType;

// One AWS p5.48xlarge: 8 H100 SXM.
Cluster h100() {
  Cluster c;
  c.name = "h100";
  c.devices_per_host = 8;
  c.device.kind = "H100-SXM5-80GB";
  c.device.peak = {{DType::kBF16, FlopsPerSecond(989e12)},
                   {DType::kF16, FlopsPerSecond(989e12)},
                   {DType::kF32, FlopsPerSecond(67e12)},
                   {DType::kF64, FlopsPerSecond(34e12)},
                   {DType::kTF32, FlopsPerSecond(494e12)}};
  c.device.efficiency = 0.6;
  c.device.memory = Bytes(80e9);
  c.device.memory_bandwidth = BytesPerSecond(3.35e12);
  c.device.launch = Seconds(3e-6);
  c.device.source =
      "NVIDIA H100 data sheet (SXM, dense): 989 TFLOP/s bf16, 67 f32, 34 f64, 80 GB HBM3 at 3.35 TB/s; "
      "efficiency 0.6 and launch 3 us modelled";
  c.intra = {Seconds(5e-6), BytesPerSecond(360e9),
             "NVLink 4: 450 GB/s a direction a GPU (data sheet: 900 GB/s both ways), 80 % of it reached "
             "(modelled); latency modelled"};
  c.inter = {Seconds(20e-6), BytesPerSecond(400e9),
             "AWS p5.48xlarge: EFA, 3200 Gb/s a host; latency modelled"};
  return c;
}

// One AWS p3.16xlarge: 8 V100, the paper's hosts.
Cluster p3_16xlarge() {
  Cluster c;
  c.name = "p3.16xlarge";
  c.devices_per_host = 8;
  c.device.kind = "V100-SXM2-16GB";
  c.device.peak = {{DType::kF16, FlopsPerSecond(125e12)},
                   {DType::kF32, FlopsPerSecond(15.7e12)},
                   {DType::kF64, FlopsPerSecond(7.8e12)}};
  c.device.efficiency = 0.5;
  c.device.memory = Bytes(16.0 * (1 << 30));
  c.device.memory_bandwidth = BytesPerSecond(900e9);
  c.device.launch = Seconds(5e-6);
  c.device.source =
      "NVIDIA V100 data sheet (SXM2): 125 TFLOP/s f16 (tensor cores), 15.7 f32, 7.8 f64, 16 GiB HBM2 at 900 "
      "GB/s; efficiency 0.5 from the one-GPU rows of "
      "Alpa's artifact (GPT 45 to 69 of 125, Wide-ResNet 8.3 of 15.7 TFLOP/s); launch 5 us modelled";
  c.intra = {Seconds(8e-6), BytesPerSecond(120e9),
             "NVLink 2 hybrid cube mesh: 6 links x 25 GB/s a direction a GPU, 80 % of it reached (modelled); "
             "latency modelled"};
  c.inter = {Seconds(50e-6), BytesPerSecond(3.125e9),
             "AWS p3.16xlarge: 25 Gb/s Ethernet a host; latency modelled"};
  return c;
}

constexpr Preset kPresets[] = {
    {"h100", h100},
    {"p3.16xlarge", p3_16xlarge},
    {"p5", h100},
};

}  // namespace

std::span<const Preset> preset_table() { return kPresets; }

}  // namespace cordata::cluster
