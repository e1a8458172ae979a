// SPDX-License-Identifier: Apache-2.0
#include "cordata/models/gpt.h"

#include <cmath>
#include <numeric>

#include "cordata/base/error.h"
#include "cordata/models/layers.h"

namespace cordata::models {
namespace {

using ir::DType;
using ir::GraphBuilder;
using ir::Shape;
using ir::Type;
using ir::ValueId;
using Values = std::span<const ValueId>;

constexpr size_t kBlockParameters = 16;
constexpr double kMasked = -1e30;  // in f32; exp of it is 0

bool is_short(DType t) { return ir::bits(t) == 16; }
DType master(const GptConfig& c) { return is_short(c.dtype) ? DType::kF32 : c.dtype; }

void add_block(const GptConfig& c, int64_t layer, std::vector<Parameter>& out) {
  DType t = master(c);
  int64_t h = c.hidden, n = c.heads, d = h / n, wide = 4 * h + layer * c.widen;
  double out_stddev = 0.02 / std::sqrt(2.0 * static_cast<double>(c.layers));
  auto name = [&](const char* part) { return fmt::format("blocks.{}.{}", layer, part); };
  out.push_back(filled(name("ln1.g"), t, {h}, 1));
  out.push_back(filled(name("ln1.b"), t, {h}, 0));
  for (const char* part : {"attn.q", "attn.k", "attn.v"}) {
    out.push_back(weight(name(part) + ".w", t, {h, n, d}, 0.02));
    out.push_back(filled(name(part) + ".b", t, {n, d}, 0));
  }
  out.push_back(weight(name("attn.o.w"), t, {n, d, h}, out_stddev));
  out.push_back(filled(name("attn.o.b"), t, {h}, 0));
  out.push_back(filled(name("ln2.g"), t, {h}, 1));
  out.push_back(filled(name("ln2.b"), t, {h}, 0));
  out.push_back(weight(name("mlp.up.w"), t, {h, wide}, 0.02));
  out.push_back(filled(name("mlp.up.b"), t, {wide}, 0));
  out.push_back(weight(name("mlp.down.w"), t, {wide, h}, out_stddev));
  out.push_back(filled(name("mlp.down.b"), t, {h}, 0));
}

std::vector<Parameter> parameters(const GptConfig& c) {
  DType t = master(c);
  std::vector<Parameter> all = {weight("wte", t, {c.vocab, c.hidden}, 0.02),
                                weight("wpe", t, {c.seq, c.hidden}, 0.02)};
  for (int64_t l = 0; l < c.layers; ++l) add_block(c, l, all);
  all.push_back(filled("lnf.g", t, {c.hidden}, 1));
  all.push_back(filled("lnf.b", t, {c.hidden}, 0));
  if (!c.tied) all.push_back(weight("head.w", t, {c.vocab, c.hidden}, 0.02));
  return all;
}

// What stays the same in every block of one microbatch.
struct Context {
  GraphBuilder& b;
  const GptConfig& c;
  ValueId mask;  // [B, heads, S, S], true where position i may see position j; none: everywhere

