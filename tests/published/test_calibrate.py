# SPDX-License-Identifier: Apache-2.0
"""The V100's fitted constants are what the fit finds, and simulated rows of several GPUs, that nothing was fitted on, are near what was published."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench" / "published_rows"))
import rows  # noqa: E402


def test_the_fit_finds_the_presets_numbers():
    done = subprocess.run([sys.executable, ROOT / "bench" / "calibrate", "--check"], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr + done.stdout
    assert len(json.loads(done.stdout)["rows"]) >= 8


@pytest.mark.parametrize("gpus", [2, 4])
def test_rows_that_nothing_was_fitted_on(gpus):
    row = next(r for r in rows.load() if r["figure"] == 8 and r["method"] == "alpa" and r["gpus"] == gpus)
    with tempfile.TemporaryDirectory() as folder:
        model, at, path = rows.spec(row["model"]), rows.cluster(gpus, folder), os.path.join(folder, "plan.json")
        assert rows.cordata("plan", model, "--cluster", at, "--memory-limit", "1TiB", *rows.fixed(row["plans"][0], rows.layers_of(model, at)), "-o", path)
        ratio = rows.cordata("simulate", path, "--steps", "1")["step_s"] / rows.published_seconds(row)
    assert 0.75 < ratio < 1.25
