# SPDX-License-Identifier: Apache-2.0
"""Trains through the command line, which starts the ranks."""
import json
import os
import subprocess
import tempfile

CORDATA, MPIRUN = os.environ.get("CORDATA_BIN", ""), os.environ.get("CORDATA_MPIEXEC", "mpirun")


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def losses_of(metrics):
    with open(metrics, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    assert [line["step"] for line in lines] == list(range(len(lines)))
    return [line["loss"] for line in lines]


def train(folder, ranks, planner, data, steps, *more):
    with tempfile.NamedTemporaryFile() as metrics:
        run(CORDATA, "train", folder, "-n", ranks, "--planner", planner, "--data", data, "--steps", steps, "--metrics", metrics.name, *more)
        return losses_of(metrics.name)
