// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/read_problem.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "cordata/base/error.h"

namespace cordata::planner {
namespace {

using base::user_error;
namespace json = simdjson::ondemand;

constexpr size_t kChunk = size_t{1} << 24;

struct Text {
  std::string bytes;
  size_t size = 0;  // without the padding that the parser reads past the end
};

// The file's text, unpacked where it is gzipped. Its last four bytes then say how long it is.
Text read_text(const std::string& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) throw user_error("[planner.intra_op] can't read {}: {}", path, std::strerror(errno));
  std::fseek(file.get(), 0, SEEK_END);
  const long packed = std::ftell(file.get());
  size_t expected = packed > 0 ? static_cast<size_t>(packed) : 0;
  unsigned char magic[2] = {0, 0}, tail[4];
  std::rewind(file.get());
  if (packed >= 18 && std::fread(magic, 1, 2, file.get()) == 2 && magic[0] == 0x1f && magic[1] == 0x8b &&
      std::fseek(file.get(), -4, SEEK_END) == 0 && std::fread(tail, 1, 4, file.get()) == 4) {
    const size_t said = tail[0] | tail[1] << 8 | tail[2] << 16 | static_cast<size_t>(tail[3]) << 24;
    expected = std::min(said, expected * 1100);  // deflate packs no better than 1 to 1,032
  }
  file.reset();
  std::unique_ptr<gzFile_s, int (*)(gzFile)> stream(gzopen(path.c_str(), "rb"), &gzclose);
  if (!stream) throw user_error("[planner.intra_op] can't read {}: {}", path, std::strerror(errno));
  gzbuffer(stream.get(), 1 << 18);
  Text text;
  text.bytes.reserve(expected + simdjson::SIMDJSON_PADDING + 1);
  while (true) {
    const size_t room = text.bytes.capacity() - text.size - simdjson::SIMDJSON_PADDING;
    const size_t want = std::min(kChunk, std::max<size_t>(room, 1));
    if (room < want) text.bytes.reserve(text.bytes.capacity() * 2);
    text.bytes.resize(text.size + want);
    const int got = gzread(stream.get(), text.bytes.data() + text.size, static_cast<unsigned>(want));
    int status = Z_OK;
    const char* why = gzerror(stream.get(), &status);
    if (got < 0 || (status != Z_OK && status != Z_STREAM_END))
      throw user_error("[planner.intra_op] {}: wanted a whole gzip file, got {}; was it cut off?", path,
                       status == Z_ERRNO ? std::strerror(errno) : why);
    text.size += static_cast<size_t>(got);
    if (got == 0) break;
  }
  text.bytes.resize(text.size);
  return text;
}

const char* type_name(json::json_type type) {
  switch (type) {
    case json::json_type::array:
      return "a list";
    case json::json_type::object:
      return "an object";
    case json::json_type::number:
      return "a number";
    case json::json_type::string:
      return "a text";
    case json::json_type::boolean:
      return "true or false";
    case json::json_type::null:
      return "null";
  }
  return "something else";
}

// Walks the document once, in its own order, and knows where it is.
class Reader {
 public:
  Reader(const std::string& name, std::string& text) : name_(name), text_(text) {}

  Problem run() {
    text_.reserve(text_.size() + simdjson::SIMDJSON_PADDING);
    json::document document;
    try {
      document = parser_.iterate(text_);
      object("", document.get_object(), [&](std::string_view key, json::value value) {
        if (key == "problem") problem(value);
      });
      if (document.current_location().error() == simdjson::SUCCESS)
        fail("", "the end after the document", "more");
    } catch (const simdjson::simdjson_error& e) {
      fail(path_, "JSON", simdjson::error_message(e.error()));
    }
    if (!seen_problem_) fail("", "an object 'problem'", "none");
    finish();
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const std::string& path, std::string_view wanted, std::string_view got) const {
    throw user_error(
        "[planner.intra_op] {}: {}: wanted {}, got {}; the format is that of the contest (docs/solver.md)",
        name_, path.empty() ? "the document" : path, wanted, got);
  }

  template <typename Result, typename Visit>
  void object(const std::string& path, Result result, const Visit& visit) {
    json::object object;
    if (std::move(result).get(object) != simdjson::SUCCESS)
      fail(path, "an object", "something else, or the end of the text");
    for (auto field : object) {
      const std::string_view key = field.unescaped_key();
      path_ = path.empty() ? std::string(key) : path + "." + std::string(key);
      visit(key, field.value());
    }
    path_ = path;
  }

