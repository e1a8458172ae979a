# SPDX-License-Identifier: Apache-2.0
"""What ranks take from the system stays near what they hold, however many steps they run."""
import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "errors")]
from command import cordata  # noqa: E402

MLP = "mlp:layers=12,in=384,hidden=384,out=384,batch=512,optimizer=sgd"


@pytest.mark.parametrize("schedule", ["1f1b", "gpipe"])
def test_it_does_not_grow_from_step_to_step(schedule):
    """GPipe frees what it made in another order: each step once left 30 MB of pages behind that nothing fitted into."""
    planner = f"pipeline:stages=3,microbatches=16,schedule={schedule}"
    done = cordata("train", MLP, "--planner", planner, "-n", 3, "--steps", 40, "--json", timeout=200)
    assert done.status == 0, done.err
    for rank in done.json()["ranks"]:
        assert rank["resident_growth_bytes"] > 0
        assert rank["resident_growth_bytes"] < 2 * rank["peak_memory_bytes"] + (128 << 20)
