# SPDX-License-Identifier: Apache-2.0
"""Writes a train step directory ("cordata.step/1", docs/formats.md) from stock JAX and optax."""
import json
import os

import jax
import numpy as np
import optax
from safetensors.numpy import save_file

JOINS = ("mean", "sum", "weighted")


def microbatch_sizes_of(batch_size):
    """Every divisor of the batch, ascending: the microbatches a plan may use."""
    return [n for n in range(1, batch_size + 1) if batch_size % n == 0]


def named_leaves(tree):
    """[(name, leaf)] in JAX's own order; names are paths: "params.Dense_0.kernel"."""
    def word(key):
        return str(next(getattr(key, a) for a in ("key", "name", "idx") if hasattr(key, a)))
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [(".".join(map(word, path)) or "value", leaf) for path, leaf in leaves]


def ports(role, tree, **more):
    return [{"role": role, "index": i, "name": name, **more} for i, (name, _) in enumerate(named_leaves(tree))]


def shape_of(leaf, batch_dim=None, size=None):
    shape = list(np.shape(leaf))
    if batch_dim is not None:
        shape[batch_dim] = size
    return jax.ShapeDtypeStruct(tuple(shape), jax.dtypes.canonicalize_dtype(np.asarray(leaf).dtype))


def export(loss_fn, optimizer, params, batch, dir, microbatch_sizes=None, *, loss_join="mean", has_aux=False, batch_dim=0,
           name=None, unit="samples", units_per_sample=1, data_kind="", vocabulary=None):
    """Writes `loss_fn` and `optimizer` (optax) as a train step directory.

    loss_fn(params, batch) gives a scalar, or (scalar, aux) with has_aux. `params` and `batch` are pytrees of arrays; every
    leaf of `batch` has `batch_dim`, of the size of the global batch. loss_join says how microbatches join: "mean", "sum", or
    "weighted", where loss_fn gives (sum of losses, weight) and the sums are divided by the summed weight once.
    data_kind and vocabulary (by batch leaf; 0: not ids) say which made-up data fits when none is given.
    """
    if loss_join not in JOINS:
        raise ValueError(f"[cordata.export] wanted loss_join to be one of {', '.join(JOINS)}, got {loss_join!r}")
    aux = has_aux or loss_join == "weighted"
    sizes_seen = {np.shape(leaf)[batch_dim] for leaf in jax.tree.leaves(batch)}
    if len(sizes_seen) != 1:
        raise ValueError(f"[cordata.export] wanted batch leaves of one size in dim {batch_dim}, got {sorted(sizes_seen)}")
    size = sizes_seen.pop()
    sizes = sorted(microbatch_sizes or microbatch_sizes_of(size))
    if any(n < 1 or size % n for n in sizes):
        raise ValueError(f"[cordata.export] wanted microbatch sizes that divide {size}, got {sizes}")

    def grad(params, batch):
        value, grads = jax.value_and_grad(loss_fn, has_aux=aux)(params, batch)
        loss, rest = value if aux else (value, ())
        return loss, grads, rest

    def apply(params, state, grads):
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    os.makedirs(dir, exist_ok=True)
    state = optimizer.init(params)
    shapes = jax.tree.map(shape_of, params)
    for n in sizes:
        data = jax.tree.map(lambda leaf: shape_of(leaf, batch_dim, n), batch)
        write_module(os.path.join(dir, "grad.mlir" if n == size else f"grad.b{n}.mlir"), grad, shapes, data)
    rest = jax.eval_shape(grad, shapes, data)[2]
    write_module(os.path.join(dir, "apply.mlir"), apply, shapes, jax.tree.map(shape_of, state), shapes)

    last = ports("weight" if loss_join == "weighted" else "aux", rest)
    roles = {
        "format": "cordata.step/1", "name": name or os.path.basename(os.path.abspath(dir)),
        "batch": size, "join": loss_join, "microbatch_sizes": sizes,
        "grad": {"args": ports("param", params) + ports("batch", batch, batch_dim=batch_dim),
                 "results": [{"role": "loss", "index": 0, "name": "loss"}] + ports("grad", params) + last},
        "apply": {"args": ports("param", params) + ports("opt_state", state) + ports("grad", params),
                  "results": ports("param", params) + ports("opt_state", state)},
        "unit": unit, "units_per_sample": units_per_sample,
        "data": {"kind": data_kind, "vocabulary": list(vocabulary or [0] * len(jax.tree.leaves(batch)))},
    }
    tensors = {f"params/{key}": leaf for key, leaf in named_leaves(params)}
    tensors |= {f"opt_states/{key}": leaf for key, leaf in named_leaves(state)}
    # ascontiguousarray turns a scalar into a vector of one, which the shape undoes.
    save_file({key: np.ascontiguousarray(leaf).reshape(np.shape(leaf)) for key, leaf in tensors.items()},
              os.path.join(dir, "init.safetensors"), {"format": "cordata.step/1"})
    with open(os.path.join(dir, "roles.json"), "w", encoding="utf-8") as out:  # last: a directory with roles is complete
        json.dump(roles, out, indent=1)


def write_module(path, function, *args):
    # keep_unused: every argument has its role, whether the function reads it or not.
    lowered = jax.jit(function, keep_unused=True).lower(*args)
    with open(path, "w", encoding="utf-8") as out:
        out.write(lowered.as_text())
