# SPDX-License-Identifier: Apache-2.0
"""The files of a train step directory ("cordata.step/1", docs/formats.md), from pytrees and jitted functions."""
import json
import os

import jax
import numpy as np
from safetensors.numpy import save_file


def is_key(leaf):
    return jax.dtypes.issubdtype(getattr(leaf, "dtype", None), jax.dtypes.prng_key)


def host(leaf):
    """A leaf as the array that a module takes."""
    array = np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)
    return array.astype(jax.dtypes.canonicalize_dtype(array.dtype), copy=False)


def named_leaves(tree):
    """[(name, leaf)] in JAX's own order; names are paths: "params.Dense_0.kernel"."""
    def word(key):
        return str(next(getattr(key, a) for a in ("key", "name", "idx") if hasattr(key, a)))
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    named = [(".".join(map(word, path)) or "value", leaf) for path, leaf in leaves]
    names = [name for name, _ in named]
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"[cordata.export] wanted leaves of different names, got several of {', '.join(twice)}")
    return named


def shape_of(leaf, batch_dim=None, size=None):
    shape = list(np.shape(leaf))
    if batch_dim is not None:
        shape[batch_dim] = size
    return jax.ShapeDtypeStruct(tuple(shape), host(leaf).dtype)


def ports(role, tree, **more):
    """The entries of roles.json for arguments or results of one role."""
    return [{"role": role, "index": i, "name": name, **more} for i, (name, _) in enumerate(named_leaves(tree))]


def write_module(dir, name, function, *args):
    # keep_unused: every argument has its role, whether the function reads it or not.
    lowered = jax.jit(function, keep_unused=True).lower(*args)
    with open(os.path.join(dir, name), "w", encoding="utf-8") as out:
        out.write(lowered.as_text())


def write_initial(dir, **trees):
    """init.safetensors: "params/NAME" and so on. ascontiguousarray makes a scalar a vector of one, which the shape undoes."""
    tensors = {f"{role}/{name}": host(leaf) for role, tree in trees.items() for name, leaf in named_leaves(tree)}
    save_file({name: np.ascontiguousarray(a).reshape(a.shape) for name, a in tensors.items()},
              os.path.join(dir, "init.safetensors"), {"format": "cordata.step/1"})


def write_roles(dir, roles):
    with open(os.path.join(dir, "roles.json"), "w", encoding="utf-8") as out:
        json.dump({"format": "cordata.step/1", **roles}, out, indent=1)
