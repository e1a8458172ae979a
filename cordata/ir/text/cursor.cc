// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/text/cursor.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "cordata/base/error.h"

namespace cordata::ir::text {
namespace {

int count_lines(std::string_view text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

// What stands at a place, short enough for a message.
std::string glimpse(std::string_view rest) {
  if (rest.empty()) return "the end of the text";
  size_t n = 0;
  if (is_word_char(rest[0])) {
    while (n < rest.size() && n < 40 && is_word_char(rest[n])) ++n;
  } else {
    n = rest[0] == '-' && rest.size() > 1 && rest[1] == '>' ? 2 : 1;
    if (strchr("%@#!^", rest[0])) {
      while (n < rest.size() && n < 40 && is_word_char(rest[n])) ++n;
    }
  }
  std::string shown(rest.substr(0, n));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  return "'" + shown + "'";
}

// What skip_block has to look at.
constexpr std::array<bool, 256> kEndsRun = [] {
  std::array<bool, 256> t{};
  for (char c : {'{', '}', '"', '/'}) t[static_cast<unsigned char>(c)] = true;
  return t;
}();

char closer(char opener) {
  switch (opener) {
    case '(':
      return ')';
    case '[':
      return ']';
    case '{':
      return '}';
    default:
      return '>';
  }
}

}  // namespace

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void Cursor::skip_comment() {
  size_t end = text_.find('\n', at_);
  at_ = end == std::string_view::npos ? text_.size() : end;
}

int Cursor::line() {
  if (at_ >= line_at_) {
    line_ += count_lines(text_.substr(line_at_, at_ - line_at_));
  } else {
    line_ -= count_lines(text_.substr(at_, line_at_ - at_));
  }
  line_at_ = at_;
  return line_;
}

bool Cursor::accept(std::string_view punctuation) {
  skip_blanks();
  if (text_.compare(at_, punctuation.size(), punctuation) != 0) return false;
  at_ += punctuation.size();
  return true;
}

bool Cursor::accept_word(std::string_view word) {
  skip_blanks();
  if (text_.compare(at_, word.size(), word) != 0) return false;
  if (is_word_char(ahead(word.size()))) return false;
  at_ += word.size();
  return true;
}

void Cursor::expect(char c) {
  if (!accept(c)) fail(std::string("'") + c + "'");
}

void Cursor::expect(std::string_view punctuation) {
  if (!accept(punctuation)) fail("'" + std::string(punctuation) + "'");
}

void Cursor::expect_word(std::string_view word) {
  if (!accept_word(word)) fail("'" + std::string(word) + "'");
}

std::string_view Cursor::word(std::string_view what) {
  char c = peek();
  size_t end = at_;
  if (is_letter(c) || c == '_') {
    while (end < text_.size() && is_word_char(text_[end])) ++end;
  } else if (!what.empty()) {
    fail(std::string(what));
  }
  std::string_view found = text_.substr(at_, end - at_);
  at_ = end;
  return found;
}

std::string_view Cursor::suffix_id() {
  size_t end = at_;
  if (end < text_.size() && is_digit(text_[end])) {
    while (end < text_.size() && is_digit(text_[end])) ++end;
  } else {
    while (end < text_.size() && (is_word_char(text_[end]) || text_[end] == '-')) ++end;
  }
  if (end == at_) fail("a name");
  std::string_view found = text_.substr(at_, end - at_);
  at_ = end;
  return found;
}

std::string_view Cursor::value_name() {
  if (peek() != '%') fail("a value (%name)");
  ++at_;
  return suffix_id();
}

std::string Cursor::symbol() {
  if (peek() != '@') fail("a symbol (@name)");
  ++at_;
  size_t end = at_;
  if (ahead(0) == '"') {
    std::string quoted = string();
    if (quoted.empty()) fail_at(end, "wanted a name, got an empty one");
    return quoted;
  }
  while (end < text_.size() && is_word_char(text_[end])) ++end;
  if (end == at_) fail("a name after '@'");
  std::string found(text_.substr(at_, end - at_));
  at_ = end;
  return found;
}

std::string_view Cursor::raw_string() {
  if (peek() != '"') fail("a string");
  size_t end = at_ + 1;
  while (true) {
    // Long strings (hex constants) have no escapes: memchr finds their end.
    const void* quote =
        end < text_.size() ? std::memchr(text_.data() + end, '"', text_.size() - end) : nullptr;
    if (!quote) fail_at(at_, "wanted the string to end with '\"', got the end of the text");
    end = static_cast<const char*>(quote) - text_.data();
    size_t slashes = 0;
    while (text_[end - 1 - slashes] == '\\') ++slashes;
    if (slashes % 2 == 0) break;
    ++end;
  }
  std::string_view found = text_.substr(at_ + 1, end - at_ - 1);
  at_ = end + 1;
  return found;
}

std::string Cursor::string() {
  size_t start = at_;
  std::string_view raw = raw_string();
  std::string out;
  out.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      out += raw[i];
      continue;
    }
    if (++i >= raw.size()) fail_at(start, "wanted a complete escape, got the end of the string");
    char c = raw[i];
    if (c == 'n')
      out += '\n';
    else if (c == 't')
      out += '\t';
    else if (c == '"' || c == '\\')
      out += c;
    else if (i + 1 < raw.size() && hex_digit(c) >= 0 && hex_digit(raw[i + 1]) >= 0) {
      out += static_cast<char>(hex_digit(c) * 16 + hex_digit(raw[i + 1]));
      ++i;
    } else {
      fail_at(start, "wanted an escape such as \\n, \\\" or \\0A in the string, got another one");
    }
  }
  return out;
}

