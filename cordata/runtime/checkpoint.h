// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "cordata/base/units.h"
#include "cordata/program/program.h"
#include "cordata/runtime/transport/transport.h"
#include "cordata/step/safetensors.h"

namespace cordata::runtime {

// What a checkpoint says about itself: checkpoint.json, "format": "cordata.checkpoint/1" (docs/formats.md).
struct CheckpointInfo {
  std::string model;                              // as the user named it
  uint64_t model_hash = 0;                        // step::model_hash
  int64_t step = 0;                               // steps done
  nlohmann::json run = nlohmann::json::object();  // whatever a restart wants to know: seed, data, plan
};

// Reads a resident's block as it is now; Executor::read.
using ReadBlock = std::function<void(const program::Resident& resident, std::span<std::byte> block)>;

// Whether a checkpoint could be written to `dir` now, which is made when missing: writes a small file there
// and looks at the room left. Before ranks start. Throws a user error, an environment error where the disk is
// full.
void check_checkpoint_folder(const std::string& dir, base::Bytes needed = base::Bytes(0));
// Bytes of a checkpoint of this program, about.
base::Bytes checkpoint_bytes(const program::Program& program);

// Saves every parameter, optimizer state and state of the program, whole, whatever the plan: rank 0 gathers
// blocks, a tensor at a time, and writes a safetensors file for each role. Every rank calls it, with no
// message under way. What was saved before is replaced at once when all is on disk, or stays as it was.
// Throws environment errors (rank 0).
void save_checkpoint(const std::string& dir, const CheckpointInfo& info, const program::Program& program,
                     const ReadBlock& read, Transport& transport,
                     base::Seconds time_limit = base::Seconds(600));

// A checkpoint opened for reading; tensors are read when asked for.
class Checkpoint {
 public:
  // Checks checkpoint.json, sizes, and (with `verify`) checksums; user errors say what is wrong.
  explicit Checkpoint(const std::string& dir, bool verify = true);

  const CheckpointInfo& info() const { return info_; }
  std::vector<step::TensorEntry> entries(step::Role role) const;
  bool has(step::Role role, const std::string& name) const;
  // The whole tensor; a block of it (as FillBlock wants it, for any plan). Throw user errors: not there,
  // another type.
  std::vector<std::byte> read(step::Role role, const std::string& name, const ir::Type& type) const;
  void read(const program::Resident& resident, std::span<std::byte> block) const;

 private:
  struct File {
    step::Role role;
    std::unique_ptr<step::SafetensorsReader> reader;
  };
  const step::SafetensorsReader& file(step::Role role, const std::string& name, const ir::Type& type) const;

  std::string dir_;
  CheckpointInfo info_;
  std::vector<File> files_;
};

// The name of a value in its file: its own, or its number where it has none.
std::string checkpoint_name(const std::string& name, int index);

}  // namespace cordata::runtime
