// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/checkpoint.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "cordata/base/error.h"
#include "cordata/base/sha256.h"
#include "cordata/runtime/box.h"

namespace cordata::runtime {
namespace {

namespace fs = std::filesystem;
using base::environment_error;
using base::user_error;
using json = nlohmann::json;
using step::Role;

constexpr const char* kFormat = "cordata.checkpoint/1";
constexpr const char* kManifest = "checkpoint.json";
constexpr Role kRoles[] = {Role::kParam, Role::kOptState, Role::kState};
constexpr int kTag = (1 << 21) - 1;  // messages of one tag keep their order

std::string reason() { return std::strerror(errno); }

// ---- what there is to save

struct Block {
  int rank;
  const program::Resident* resident;
};
// By role and index: the blocks that make up a value.
using Values = std::map<std::pair<Role, int>, std::vector<Block>>;

// The same on every rank, as they all have the whole program.
Values values_of(const program::Program& program) {
  Values values;
  for (const auto& rank : program.ranks) {
    for (const auto& resident : rank.residents) {
      if (resident.primary) values[{resident.role, resident.index}].push_back({rank.rank, &resident});
    }
  }
  for (const auto& [key, blocks] : values) {
    int64_t found = 0;
    for (const Block& block : blocks) found += num_elements(block.resident->box);
    const program::Resident& first = *blocks.front().resident;
    if (int64_t wanted = num_elements(whole(first.global.shape)); found != wanted) {
      throw base::internal_error("[runtime.checkpoint] wanted {} elements of {} {} on all ranks, got {}",
                                 wanted, step::name(key.first), first.name, found);
    }
  }
  return values;
}

// ---- gathering

// Rank 0 makes the tensor whole; the others send what they have of it.
class Gather {
 public:
  Gather(const ReadBlock& read, Transport& transport, base::Seconds limit)
      : read_(read), transport_(transport), limit_(limit) {}

  std::vector<std::byte> to_rank_0(const std::vector<Block>& blocks) {
    const ir::Type& type = blocks.front().resident->global;
    std::vector<std::byte> all(transport_.rank() == 0 ? type.num_bytes() : 0);
    for (const Block& block : blocks) {
      const std::vector<std::byte> bytes = one(block);
      if (transport_.rank() == 0) unpack(type, block.resident->box).run(bytes.data(), all.data());
    }
    return all;
  }

 private:
  std::vector<std::byte> one(const Block& block) {
    const bool mine = block.rank == transport_.rank();
    if (!mine && transport_.rank() != 0) return {};
    const int64_t size = block.resident->local.num_bytes();
    std::vector<std::byte> bytes(static_cast<size_t>(size));
    if (mine) read_(*block.resident, bytes);
    if (mine == (transport_.rank() == 0)) return bytes;
    auto transfer = mine ? transport_.send(bytes.data(), size, 0, kTag)
                         : transport_.receive(bytes.data(), size, block.rank, kTag);
    wait(*transfer, Deadline::after(limit_),
         fmt::format("{} for the checkpoint, rank {} to 0", block.resident->name, block.rank));
    return bytes;
  }

  const ReadBlock& read_;
  Transport& transport_;
  base::Seconds limit_;
};

// ---- files

void sync(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool failed = fd < 0 || (::fsync(fd) != 0 && errno != EINVAL && errno != EROFS);
  const std::string why = reason();
  if (fd >= 0) ::close(fd);
  if (failed) throw environment_error("[runtime.checkpoint] can't write {}: {}", path.string(), why);
}

// Appears complete or not at all; the folder's own entries are on disk on return.
void write_manifest(const fs::path& dir, const std::string& text) {
  const fs::path path = dir / kManifest, partial = dir / (std::string(kManifest) + ".partial");
  FILE* file = std::fopen(partial.c_str(), "we");
  const bool written = file && std::fwrite(text.data(), 1, text.size(), file) == text.size() &&
                       std::fflush(file) == 0 && (::fsync(::fileno(file)) == 0 || errno == EINVAL);
  std::string why = reason();
  const bool closed = file && std::fclose(file) == 0;
  const bool renamed = written && closed && std::rename(partial.c_str(), path.c_str()) == 0;
  if (!renamed) {
    if (written) why = reason();
    ::unlink(partial.c_str());
    throw environment_error("[runtime.checkpoint] can't write {}: {}", path.string(), why);
  }
  sync(dir);
}

// The names of files that the manifest in `dir` speaks of; none where there is no sound one.
std::set<std::string> files_in_use(const fs::path& dir) {
  std::set<std::string> names;
  try {
    FILE* file = std::fopen((dir / kManifest).c_str(), "re");
    if (!file) return {};
    json manifest = json::parse(file, nullptr, /*allow_exceptions=*/false);
    std::fclose(file);
    for (const json& f : manifest.at("files")) {
      const fs::path name = f.at("name").get<std::string>();
      if (!name.has_parent_path())
        names.insert(name.string());  // they will be removed: nothing outside of here
    }
  } catch (const json::exception&) {
  }
  return names;
}

// Files of one save, removed again unless they are kept.
class NewFiles {
 public:
  NewFiles(fs::path dir, int64_t step) : dir_(std::move(dir)), step_(step), before_(files_in_use(dir_)) {
    // What a run that was killed while it saved has left.
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(dir_, ignored)) {
      const std::string name = entry.path().filename().string();
      for (Role role : kRoles) {
        if (name.starts_with(fmt::format("{}-", step::name(role))) && name.ends_with(".safetensors.partial"))
          fs::remove(entry, ignored);
      }
    }
  }
  ~NewFiles() {
    for (const std::string& name : kept_ ? before_ : made_) {
      if (kept_ && made_.contains(name)) continue;
      std::error_code ignored;
      fs::remove(dir_ / name, ignored);
    }
  }

