// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/attribute.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace cordata::ir {
namespace {

using Kind = Attribute::Kind;

// Whether `bytes` is `element` again and again.
bool repeats(std::span<const std::byte> bytes, std::span<const std::byte> element) {
  if (element.empty()) return bytes.empty();
  for (size_t at = 0; at < bytes.size(); at += element.size()) {
    if (!std::equal(element.begin(), element.end(), bytes.begin() + at)) return false;
  }
  return true;
}

}  // namespace

Bytes::Bytes(std::span<const std::byte> from) : Bytes(from.size()) { std::ranges::copy(from, fill()); }

bool DenseElements::operator==(const DenseElements& o) const {
  if (type != o.type) return false;
  if (!bytes || !o.bytes) return !bytes && !o.bytes;
  if (splat == o.splat) return std::ranges::equal(data(), o.data());
  return splat ? repeats(o.data(), data()) : repeats(data(), o.data());
}

template <typename T>
struct Attribute::Box : Payload {
  explicit Box(T v) : value(std::move(v)) {}
  T value;
};

struct Attribute::Structure {
  AttrName text, word;
  AttrDict dict;
  bool operator==(const Structure&) const = default;
};

template <typename T>
Attribute Attribute::boxed(Kind kind, T value) {
  Attribute a;
  a.payload_ = new Box<T>(std::move(value));
  a.kind_ = kind;
  return a;
}

template <typename T>
const T& Attribute::unboxed() const {
  return static_cast<const Box<T>*>(payload_)->value;
}

template <typename T>
Attribute Attribute::words(std::span<const T> v, DType dtype) {
  static_assert(sizeof(T) == 8 && alignof(T) <= alignof(std::max_align_t) &&
                sizeof(Payload) % alignof(T) == 0);
  Attribute a;
  a.payload_ = new (::operator new(sizeof(Payload) + v.size_bytes())) Payload;
  a.payload_->count = static_cast<uint32_t>(v.size());
  if (!v.empty()) std::memcpy(static_cast<void*>(a.payload_ + 1), v.data(), v.size_bytes());
  a.kind_ = Kind::kDenseArray;
  a.dtype_ = dtype;
  return a;
}

template <typename T>
std::span<const T> Attribute::words() const {
  return {reinterpret_cast<const T*>(payload_ + 1), payload_->count};
}

Attribute& Attribute::operator=(Attribute o) noexcept {
  std::swap(kind_, o.kind_);
  std::swap(dtype_, o.dtype_);
  std::swap(integer_, o.integer_);
  return *this;
}

