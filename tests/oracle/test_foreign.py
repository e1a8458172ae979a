# SPDX-License-Identifier: Apache-2.0
"""Training steps exported from flax and optax, trained on 4 ranks through the command line on given batches, have JAX's own losses."""
import json
import os
import sys

import numpy as np
import pytest

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "foreign")]
import steps  # noqa: E402
from train import CORDATA, MPIRUN, losses_of, run, train  # noqa: E402

# Each planner with one of the two; `auto` with both.
PLANNERS = {"mixer": ["zero-3", "pipeline:stages=2,data=2,microbatches=4"],
            "gpt": ["tensor", "pipeline:stages=2,data=2,microbatches=1"]}


def sharded(plan):
    """The share of ops, of those that have operands to shard, that some axis of their mesh shards."""
    ops = [op for stage in plan["stages"] for op in stage["ops"]]
    return sum(any(op) for op in ops) / len(ops)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    made = {}

    def get(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            made[name] = folder, steps.write(name, str(folder))
        return made[name]
    return get


@pytest.mark.parametrize("name, planner", [(name, planner) for name, planners in PLANNERS.items() for planner in planners])
def test_losses_are_jaxs(foreign, name, planner):
    folder, wanted = foreign(name)
    losses = train(folder, 4, planner, folder / "batches.safetensors", len(wanted))
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)


@pytest.mark.parametrize("name", PLANNERS)
def test_auto_shards_and_has_jaxs_losses(foreign, name, tmp_path):
    folder, wanted = foreign(name)
    run(CORDATA, "plan", folder, "--cluster", "local:4", "-o", tmp_path / "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert sorted(rank for stage in plan["stages"] for rank in stage["ranks"]) == [0, 1, 2, 3]
    assert sharded(plan) > 0.5
    # The user's own mpirun.
    run(MPIRUN, "--oversubscribe", "--bind-to", "none", "-n", 4, CORDATA, "train", folder, "--plan", tmp_path / "plan.json",
        "--data", folder / "batches.safetensors", "--steps", len(wanted), "--metrics", tmp_path / "metrics")
    np.testing.assert_allclose(losses_of(tmp_path / "metrics"), wanted, rtol=1e-5)
    assert wanted[-1] < wanted[0] - 0.1