  // Norms, softmax and loss are computed in f32 at least; matrix products, and what blocks hand on, in the
  // model's type.
  DType wide() const { return master(c); }
  ValueId narrow(ValueId x) { return b.convert(x, c.dtype); }
  ValueId widen(ValueId x) { return b.convert(x, wide()); }
  ValueId norm(ValueId x, ValueId gain, ValueId bias) { return narrow(layer_norm(b, widen(x), gain, bias)); }
  ValueId dense(ValueId x, ValueId w, std::vector<int64_t> x_dims, std::vector<int64_t> w_dims) {
    return b.dot_general(x, narrow(w), {}, {}, std::move(x_dims), std::move(w_dims), c.dtype);
  }
};

ValueId causal_mask(GraphBuilder& b, int64_t samples, int64_t heads, int64_t seq) {
  Type square = Type::tensor(DType::kI32, {seq, seq});
  ValueId seen = b.compare(b.iota(square, 0), b.iota(square, 1), "GE");
  return b.broadcast_in_dim(seen, {samples, heads, seq, seq}, {2, 3});
}

// x [B, S, H] -> [B, S, H]; p: q.w, q.b, k.w, k.b, v.w, v.b, o.w, o.b. Heads are a dim of their own
// throughout.
ValueId attention(Context& m, ValueId x, Values p) {
  GraphBuilder& b = m.b;
  auto project = [&](size_t i) {
    return add_bias(b, m.dense(x, p[i], {2}, {0}), m.narrow(p[i + 1]));
  };  // [B, S, n, d]
  ValueId q = b.scale(project(0), 1 / std::sqrt(static_cast<double>(m.c.hidden / m.c.heads)));
  ValueId k = project(2), v = project(4);
  ValueId scores = m.widen(b.dot_general(q, k, {0, 2}, {0, 2}, {3}, {3}, m.c.dtype));  // [B, n, S, S]
  const Type& t = b.type(scores);
  if (m.c.causal) scores = b.select(m.mask, scores, b.constant(kMasked, t.dtype, t.shape));
  ValueId weights = m.narrow(softmax(b, scores));
  ValueId mixed = b.dot_general(weights, v, {0, 1}, {0, 2}, {3}, {1}, m.c.dtype);  // [B, n, S, d]
  return add_bias(b, m.dense(mixed, p[6], {1, 3}, {0, 1}), m.narrow(p[7]));
}

ValueId mlp_block(Context& m, ValueId x, Values p) {
  ValueId up = gelu(m.b, add_bias(m.b, m.dense(x, p[0], {2}, {0}), m.narrow(p[1])));
  return add_bias(m.b, m.dense(up, p[2], {2}, {0}), m.narrow(p[3]));
}

// p: ln1.g, ln1.b, attention's, ln2.g, ln2.b, the MLP's.
ValueId block(Context& m, ValueId x, Values p) {
  const auto part = [&](ValueId in, Values norm, auto&& inner) {
    if (!m.c.post_norm) return m.b.add(in, inner(m.norm(in, norm[0], norm[1])));
    return m.norm(m.b.add(in, inner(in)), norm[0], norm[1]);
  };
  x = part(x, p.subspan(0, 2), [&](ValueId in) { return attention(m, in, p.subspan(2, 8)); });
  return part(x, p.subspan(10, 2), [&](ValueId in) { return mlp_block(m, in, p.subspan(12, 4)); });
}

// ids [B, S] -> logits [B, S, V], in f32 at least.
ValueId logits(GraphBuilder& b, const GptConfig& c, Values p, ValueId ids) {
  int64_t samples = b.type(ids).shape[0], seq = b.type(ids).shape[1];
  Context m{b, c, c.causal ? causal_mask(b, samples, c.heads, seq) : ValueId()};
  Values rest = p.subspan(2 + c.layers * kBlockParameters);
  ValueId x = add_bias(b, embed(b, m.narrow(p[0]), ids, c.one_hot), m.narrow(p[1]));
  if (c.post_norm) x = m.norm(x, rest[0], rest[1]);
  for (int64_t l = 0; l < c.layers; ++l)
    x = block(m, x, p.subspan(2 + l * kBlockParameters, kBlockParameters));
  ValueId last = c.post_norm ? x : m.norm(x, rest[0], rest[1]);
  return m.widen(b.dot_general(last, m.narrow(c.tied ? p[0] : rest[2]), {}, {}, {2}, {1}, c.dtype));
}

void check(const GptConfig& c) {
  if (c.hidden % c.heads != 0)
    throw base::user_error(
        "[models.gpt] wanted heads that divide hidden, got hidden={} and heads={}; try heads={}", c.hidden,
        c.heads, std::gcd(c.hidden, c.heads));
}

}  // namespace

Model gpt(const GptConfig& config) {
  check(config);
  Model model;
  model.name = "gpt";
  model.parameters = parameters(config);
  model.inputs = {{"tokens", Type::tensor(DType::kI32, {config.seq + 1}), config.vocab}};
  model.unit = "tokens";
  model.units_per_sample = config.seq;
  model.data_kind = "tokens";
  model.loss = [c = config](GraphBuilder& b, Values params, Values batch) {
    int64_t samples = b.type(batch[0]).shape[0];
    ValueId inputs = b.slice(batch[0], {0, 0}, {samples, c.seq});
    ValueId targets = b.slice(batch[0], {0, 1}, {samples, c.seq + 1});
    return cross_entropy(b, logits(b, c, params, inputs), targets);
  };
  return model;
}

ir::Graph gpt_logits(const GptConfig& config, int64_t samples) {
  check(config);
  GraphBuilder b;
  std::vector<ValueId> params;
  for (const Parameter& p : parameters(config)) params.push_back(b.arg(p.type, p.name));
  ValueId ids = b.arg(Type::tensor(DType::kI32, {samples, config.seq}), "tokens");
  return b.finish({logits(b, config, params, ids)});
}

}  // namespace cordata::models
