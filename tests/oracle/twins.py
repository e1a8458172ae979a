# SPDX-License-Identifier: Apache-2.0
"""The zoo's models and optimizers written in plain JAX and optax: the oracle of cordata/models.

Parameters are flat dicts in the zoo's names, so that initial values of one are those of the other.
"""
import math

import jax
import jax.numpy as jnp
import optax


def layer_norm(x, gain, bias):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * gain + bias


def attention(p, at, x, causal):
    q, k, v = (jnp.einsum("bsh,hnd->bsnd", x, p[f"{at}.{i}.w"]) + p[f"{at}.{i}.b"] for i in "qkv")
    scores = jnp.einsum("bsnd,btnd->bnst", q, k) / math.sqrt(q.shape[-1])
    seq = x.shape[1]
    if causal:
        scores = jnp.where(jnp.tril(jnp.ones((seq, seq), bool)), scores, -1e30)
    mixed = jnp.einsum("bnst,btnd->bsnd", jax.nn.softmax(scores, -1), v)
    return jnp.einsum("bsnd,ndh->bsh", mixed, p[f"{at}.o.w"]) + p[f"{at}.o.b"]


def gpt_logits(p, ids, *, layers, tied=True, norm="pre", causal=True):
    """Parameters and ids [B, S], S up to the model's -> [B, S, V]."""
    def normed(x, at):
        return layer_norm(x, p[f"{at}.g"], p[f"{at}.b"])

    def part(x, at, inner):
        return x + inner(normed(x, at)) if norm == "pre" else normed(x + inner(x), at)

    def mlp(x, at):
        h = jax.nn.gelu(x @ p[f"{at}.up.w"] + p[f"{at}.up.b"], approximate=True)
        return h @ p[f"{at}.down.w"] + p[f"{at}.down.b"]

    x = p["wte"][ids] + p["wpe"][: ids.shape[1]]
    x = normed(x, "lnf") if norm == "post" else x
    for layer in range(layers):
        at = f"blocks.{layer}"
        x = part(x, f"{at}.ln1", lambda x: attention(p, f"{at}.attn", x, causal))
        x = part(x, f"{at}.ln2", lambda x: mlp(x, f"{at}.mlp"))
    x = normed(x, "lnf") if norm == "pre" else x
    return x @ (p["wte"] if tied else p["head.w"]).T


def gpt_loss(p, batch, **form):
    """Parameters and batch {"tokens": [B, S + 1]} -> mean cross entropy."""
    ids, targets = batch["tokens"][:, :-1], batch["tokens"][:, 1:]
    return optax.softmax_cross_entropy_with_integer_labels(gpt_logits(p, ids, **form), targets).mean()


def mlp_loss(p, batch, *, layers):
    x = batch["x"]
    for layer in range(layers):
        x = x @ p[f"layers.{layer}.w"] + p[f"layers.{layer}.b"]
        if layer + 1 < layers:
            x = jax.nn.gelu(x, approximate=True)
    return ((x - batch["y"]) ** 2).mean()


def schedule(lr, warmup=0, decay_steps=0, lr_end=0.1):
    def rate(count):
        done = jnp.asarray(count, jnp.result_type(float)) + 1
        rising = jnp.minimum(1.0, done / warmup) if warmup else 1.0
        if not decay_steps:
            return lr * rising
        progress = jnp.clip((done - 1 - warmup) / max(1, decay_steps - warmup), 0.0, 1.0)
        return lr * rising * (lr_end + (1 - lr_end) * 0.5 * (1 + jnp.cos(math.pi * progress)))
    return rate


def decays(params):
    """Matrices decay; biases (also those that have a dim for heads) and norms don't."""
    return {name: name.endswith(".w") or name in ("wte", "wpe") for name in params}


def optimizer(kind="adamw", lr=1e-3, clip=0, warmup=0, decay_steps=0, lr_end=0.1, momentum=0.9, beta1=0.9, beta2=0.999, eps=1e-8,
              weight_decay=0.01):
    rate = schedule(lr, warmup, decay_steps, lr_end)
    rule = {"sgd": lambda: optax.sgd(rate), "momentum": lambda: optax.sgd(rate, momentum=momentum),
            "adamw": lambda: optax.adamw(rate, b1=beta1, b2=beta2, eps=eps, weight_decay=weight_decay, mask=decays)}[kind]()
    return optax.chain(optax.clip_by_global_norm(clip), rule) if clip else rule


def step_fn(loss_fn, rule):
    """One whole step, as people write it."""
    def step(params, state, batch):
        loss, grads = jax.value_and_grad(loss_fn)(params, batch)
        updates, state = rule.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss
    return step
