# SPDX-License-Identifier: Apache-2.0
"""What python/cordata writes runs as the step it was written from."""
import json
import os
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from safetensors.numpy import load_file

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "foreign")]
import cordata  # noqa: E402
import steps  # noqa: E402
from run_step import StepDirectory  # noqa: E402


def of_step(samples, step, steps):
    return np.split(samples, steps)[step]


def test_foreign_step_has_jaxs_losses_in_one_or_two_microbatches(tmp_path):
    losses = steps.write("gpt", str(tmp_path))
    batches = load_file(tmp_path / "batches.safetensors")
    whole, parts = StepDirectory(str(tmp_path)), StepDirectory(str(tmp_path))
    leaves = [p["name"] for p in whole.roles["grad"]["args"] if p["role"] == "batch"]
    for s, wanted in enumerate(losses):
        batch = [of_step(batches[leaf], s, len(losses)) for leaf in leaves]
        np.testing.assert_allclose(whole.step(batch), wanted, rtol=1e-5)
        if s < 3:
            np.testing.assert_allclose(parts.step(batch, 2), wanted, rtol=1e-5)
    assert losses[-1] < losses[0] - 0.1


def test_weighted_join_names_the_weight(tmp_path):
    def loss(params, batch):
        return ((batch["x"] @ params["w"]) ** 2 * batch["mask"]).sum(), batch["mask"].sum()
    batch = {"x": np.ones((4, 3), np.float32), "mask": np.ones(4, np.float32)}
    cordata.export(loss, optax.sgd(0.1), {"w": jnp.ones(3)}, batch, str(tmp_path), loss_join="weighted")
    roles = json.load(open(tmp_path / "roles.json"))
    assert roles["join"] == "weighted"
    assert [p["role"] for p in roles["grad"]["results"]] == ["loss", "grad", "weight"]
    assert sorted(f for f in os.listdir(tmp_path)) == [
        "apply.mlir", "grad.b1.mlir", "grad.b2.mlir", "grad.mlir", "init.safetensors", "roles.json"]


def line(p, b):
    return (b["x"] @ p["w"]).sum()


WRONG = {
    "join": ({"loss_join": "max"}, "loss_join to be one of mean, sum, weighted"),
    "microbatches": ({"microbatch_sizes": [3]}, "divide 4"),
    "no scalar": ({"loss_fn": lambda p, b: b["x"] @ p["w"]}, r"scalar loss.*got float32\[4\]"),
    "integer loss": ({"loss_fn": lambda p, b: b["x"].shape[0] + 0 * p["w"].astype(int).sum()}, "scalar loss"),
    "no weight": ({"loss_fn": lambda p, b: (line(p, b),), "loss_join": "weighted"}, r"\(loss, weight\), got 1 values"),
    "weights": ({"loss_fn": lambda p, b: (line(p, b), b["x"]), "loss_join": "weighted"}, r"scalar weight, got float32\[4, 3\]"),
    "state": ({"loss_fn": lambda p, s, b: (line(p, b), s[:2]), "state": np.ones(3)}, "a new state like the old"),
    "parameters": ({"params": {"w": jnp.ones(3, int)}}, "parameters of floating types"),
    "batch sizes": ({"batch": {"x": np.ones((4, 3)), "y": np.ones(5)}}, r"one size in dim 0, got \[4, 5\]"),
    "batch dim": ({"batch": {"x": np.ones((4, 3)), "y": np.float32(1)}}, r"with a dim 0, got shapes \[\(4, 3\), \(\)\]"),
    "names": ({"params": {"w": jnp.ones(3), "a.b": jnp.ones(1), "a": {"b": jnp.ones(1)}}}, "several of a.b"),
}


@pytest.mark.parametrize("change, words", WRONG.values(), ids=WRONG)
def test_wrong_input_is_refused(tmp_path, change, words):
    call = {"loss_fn": line, "optimizer": optax.sgd(0.1), "params": {"w": jnp.ones(3)}, "batch": {"x": np.ones((4, 3), np.float32)}}
    with pytest.raises(ValueError, match=r"\[cordata.export\] wanted .*" + words):
        cordata.export(dir=str(tmp_path), **{**call, **change})
    assert not os.path.exists(tmp_path / "roles.json")


def test_roles_of_state_and_key(tmp_path):
    def loss(params, state, batch, key):
        noise = jax.random.normal(key, (3,))
        return (batch["x"] @ (params["w"] + noise)).mean(), {"seen": state["seen"] + 1}, batch["x"]
    cordata.export(loss, optax.sgd(0.1), {"w": jnp.ones(3)}, {"x": np.ones((4, 3), np.float32)}, str(tmp_path), microbatch_sizes=[4],
                   state={"seen": jnp.int32(2)}, rng=jax.random.key(3), has_aux=True)
    roles = json.load(open(tmp_path / "roles.json"))["grad"]
    assert [(p["role"], p["name"]) for p in roles["args"]] == [("param", "w"), ("state", "seen"), ("batch", "x"), ("key", "value")]
    assert [(p["role"], p["name"]) for p in roles["results"]] == [
        ("loss", "loss"), ("grad", "w"), ("state", "seen"), ("aux", "value")]
    initial = load_file(tmp_path / "init.safetensors")
    assert initial["states/seen"] == 2 and initial["keys/value"].tolist() == [0, 3]
