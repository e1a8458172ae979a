# SPDX-License-Identifier: Apache-2.0
"""Training in JAX on one device by the meaning of a train step: microbatches in order, joined, one update."""
import jax
import jax.numpy as jnp
import optax

from cordata.export import fold


def losses(loss_fn, rule, params, batches, microbatches=1, *, join="mean", state=None, rng=None):
    """loss_fn(params, state, batch, key) -> (loss, weight, new state), whatever of these is used."""
    @jax.jit
    def grad(params, state, batch, step, microbatch):
        key = None if rng is None else fold(step, microbatch, rng)

        def first(p):
            loss, weight, new = loss_fn(p, state, batch, key)
            return loss, (weight, new)
        (loss, (weight, new)), grads = jax.value_and_grad(first, has_aux=True)(params)
        return (loss, grads, weight), new

    @jax.jit
    def update(params, opt_state, total):
        loss, grads, weight = total
        divisor = {"mean": microbatches, "sum": 1, "weighted": weight}[join]
        loss, grads = jax.tree.map(lambda x: x / divisor, (loss, grads))
        updates, opt_state = rule.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, loss

    opt_state, out = jax.jit(rule.init)(params), []
    for number, batch in enumerate(batches):
        total = None
        for m in range(microbatches):
            part = jax.tree.map(lambda leaf: jnp.split(leaf, microbatches)[m], batch)
            one, state = grad(params, state, part, number, m)
            total = one if total is None else jax.tree.map(jnp.add, total, one)
        params, opt_state, loss = update(params, opt_state, total)
        out.append(float(loss))
    return out
