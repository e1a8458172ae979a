// SPDX-License-Identifier: Apache-2.0
#include "tests/corpus/mutate.h"

#include <cctype>
#include <set>

namespace cordata::fuzz {
namespace {

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '$';
}

// [start, end) of the token at or after a place: a word with its sigil, or one character that is no blank.
std::pair<size_t, size_t> token_at(std::string_view text, size_t at) {
  while (at > 0 && in_word(text[at]) && in_word(text[at - 1])) --at;
  while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at]))) ++at;
  size_t end = at;
  if (end < text.size() && std::string_view("%@#!^").find(text[end]) != std::string_view::npos) ++end;
  while (end < text.size() && in_word(text[end])) ++end;
  return {at, std::max(end, std::min(at + 1, text.size()))};
}

// What parsers are known to stumble over.
constexpr std::string_view kNasty[] = {
    "-",
    "--1",
    "0x",
    "0xFFFFFFFFFFFFFFFFF",
    "9223372036854775808",
    "-9223372036854775808",
    "99999999999999999999",
    "1e999999",
    "1.",
    "?",
    "*",
    "tensor<",
    "tensor<>",
    "tensor<4294967296x4294967296xf32>",
    "tensor<-1xf32>",
    "tensor<0xf32>",
    "tensor<?xf32>",
    "tensor<2x!quant.uniform<i8:f32, 1.0>>",
    "dense<",
    "dense<\"0x\">",
    "dense<\"0xF\">",
    "dense<[[[[[[[[",
    "dense_resource<a>",
    "array<i64: 1",
    "array<i1: true>",
    "#stablehlo.conv<[b, f]x[i, o]->[b, f]>",
    "#stablehlo<",
    "<[{(",
    ">]})",
    "\"",
    "\"\\",
    "\\0",
    "//",
    "/*",
    "{-#",
    "#-}",
    "loc(",
    "loc(unknown)",
    "^bb0:",
    "^bb0(%x: tensor<f32>):",
    "%0#99999999999",
    "%0:4294967297 =",
    "@\"",
    "@main",
    "call @main() : () -> ()",
    "\"func.func\"() ({",
    "return",
    "module {",
    "attributes {",
    "}",
    "{",
    "check.expect_eq_const",
    "check.expect_close %0, %1, max_ulp_difference = 3",
    "unit",
    "true",
    "f8E4M3FN",
    "complex<",
    "complex<f16>",
    "tuple<",
    "!stablehlo.token",
    "#alias = #alias\n",
    "\xff\xfe",
};

}  // namespace

Mutator::Mutator(std::vector<std::string> corpus) : corpus_(std::move(corpus)) {
  std::set<std::string_view> found;
  for (const std::string& text : corpus_) {
    for (size_t at = 0; at < text.size();) {
      auto [start, end] = token_at(text, at);
      if (end > start && end - start < 64) found.insert(std::string_view(text).substr(start, end - start));
      at = std::max(end, at + 1);
    }
  }
  tokens_.assign(found.begin(), found.end());
}

std::string_view Mutator::token(Random& random) const {
  if (random() % 3 == 0) return kNasty[random() % std::size(kNasty)];
  return tokens_[random() % tokens_.size()];
}

void Mutator::change(std::string& text, Random& random) const {
  if (text.empty()) return;
  size_t at = random() % text.size();
  auto [start, end] = token_at(text, at);
  size_t length = 1 + random() % (random() % 4 == 0 ? 400 : 20);
  switch (random() % 8) {
    case 0:
      text.erase(at, length);
      break;
    case 1:
      text.replace(start, end - start, token(random));
      break;
    case 2:
      text.insert(start, std::string(token(random)) + " ");
      break;
    case 3:
      text[at] = static_cast<char>(random() % 256);
      break;
    case 4:
      text.insert(random() % text.size(), text.substr(at, length));
      break;
    case 5:
      text[at] = "<>[](){}\"%#@!^:,=-/0x9"[random() % 22];
      break;
    case 6: {  // a piece of another text
      const std::string& other = corpus_[random() % corpus_.size()];
      text.insert(at, other.substr(random() % other.size(), length));
      break;
    }
    default: {  // two tokens change places
      auto [other_start, other_end] = token_at(text, random() % text.size());
      std::string a = text.substr(start, end - start), b = text.substr(other_start, other_end - other_start);
      if (other_start >= end) {
        text.replace(other_start, b.size(), a);
        text.replace(start, a.size(), b);
      }
    }
  }
}

std::string Mutator::text(uint64_t seed) const {
  Random random(seed * 0x9E3779B97F4A7C15 + 1);
  std::string text = corpus_[random() % corpus_.size()];
  if (random() % 4 == 0) return text.substr(0, random() % (text.size() + 1));
  for (size_t n = random() % 2 == 0 ? 1 : 1 + random() % 8; n > 0; --n) change(text, random);
  return text;
}

}  // namespace cordata::fuzz
