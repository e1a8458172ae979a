# SPDX-License-Identifier: Apache-2.0
"""Writes a train step directory from stock JAX and optax."""
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cordata.directory import is_key, ports, shape_of, write_initial, write_module, write_roles

JOINS = ("mean", "sum", "weighted")


def want(holds, wanted, got):
    if not holds:
        raise ValueError(f"[cordata.export] wanted {wanted}, got {got}")


def microbatch_sizes_of(batch_size):
    """Every divisor of the batch, ascending: the microbatches a plan may use."""
    return [n for n in range(1, batch_size + 1) if batch_size % n == 0]


def fold(step, microbatch, key):
    """The key that a microbatch of a step sees."""
    return jax.random.fold_in(jax.random.fold_in(key, step), microbatch)


def batch_size_of(batch, batch_dim):
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(batch)]
    want(shapes and all(len(s) > batch_dim for s in shapes), f"batch leaves with a dim {batch_dim}", f"shapes {shapes}")
    sizes = sorted({s[batch_dim] for s in shapes})
    want(len(sizes) == 1, f"batch leaves of one size in dim {batch_dim}", sizes)
    return sizes[0]


def describe(tree):
    return jax.tree.map(lambda x: f"{x.dtype}{list(x.shape)}", tree)


def check_results(loss, rest, state):
    """What the loss function gives, as shapes, is what roles.json can speak of."""
    want(isinstance(loss, jax.ShapeDtypeStruct) and loss.shape == () and jnp.issubdtype(loss.dtype, jnp.floating),
         "a scalar loss of a floating type (a mean or a sum)", describe(loss))
    weight = rest.get("weight")
    want(weight is None or (isinstance(weight, jax.ShapeDtypeStruct) and weight.shape == ()), "a scalar weight", describe(weight))
    want(describe(rest.get("state")) == describe(state), f"a new state like the old, {describe(state)}", describe(rest.get("state")))


def export(loss_fn, optimizer, params, batch, dir, microbatch_sizes=None, *, state=None, rng=None, loss_join="mean", has_aux=False,
           batch_dim=0, name=None, unit="samples", units_per_sample=1, data_kind="", vocabulary=None):
    """Writes `loss_fn` and `optimizer` (optax) as a train step directory.

    loss_fn(params[, state], batch[, key]) gives the scalar loss, or (loss[, weight][, state][, aux]) where any of these is in use:
      state   model state such as batch statistics, a pytree that passes from microbatch to microbatch
      key     with rng, a random key: folded with the step's and the microbatch's number, key = fold_in(fold_in(rng, step), microbatch)
      weight  with loss_join="weighted", where the loss is a sum: losses and gradients are added up and divided by the weights' sum
      aux     with has_aux, anything; it is not used
    `params` and `batch` are pytrees of arrays; every leaf of `batch` has `batch_dim`, of the size of the global batch. loss_join says
    how microbatches join: "mean", "sum" or "weighted". data_kind and vocabulary (by batch leaf; 0: not ids) say which made-up data
    fits when none is given.
    """
    want(loss_join in JOINS, f"loss_join to be one of {', '.join(JOINS)}", repr(loss_join))
    size = batch_size_of(batch, batch_dim)
    sizes = sorted(microbatch_sizes or microbatch_sizes_of(size))
    want(all(n > 0 and size % n == 0 for n in sizes), f"microbatch sizes that divide {size}", sizes)
    floats = all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves(jax.tree.map(shape_of, params)))
    want(floats, "parameters of floating types", describe(jax.tree.map(shape_of, params)))

    more = [word for word, used in (("weight", loss_join == "weighted"), ("state", state is not None), ("aux", has_aux)) if used]

    def named(params, state, batch, key):
        out = loss_fn(params, *([state] if state is not None else []), batch, *([typed(key)] if rng is not None else []))
        loss, *rest = out if more else (out,)
        want(len(rest) == len(more), f"a loss function that gives (loss, {', '.join(more)})", f"{1 + len(rest)} values")
        return loss, dict(zip(more, rest))

    def typed(words):  # modules pass a key as its words
        return jax.random.wrap_key_data(words, impl=jax.random.key_impl(rng)) if is_key(rng) else words

    def fold_words(step, microbatch, words):
        key = fold(step, microbatch, typed(words))
        return jax.random.key_data(key) if is_key(key) else key

    def grad(*args):
        (loss, rest), grads = jax.value_and_grad(named, has_aux=True)(*args)
        return loss, grads, [rest[word] for word in more]

    def apply(params, opt_state, grads):
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    opt_state, words = optimizer.init(params), jax.random.key_data(rng) if is_key(rng) else rng
    shapes, opt_shapes, states, key = (jax.tree.map(shape_of, tree) for tree in (params, opt_state, state, words))
    whole = jax.tree.map(lambda leaf: shape_of(leaf, batch_dim, size), batch)
    loss, rest = jax.eval_shape(named, shapes, states, whole, key)
    check_results(loss, rest, states)

    os.makedirs(dir, exist_ok=True)
    for n in sizes:
        part = jax.tree.map(lambda leaf: shape_of(leaf, batch_dim, n), batch)
        write_module(dir, "grad.mlir" if n == size else f"grad.b{n}.mlir", grad, shapes, states, part, key)
    write_module(dir, "apply.mlir", apply, shapes, opt_shapes, shapes)
    if rng is not None:
        number = jax.ShapeDtypeStruct((), jnp.int32)
        write_module(dir, "key.mlir", fold_words, number, number, key)
    write_initial(dir, params=params, opt_states=opt_state, states=state, keys=rng)
    grad_results = [{"role": "loss", "index": 0, "name": "loss"}] + ports("grad", params)
    write_roles(dir, {  # last: a directory with roles is complete
        "name": name or os.path.basename(os.path.abspath(dir)),
        "batch": size, "join": loss_join, "microbatch_sizes": sizes,
        "grad": {"args": ports("param", params) + ports("state", state) + ports("batch", batch, batch_dim=batch_dim) + ports("key", rng),
                 "results": grad_results + [port for word in more for port in ports(word, rest[word])]},
        "apply": {"args": ports("param", params) + ports("opt_state", opt_state) + ports("grad", params),
                  "results": ports("param", params) + ports("opt_state", opt_state)},
        "unit": unit, "units_per_sample": units_per_sample,
        "data": {"kind": data_kind, "vocabulary": list(vocabulary or [0] * len(jax.tree.leaves(batch)))},
    })
