// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "cordata/ir/text/source.h"

namespace cordata::ir::text {

// Nesting of regions, attributes, types and calls that is still read; deeper text is refused, so that no
// input can exhaust the stack.
constexpr int kMaxDepth = 256;

// A place in the text, with the small steps every part of the reader is made of. `accept...` takes what it
// names and says whether it was there; `expect...` throws the error that says what was wanted. Blanks and
// comments are skipped before every step.
class Cursor {
 public:
  Cursor(const Source& source, size_t at, int line)
      : source_(source), text_(source.text), at_(at), line_at_(at), line_(line) {}

  const Source& source() const { return source_; }
  std::string_view text() const { return text_; }
  size_t at() const { return at_; }
  void jump(size_t at) { at_ = at; }
  int line();  // of the current place, from 1

  char peek() {
    skip_blanks();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  // The char `n` places on, nothing skipped.
  char ahead(size_t n) const { return at_ + n < text_.size() ? text_[at_ + n] : '\0'; }
  bool at_end() { return peek() == '\0' && at_ >= text_.size(); }

  bool accept(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  bool accept(std::string_view punctuation);
  bool accept_word(std::string_view word);  // a whole word: "dim" doesn't take the start of "dims"
  void expect(char c);
  void expect(std::string_view punctuation);
  void expect_word(std::string_view word);

  std::string_view word(
      std::string_view what);     // letters, digits, '_', '$', '.'; empty if `what` is, and there is none
  std::string_view suffix_id();   // after % ^ # !: digits, or a name
  std::string_view value_name();  // %name, without the %
  std::string symbol();           // @name or @"name", without the @
  std::string string();           // "...", escapes resolved
  std::string_view raw_string();  // "...", as it stands, without the quotes
  int64_t integer();              // decimal or 0x..., with sign; throws when it doesn't fit
  bool at_integer();

  // Steps over one balanced (), [], {} or <>, strings and comments in it; the cursor is at its opener.
  void skip_balanced();
  // Steps to after the '}' that closes a brace opened just before, looking at braces, strings and comments
  // only.
  void skip_block();
  void skip_block_label();  // "^bb0:"
  // Steps over `loc(...)` if there is one.
  void skip_location();

  [[noreturn]] void fail(const std::string& wanted);  // "wanted ..., got ..." here
  [[noreturn]] void fail_at(size_t at, const std::string& message);
  // "origin:line:column" of a place, and below it the line with a caret.
  std::string place(size_t at);
  std::string excerpt(size_t at);

 private:
  void skip_blanks() {
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
        ++at_;
      else if (c == '/' && ahead(1) == '/')
        skip_comment();
      else
        return;
    }
  }
  void skip_comment();

  const Source& source_;
  std::string_view text_;
  size_t at_;
  size_t line_at_;  // a place whose line is known
  int line_;
};

// Counts one level of nesting while it lives.
class Nesting {
 public:
  Nesting(Cursor& cursor, int& depth) : depth_(depth) {
    if (++depth_ > kMaxDepth) {
      --depth_;
      cursor.fail("at most 256 levels of nesting");
    }
  }
  ~Nesting() { --depth_; }
  Nesting(const Nesting&) = delete;

 private:
  int& depth_;
};

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool is_word_char(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '$' || c == '.'; }
int hex_digit(char c);  // -1 if it is none

}  // namespace cordata::ir::text
