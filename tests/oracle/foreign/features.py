# SPDX-License-Identifier: Apache-2.0
"""Small training steps, each with something that a plain loss over parameters and a batch doesn't have."""
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

BATCH = 16


class Dropout(nn.Module):
    @nn.compact
    def __call__(self, x, train=True):
        for _ in range(3):
            x = x + nn.Dropout(0.2, deterministic=not train)(nn.gelu(nn.Dense(32)(nn.LayerNorm()(x))))
        return nn.Dense(8)(x)


class Normed(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Dense(32)(x)
        for _ in range(2):
            x = nn.tanh(nn.BatchNorm(use_running_average=False, momentum=0.9)(nn.Dense(32)(x)))
        return nn.Dense(8)(x)


def per_sample(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)


def samples(seed):
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(8, 32))

    def batch(_):
        label = draw.integers(0, 8, BATCH).astype(np.int32)
        return {"x": (centres[label] + 0.3 * draw.normal(size=(BATCH, 32))).astype(np.float32), "label": label}
    return batch


def dropout():
    model = Dropout()

    def loss(params, batch, key):
        return per_sample(model.apply(params, batch["x"], rngs={"dropout": key}), batch["label"]).mean()
    return {"loss": loss, "rule": optax.adam(1e-3), "params": jax.jit(lambda key: model.init(key, jnp.zeros((1, 32)), False))(jax.random.key(0)),
            "data": samples(1), "rng": jax.random.key(7)}


def rbg():
    """Random bits of a generator that is an op of its own, not integer arithmetic."""
    return {**dropout(), "rng": jax.random.key(7, impl="rbg")}


def batch_norm():
    """Statistics of the batch in the loss, running ones as state. Besides: a state that the first layer reads and the last one makes,
    one that counts, and one that never changes."""
    model = Normed()
    made = jax.jit(model.init)(jax.random.key(0), jnp.zeros((2, 32)))

    def loss(params, state, batch):
        x = batch["x"] + 0.1 * jnp.tile(state["echo"], 4)
        logits, new = model.apply({"params": params, "batch_stats": state["stats"]}, x, mutable=["batch_stats"])
        echo = 0.5 * state["echo"] + jnp.tanh(logits[:4].mean(0))
        return per_sample(logits, batch["label"]).mean(), {
            "stats": new["batch_stats"], "echo": echo, "count": state["count"] + 1, "fixed": state["fixed"]}
    state = {"stats": made["batch_stats"], "echo": jnp.zeros(8), "count": jnp.int32(0), "fixed": jnp.ones(3)}
    return {"loss": loss, "rule": optax.sgd(0.02), "params": made["params"], "data": samples(2), "state": state}


def weighted():
    """Token counts by a boolean mask, and an optimizer of many parts."""
    def loss(params, batch):
        x = jnp.tanh(params["embed"][batch["ids"]] @ params["w"] + params["b"])
        mask = batch["mask"]
        return jnp.where(mask, per_sample(x @ params["embed"].T, batch["next"]), 0).sum(), mask.sum().astype(jnp.float32)

    draw = np.random.default_rng(3)

    def data(_):
        ids = np.cumsum(draw.integers(0, 3, (BATCH, 9)), 1) % 64
        mask = np.arange(8)[None] < draw.integers(1, 9, BATCH)[:, None]
        return {"ids": ids[:, :-1].astype(np.uint8), "next": ids[:, 1:].astype(np.int32), "mask": mask}
    params = {"embed": jnp.asarray(draw.normal(size=(64, 32)) * 0.1, jnp.float32), "w": jnp.eye(32), "b": jnp.zeros(32)}
    rate = optax.warmup_cosine_decay_schedule(0, 3e-3, 5, 20)
    rule = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, mask={"embed": True, "w": True, "b": False}))
    return {"loss": loss, "rule": rule, "params": params, "data": data, "join": "weighted"}


def summed():
    def loss(params, batch):
        inputs, labels = batch
        return per_sample(jnp.tanh(inputs[0] @ params[0]) @ params[1], labels).sum()
    data, draw = samples(4), np.random.default_rng(5)
    params = [jnp.asarray(draw.normal(size=s) * 0.1, jnp.float32) for s in ((32, 32), (32, 8))]
    return {"loss": loss, "rule": optax.sgd(1e-2), "params": params, "join": "sum",
            "data": lambda s: (lambda b: ((b["x"],), b["label"]))(data(s))}


FEATURES = {f.__name__: f for f in (batch_norm, dropout, rbg, summed, weighted)}


def uniform(step):
    """The loss function as reference.losses calls it."""
    def loss(params, state, batch, key):
        out = step["loss"](params, *([state] if "state" in step else []), batch, *([key] if "rng" in step else []))
        value, *rest = out if isinstance(out, tuple) else (out,)
        return value, rest.pop(0) if step.get("join") == "weighted" else None, rest.pop(0) if "state" in step else None
    return loss
