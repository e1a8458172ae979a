// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cordata/ir/type.h"

namespace cordata::step {

struct TensorEntry {
  std::string name;
  ir::Type type;
};

// Writes a safetensors file (8 bytes header length, JSON header, raw little-endian bytes): entries are
// declared first, then their bytes are appended in that order, in pieces of any size. The file appears under
// its name only when `finish` has run, complete and synced; until then it is PATH.partial. Throws environment
// errors.
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::string& path, const std::vector<TensorEntry>& entries,
                    const std::map<std::string, std::string>& metadata = {});
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  void append(std::span<const std::byte> bytes);
  void finish();

 private:
  void write(const std::byte* data, size_t size);
  void abandon();  // closes and removes the partial file

  std::string path_;
  int file_ = -1;
  uint64_t expected_ = 0, written_ = 0;
};

// Reads one: the header at once (checked: user errors say what is wrong), bytes when asked for.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(const std::string& path);

  const std::vector<TensorEntry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const TensorEntry* find(const std::string& name) const;  // nullptr: not there
  uint64_t offset(const std::string& name) const;          // of its first byte in the file
  std::vector<std::byte> read(const std::string& name) const;
  // Bytes [offset, offset + out.size()) of that tensor.
  void read(const std::string& name, uint64_t offset, std::span<std::byte> out) const;

 private:
  void add_entry(const std::string& name, const nlohmann::ordered_json& entry, uint64_t file_size);

  std::string path_;
  uint64_t data_start_ = 0;
  std::vector<TensorEntry> entries_;
  std::map<std::string, std::pair<size_t, uint64_t>> index_;  // name -> entry, offset
  std::map<std::string, std::string> metadata_;
};

}  // namespace cordata::step
