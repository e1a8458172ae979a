// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cordata/base/error.h"
#include "cordata/base/sha256.h"
#include "cordata/runtime/box.h"
#include "cordata/runtime/checkpoint.h"

namespace cordata::runtime {
namespace {

using base::user_error;
using json = nlohmann::json;
using step::Role;

json read_manifest(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw user_error("[runtime.checkpoint] wanted a checkpoint, got {}: {}", path, std::strerror(errno));
  try {
    json manifest = json::parse(in);
    if (auto format = manifest.at("format").get<std::string>(); format != "cordata.checkpoint/1") {
      throw user_error("[runtime.checkpoint] {}: wanted \"format\": \"cordata.checkpoint/1\", got \"{}\"",
                       path, format);
    }
    return manifest;
  } catch (const json::exception& error) {
    throw user_error("[runtime.checkpoint] {}: {}", path, error.what());
  }
}

uint64_t hash_from(const std::string& text, const std::string& path) {
  uint64_t hash = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hash, 16);
  if (error != std::errc() || end != text.data() + text.size() || text.size() != 16) {
    throw user_error("[runtime.checkpoint] {}: wanted 16 hex digits in model_hash, got \"{}\"", path, text);
  }
  return hash;
}

Role role_of(const std::string& word, const std::string& path) {
  for (Role role : {Role::kParam, Role::kOptState, Role::kState}) {
    if (word == step::name(role)) return role;
  }
  throw user_error("[runtime.checkpoint] {}: wanted the role param, opt_state or state, got \"{}\"", path,
                   word);
}

void check_file(const std::string& path, const json& said, bool verify) {
  std::error_code failed;
  const auto bytes = std::filesystem::file_size(path, failed);
  if (failed) throw user_error("[runtime.checkpoint] can't read {}: {}", path, failed.message());
  if (auto wanted = said.at("bytes").get<uint64_t>(); bytes != wanted) {
    throw user_error("[runtime.checkpoint] {}: wanted {} bytes, got {}; try an older checkpoint", path,
                     wanted, bytes);
  }
  if (verify && base::sha256_of_file(path) != said.at("sha256").get<std::string>()) {
    throw user_error(
        "[runtime.checkpoint] {} is damaged: its SHA-256 is not that of checkpoint.json; try an older "
        "checkpoint",
        path);
  }
}

}  // namespace

Checkpoint::Checkpoint(const std::string& dir, bool verify) : dir_(dir) {
  const std::string path = dir + "/checkpoint.json";
  const json manifest = read_manifest(path);
  try {
    info_.model = manifest.at("model").get<std::string>();
    info_.model_hash = hash_from(manifest.at("model_hash").get<std::string>(), path);
    info_.step = manifest.at("step").get<int64_t>();
    info_.run = manifest.value("run", json::object());
    for (const json& said : manifest.at("files")) {
      const std::filesystem::path name = said.at("name").get<std::string>();
      if (name.has_parent_path())
        throw user_error("[runtime.checkpoint] {}: wanted names of files, got {}", path, name.string());
      check_file(dir + "/" + name.string(), said, verify);
      files_.push_back({role_of(said.at("role").get<std::string>(), path),
                        std::make_unique<step::SafetensorsReader>(dir + "/" + name.string())});
    }
  } catch (const json::exception& error) {
    throw user_error("[runtime.checkpoint] {}: {}", path, error.what());
  }
}

std::vector<step::TensorEntry> Checkpoint::entries(Role role) const {
  std::vector<step::TensorEntry> all;
  for (const File& file : files_) {
    if (file.role == role)
      all.insert(all.end(), file.reader->entries().begin(), file.reader->entries().end());
  }
  return all;
}

bool Checkpoint::has(Role role, const std::string& name) const {
  for (const File& file : files_) {
    if (file.role == role && file.reader->find(name)) return true;
  }
  return false;
}

const step::SafetensorsReader& Checkpoint::file(Role role, const std::string& name,
                                                const ir::Type& type) const {
  for (const File& file : files_) {
    const step::TensorEntry* entry = file.role == role ? file.reader->find(name) : nullptr;
    if (!entry) continue;
    if (entry->type == type) return *file.reader;
    throw user_error("[runtime.checkpoint] {}: wanted {} as {}, got {}; it is of another model", dir_, name,
                     to_string(type), to_string(entry->type));
  }
  throw user_error("[runtime.checkpoint] {} holds no {} {}; it is of another model ({})", dir_,
                   step::name(role), name, info_.model);
}

std::vector<std::byte> Checkpoint::read(Role role, const std::string& name, const ir::Type& type) const {
  return file(role, name, type).read(name);
}

void Checkpoint::read(const program::Resident& resident, std::span<std::byte> block) const {
  const std::string name = checkpoint_name(resident.name, resident.index);
  const step::SafetensorsReader& reader = file(resident.role, name, resident.global);
  // Only the rows that the block touches are read.
  ir::Type rows = resident.global;
  program::Box box = resident.box;
  uint64_t offset = 0;
  if (!rows.shape.empty() && num_elements(box) > 0) {
    offset = static_cast<uint64_t>(rows.num_bytes() / rows.shape[0] * box.start[0]);
    rows.shape[0] = box.extent[0];
    box.start[0] = 0;
  }
  std::vector<std::byte> bytes(static_cast<size_t>(rows.num_bytes()));
  reader.read(name, offset, bytes);
  pack(rows, box).run(bytes.data(), block.data());
}

}  // namespace cordata::runtime