void Attribute::release() {
  if (payload_->holders.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  auto free = [&]<typename T>(const T&) { delete static_cast<Box<T>*>(payload_); };
  switch (kind_) {
    case Kind::kUnit:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
      break;
    case Kind::kString:
    case Kind::kSymbol:
    case Kind::kOpaque:
      free(unboxed<std::string>());
      break;
    case Kind::kType:
      free(unboxed<Type>());
      break;
    case Kind::kArray:
      free(unboxed<std::vector<Attribute>>());
      break;
    case Kind::kDict:
      free(unboxed<AttrDict>());
      break;
    case Kind::kDenseArray:
      ::operator delete(payload_);
      break;
    case Kind::kDenseElements:
      free(unboxed<DenseElements>());
      break;
    case Kind::kStruct:
      free(unboxed<Structure>());
      break;
  }
}

Attribute Attribute::boolean(bool v) {
  Attribute a = of(v, DType::kI1);
  a.kind_ = Kind::kBool;
  return a;
}

Attribute Attribute::of(int64_t v, DType dtype) {
  Attribute a;
  a.kind_ = Kind::kInt;
  a.dtype_ = dtype;
  a.integer_ = v;
  return a;
}

Attribute Attribute::of_float(double v, DType dtype) {
  Attribute a;
  a.kind_ = Kind::kFloat;
  a.dtype_ = dtype;
  a.real_ = v;
  return a;
}

Attribute Attribute::string(std::string v) { return boxed(Kind::kString, std::move(v)); }
Attribute Attribute::of_type(Type v) { return boxed(Kind::kType, std::move(v)); }
Attribute Attribute::symbol(std::string v) { return boxed(Kind::kSymbol, std::move(v)); }
Attribute Attribute::opaque(std::string text) { return boxed(Kind::kOpaque, std::move(text)); }
Attribute Attribute::list(std::vector<Attribute> v) { return boxed(Kind::kArray, std::move(v)); }
Attribute Attribute::dictionary(AttrDict v) { return boxed(Kind::kDict, std::move(v)); }
Attribute Attribute::dense_array(std::span<const int64_t> v, DType dtype) { return words(v, dtype); }
Attribute Attribute::dense_array(std::span<const double> v, DType dtype) { return words(v, dtype); }
Attribute Attribute::elements(DenseElements v) { return boxed(Kind::kDenseElements, std::move(v)); }

Attribute Attribute::structure(std::string_view mnemonic, AttrDict fields) {
  return boxed(Kind::kStruct, Structure{mnemonic, "", std::move(fields)});
}

Attribute Attribute::enumeration(std::string_view mnemonic, std::string_view word) {
  return boxed(Kind::kStruct, Structure{mnemonic, word, {}});
}

namespace {

template <typename T>
const T& none() {
  static const auto* empty = new T();
  return *empty;
}

}  // namespace

int64_t Attribute::integer() const { return kind_ == Kind::kBool || kind_ == Kind::kInt ? integer_ : 0; }
double Attribute::real() const { return kind_ == Kind::kFloat ? real_ : 0; }

const std::string& Attribute::text() const {
  switch (kind_) {
    case Kind::kString:
    case Kind::kSymbol:
    case Kind::kOpaque:
      return unboxed<std::string>();
    case Kind::kStruct:
      return unboxed<Structure>().text.text();
    default:
      return none<std::string>();
  }
}

const std::string& Attribute::word() const {
  return kind_ == Kind::kStruct ? unboxed<Structure>().word.text() : none<std::string>();
}

const Type& Attribute::type() const { return kind_ == Kind::kType ? unboxed<Type>() : none<Type>(); }

std::span<const int64_t> Attribute::integers() const {
  return kind_ == Kind::kDenseArray && !is_float(dtype_) ? words<int64_t>() : std::span<const int64_t>();
}

std::span<const double> Attribute::reals() const {
  return kind_ == Kind::kDenseArray && is_float(dtype_) ? words<double>() : std::span<const double>();
}

std::span<const Attribute> Attribute::array() const {
  return kind_ == Kind::kArray ? unboxed<std::vector<Attribute>>() : std::span<const Attribute>();
}

const AttrDict& Attribute::dict() const {
  return kind_ == Kind::kDict     ? unboxed<AttrDict>()
         : kind_ == Kind::kStruct ? unboxed<Structure>().dict
                                  : none<AttrDict>();
}

const DenseElements& Attribute::dense() const {
  return kind_ == Kind::kDenseElements ? unboxed<DenseElements>() : none<DenseElements>();
}

bool Attribute::operator==(const Attribute& o) const {
  if (kind_ != o.kind_ || dtype_ != o.dtype_) return false;
  if (has_payload() && payload_ == o.payload_) return true;
  switch (kind_) {
    case Kind::kUnit:
      return true;
    case Kind::kBool:
    case Kind::kInt:
      return integer_ == o.integer_;
    case Kind::kFloat:
      return real_ == o.real_;
    case Kind::kString:
    case Kind::kSymbol:
    case Kind::kOpaque:
      return text() == o.text();
    case Kind::kType:
      return type() == o.type();
    case Kind::kArray:
      return std::ranges::equal(array(), o.array());
    case Kind::kDict:
      return dict() == o.dict();
    case Kind::kDenseArray:
      return std::ranges::equal(integers(), o.integers()) && std::ranges::equal(reals(), o.reals());
    case Kind::kDenseElements:
      return dense() == o.dense();
    case Kind::kStruct:
      return unboxed<Structure>() == o.unboxed<Structure>();
  }
  return false;
}

}  // namespace cordata::ir
