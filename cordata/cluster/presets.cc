// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/presets.h"

#include <tuple>
#include <utility>

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
  c.device.merges_kernels = true;
  c.device.source =
      "NVIDIA H100 data sheet (SXM, dense): 989 TFLOP/s bf16, 67 f32, 34 f64, 80 GB HBM3 at 3.35 TB/s; "
      "efficiency 0.6 and launch 3 us modelled";
  c.topology = Topology::kSwitch;
  c.intra = {
      Seconds(5e-6), BytesPerSecond(360e9),
      "NVSwitch, NVLink 4: 450 GB/s a direction a GPU (data sheet: 900 GB/s both ways), 80 % of it reached "
      "(modelled); latency modelled"};
  c.inter = {
      Seconds(20e-6), BytesPerSecond(400e9),
      "AWS EC2 P5 instances, p5.48xlarge: EFA, 3200 Gb/s a host, 32 cards of 100 Gb/s, of which the four "
      "beside a GPU count as one NIC here; latency modelled"};
  c.nics = 8;
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
  c.device.efficiency = 0.78;
  c.device.memory = Bytes(16.0 * (1 << 30));
  c.device.memory_bandwidth = BytesPerSecond(750e9);
  c.device.launch = Seconds(0);
  c.device.merges_kernels = true;
  c.device.source =
      "NVIDIA V100 data sheet (SXM2): 125 TFLOP/s f16 (tensor cores), 15.7 f32, 7.8 f64, 16 GiB HBM2; 750 of "
      "its 900 GB/s as measured by Jia et al. 2018 (Dissecting the NVIDIA Volta GPU architecture); "
      "efficiency "
      "fitted on the one-GPU GPT rows of Alpa's artifact (make calibrate); kernels are queued ahead, so "
      "starting them takes no time of its own";
  // Which GPUs are joined: `nvidia-smi topo -m` of such a host. Three rings through all eight come of it,
  // both ways round: each GPU's 6 links.
  c.topology = Topology::kLinks;
  for (const auto& [a, b, links] : {std::tuple(0, 1, 1),
                                    {0, 2, 1},
                                    {0, 3, 2},
                                    {0, 4, 2},
                                    {1, 2, 2},
                                    {1, 3, 1},
                                    {1, 5, 2},
                                    {2, 3, 2},
                                    {2, 6, 1},
                                    {3, 7, 1},
                                    {4, 5, 1},
                                    {4, 6, 1},
                                    {4, 7, 2},
                                    {5, 6, 2},
                                    {5, 7, 1},
                                    {6, 7, 2}})
    c.wires.push_back({a, b, links, BytesPerSecond(20e9)});
  c.intra = {
      Seconds(8e-6), BytesPerSecond(12.6e9),
      "NVLink 2 hybrid cube mesh (NVIDIA DGX-1 white paper; AWS EC2 P3 instances, p3.16xlarge): 6 links x "
      "25 GB/s a direction a GPU; GPUs without a link go over PCIe 3.0 x16, 15.75 GB/s a direction; 80 % "
      "of each reached (modelled); latency modelled"};
  c.inter = {Seconds(50e-6), BytesPerSecond(3.125e9),
             "AWS EC2 P3 instances, p3.16xlarge: 25 Gb/s Ethernet a host; latency modelled"};
  return c;
}

// One AWS p4d.24xlarge: 8 A100 SXM.
Cluster p4d() {
  Cluster c;
  c.name = "p4d";
  c.devices_per_host = 8;
  c.device.kind = "A100-SXM4-40GB";
  c.device.peak = {{DType::kBF16, FlopsPerSecond(312e12)},
                   {DType::kF16, FlopsPerSecond(312e12)},
                   {DType::kF32, FlopsPerSecond(19.5e12)},
                   {DType::kF64, FlopsPerSecond(9.7e12)},
                   {DType::kTF32, FlopsPerSecond(156e12)}};
  c.device.efficiency = 0.6;
  c.device.memory = Bytes(40e9);
  c.device.memory_bandwidth = BytesPerSecond(1.555e12);
  c.device.launch = Seconds(4e-6);
  c.device.merges_kernels = true;
  c.device.source =
      "NVIDIA A100 data sheet (SXM4 40 GB, dense): 312 TFLOP/s bf16 and f16, 156 tf32, 19.5 f32, 9.7 f64 "
      "(without "
      "tensor cores), 40 GB HBM2 at 1.555 TB/s; efficiency 0.6 and launch 4 us modelled";
  c.topology = Topology::kSwitch;
  c.intra = {
      Seconds(6e-6), BytesPerSecond(240e9),
      "NVSwitch, NVLink 3: 300 GB/s a direction a GPU (data sheet: 600 GB/s both ways), 80 % of it reached "
      "(modelled); latency modelled"};
  c.inter = {Seconds(25e-6), BytesPerSecond(50e9),
             "AWS EC2 P4 instances, p4d.24xlarge: EFA, 4 x 100 Gb/s a host; latency modelled"};
  c.nics = 4;
  return c;
}

// A host of 8 chips of a TPU v5e pod, rows of 4 x 2: chip = 4 * row + column. The pod is a torus of 16 x 16
// chips; the file's hosts lie behind switches, so links that leave a host count together.
Cluster v5e() {
  Cluster c;
  c.name = "v5e";
  c.devices_per_host = 8;
  c.device.kind = "TPU-v5e";
  c.device.peak = {{DType::kBF16, FlopsPerSecond(197e12)}, {DType::kF32, FlopsPerSecond(197e12 / 6)}};
  c.device.efficiency = 0.6;
  c.device.memory = Bytes(16e9);
  c.device.memory_bandwidth = BytesPerSecond(819e9);
  c.device.launch = Seconds(2e-6);
  c.device.source =
      "Google Cloud documentation, TPU v5e: 197 TFLOP/s bf16, 16 GB HBM2e at 819 GB/s; f32 as six bf16 "
      "passes, "
      "efficiency 0.6 and launch 2 us modelled";
  c.topology = Topology::kLinks;
  for (const auto& [a, b] :
       {std::pair(0, 1), {1, 2}, {2, 3}, {4, 5}, {5, 6}, {6, 7}, {0, 4}, {1, 5}, {2, 6}, {3, 7}})
    c.wires.push_back({a, b, 1, BytesPerSecond(50e9)});
  c.intra = {
      Seconds(2e-6), BytesPerSecond(50e9),
      "Google Cloud documentation, TPU v5e: ICI of 1600 Gb/s a chip over 4 ports, so 50 GB/s a link a "
      "direction; 8 chips a host as 2 x 4 of the torus. Simplified: chips that no link joins reach each "
      "other over one link's worth; latency modelled"};
  c.inter = {
      Seconds(4e-6), BytesPerSecond(600e9),
      "12 of a host's chips' 32 ports lead out of it: 12 x 50 GB/s of ICI. Simplified: any host reaches any "
      "other of its pod over all of them, where the torus has neighbours only; latency modelled"};
  c.nics = 12;
  c.racks =
      Racks{32, 24, Seconds(50e-6),
            "A rack is a pod: 256 chips on 32 hosts (Google Cloud documentation, TPU v5e), 6.4 Tb/s of data "
            "center network a pod: 800 of its hosts' 19,200 GB/s; latency modelled"};
  return c;
}

constexpr Preset kPresets[] = {
    {"h100", h100}, {"p3.16xlarge", p3_16xlarge}, {"p4d", p4d}, {"p5", h100}, {"v5e", v5e},
};

}  // namespace

std::span<const Preset> preset_table() { return kPresets; }

}  // namespace cordata::cluster
