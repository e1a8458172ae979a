# SPDX-License-Identifier: Apache-2.0
"""Random keys, model state, and the ways that microbatches join, under every plan, against JAX on one device with the same microbatches."""
import os
import sys

import jax
import numpy as np
import pytest

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "foreign")]
import cordata  # noqa: E402
import reference  # noqa: E402
from cordata.directory import named_leaves  # noqa: E402
from features import FEATURES, uniform  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402
from train import train  # noqa: E402

STEPS = 20
PIPELINE = "pipeline:stages=2,data=2,microbatches="
CASES = {"batch_norm": ["data", PIPELINE + "4,schedule=gpipe"],
         "dropout": ["data", "tensor", "zero-3", PIPELINE + "4", "auto"],
         "rbg": [PIPELINE + "4"],
         "summed": ["data", PIPELINE + "4"],
         "weighted": ["data", PIPELINE + "4"]}


class Exported:
    """A step's directory, its batches, and what JAX makes of them by number of microbatches."""

    def __init__(self, name, folder):
        self.folder, self.step, self.known = folder, FEATURES[name](), {}
        self.batches = [self.step["data"](s) for s in range(STEPS)]
        more = {word: self.step[word] for word in ("state", "rng") if word in self.step}
        cordata.export(self.step["loss"], self.step["rule"], self.step["params"], self.batches[0], str(folder),
                       loss_join=self.step.get("join", "mean"), microbatch_sizes=[4, 8, 16], **more)
        names = [name for name, _ in named_leaves(self.batches[0])]
        leaves = [jax.tree.leaves(b) for b in self.batches]
        save_file({n: np.concatenate([of[i] for of in leaves]) for i, n in enumerate(names)}, folder / "batches.safetensors")

    def wanted(self, microbatches):
        if microbatches not in self.known:
            more = {word: self.step[word] for word in ("state", "rng", "join") if word in self.step}
            self.known[microbatches] = reference.losses(uniform(self.step), self.step["rule"], self.step["params"], self.batches,
                                                        microbatches, **more)
        return self.known[microbatches]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    made = {}

    def get(name):
        if name not in made:
            made[name] = Exported(name, tmp_path_factory.mktemp(name))
        return made[name]
    return get


@pytest.mark.parametrize("name, planner", [(name, planner) for name, planners in CASES.items() for planner in planners])
def test_losses_are_jaxs(exported, name, planner):
    step = exported(name)
    ranks, microbatches = (1, 4) if planner == "single" else (4, int(planner[len(PIPELINE)]) if planner.startswith("pipe") else 2)
    fixed = () if planner.startswith("pipe") else ("--microbatches", microbatches)
    losses = train(step.folder, ranks, planner, step.folder / "batches.safetensors", STEPS, *fixed)
    np.testing.assert_allclose(losses, step.wanted(microbatches), rtol=1e-5)


def test_a_key_is_folded_as_jax_folds_it(exported):
    """One microbatch: what a user writes by hand, key and all."""
    step = exported("dropout")
    losses = train(step.folder, 4, "data", step.folder / "batches.safetensors", STEPS, "--microbatches", 1)
    np.testing.assert_allclose(losses, step.wanted(1), rtol=1e-5)
    assert abs(step.wanted(1)[0] / step.wanted(2)[0] - 1) > 1e-4  # other masks
