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


@pytest.mark.parametrize("name", ["mixer", "gpt"])
def test_foreign_step_has_jaxs_losses(name, tmp_path):
    losses = steps.write(name, str(tmp_path))
    batches = load_file(tmp_path / "batches.safetensors")
    directory = StepDirectory(str(tmp_path))
    leaves = [p["name"] for p in directory.roles["grad"]["args"] if p["role"] == "batch"]
    ours = [directory.step([batches[f"{s}/{leaf}"] for leaf in leaves]) for s in range(len(losses))]
    np.testing.assert_allclose(ours, losses, rtol=1e-5)
    assert losses[-1] < losses[0] - 0.1


def test_microbatches_join_to_the_same_step(tmp_path):
    steps.write("gpt", str(tmp_path), steps=3)
    batches = load_file(tmp_path / "batches.safetensors")
    whole, parts = StepDirectory(str(tmp_path)), StepDirectory(str(tmp_path))
    for s in range(3):
        batch = [batches[f"{s}/inputs"], batches[f"{s}/targets"]]
        np.testing.assert_allclose(parts.step(batch, 2), whole.step(batch), rtol=1e-5)


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


def test_wrong_input_is_refused(tmp_path):
    params, batch = {"w": jnp.ones(3)}, {"x": np.ones((4, 3), np.float32)}
    loss = lambda p, b: (b["x"] @ p["w"]).sum()  # noqa: E731
    for wrong in ({"loss_join": "max"}, {"microbatch_sizes": [3]}):
        with pytest.raises(ValueError, match="cordata.export"):
            cordata.export(loss, optax.sgd(0.1), params, batch, str(tmp_path), **wrong)
