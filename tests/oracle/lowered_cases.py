# SPDX-License-Identifier: Apache-2.0
"""Functions whose text, as JAX lowers it, has what the corpus has not: nested and called functions, loops and branches as
user code makes them, every key type, narrow element types. Each is (name, function, arguments)."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

RNG = np.random.default_rng(0)


def normal(*shape, dtype=np.float32):
    return np.asarray(RNG.standard_normal(shape), np.float64).astype(dtype)


def whole(low, high, *shape, dtype=np.int32):
    return RNG.integers(low, high, shape).astype(dtype)


@jax.jit
def inner(x):
    return jnp.where(x > 0, jnp.log1p(x), jnp.expm1(x))


@jax.custom_vjp
def clipped(x):
    return jnp.sin(x)


clipped.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (jnp.clip(g * jnp.cos(x), -0.5, 0.5),))


def cumulative(x):
    return jnp.cumsum(x, 0), jnp.cumprod(x, 1), lax.cummax(x, 0), lax.cumlogsumexp(x, 1, reverse=True)


def recurrent(w, xs):
    def cell(h, x):
        h = jnp.tanh(h @ w + x)
        return h, h.sum()
    return lax.scan(cell, jnp.zeros(w.shape[0], w.dtype), xs)


def grown(x):
    return lax.while_loop(lambda c: (c[1] < 100) & (c[0] < 12), lambda c: (c[0] + 1, c[1] * 1.5), (0, jnp.abs(x).sum()))


def branched(i, x):
    y = lax.switch(i, [jnp.sin, jnp.cos, lambda v: v @ v.T @ v, lambda v: lax.cond(v.sum() > 0, jnp.exp, jnp.tanh, v)], x)
    return lax.cond(y.sum() > 1, lambda v: v + 1, lambda v: v - 1, y)


def searched(x, q):
    return jnp.searchsorted(x, q), jnp.argsort(-x), jnp.unique(x, size=5, fill_value=-1), jnp.median(x), jnp.argmax(x)


def sorted_by_keys(k, v):
    return lax.sort((k, v), dimension=0, num_keys=1, is_stable=True), lax.top_k(v, 3)


def updated(x, i, u):
    return (x.at[i].set(u), x.at[i].add(u), x.at[i].mul(u), x.at[i].min(u), x.at[i, 1].max(u[:, 0]), x.at[:, i % 3].add(1.0),
            x.at[i].add(u, mode="drop", unique_indices=True), x.at[i].get(mode="fill", fill_value=7.0))


def convolved(x, k):
    same = lax.conv_general_dilated(x, k, (1, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    spread = lax.conv_general_dilated(x, k, (1, 1), ((1, 2), (0, 3)), lhs_dilation=(2, 1), rhs_dilation=(1, 2),
                                      dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return same, spread, lax.conv_transpose(x, k, (2, 2), "SAME")


def grouped(x, k):
    return lax.conv_general_dilated(x, k, (1,), ((1, 1),), feature_group_count=2)


def pooled(x):
    return (lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"),
            lax.reduce_window(x, 0.0, lax.add, (1, 3, 3, 1), (1, 1, 1, 1), "SAME"),
            jax.grad(lambda v: lax.reduce_window(v, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID").sum())(x))


def transformed(x):
    return jnp.fft.rfft(x), jnp.fft.irfft(jnp.fft.rfft(x), n=x.shape[-1]), jnp.fft.fft2(x), jnp.fft.ifft(x.astype(jnp.complex64))


def complexes(z, x):
    w = lax.complex(x, -x) * z
    return w, jnp.abs(w), jnp.conj(w) / z, jnp.real(jnp.exp(w)), jnp.imag(w), jnp.angle(w), jnp.sqrt(w), w == z


def bits(i, u):
    return (lax.population_count(i), lax.clz(i), i << 3, i >> 2, lax.shift_right_logical(i, 2), u | 9, u & 12, u ^ 5, ~u,
            lax.bitcast_convert_type(u, jnp.float32), i // 3, i % 3, u // 3)


def special(x):
    return lax.erf(x), lax.erf_inv(x / 4), lax.lgamma(jnp.abs(x) + 1), lax.digamma(jnp.abs(x) + 1), lax.igamma(jnp.abs(x) + 1, jnp.abs(x)), \
        lax.bessel_i1e(x), jnp.arctan2(x, x + 2), jnp.cbrt(x), lax.nextafter(x, x + 1), jnp.round(x), jnp.sinh(x), jnp.arccosh(jnp.abs(x) + 1), \
        lax.reduce_precision(x, 5, 10), jnp.logaddexp(x, 2 * x), jax.scipy.special.zeta(jnp.abs(x) + 2, 1.0)


def contracted(a, b):
    return (jnp.einsum("bij,bjk->bik", a, b), jnp.einsum("bij,bkj->ik", a, a), jnp.tensordot(a, b, ((0, 2), (0, 1))),
            lax.dot_general(a, b, (((2,), (1,)), ((0,), (0,))), precision=lax.Precision.HIGHEST),
            lax.dot_general(a.astype(jnp.bfloat16), b.astype(jnp.bfloat16), (((2,), (1,)), ((0,), (0,))), preferred_element_type=jnp.float32))


def reduced(x, b):
    return (jnp.sum(x, (0, 2)), jnp.prod(x, 1), jnp.max(x), jnp.min(x, 2, keepdims=True), jnp.any(b), jnp.all(b, 0), jnp.argmin(x, 1),
            jnp.var(x, 0), jax.nn.softmax(x), jax.nn.logsumexp(x), lax.reduce(b, False, lax.bitwise_xor, (0,)),
            lax.reduce((x, x), (0.0, 1.0), lambda p, q: (p[0] + q[0], p[1] * q[1]), (2,)))


def shaped(x):
    return (jnp.pad(x, ((1, 2), (0, 1))), lax.pad(x, 0.5, ((-1, 2, 1), (0, 0, 2))), jnp.flip(x, 1), jnp.roll(x, 2, 0), x[::2, 1:], x[::-1],
            jnp.concatenate([x, x + 1], 1), jnp.stack([x, x]), jnp.tile(x, (2, 3)), jnp.repeat(x, 2, 0), jnp.tril(x), jnp.eye(3), x[None].T,
            lax.dynamic_slice(x, (1, 1), (2, 2)), lax.dynamic_update_slice(x, x[:1, :2], (2, 3)), jnp.take_along_axis(x, jnp.argsort(x, 1), 1))


def narrow(x):
    return [x.astype(t).astype(jnp.float32) * 2 for t in (jnp.bfloat16, jnp.float16, jnp.float8_e4m3fn, jnp.float8_e5m2, jnp.float8_e4m3b11fnuz,
                                                          jnp.float8_e4m3fnuz, jnp.float8_e5m2fnuz)]


def small_integers(x):
    return x.astype(jnp.int4).astype(jnp.int32) + 1, x.astype(jnp.uint4).astype(jnp.int32), x.astype(jnp.int8) + jnp.int8(100), x.astype(jnp.uint16) * 3


def gradients(x):
    deep = jax.checkpoint(lambda v: jnp.tanh(v @ v.T) @ v)
    return jax.grad(lambda v: deep(clipped(v)).sum())(x), jax.jvp(inner, (x,), (x,)), jax.hessian(lambda v: (v ** 3).sum())(x[0])


def keyed(implementation, seed):
    key = jax.random.wrap_key_data(seed, impl=implementation)
    a, b = jax.random.split(key)
    return (jax.random.normal(a, (3, 5)), jax.random.uniform(b, (7,)), jax.random.randint(jax.random.fold_in(a, 3), (4,), 0, 100),
            jax.random.permutation(b, 9), jax.random.bernoulli(a, 0.3, (8,)), jax.random.categorical(b, jnp.zeros((3, 4))),
            jax.random.key_data(jax.random.split(a, 3)))


CONSTANT = normal(6, 7)
IMAGE = normal(2, 6, 6, 4)

CASES = [
    ("nested_jit", lambda x: inner(inner(x)) + inner(x.T).T, (normal(3, 4),)),
    ("captured_constants", lambda x: x @ CONSTANT + np.arange(7), (normal(2, 6),)),
    ("no_arguments", lambda: (jnp.arange(5), jnp.ones((2, 3)), jnp.linspace(0, 1, 4)), ()),
    ("passed_through", lambda x, y: (y, x, x), (normal(2), normal(3))),
    ("empty_tensors", lambda x: (jnp.concatenate([x, x]), x.sum(0), x @ jnp.zeros((3, 2))), (np.zeros((0, 3), np.float32),)),
    ("cumulative", cumulative, (normal(4, 5),)),
    ("scan", recurrent, (normal(4, 4), normal(6, 4))),
    ("scan_gradient", jax.grad(lambda w, xs: recurrent(w, xs)[1].sum()), (normal(4, 4), normal(6, 4))),
    ("while", grown, (normal(3),)),
    ("fori", lambda x: lax.fori_loop(0, 5, lambda i, v: v.at[i].add(v.sum() * i), x), (normal(6),)),
    ("branches_0", branched, (np.int32(0), normal(3, 3))),
    ("branches_3", branched, (np.int32(3), normal(3, 3))),
    ("associative_scan", lambda x: lax.associative_scan(jnp.maximum, x), (normal(9),)),
    ("map", lambda x: lax.map(lambda r: jnp.sort(r)[0] + r, x), (normal(3, 4),)),
    ("vmapped", lambda x, i: jax.vmap(lambda r, j: lax.dynamic_index_in_dim(r, j) * r)(x, i), (normal(3, 5), whole(0, 5, 3))),
    ("searched", searched, (np.sort(normal(8)), normal(3))),
    ("sorted_by_keys", sorted_by_keys, (whole(0, 4, 8), normal(8))),
    ("updated", updated, (normal(5, 3), np.array([4, 0, 2], np.int32), normal(3, 3))),
    ("convolved", convolved, (IMAGE, normal(3, 3, 4, 5))),
    ("convolution_gradient", jax.grad(lambda x, k: (convolved(x, k)[1] ** 2).sum(), (0, 1)), (IMAGE, normal(3, 3, 4, 5))),
    ("grouped", grouped, (normal(2, 4, 9), normal(6, 2, 3))),
    ("pooled", pooled, (IMAGE,)),
    ("transformed", transformed, (normal(4, 8),)),
    ("complexes", complexes, (normal(3) + 1j * normal(3).astype(np.complex64), normal(3))),
    ("bits", bits, (whole(-99, 99, 6), whole(0, 99, 6, dtype=np.uint32))),
    ("special", special, (normal(5),)),
    ("contracted", contracted, (normal(2, 3, 4), normal(2, 4, 5))),
    ("reduced", reduced, (normal(3, 4, 5), whole(0, 2, 3, 4).astype(bool))),
    ("shaped", shaped, (normal(4, 5),)),
    ("narrow", narrow, (normal(6),)),
    ("small_integers", small_integers, (whole(0, 8, 6),)),
    ("gradients", gradients, (normal(3, 4),)),
    ("donated", jax.jit(lambda x, y: (x + y, y * 2), donate_argnums=0), (normal(3), normal(3))),
    ("named", jax.jit(lambda p: {"a": p["w"] @ p["x"], "b": [p["x"]]}), ({"w": normal(2, 3), "x": normal(3)},)),
    ("barrier", lambda x: lax.optimization_barrier((x, x + 1)), (normal(3),)),
    ("threefry", functools.partial(keyed, "threefry2x32"), (np.array([1, 2], np.uint32),)),
    ("rbg", functools.partial(keyed, "rbg"), (np.array([1, 2, 3, 4], np.uint32),)),
    ("unsafe_rbg", functools.partial(keyed, "unsafe_rbg"), (np.array([1, 2, 3, 4], np.uint32),)),
]