  json::array array(json::value value, const std::string& path) {
    json::array out;
    if (value.get_array().get(out) != simdjson::SUCCESS) {
      json::json_type type;
      fail(path, "a list",
           value.type().get(type) == simdjson::SUCCESS ? type_name(type) : "the end of the text");
    }
    return out;
  }

  int64_t number(json::value value, const std::string& list, size_t i, int64_t least) {
    int64_t out;
    const auto error = value.get_int64().get(out);
    const auto path = [&] { return fmt::format("{}[{}]", list, i); };
    if (error != simdjson::SUCCESS) {
      std::string_view raw = value.raw_json_token();
      raw = raw.substr(0, std::min<size_t>(raw.find_first_of(" \n\t\r,]}"), 40));
      fail(path(), "a whole number below 2^63", raw.empty() ? "nothing" : raw);
    }
    if (out < least) fail(path(), fmt::format("{} or more", least), std::to_string(out));
    return out;
  }

  // A list of lists of numbers; `take(i)` gives where the numbers of the i-th go.
  template <typename Take>
  size_t lists(json::value value, const std::string& path, int64_t least, const Take& take) {
    size_t i = 0;
    for (auto inner : array(value, path)) {
      const std::string at = fmt::format("{}[{}]", path, i);
      path_ = at;
      std::vector<int64_t>& to = take(i);
      buffer_.clear();
      size_t k = 0;
      for (auto entry : array(inner.value(), at)) buffer_.push_back(number(entry.value(), at, k, least)), ++k;
      to.assign(buffer_.begin(), buffer_.end());
      ++i;
    }
    return i;
  }

  void problem(json::value value) {
    seen_problem_ = true;
    object("problem", value.get_object(), [&](std::string_view key, json::value inner) {
      if (key == "nodes") nodes(inner);
      if (key == "edges") edges(inner);
      if (key == "usage_limit") {
        if (inner.is_null()) return;
        int64_t limit;
        if (inner.get_int64().get(limit) != simdjson::SUCCESS)
          fail(path_, "a whole number below 2^63", "another value");
        if (limit < 0) fail(path_, "0 or more", std::to_string(limit));
        out_.usage_limit = limit;
      }
    });
  }

  Problem::Node& node(size_t i) {
    if (out_.nodes.size() <= i) out_.nodes.resize(i + 1);
    return out_.nodes[i];
  }
  Problem::Edge& edge(size_t i) {
    if (out_.edges.size() <= i) out_.edges.resize(i + 1);
    return out_.edges[i];
  }

  void nodes(json::value value) {
    object("problem.nodes", value.get_object(), [&](std::string_view key, json::value inner) {
      const std::string path = path_;
      if (key == "intervals") {
        intervals_ = static_cast<int64_t>(lists(
            inner, path, INT64_MIN, [&](size_t) -> auto& { return pairs_.emplace_back(); }));
        for (size_t i = 0; i < pairs_.size(); ++i) {
          if (pairs_[i].size() != 2)
            fail(fmt::format("{}[{}]", path, i), "[from, to]", fmt::format("{} numbers", pairs_[i].size()));
          if (pairs_[i][0] > pairs_[i][1])
            fail(fmt::format("{}[{}]", path, i), "an interval that doesn't end before it begins",
                 fmt::format("[{}, {}]", pairs_[i][0], pairs_[i][1]));
          node(i).from = pairs_[i][0], node(i).to = pairs_[i][1];
        }
        pairs_ = {};
      } else if (key == "costs") {
        costs_ = static_cast<int64_t>(lists(
            inner, path, INT64_MIN / 4, [&](size_t i) -> auto& { return node(i).cost; }));
      } else if (key == "usages") {
        usages_ = static_cast<int64_t>(lists(
            inner, path, 0, [&](size_t i) -> auto& { return node(i).usage; }));
      }
    });
  }

  void edges(json::value value) {
    object("problem.edges", value.get_object(), [&](std::string_view key, json::value inner) {
      const std::string path = path_;
      if (key == "nodes") {
        ends_ = static_cast<int64_t>(lists(
            inner, path, 0, [&](size_t) -> auto& { return pairs_.emplace_back(); }));
        for (size_t i = 0; i < pairs_.size(); ++i) {
          if (pairs_[i].size() != 2)
            fail(fmt::format("{}[{}]", path, i), "two nodes", fmt::format("{}", pairs_[i].size()));
          edge(i).u = static_cast<int>(std::min<int64_t>(pairs_[i][0], INT32_MAX));
          edge(i).v = static_cast<int>(std::min<int64_t>(pairs_[i][1], INT32_MAX));
        }
        pairs_ = {};
      } else if (key == "costs") {
        tables_ = static_cast<int64_t>(lists(
            inner, path, INT64_MIN / 4, [&](size_t i) -> auto& { return edge(i).cost; }));
      }
    });
  }

