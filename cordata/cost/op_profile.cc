// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/op_profile.h"

#include <fmt/ranges.h>
#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <mutex>

#include "cordata/base/error.h"
#include "cordata/cost/fusion.h"
#include "cordata/ir/op_table.h"
#include "cordata/ir/text.h"

namespace cordata::cost {
namespace {

constexpr int kApplication = 0x436f7264, kVersion = 1;  // "Cord"
constexpr const char* kTable =
    "CREATE TABLE op_time (device TEXT, op TEXT, sizes TEXT, dtype TEXT, seconds REAL, measured TEXT, "
    "PRIMARY KEY (device, op, sizes, dtype)) WITHOUT ROWID";

// An open profile. Whatever SQLite says is a user error with the path.
class Database {
 public:
  Database(std::string path, int flags) : path_(std::move(path)) {
    sqlite3* opened = nullptr;
    const int status = sqlite3_open_v2(path_.c_str(), &opened, flags, nullptr);
    database_.reset(opened);
    check(status);
    check(sqlite3_busy_timeout(opened, 10'000));
  }

  void check(int status) const {
    if (status == SQLITE_OK || status == SQLITE_ROW || status == SQLITE_DONE) return;
    refuse(sqlite3_errmsg(database_.get()));
  }
  [[noreturn]] void refuse(const std::string& why) const {
    throw base::user_error(
        "[cost.profile] {}: wanted a profile as `cordata cluster measure --ops MODEL` writes it, got: {}",
        path_, why);
  }
  void run(const std::string& statement) const {
    check(sqlite3_exec(database_.get(), statement.c_str(), nullptr, nullptr, nullptr));
  }
  int number(const std::string& pragma) const;
  sqlite3* get() const { return database_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* d) const { sqlite3_close(d); }
  };
  std::string path_;
  std::unique_ptr<sqlite3, Close> database_;
};

class Statement {
 public:
  Statement(const Database& database, const std::string& text) : database_(database) {
    sqlite3_stmt* made = nullptr;
    database.check(sqlite3_prepare_v2(database.get(), text.c_str(), -1, &made, nullptr));
    statement_.reset(made);
  }
  void bind(int at, const std::string& text) {
    database_.check(sqlite3_bind_text(statement_.get(), at, text.c_str(), -1, SQLITE_TRANSIENT));
  }
  void bind(int at, double value) { database_.check(sqlite3_bind_double(statement_.get(), at, value)); }
  bool step() {
    const int status = sqlite3_step(statement_.get());
    database_.check(status);
    return status == SQLITE_ROW;
  }
  void reset() { database_.check(sqlite3_reset(statement_.get())); }
  std::string text(int column) const {
    const auto* words = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    return words ? words : "";
  }
  double number(int column) const { return sqlite3_column_double(statement_.get(), column); }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  const Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

int Database::number(const std::string& pragma) const {
  Statement s(*this, "PRAGMA " + pragma);
  return s.step() ? static_cast<int>(s.number(0)) : 0;
}

void check_format(const Database& database) {
  if (database.number("application_id") != kApplication) database.refuse("another database");
  if (const int version = database.number("user_version"); version != kVersion)
    database.refuse(fmt::format("version {} of it; this build reads version {}", version, kVersion));
}

// What sizes_text wrote; nothing for other texts.
OpSizes sizes_from(std::string_view text) {
  OpSizes out;
  if (text.empty()) return out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find_first_of(",-", at), text.size());
    out.push_back(-1);
    for (const char* p = text.data() + at; p < text.data() + end;) {
      int64_t n = 0;
      const auto [next, error] = std::from_chars(p, text.data() + end, n);
      if (error == std::errc()) out.push_back(n);
      p = std::max(next, p + 1);
    }
    at = end + (end < text.size() && text[end] == '-' ? 2 : 1);
  }
  return out;
}

std::map<std::string, MeasuredTimes> read(const std::string& path, const std::string& device) {
  if (std::error_code ignored; !std::filesystem::exists(path, ignored))
    throw base::user_error(
        "[cost.profile] {}: wanted the profile of ops that the cluster names (device.profile), got no such "
        "file; make one with `cordata cluster measure --ops MODEL`, or leave the field out",
        path);
  const Database database(path, SQLITE_OPEN_READONLY);
  check_format(database);
  std::map<std::string, MeasuredTimes> out;
  Statement rows(database, "SELECT op, sizes, seconds FROM op_time WHERE device = ?");
  rows.bind(1, device);
  while (rows.step()) {
    const double seconds = rows.number(2);
    if (!(seconds > 0))
      database.refuse(fmt::format("{} seconds for {} {}", seconds, rows.text(0), rows.text(1)));
    out[rows.text(0)][sizes_from(rows.text(1))] = seconds;
  }
  return out;
}

}  // namespace

bool can_be_profiled(const ir::Graph& graph, const ir::Node& node) {
  if (!node.regions.empty() || orders_only(node) || ir::is_constant_like(node.kind)) return false;
  if (node.operands.empty() || node.num_results == 0 || ir::row(node.kind).localize) return false;
  if (node.kind == ir::OpKind::kAccumulate || pointwise(graph, node)) return false;
  int64_t largest = 0;
  for (const auto v : node.operands) {
    if (!graph.type(v).is_tensor()) return false;
    largest = std::max(largest, graph.type(v).num_elements());
  }
  if (largest <= 1) return false;
  for (int r = 0; r < node.num_results; ++r)
    if (!graph.type(node.result(r)).is_tensor()) return false;
  return true;
}

std::string op_form(const ir::Graph& graph, const ir::Node& node) {
  const auto type = [&](ir::ValueId v) { return ir::name(graph.type(v).dtype); };
  std::vector<std::string_view> reads, makes;
  for (const auto v : node.operands) reads.push_back(type(v));
  for (int r = 0; r < node.num_results; ++r) makes.push_back(type(node.result(r)));
  return fmt::format("{} {} ({}) -> {}", ir::name(node.kind), ir::write_attributes(node.attrs),
                     fmt::join(reads, ", "), fmt::join(makes, ", "));
}

OpSizes op_sizes(const ir::Graph& graph, const ir::Node& node) {
  OpSizes out;
  const auto put = [&](ir::ValueId v) {
    out.push_back(-1);
    const auto& shape = graph.type(v).shape;
    out.insert(out.end(), shape.begin(), shape.end());
  };
  for (const auto v : node.operands) put(v);
  for (int r = 0; r < node.num_results; ++r) put(node.result(r));
  return out;
}

std::string sizes_text(const OpSizes& sizes, size_t operands) {
  std::string out;
  size_t tensors = 0;
  const char* between = "";
  for (const int64_t n : sizes) {
    if (n < 0)
      out += tensors == 0 ? "" : tensors == operands ? " -> " : ", ", ++tensors, between = "";
    else
      out += fmt::format("{}{}", between, n), between = "x";
  }
  return out;
}

const std::map<std::string, MeasuredTimes>& profiled_ops(const std::string& path, const std::string& device) {
  static std::mutex mutex;
  static auto& kept =
      *new std::map<std::pair<std::string, std::string>, std::map<std::string, MeasuredTimes>>;
  const std::scoped_lock lock(mutex);
  const auto at = kept.find({path, device});
  return at != kept.end() ? at->second : kept[{path, device}] = read(path, device);
}

void add_to_profile(const std::string& path, const std::string& device, std::span<const ProfiledOp> ops,
                    const std::string& measured) {
  const Database database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  database.run("BEGIN IMMEDIATE");  // what isn't committed is undone when it closes
  Statement tables(database, "SELECT count(*) FROM sqlite_master");
  tables.step();
  const bool fresh = tables.number(0) == 0;
  tables.reset();
  if (fresh) {
    database.run(fmt::format("PRAGMA application_id = {}", kApplication));
    database.run(fmt::format("PRAGMA user_version = {}", kVersion));
    database.run(kTable);
  }
  check_format(database);
  Statement row(database, "INSERT OR REPLACE INTO op_time VALUES (?, ?, ?, ?, ?, ?)");
  for (const ProfiledOp& op : ops) {
    row.bind(1, device), row.bind(2, op.form), row.bind(3, op.sizes), row.bind(4, op.dtype);
    row.bind(5, op.seconds.value), row.bind(6, measured);
    row.step();
    row.reset();
  }
  database.run("COMMIT");
}

}  // namespace cordata::cost
