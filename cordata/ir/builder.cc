// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/builder.h"

#include <algorithm>

#include "cordata/ir/hash.h"
#include "cordata/ir/op_table.h"
#include "cordata/ir/ops/view.h"

namespace cordata::ir {

using base::internal_error;
using base::user_error;

GraphBuilder::GraphBuilder(std::string name) {
  graph_.name_ = std::move(name);
  begin_region({});
}

bool GraphBuilder::visible(ValueId v) const {
  return v.valid() && v.index < graph_.num_values() && region_open_[value_region_[v.index].index];
}

ValueId GraphBuilder::add_value(Type type, NodeId def, int index) {
  graph_.values_.push_back({.type = interned(std::move(type)), .def = def, .index = index});
  value_region_.push_back(open_.back());
  return ValueId(graph_.num_values() - 1);
}

const Type* GraphBuilder::interned(Type type) {
  for (uint64_t h = hash(0, type);; ++h) {
    auto [it, fresh] = types_.try_emplace(h, nullptr);
    if (fresh) return it->second = &graph_.types_->emplace_back(std::move(type));
    if (*it->second == type) return it->second;
  }
}

AttrDict GraphBuilder::interned(AttrDict attrs) {
  constexpr size_t kSeen = 512;
  auto is_long = [](const AttrDict::Entry& e) { return e.second.dense().bytes.size() > 64; };
  if (attrs.empty() || attrs.shared() || std::ranges::any_of(attrs, is_long)) return attrs;
  if (seen_.empty()) seen_.resize(kSeen);
  uint64_t h = hash(0, attrs);
  Seen& seen = seen_[h % kSeen];
  if (seen.hash != h || seen.attrs != attrs) seen = {h, std::move(attrs)};
  return seen.attrs;
}

ValueId GraphBuilder::arg(Type type, std::string name, AttrDict attrs) {
  Region& region = graph_.regions_[open_.back().index];
  ValueId v = add_value(std::move(type), NodeId(), static_cast<int>(region.args.size()));
  region.args.push_back(v);
  set_name(v, std::move(name));
  if (open_.size() == 1) graph_.arg_attrs_.push_back(std::move(attrs));
  return v;
}

void GraphBuilder::check_operands(OpKind kind, const std::vector<ValueId>& operands) const {
  for (size_t i = 0; i < operands.size(); ++i) {
    if (visible(operands[i])) continue;
    throw user_error("[ir.{}] wanted operand {} to be a value defined before and visible here, got {}",
                     ops::short_name(kind), i, operands[i].valid() ? "one that is not" : "none");
  }
}

void GraphBuilder::adopt_regions(OpKind kind, const std::vector<RegionId>& regions) {
  for (RegionId r : regions) {
    bool known = r.valid() && r.index < graph_.num_regions() && r.index > 0;
    if (!known || region_open_[r.index] || region_used_[r.index] || region_parent_[r.index] != open_.back()) {
      throw user_error(
          "[ir.{}] wanted regions built right before it and not used by another op, got another one",
          ops::short_name(kind));
    }
    region_used_[r.index] = true;
  }
}

namespace {

void check_types(const OpView& view, const std::vector<Type>& inferred, const std::vector<Type>& given) {
  if (inferred == given) return;
  ops::fail(view,
            "result types " + ops::types_text(inferred) + " for operands " + ops::types_text(view.operands),
            ops::types_text(given));
}

}  // namespace

NodeId GraphBuilder::create(OpKind kind, std::vector<ValueId> operands, AttrDict attrs,
                            std::vector<Type> types, std::vector<RegionId> regions, int line) {
  check_operands(kind, operands);
  adopt_regions(kind, regions);
  std::vector<Type> operand_types;
  operand_types.reserve(operands.size());
  for (ValueId v : operands) operand_types.push_back(type(v));

  const OpRow& r = row(kind);
  OpView view{.kind = kind,
              .operands = operand_types,
              .results = types,
              .attrs = attrs,
              .graph = &graph_,
              .regions = regions};
  if (r.infer) {
    std::vector<Type> inferred = r.infer(view);
    if (!types.empty()) check_types(view, inferred, types);
    types = std::move(inferred);
    view.results = types;
  }
  if (r.verify) r.verify(view);

  NodeId id(graph_.num_nodes());
  ValueId first(graph_.num_values());
  int count = static_cast<int>(types.size());
  for (int i = 0; i < count; ++i) add_value(std::move(types[i]), id, i);
  graph_.nodes_.push_back({.kind = kind,
                           .first_result = first,
                           .num_results = count,
                           .line = line,
                           .attrs = interned(std::move(attrs)),
                           .operands = operands,
                           .regions = regions});
  graph_.regions_[open_.back().index].nodes.push_back(id);
  return id;
}

ValueId GraphBuilder::value(OpKind kind, std::vector<ValueId> operands, AttrDict attrs,
                            std::vector<Type> types, std::vector<RegionId> regions) {
  const Node& n =
      node(create(kind, std::move(operands), std::move(attrs), std::move(types), std::move(regions)));
  if (n.num_results != 1) {
    throw internal_error("[ir.{}] wanted one result, got {}", ops::short_name(kind), n.num_results);
  }
  return n.result();
}

RegionId GraphBuilder::begin_region(std::vector<Type> arg_types) {
  RegionId id(graph_.num_regions());
  graph_.regions_.push_back({});
  region_parent_.push_back(open_.empty() ? RegionId() : open_.back());
  region_open_.push_back(true);
  region_used_.push_back(false);
  open_.push_back(id);
  for (Type& t : arg_types) arg(std::move(t));
  return id;
}

void GraphBuilder::end_region(std::vector<ValueId> results) {
  if (open_.size() < 2) throw internal_error("[ir.builder] wanted an open region to end, got none");
  for (ValueId v : results) {
    if (!visible(v))
      throw user_error("[ir.return] wanted a value visible in the region, got one that is not");
  }
  graph_.regions_[open_.back().index].results = std::move(results);
  region_open_[open_.back().index] = false;
  open_.pop_back();
}

RegionId GraphBuilder::region(std::vector<Type> arg_types,
                              const std::function<std::vector<ValueId>(std::vector<ValueId>)>& body) {
  RegionId id = begin_region(std::move(arg_types));
  std::vector<ValueId> args = graph_.regions_[id.index].args;
  end_region(body(std::move(args)));
  return id;
}

std::span<const ValueId> GraphBuilder::region_args(RegionId id) const { return graph_.region(id).args; }

void GraphBuilder::set_name(ValueId v, std::string name) {
  if (!name.empty()) graph_.names_[v] = std::move(name);
}

void GraphBuilder::set_module_attrs(AttrDict attrs) { graph_.module_attrs_ = std::move(attrs); }

namespace {

ValueId mapped(const std::vector<ValueId>& map, ValueId old) {
  ValueId v = map[old.index];
  if (!v.valid())
    throw internal_error("[ir.clone] wanted every operand mapped, got none for value {}", old.index);
  return v;
}

std::vector<ValueId> mapped(const std::vector<ValueId>& map, std::span<const ValueId> old) {
  std::vector<ValueId> out;
  out.reserve(old.size());
  for (ValueId v : old) out.push_back(mapped(map, v));
  return out;
}

}  // namespace

RegionId GraphBuilder::clone_region(const Graph& from, RegionId region, std::vector<ValueId>& map,
                                    const NodeOrder& order) {
  const Region& old = from.region(region);
  std::vector<Type> types;
  for (ValueId v : old.args) types.push_back(from.type(v));
  RegionId id = begin_region(std::move(types));
  for (size_t i = 0; i < old.args.size(); ++i) {
    map[old.args[i].index] = graph_.region(id).args[i];
    set_name(graph_.region(id).args[i], from.value(old.args[i]).name);
  }
  for (NodeId n : order ? order(region) : std::vector<NodeId>(old.nodes)) clone(from, n, map, order);
  end_region(mapped(map, old.results));
  return id;
}

NodeId GraphBuilder::clone(const Graph& from, NodeId node, std::vector<ValueId>& map,
                           const NodeOrder& order) {
  const Node& old = from.node(node);
  std::vector<RegionId> regions;
  for (RegionId r : old.regions) regions.push_back(clone_region(from, r, map, order));
  std::vector<Type> types;
  for (int i = 0; i < old.num_results; ++i) types.push_back(from.type(old.result(i)));
  NodeId id =
      create(old.kind, mapped(map, old.operands), old.attrs, std::move(types), std::move(regions), old.line);
  for (int i = 0; i < old.num_results; ++i) {
    ValueId v = this->node(id).result(i);
    map[old.result(i).index] = v;
    set_name(v, from.value(old.result(i)).name);
  }
  return id;
}

std::vector<ValueId> GraphBuilder::inline_graph(const Graph& from, const std::vector<ValueId>& args) {
  if (args.size() != from.args().size()) {
    throw internal_error("[ir.inline] wanted {} arguments, got {}", from.args().size(), args.size());
  }
  std::vector<ValueId> map(from.num_values());
  for (size_t i = 0; i < args.size(); ++i) map[from.args()[i].index] = args[i];
  for (NodeId n : from.ops()) clone(from, n, map);
  return mapped(map, from.body().results);
}

Graph GraphBuilder::finish(std::vector<ValueId> results, std::vector<AttrDict> result_attrs) {
  if (open_.size() != 1)
    throw internal_error("[ir.builder] wanted every region ended, got {} open", open_.size() - 1);
  for (ValueId v : results) {
    if (!visible(v))
      throw user_error("[ir.return] wanted a value defined at the top level, got one that is not");
  }
  for (size_t r = 1; r < region_used_.size(); ++r) {
    if (!region_used_[r])
      throw internal_error("[ir.builder] wanted every region to belong to an op, got one that does not");
  }
  if (!result_attrs.empty() && result_attrs.size() != results.size()) {
    throw internal_error("[ir.builder] wanted attributes for {} results, got {}", results.size(),
                         result_attrs.size());
  }
  graph_.regions_[0].results = std::move(results);
  graph_.result_attrs_ = std::move(result_attrs);
  Graph out = std::move(graph_);
  *this = GraphBuilder(out.name());
  return out;
}

}  // namespace cordata::ir
