// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/safetensors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "cordata/base/error.h"

namespace cordata::step {
namespace {

using base::environment_error;
using base::user_error;
using ir::DType;
using json = nlohmann::ordered_json;

constexpr uint64_t kMaxHeader = 100'000'000;  // the format's own limit

struct Word {
  DType dtype;
  const char* text;
};
constexpr Word kWords[] = {
    {DType::kI1, "BOOL"},  {DType::kUI8, "U8"},         {DType::kI8, "I8"},
    {DType::kUI16, "U16"}, {DType::kI16, "I16"},        {DType::kUI32, "U32"},
    {DType::kI32, "I32"},  {DType::kUI64, "U64"},       {DType::kI64, "I64"},
    {DType::kF16, "F16"},  {DType::kBF16, "BF16"},      {DType::kF32, "F32"},
    {DType::kF64, "F64"},  {DType::kF8E5M2, "F8_E5M2"}, {DType::kF8E4M3FN, "F8_E4M3"},
    {DType::kC64, "C64"},
};

std::string word(const TensorEntry& entry) {
  for (const Word& w : kWords)
    if (w.dtype == entry.type.dtype) return w.text;
  throw user_error("[step.safetensors] {}: safetensors files hold no elements of type {}", entry.name,
                   ir::name(entry.type.dtype));
}

std::optional<DType> dtype_of(const std::string& text) {
  for (const Word& w : kWords)
    if (text == w.text) return w.dtype;
  return std::nullopt;
}

json header(const std::vector<TensorEntry>& entries, const std::map<std::string, std::string>& metadata) {
  json h = json::object();
  if (!metadata.empty()) h["__metadata__"] = metadata;
  uint64_t at = 0;
  for (const TensorEntry& e : entries) {
    uint64_t end = at + e.type.num_bytes();
    h[e.name] = {{"dtype", word(e)}, {"shape", e.type.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  return h;
}

std::string reason() { return std::strerror(errno); }

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::string& path, const std::vector<TensorEntry>& entries,
                                     const std::map<std::string, std::string>& metadata)
    : path_(path) {
  std::string text = header(entries, metadata).dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data starts aligned
  for (const TensorEntry& e : entries) expected_ += e.type.num_bytes();
  file_ = ::open((path_ + ".partial").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file_ < 0) throw environment_error("[step.safetensors] can't write {}: {}", path_, reason());
  uint64_t size = text.size();
  write(reinterpret_cast<const std::byte*>(&size), sizeof size);
  write(reinterpret_cast<const std::byte*>(text.data()), text.size());
}

SafetensorsWriter::~SafetensorsWriter() { abandon(); }

void SafetensorsWriter::abandon() {
  if (file_ < 0) return;
  ::close(file_);
  file_ = -1;
  ::unlink((path_ + ".partial").c_str());
}

void SafetensorsWriter::write(const std::byte* data, size_t size) {
  while (size > 0) {
    ssize_t n = ::write(file_, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      std::string why = reason();
      abandon();
      throw environment_error("[step.safetensors] can't write {}: {}", path_, why);
    }
    data += n;
    size -= static_cast<size_t>(n);
  }
}

void SafetensorsWriter::append(std::span<const std::byte> bytes) {
  write(bytes.data(), bytes.size());
  written_ += bytes.size();
}

void SafetensorsWriter::finish() {
  if (written_ != expected_)
    throw base::internal_error("[step.safetensors] {}: {} bytes declared, {} written", path_, expected_,
                               written_);
  if (::fsync(file_) != 0 && errno != EINVAL && errno != EROFS)
    throw environment_error("[step.safetensors] can't write {}: {}", path_, reason());
  int failed = ::close(file_);
  file_ = -1;
  std::string partial = path_ + ".partial";
  if (failed != 0 || std::rename(partial.c_str(), path_.c_str()) != 0) {
    std::string why = reason();
    ::unlink(partial.c_str());
    throw environment_error("[step.safetensors] can't write {}: {}", path_, why);
  }
}

void SafetensorsReader::add_entry(const std::string& name, const nlohmann::ordered_json& v,
                                  uint64_t file_size) {
  auto dtype = dtype_of(v.at("dtype").get<std::string>());
  if (!dtype)
    throw user_error("[step.safetensors] {}: {} has the unknown type {}", path_, name, v.at("dtype").dump());
  ir::Type type = ir::Type::tensor(*dtype, v.at("shape").get<ir::Shape>());
  auto range = v.at("data_offsets").get<std::vector<uint64_t>>();
  bool sound = range.size() == 2 && range[0] <= range[1] && data_start_ + range[1] <= file_size &&
               range[1] - range[0] == static_cast<uint64_t>(type.num_bytes());
  if (!sound) throw user_error("[step.safetensors] {}: the bytes of {} are not all there", path_, name);
  index_[name] = {entries_.size(), range[0]};
  entries_.push_back({name, type});
}

SafetensorsReader::SafetensorsReader(const std::string& path) : path_(path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw user_error("[step.safetensors] can't read {}: {}", path, reason());
  std::error_code ignored;
  uint64_t total = std::filesystem::file_size(path, ignored), size = 0;
  in.read(reinterpret_cast<char*>(&size), sizeof size);
  if (!in || size > kMaxHeader || size + 8 > total)
    throw user_error("[step.safetensors] {} is no safetensors file: its header doesn't fit", path);
  std::string text(size, '\0');
  in.read(text.data(), static_cast<std::streamsize>(size));
  data_start_ = 8 + size;
  try {
    const json header = json::parse(text);
    for (const auto& [name, v] : header.items()) {
      if (name == "__metadata__")
        metadata_ = v.get<std::map<std::string, std::string>>();
      else
        add_entry(name, v, total);
    }
  } catch (const nlohmann::json::exception& e) {
    throw user_error("[step.safetensors] {} is no safetensors file: {}", path, e.what());
  }
}

const TensorEntry* SafetensorsReader::find(const std::string& name) const {
  auto at = index_.find(name);
  return at == index_.end() ? nullptr : &entries_[at->second.first];
}

std::vector<std::byte> SafetensorsReader::read(const std::string& name) const {
  const TensorEntry* entry = find(name);
  if (!entry) throw user_error("[step.safetensors] {} holds no tensor {}", path_, name);
  std::vector<std::byte> bytes(static_cast<size_t>(entry->type.num_bytes()));
  read(name, 0, bytes);
  return bytes;
}

uint64_t SafetensorsReader::offset(const std::string& name) const {
  auto at = index_.find(name);
  if (at == index_.end()) throw user_error("[step.safetensors] {} holds no tensor {}", path_, name);
  return data_start_ + at->second.second;
}

void SafetensorsReader::read(const std::string& name, uint64_t offset, std::span<std::byte> out) const {
  const uint64_t begin = this->offset(name);
  if (offset + out.size() > static_cast<uint64_t>(find(name)->type.num_bytes()))
    throw base::internal_error("[step.safetensors] {}: read past the end of {}", path_, name);
  std::ifstream in(path_, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(begin + offset));
  in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
  if (!in)
    throw environment_error("[step.safetensors] can't read {}: the file changed or the disk failed", path_);
}

}  // namespace cordata::step
