# SPDX-License-Identifier: Apache-2.0
"""Random numbers from a counter (threefry as plain integer ops, as JAX lowers it for accelerators) don't depend on the plan: a step
that drops activations by them has the same losses on one device and under every plan."""
import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.extend.random import threefry_2x32

sys.path.insert(0, os.path.dirname(__file__))
import cordata  # noqa: E402

KEY = (0x1234, 0xABCD)
BATCH, WIDTH, HIDDEN = 8, 12, 32


def threefry(key, count):
    """Threefry-2x32 with 20 rounds (Salmon et al., SC'11) of the counters 0 to count - 1 and count to 2 count - 1."""
    keys = [np.uint32(key[0]), np.uint32(key[1]), np.uint32(key[0] ^ key[1] ^ 0x1BD11BDA)]
    x = [jnp.arange(count, dtype=jnp.uint32) + keys[0], jnp.arange(count, dtype=jnp.uint32) + np.uint32(count) + keys[1]]
    for group in range(5):
        for turn in ((13, 15, 26, 6), (17, 29, 16, 24))[group % 2]:
            x[0] = x[0] + x[1]
            x[1] = x[0] ^ ((x[1] << np.uint32(turn)) | (x[1] >> np.uint32(32 - turn)))
        x[0] = x[0] + keys[(group + 1) % 3]
        x[1] = x[1] + keys[(group + 2) % 3] + np.uint32(group + 1)
    return x


def kept(shape, rate):
    count = int(np.prod(shape)) // 2
    bits = jnp.concatenate(threefry(KEY, count)).reshape(shape)
    return (bits >> np.uint32(8)).astype(jnp.float32) * np.float32(2 ** -24) < rate


def loss(params, batch):
    hidden = jnp.tanh(batch["x"] @ params["in"])
    hidden = jnp.where(kept(hidden.shape, 0.7), hidden / 0.7, 0)
    return ((hidden @ params["out"] - batch["y"]) ** 2).mean()


def test_threefry_is_jaxs():
    count = 96
    ours = jnp.concatenate(threefry(KEY, count))
    np.testing.assert_array_equal(ours, threefry_2x32(np.array(KEY, np.uint32), np.arange(2 * count, dtype=np.uint32)))


@pytest.fixture(scope="module")
def step(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dropout")
    draw = np.random.default_rng(0)
    params = {"in": draw.normal(0, 0.3, (WIDTH, HIDDEN)).astype(np.float32), "out": draw.normal(0, 0.3, (HIDDEN, WIDTH)).astype(np.float32)}
    batch = {"x": np.zeros((BATCH, WIDTH), np.float32), "y": np.zeros((BATCH, WIDTH), np.float32)}
    cordata.export(loss, optax.adamw(1e-2), params, batch, str(folder), data_kind="vectors")
    text = (folder / "grad.mlir").read_text()
    assert "shift_left" in text and "xor" in text and "rng" not in text
    return folder


def losses(step, planner, ranks, out):
    done = subprocess.run([os.environ["CORDATA_BIN"], "train", step, "-n", str(ranks), "--planner", planner, "--microbatches", "1",
                           "--steps", "5", "--metrics", out], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["loss"] for line in open(out)]


@pytest.fixture(scope="module")
def alone(step):
    return losses(step, "single", 1, step / "single.jsonl")


@pytest.mark.parametrize("planner, ranks", [("data", 2), ("data", 4), ("tensor", 4), ("zero-3", 2)])
def test_plans_draw_the_same_numbers(step, alone, planner, ranks, tmp_path):
    assert len(set(alone)) == len(alone)
    np.testing.assert_allclose(losses(step, planner, ranks, tmp_path / "m.jsonl"), alone, rtol=1e-5)
