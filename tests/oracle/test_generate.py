# SPDX-License-Identifier: Apache-2.0
"""`cordata generate` against the JAX twin: the likeliest byte after each, in windows shorter and longer than the model's."""
import hashlib
import json
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "errors")]
import twins  # noqa: E402
from command import cordata, fails  # noqa: E402

LAYERS, SEQ, VOCAB = 2, 12, 128
MODEL = f"gpt:layers={LAYERS},hidden=32,heads=4,seq={SEQ},vocab={VOCAB},batch=2"


def write_checkpoint(folder, params, model=MODEL):
    folder.mkdir()
    file = folder / "param-000007.safetensors"
    save_file(params, file)
    entry = {"name": file.name, "role": "param", "bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    (folder / "checkpoint.json").write_text(json.dumps(
        {"format": "cordata.checkpoint/1", "model": model, "model_hash": "0" * 16, "step": 7, "run": {}, "files": [entry]}))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Parameters far from flat: the likeliest byte is clear."""
    root = tmp_path_factory.mktemp("generate")
    assert cordata("export", MODEL, "-o", root / "step").status == 0
    params = {k.removeprefix("params/"): v for k, v in load_file(root / "step" / "init.safetensors").items() if k.startswith("params/")}
    random = np.random.default_rng(3)
    params = {k: (v + 0.3 * random.standard_normal(v.shape)).astype(np.float32) for k, v in sorted(params.items())}
    write_checkpoint(root / "checkpoint", params)
    return root, params


def generate(root, *more, model=MODEL):
    got = cordata("generate", model, "--checkpoint", root / "checkpoint", "--json", *more)
    assert got.status == 0, got.err
    return got.json()


def test_the_likeliest_bytes_are_those_of_the_twin(trained):
    root, params = trained
    got = generate(root, "--prompt", "And", "--bytes", "20", "--temperature", "0")
    logits_of = jax.jit(lambda ids: twins.gpt_logits(jax.tree.map(jnp.asarray, params), ids, layers=LAYERS))
    tokens = list(b"And")
    for _ in range(20):
        seen = tokens[-SEQ:]
        padded = jnp.array([seen + [0] * (SEQ - len(seen))])
        logits = np.asarray(logits_of(padded))[0, len(seen) - 1]
        first, second = np.sort(logits)[::-1][:2]
        assert first - second > 1e-3, "the test's own parameters leave it open which byte is likeliest"
        tokens.append(int(logits.argmax()))
    assert got["tokens"] == tokens[3:]
    assert got["step"] == 7 and len(set(got["tokens"])) > 3


def test_a_sample_depends_on_its_seed_alone(trained):
    root, _ = trained
    one, two, other = (generate(root, "--bytes", "30", "--seed", s)["tokens"] for s in ("1", "1", "2"))
    assert one == two != other


def test_the_exported_directory_will_do(trained):
    root, _ = trained
    args = ["--prompt", "Q", "--bytes", "5", "--seed", "4"]
    assert generate(root, *args, model=str(root / "step"))["tokens"] == generate(root, *args)["tokens"]


def test_text_is_prompt_and_sample(trained):
    root, _ = trained
    text = cordata("generate", MODEL, "--checkpoint", root / "checkpoint", "--prompt", "Go", "--bytes", "8", "--temperature", "0")
    same = generate(root, "--prompt", "Go", "--bytes", "8", "--temperature", "0")
    assert text.out == "Go" + same["text"] + "\n"


def test_what_it_refuses(trained, tmp_path):
    root, params = trained
    here = ["--checkpoint", root / "checkpoint"]
    fails(2, "checkpoint", str(tmp_path), args=["generate", MODEL, "--checkpoint", tmp_path])
    fails(2, "gpt", "mlp", args=["generate", "mlp", *here])
    fails(2, "vocab=256", args=["generate", "gpt-125m", *here])
    fails(2, "--prompt", "vocab=128", args=["generate", MODEL, *here, "--prompt", "é"])
    fails(2, "--bytes", args=["generate", MODEL, *here, "--bytes", "-1"])
    fails(2, "--temperature", args=["generate", MODEL, *here, "--temperature", "-1"])
    fails(2, "wte", args=["generate", MODEL.replace("hidden=32", "hidden=64"), *here])
    file = root / "checkpoint" / "param-000007.safetensors"
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[:-4])
        fails(2, "param-000007.safetensors", args=["generate", MODEL, *here])
    finally:
        file.write_bytes(whole)
