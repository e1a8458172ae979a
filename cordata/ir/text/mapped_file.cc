// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/text/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cordata/base/error.h"

namespace cordata::ir::text {

MappedFile::MappedFile(const std::string& path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  bool readable = file >= 0 && ::fstat(file, &info) == 0 && S_ISREG(info.st_mode);
  size_ = readable ? info.st_size : 0;
  void* data = size_ == 0 ? nullptr : ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
  if (file >= 0) ::close(file);
  if (!readable) throw base::user_error("[ir.reader] wanted a readable module file, got {}", path);
  if (data == MAP_FAILED)
    throw base::environment_error("[ir.reader] wanted to map {} into memory, got an error", path);
  data_ = static_cast<const char*>(data);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<char*>(data_), size_);
}

void MappedFile::let_go(size_t at) {
  size_t page = ::sysconf(_SC_PAGESIZE);
  size_t end = at / page * page;
  if (end > kept_) ::madvise(const_cast<char*>(data_) + kept_, end - kept_, MADV_DONTNEED);
  kept_ = end;
}

}  // namespace cordata::ir::text
