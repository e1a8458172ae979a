// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cordata/base/error.h"

namespace cordata::base {

MappedFile::MappedFile(const std::string& path, Empty empty) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (file < 0 || ::fstat(file, &status) != 0) {
    const std::string why = std::strerror(errno);
    if (file >= 0) ::close(file);
    throw user_error("[base.files] wanted a file to read, got {}: {}", path, why);
  }
  size_ = status.st_size;
  std::string wrong;
  if (!S_ISREG(status.st_mode))
    wrong = "which is no file";
  else if (size_ == 0 && empty == Empty::kRefused)
    wrong = "which is empty";
  void* mapped =
      wrong.empty() && size_ > 0 ? ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file, 0) : nullptr;
  if (mapped == MAP_FAILED) wrong = std::strerror(errno);
  ::close(file);
  if (!wrong.empty())
    throw user_error("[base.files] wanted a file with something in it, got {}, {}", path, wrong);
  data_ = static_cast<const std::byte*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::let_go(int64_t from, int64_t to) const {
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  from = (from + page - 1) / page * page, to = to / page * page;
  if (to > from) ::madvise(const_cast<std::byte*>(data_) + from, to - from, MADV_DONTNEED);
}

}  // namespace cordata::base
