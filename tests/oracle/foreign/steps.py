# SPDX-License-Identifier: Apache-2.0
"""Training steps that are not from the zoo: a flax MLP-mixer and a flax GPT with optax.adamw.

    python steps.py mixer|gpt DIR [--steps N]

exports one into DIR and writes its data: DIR/batches.safetensors, the samples of all steps stacked, as `cordata train --data`
takes them, and DIR/losses.json with JAX's own losses.
"""
import argparse
import json
import os
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from safetensors.numpy import save_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../python"))
import cordata  # noqa: E402


class MixerBlock(nn.Module):
    """Tolstikhin et al. 2021."""
    tokens: int
    channels: int

    @nn.compact
    def __call__(self, x):
        y = nn.LayerNorm()(x).swapaxes(1, 2)
        y = nn.Dense(y.shape[-1])(nn.gelu(nn.Dense(self.tokens)(y)))
        x = x + y.swapaxes(1, 2)
        y = nn.LayerNorm()(x)
        return x + nn.Dense(x.shape[-1])(nn.gelu(nn.Dense(self.channels)(y)))


class Mixer(nn.Module):
    blocks: int = 2

    @nn.compact
    def __call__(self, image):
        x = nn.Conv(64, (4, 4), strides=(4, 4), name="stem")(image)
        x = x.reshape(x.shape[0], -1, x.shape[-1])
        for _ in range(self.blocks):
            x = MixerBlock(32, 128)(x)
        return nn.Dense(8, name="head")(nn.LayerNorm()(x).mean(1))


class Gpt(nn.Module):
    vocab: int = 128
    hidden: int = 64
    blocks: int = 2

    @nn.compact
    def __call__(self, ids):
        embed = nn.Embed(self.vocab, self.hidden)
        x = embed(ids) + self.param("positions", nn.initializers.normal(0.02), (ids.shape[1], self.hidden))
        mask = nn.make_causal_mask(ids)
        for _ in range(self.blocks):
            x = x + nn.MultiHeadDotProductAttention(num_heads=4)(nn.LayerNorm()(x), mask=mask)
            x = x + nn.Dense(self.hidden)(nn.gelu(nn.Dense(4 * self.hidden)(nn.LayerNorm()(x))))
        return embed.attend(nn.LayerNorm()(x))


def cross_entropy(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def mixer(batch=16, blocks=2):
    model, rng = Mixer(blocks), np.random.default_rng(1)
    prototypes = rng.normal(size=(8, 16, 16, 3))

    def data(_):
        label = rng.integers(0, 8, batch).astype(np.int32)
        return {"image": (prototypes[label] + 0.5 * rng.normal(size=(batch, 16, 16, 3))).astype(np.float32), "label": label}
    params = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 16, 16, 3)))
    return lambda p, b: cross_entropy(model.apply(p, b["image"]), b["label"]), params, data, \
        {"data_kind": "images", "vocabulary": [0, 8], "unit": "images"}


def gpt(batch=8, seq=32, blocks=2):
    model, rng = Gpt(blocks=blocks), np.random.default_rng(2)

    def data(_):
        ids = np.cumsum(rng.integers(0, 3, (batch, seq + 1)), 1) % 128
        return {"inputs": ids[:, :-1].astype(np.int32), "targets": ids[:, 1:].astype(np.int32)}
    params = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, seq), jnp.int32))
    return lambda p, b: cross_entropy(model.apply(p, b["inputs"]), b["targets"]), params, data, \
        {"data_kind": "tokens", "vocabulary": [128, 128], "unit": "tokens", "units_per_sample": seq}


STEPS = {"mixer": mixer, "gpt": gpt}


def train(loss_fn, rule, params, batches):
    @jax.jit
    def step(params, state, batch):
        loss, grads = jax.value_and_grad(loss_fn)(params, batch)
        updates, state = rule.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss
    state, losses = jax.jit(rule.init)(params), []
    for batch in batches:
        params, state, loss = step(params, state, batch)
        losses.append(float(loss))
    return losses, params


def save_batches(batches, directory):
    stacked = {key: np.concatenate([b[key] for b in batches]) for key in batches[0]}
    save_file(stacked, os.path.join(directory, "batches.safetensors"))


def write(name, directory, steps=20):
    loss_fn, params, data, words = STEPS[name]()
    rule = optax.adamw(1e-3)
    batches = [data(s) for s in range(steps)]
    size = len(jax.tree.leaves(batches[0])[0])
    cordata.export(loss_fn, rule, params, batches[0], directory, [size // 4, size], name=f"flax-{name}", **words)
    save_batches(batches, directory)
    losses, _ = train(loss_fn, rule, params, batches)
    with open(os.path.join(directory, "losses.json"), "w", encoding="utf-8") as out:
        json.dump(losses, out)
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=STEPS)
    parser.add_argument("dir")
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    losses = write(args.name, args.dir, args.steps)
    print(f"{args.dir}: {len(losses)} steps, loss {losses[0]:.4f} to {losses[-1]:.4f}")
