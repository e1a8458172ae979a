# SPDX-License-Identifier: Apache-2.0
"""Runs the program and says what came of it."""
import json
import os
import pathlib
import subprocess
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("CORDATA_BIN", str(ROOT / "build" / "release" / "cordata"))


@dataclass
class Outcome:
    status: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


def cordata(*args, env=None, stdout=subprocess.PIPE, timeout=120, cwd=None):
    done = subprocess.run([BIN, *map(str, args)], stdout=stdout, stderr=subprocess.PIPE, timeout=timeout, text=True, cwd=cwd,
                          env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL)
    return Outcome(done.returncode, done.stdout or "", done.stderr)


def fails(status, *words, args, **more):
    """The command ends with this status, and the last line on stderr has all these words."""
    got = cordata(*args, **more)
    shown = f"cordata {' '.join(map(str, args))} gave {got.status}\nstdout: {got.out[-2000:]}\nstderr: {got.err[-2000:]}"
    assert got.status == status, shown
    for word in words:
        assert word in got.err, f"wanted {word!r} in what it said; {shown}"
    assert got.err.startswith("cordata: ") or "\ncordata: " in got.err, shown
    return got
