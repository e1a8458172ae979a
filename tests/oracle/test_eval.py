# SPDX-License-Identifier: Apache-2.0
"""`cordata eval` gives the loss that JAX gives on the same held-out samples."""
import hashlib
import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

sys.path.insert(0, os.path.dirname(__file__))
import twins  # noqa: E402

SEQ, BATCH, VOCAB = 16, 4, 64
MODEL = f"gpt:layers=2,hidden=32,heads=2,seq={SEQ},vocab={VOCAB},batch={BATCH}"


def cordata(*words, status=0):
    done = subprocess.run([os.environ["CORDATA_BIN"], *map(str, words)], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(checkpoint folder, its parameters, data file, its tokens). The parameters are initial ones, made less regular."""
    folder = tmp_path_factory.mktemp("eval")
    cordata("export", MODEL, "-o", folder / "step", "--seed", 3)
    noise = np.random.default_rng(0)
    params = {name.removeprefix("params/"): value + noise.normal(0, 0.1, value.shape).astype(np.float32)
              for name, value in load_file(folder / "step" / "init.safetensors").items() if name.startswith("params/")}
    (folder / "out").mkdir()
    save_file(params, folder / "out" / "param-000007.safetensors")
    bytes_of = (folder / "out" / "param-000007.safetensors").read_bytes()
    manifest = {"format": "cordata.checkpoint/1", "model": MODEL, "model_hash": "0" * 16, "step": 7, "run": {},
                "files": [{"name": "param-000007.safetensors", "role": "param", "bytes": len(bytes_of),
                           "sha256": hashlib.sha256(bytes_of).hexdigest()}]}
    (folder / "out" / "checkpoint.json").write_text(json.dumps(manifest))
    tokens = bytes(random.Random(1).randrange(VOCAB) for _ in range(5000))
    (folder / "text").write_bytes(tokens)
    return folder / "out", params, folder / "text", tokens


def held_out_batches(tokens):
    held_out = np.frombuffer(tokens[len(tokens) - len(tokens) // 20:], np.uint8).astype(np.int32)
    windows = [held_out[i * SEQ:i * SEQ + SEQ + 1] for i in range((len(held_out)) // SEQ) if (i + 1) * SEQ < len(held_out)]
    return [np.stack(windows[b:b + BATCH]) for b in range(0, len(windows) - BATCH + 1, BATCH)]


@pytest.mark.parametrize("most", [0, 8])
def test_loss_is_jaxs(trained, most):
    folder, params, data, tokens = trained
    batches = held_out_batches(tokens)[:most // BATCH or None]
    wanted = np.mean([twins.gpt_loss(params, {"tokens": b}, layers=2) for b in batches])
    got = json.loads(cordata("eval", MODEL, "--checkpoint", folder, "--data", data, "--samples", most, "--json").stdout)
    assert got["loss"] == pytest.approx(wanted, rel=1e-5)
    assert (got["samples"], got["step"]) == (len(batches) * BATCH, 7)


@pytest.mark.parametrize("change, words", [
    (("hidden=32", "hidden=64"), "wte"), (("layers=2", "layers=3"), "blocks.2"), (("seq=16", "seq=500"), "5 % of the file")])
def test_what_doesnt_fit_is_refused(trained, change, words):
    folder, _, data, _ = trained
    assert words in cordata("eval", MODEL.replace(*change), "--checkpoint", folder, "--data", data, status=2).stderr


def test_a_checkpoint_that_isnt_there(trained, tmp_path):
    assert str(tmp_path) in cordata("eval", MODEL, "--checkpoint", tmp_path, "--data", trained[2], status=2).stderr