bool Cursor::at_integer() {
  char c = peek();
  return is_digit(c) || (c == '-' && is_digit(ahead(1)));
}

int64_t Cursor::integer() {
  if (!at_integer()) fail("an integer");
  size_t start = at_;
  bool negative = accept('-');
  int base = 10;
  if (ahead(0) == '0' && ahead(1) == 'x' && hex_digit(ahead(2)) >= 0) {
    base = 16;
    at_ += 2;
  }
  uint64_t magnitude = 0;
  auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), magnitude, base);
  bool fits = negative ? magnitude <= uint64_t{1} << 63 : base == 16 || magnitude <= INT64_MAX;
  if (error != std::errc() || !fits) fail_at(start, "wanted an integer of at most 64 bits, got a longer one");
  at_ = end - text_.data();
  return negative ? static_cast<int64_t>(~magnitude + 1) : static_cast<int64_t>(magnitude);
}

void Cursor::skip_balanced() {
  size_t start = at_;
  std::string open;
  do {
    char c = peek();
    switch (c) {
      case '(':
      case '[':
      case '{':
      case '<':
        open += closer(c);
        ++at_;
        break;
      case ')':
      case ']':
      case '}':
        if (open.back() != c) fail(std::string("'") + open.back() + "'");
        open.pop_back();
        ++at_;
        break;
      case '>':
        if (open.back() == '>') open.pop_back();
        ++at_;
        break;
      case '-':
        at_ += ahead(1) == '>' ? 2 : 1;
        break;
      case '"':
        raw_string();
        break;
      default:
        if (at_ >= text_.size()) {
          fail_at(start, std::string("wanted a closing '") + open.back() + "', got the end of the text");
        }
        ++at_;
    }
  } while (!open.empty());
}

void Cursor::skip_block() {
  size_t start = at_ > 0 ? at_ - 1 : 0;
  for (int depth = 1; depth > 0;) {
    while (at_ < text_.size() && !kEndsRun[static_cast<unsigned char>(text_[at_])]) ++at_;
    if (at_ >= text_.size()) fail_at(start, "wanted a closing '}' for this, got the end of the text");
    char c = text_[at_];
    if (c == '"')
      raw_string();
    else if (c == '/' && ahead(1) == '/')
      skip_comment();
    else
      ++at_;
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
  }
}

void Cursor::skip_block_label() {
  expect('^');
  suffix_id();
  expect(':');
}

void Cursor::skip_location() {
  if (!accept_word("loc")) return;
  if (peek() != '(') fail("'('");
  skip_balanced();
}

void Cursor::fail(const std::string& wanted) {
  skip_blanks();
  fail_at(at_, "wanted " + wanted + ", got " + glimpse(text_.substr(std::min(at_, text_.size()))));
}

void Cursor::fail_at(size_t at, const std::string& message) {
  throw base::user_error("[ir.reader] {}: {}\n{}", place(at), message, excerpt(at));
}

std::string Cursor::place(size_t at) {
  at = std::min(at, text_.size());
  size_t start = at == 0 ? 0 : text_.rfind('\n', at - 1) + 1;  // npos + 1 is 0
  return fmt::format("{}:{}:{}", source_.origin, 1 + count_lines(text_.substr(0, at)), at - start + 1);
}

std::string Cursor::excerpt(size_t at) {
  constexpr size_t kWidth = 100;  // of what is shown of a long line
  at = std::min(at, text_.size());
  size_t start = at == 0 ? 0 : text_.rfind('\n', at - 1) + 1;
  size_t end = std::min(text_.find('\n', at), text_.size());
  size_t from = at - start > kWidth / 2 ? at - kWidth / 2 : start;
  size_t to = std::min(end, from + kWidth);
  std::string shown(text_.substr(from, to - from));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = ' ';
  }
  std::string head = from > start ? "  ..." : "  ";
  return head + shown + (to < end ? "..." : "") + "\n" + std::string(head.size() + at - from, ' ') + "^";
}

}  // namespace cordata::ir::text
