# SPDX-License-Identifier: Apache-2.0
"""One training step as people write it in JAX: one jax.jit over the whole step, parameters and state donated."""
import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import common  # noqa: E402


def main():
    args = common.arguments(__doc__)
    import jax
    import twins
    inputs = common.Inputs(args.inputs)
    loss, rule = inputs.functions()
    params = jax.device_put(inputs.params)
    state = jax.jit(rule.init)(params)
    batches = [jax.device_put(b) for b in inputs.batches]
    step = jax.jit(twins.step_fn(loss, rule), donate_argnums=(0, 1))
    common.Peer(step, params, state, batches, common.flags()).serve(args)


if __name__ == "__main__":
    main()
