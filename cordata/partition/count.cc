// SPDX-License-Identifier: Apache-2.0
#include "cordata/partition/count.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "cordata/base/error.h"

namespace cordata::partition {

namespace {

// A plain scanner of text: it shares nothing with the reader, the writer or the emitter.
struct Collective {
  std::string_view word, kind;
  bool custom;
};
constexpr Collective kCollectives[] = {
    {"\"cordata.all_reduce\"", "all-reduce", true},
    {"@cordata.all_reduce", "all-reduce", true},
    {"\"cordata.reduce_scatter\"", "reduce-scatter", true},
    {"@cordata.reduce_scatter", "reduce-scatter", true},
    {"\"cordata.all_gather\"", "all-gather", true},
    {"@cordata.all_gather", "all-gather", true},
    {"\"cordata.all_to_all\"", "all-to-all", true},
    {"@cordata.all_to_all", "all-to-all", true},
    {"\"cordata.permute\"", "permute", true},
    {"@cordata.permute", "permute", true},
    {"stablehlo.all_reduce", "all-reduce", false},
    {"stablehlo.reduce_scatter", "reduce-scatter", false},
    {"stablehlo.all_gather", "all-gather", false},
    {"stablehlo.all_to_all", "all-to-all", false},
    {"stablehlo.collective_permute", "permute", false},
};

[[noreturn]] void fail(std::string_view wanted, std::string_view near) {
  throw base::user_error("[partition.count] wanted {}, got `{}`", wanted, near.substr(0, 120));
}

std::vector<int64_t> integers(std::string_view text) {
  std::vector<int64_t> result;
  for (size_t i = 0; i < text.size();) {
    int64_t v = 0;
    auto [end, error] = std::from_chars(text.data() + i, text.data() + text.size(), v);
    if (error == std::errc()) result.push_back(v);
    i = error == std::errc() ? static_cast<size_t>(end - text.data()) : i + 1;
  }
  return result;
}

// "tensor<4x8xf32>" -> 128.
double bytes_of(std::string_view type) {
  size_t from = type.find("tensor<");
  if (from == std::string_view::npos) fail("a tensor type", type);
  type = type.substr(from + 7);
  type = type.substr(0, type.find('>') == std::string_view::npos ? type.size() : type.find('>'));
  double elements = 1;
  while (!type.empty() && type[0] >= '0' && type[0] <= '9') {
    size_t x = type.find('x');
    elements *= static_cast<double>(integers(type.substr(0, x)).at(0));
    type = type.substr(x + 1);
  }
  if (type.starts_with("complex<")) return elements * (type.ends_with("f64") ? 16 : 8);
  if (type.starts_with("bf16")) return elements * 2;
  if (type.starts_with("f8") || type.starts_with("f4") || type.starts_with("f6")) return elements;
  auto bits = integers(type);
  if (bits.empty()) fail("an element type", type);
  return elements * static_cast<double>(std::max<int64_t>(bits[0], 8)) / 8;
}

using Groups = std::set<std::set<int>>;

uint32_t axes_of_groups(const Groups& groups, const sharding::Mesh& mesh, std::string_view near) {
  for (uint32_t axes = 1; axes < 1u << mesh.num_axes(); ++axes) {
    Groups candidate;
    for (const auto& g : mesh.groups(axes)) candidate.insert({g.begin(), g.end()});
    if (candidate == groups) return axes;
  }
  fail("device groups along axes of the mesh", near);
}

// The groups of "replica_groups = dense<[[0, 1], [2, 3]]>".
Groups replica_groups(std::string_view op) {
  size_t at = op.find("replica_groups");
  if (at == std::string_view::npos) fail("replica_groups", op);
  std::string_view list = op.substr(at, op.find('>', at) - at);
  Groups groups;
  for (size_t open = list.find('[', list.find('[') + 1); open != std::string_view::npos;
       open = list.find('[', open + 1)) {
    auto ids = integers(list.substr(open, list.find(']', open) - open));
    groups.insert({ids.begin(), ids.end()});
  }
  return groups;
}

// The axes a permute was planned on are the smallest set whose groups hold every pair.
uint32_t permuted_axes(std::string_view op, const sharding::Mesh& mesh) {
  size_t at = op.find("source_target_pairs");
  if (at == std::string_view::npos) fail("source_target_pairs", op);
  auto ids = integers(op.substr(at, op.find('>', at) - at));
  uint32_t axes = 0;
  for (size_t i = 0; i + 1 < ids.size(); i += 2) {
    for (int a = 0; a < mesh.num_axes(); ++a) {
      if (mesh.coordinate(ids[i], a) != mesh.coordinate(ids[i + 1], a)) axes |= 1u << a;
    }
  }
  return axes;
}

uint32_t custom_axes(std::string_view op, const std::vector<uint32_t>& axes_sets, int first_comm) {
  size_t at = op.find("comm = ");
  auto ids = at == std::string_view::npos ? std::vector<int64_t>{} : integers(op.substr(at + 7, 12));
  if (ids.empty()) fail("a communicator's number", op);
  int64_t index = ids[0] - first_comm;
  if (index < 0 || index >= static_cast<int64_t>(axes_sets.size())) fail("a communicator of this stage", op);
  return axes_sets[index];
}

// The op's text: from its name to its type signature's end of line ("... : (tensor<..>) -> ..."), across
// region lines.
std::string_view op_text(std::string_view text, size_t at) {
  size_t arrow = text.find(" -> ", at);
  // A region's own ops have signatures too: the op's own follows "}) ".
  size_t line_end = text.find('\n', at);
  if (text.substr(at, line_end - at).find("({") != std::string_view::npos) {
    size_t close = text.find("})", at);
    arrow = close == std::string_view::npos ? close : text.find(" -> ", close);
  }
  if (arrow == std::string_view::npos) fail("a type signature", text.substr(at));
  return text.substr(at, text.find('\n', arrow) - at);
}

std::string_view signature(std::string_view op) {
  size_t arrow = op.rfind(" -> ");
  size_t open = op.rfind(": (", arrow);
  if (arrow == std::string_view::npos || open == std::string_view::npos) fail("a type signature", op);
  return op.substr(open + 2);
}

std::optional<Collective> starts_here(std::string_view text, size_t at) {
  for (const Collective& c : kCollectives) {
    if (text.substr(at).starts_with(c.word)) return c;
  }
  return std::nullopt;
}

}  // namespace

void add_to_bill(std::vector<plan::BillLine>& bill, const std::vector<plan::BillLine>& more, int64_t times) {
  auto key = [](const plan::BillLine& l) { return std::tie(l.kind, l.stage, l.axes, l.bytes); };
  for (plan::BillLine line : more) {
    line.count *= times;
    auto it = std::ranges::lower_bound(bill, key(line), {}, key);
    if (it != bill.end() && key(*it) == key(line)) {
      it->count += line.count;
    } else {
      bill.insert(it, line);
    }
  }
}

std::vector<plan::BillLine> count_collectives(std::string_view text, const sharding::Mesh& mesh,
                                              const std::vector<uint32_t>& axes_sets, int first_comm) {
  std::vector<plan::BillLine> bill;
  for (size_t at = text.find_first_of("\"@s"); at != std::string_view::npos;
       at = text.find_first_of("\"@s", at + 1)) {
    auto found = starts_here(text, at);
    if (!found) continue;
    // The attributes of a custom call may stand before its name in the dictionary: take its whole line.
    size_t line = text.rfind('\n', at) + 1;
    std::string_view op = op_text(text, found->custom ? line : at);
    uint32_t axes = found->custom              ? custom_axes(op, axes_sets, first_comm)
                    : found->kind == "permute" ? permuted_axes(op, mesh)
                                               : axes_of_groups(replica_groups(op), mesh, op);
    add_to_bill(
        bill,
        {{.kind = std::string(found->kind), .axes = axes, .bytes = bytes_of(signature(op)), .count = 1}}, 1);
  }
  return bill;
}

}  // namespace cordata::partition
