# SPDX-License-Identifier: Apache-2.0
"""The same step over 4 CPU devices of one process: jax.jit with NamedSharding, XLA's partitioner and collectives.

--sharding data: the batch's samples over the devices, parameters whole. --sharding tensor: as Megatron-LM cuts a
transformer (arXiv 1909.08053): heads and the MLP's inner dim over the devices, everything else whole. An MLP's layers
alternate between cutting columns and rows.
"""
import os
import re

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=4")

import common  # noqa: E402

DEVICES = 4
# Name of a parameter -> the dim that is cut under tensor sharding; the first pattern that fits counts.
CUTS = [(r"attn\.[qkv]\.w$", 1), (r"attn\.[qkv]\.b$", 0), (r"attn\.o\.w$", 0), (r"mlp\.up\.w$", 1), (r"mlp\.up\.b$", 0),
        (r"mlp\.down\.w$", 0), (r"layers\.\d*[02468]\.w$", 1), (r"layers\.\d*[02468]\.b$", 0), (r"layers\.\d*[13579]\.w$", 0)]


def cut_dim(name, shape):
    for pattern, dim in CUTS:
        if re.search(pattern, name) and shape[dim] % DEVICES == 0:
            return dim
    return None


def main():
    args = common.arguments(__doc__, sharding=["data", "tensor"])
    import jax
    import twins
    from jax.sharding import Mesh, NamedSharding
    from jax.sharding import PartitionSpec as P
    inputs = common.Inputs(args.inputs)
    mesh = Mesh(jax.devices()[:DEVICES], ("x",))
    whole = NamedSharding(mesh, P())

    def along(dim):
        return whole if dim is None else NamedSharding(mesh, P(*[None] * dim, "x"))

    tensor = args.sharding == "tensor"
    shardings = {n: along(cut_dim(n, v.shape) if tensor else None) for n, v in inputs.params.items()}
    loss, rule = inputs.functions()
    params = {n: jax.device_put(v, shardings[n]) for n, v in inputs.params.items()}

    def of_state(path, leaf):
        """Moments rest as their parameters do; counters are whole."""
        keys = [k.key for k in path if hasattr(k, "key")]
        return shardings[keys[-1]] if keys and leaf.shape == inputs.params[keys[-1]].shape else whole

    state_shapes = jax.eval_shape(rule.init, params)
    state_shardings = jax.tree_util.tree_map_with_path(of_state, state_shapes)
    state = jax.jit(rule.init, out_shardings=state_shardings)(params)
    batches = [jax.device_put(b, whole if tensor else along(0)) for b in inputs.batches]
    step = jax.jit(twins.step_fn(loss, rule), donate_argnums=(0, 1), out_shardings=(shardings, state_shardings, whole))
    flags = {**common.flags(), "sharding": args.sharding, "cut_parameters": sum(s is not whole for s in shardings.values())}
    common.Peer(step, params, state, batches, flags).serve(args)


if __name__ == "__main__":
    main()