  // "param-000020.safetensors"; another name when the manifest that is there uses it.
  std::string name(Role role) {
    for (int again = 0;; ++again) {
      std::string suffix = again == 0 ? "" : fmt::format(".{}", again);
      std::string name = fmt::format("{}-{:06}{}.safetensors", step::name(role), step_, suffix);
      if (before_.contains(name)) continue;
      made_.insert(name);
      return name;
    }
  }
  void keep() { kept_ = true; }

 private:
  fs::path dir_;
  int64_t step_;
  std::set<std::string> before_, made_;
  bool kept_ = false;
};

std::vector<step::TensorEntry> entries_of(const Values& values, Role role) {
  std::vector<step::TensorEntry> entries;
  for (const auto& [key, blocks] : values) {
    const program::Resident& first = *blocks.front().resident;
    if (key.first == role) entries.push_back({checkpoint_name(first.name, first.index), first.global});
  }
  return entries;
}

json to_json(const CheckpointInfo& info) {
  return {{"format", kFormat}, {"model", info.model}, {"model_hash", fmt::format("{:016x}", info.model_hash)},
          {"step", info.step}, {"run", info.run},     {"files", json::array()}};
}

}  // namespace

std::string checkpoint_name(const std::string& name, int index) {
  return name.empty() ? std::to_string(index) : name;
}

base::Bytes checkpoint_bytes(const program::Program& program) {
  double bytes = 4096;
  for (const auto& [key, blocks] : values_of(program))
    bytes += static_cast<double>(blocks.front().resident->global.num_bytes()) + 200;
  return base::Bytes(bytes);
}

void check_checkpoint_folder(const std::string& dir, base::Bytes needed) {
  std::error_code failed;
  fs::create_directories(dir, failed);
  if (failed)
    throw user_error("[runtime.checkpoint] wanted a folder for the checkpoint, got {}: {}", dir,
                     failed.message());
  const std::string probe = dir + "/.cordata-probe";
  FILE* file = std::fopen(probe.c_str(), "we");
  const bool written = file && std::fputc('\n', file) != EOF && std::fflush(file) == 0;
  const bool full = errno == ENOSPC || errno == EDQUOT;
  const std::string why = reason();
  if (file) std::fclose(file);
  ::unlink(probe.c_str());
  if (!written && full) throw environment_error("[runtime.checkpoint] can't write into {}: {}", dir, why);
  if (!written) throw user_error("[runtime.checkpoint] can't write into {}: {}", dir, why);
  struct statvfs room {};
  if (::statvfs(dir.c_str(), &room) != 0) return;
  const base::Bytes free(static_cast<double>(room.f_bavail) * static_cast<double>(room.f_frsize));
  if (free < needed) {
    throw environment_error(
        "[runtime.checkpoint] wanted room for {} in {}, got {}; try another --checkpoint folder",
        to_string(needed), dir, to_string(free));
  }
}

void save_checkpoint(const std::string& dir, const CheckpointInfo& info, const program::Program& program,
                     const ReadBlock& read, Transport& transport, base::Seconds time_limit) {
  const Values values = values_of(program);
  Gather gather(read, transport, time_limit);
  if (transport.rank() != 0) {
    for (Role role : kRoles) {
      for (const auto& [key, blocks] : values) {
        if (key.first == role) gather.to_rank_0(blocks);
      }
    }
    return;
  }
  std::error_code failed;
  fs::create_directories(dir, failed);
  if (failed) throw environment_error("[runtime.checkpoint] can't make {}: {}", dir, failed.message());
  NewFiles files(dir, info.step);
  json manifest = to_json(info);
  for (Role role : kRoles) {
    const auto entries = entries_of(values, role);
    if (entries.empty()) continue;
    const std::string name = files.name(role), path = dir + "/" + name;
    step::SafetensorsWriter writer(path, entries,
                                   {{"format", kFormat}, {"role", std::string(step::name(role))}});
    for (const auto& [key, blocks] : values) {
      if (key.first == role) writer.append(gather.to_rank_0(blocks));
    }
    writer.finish();
    manifest["files"].push_back({{"name", name},
                                 {"role", step::name(role)},
                                 {"bytes", fs::file_size(path)},
                                 {"sha256", base::sha256_of_file(path)}});
  }
  write_manifest(dir, manifest.dump(1) + "\n");
  files.keep();
}

}  // namespace cordata::runtime