  static void forbid(std::vector<int64_t>& costs) {
    for (int64_t& c : costs)
      if (c >= kForbidden) c = kInfinite;
  }

  void finish() {
    if (costs_ < 0) fail("problem.nodes.costs", "a list", "none");
    const auto count = static_cast<int64_t>(out_.nodes.size());
    for (const auto& [what, length] :
         {std::pair{"intervals", intervals_}, {"costs", costs_}, {"usages", usages_}})
      if (length >= 0 && length != count)
        fail(fmt::format("problem.nodes.{}", what), fmt::format("{} entries, as in the others", count),
             std::to_string(length));
    if (usages_ >= 0 && intervals_ < 0 && count > 0)
      fail("problem.nodes.intervals", "a list, as there are usages", "none");
    if (ends_ != tables_)
      fail("problem.edges.costs",
           fmt::format("{} entries, as in problem.edges.nodes", std::max<int64_t>(ends_, 0)),
           std::to_string(std::max<int64_t>(tables_, 0)));
    for (int64_t i = 0; i < count; ++i) {
      Problem::Node& n = out_.nodes[i];
      if (n.cost.empty()) fail(fmt::format("problem.nodes.costs[{}]", i), "a strategy or more", "none");
      if (usages_ >= 0 && n.usage.size() != n.cost.size())
        fail(fmt::format("problem.nodes.usages[{}]", i),
             fmt::format("{} numbers, one a strategy", n.cost.size()), std::to_string(n.usage.size()));
      forbid(n.cost);
    }
    for (size_t i = 0; i < out_.edges.size(); ++i) {
      Problem::Edge& e = out_.edges[i];
      if (e.u >= count || e.v >= count)
        fail(fmt::format("problem.edges.nodes[{}]", i), fmt::format("nodes below {}", count),
             fmt::format("[{}, {}]", e.u, e.v));
      const size_t want = out_.nodes[e.u].cost.size() * out_.nodes[e.v].cost.size();
      if (e.cost.size() != want)
        fail(fmt::format("problem.edges.costs[{}]", i),
             fmt::format("{} numbers, {} strategies by {}", want, out_.nodes[e.u].cost.size(),
                         out_.nodes[e.v].cost.size()),
             std::to_string(e.cost.size()));
      forbid(e.cost);
    }
  }

  const std::string& name_;
  std::string& text_;
  std::string path_;
  json::parser parser_;
  Problem out_;
  bool seen_problem_ = false;
  int64_t intervals_ = -1, costs_ = -1, usages_ = -1, ends_ = -1, tables_ = -1;  // lengths; -1: not there
  std::vector<std::vector<int64_t>> pairs_;
  std::vector<int64_t> buffer_;
};

template <typename List, typename Write>
void append_list(std::string& out, const List& list, const Write& write) {
  out += '[';
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ',';
    write(list[i]);
  }
  out += ']';
}

}  // namespace

Problem parse_problem(std::string text, const std::string& name) { return Reader(name, text).run(); }

Problem read_problem(const std::string& path) {
  return parse_problem(std::move(read_text(path).bytes), path);
}

std::string write_problem(const Problem& problem, std::string_view name) {
  std::string out = fmt::format("{{\"problem\":{{\"name\":\"{}\",\"nodes\":{{\"intervals\":", name);
  const auto number = [&](int64_t c) {
    fmt::format_to(std::back_inserter(out), "{}", std::min(c, kForbidden));
  };
  append_list(out, problem.nodes, [&](const auto& n) { out += fmt::format("[{},{}]", n.from, n.to); });
  out += ",\"costs\":";
  append_list(out, problem.nodes, [&](const auto& n) { append_list(out, n.cost, number); });
  out += ",\"usages\":";
  append_list(out, problem.nodes, [&](const auto& n) {
    append_list(out, n.usage.empty() ? std::vector<int64_t>(n.cost.size(), 0) : n.usage,
                [&](int64_t u) { out += std::to_string(u); });
  });
  out += "},\"edges\":{\"nodes\":";
  append_list(out, problem.edges, [&](const auto& e) { out += fmt::format("[{},{}]", e.u, e.v); });
  out += ",\"costs\":";
  append_list(out, problem.edges, [&](const auto& e) { append_list(out, e.cost, number); });
  out += "}";
  if (problem.usage_limit != INT64_MAX) out += fmt::format(",\"usage_limit\":{}", problem.usage_limit);
  return out + "}}\n";
}

}  // namespace cordata::planner
