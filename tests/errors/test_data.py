# SPDX-License-Identifier: Apache-2.0
"""Batches that are given in a file and don't fit."""
import json
import struct

import pytest
from command import cordata, fails

MODEL = "mlp:layers=1,in=4,hidden=4,out=2,batch=8"
SIZES = {"F32": 4, "F64": 8}


def write(path, **tensors):
    """A safetensors file of zeros: NAME=(dtype, shape)."""
    header, end = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = SIZES[dtype]
        for dim in shape:
            size *= dim
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "batches.safetensors"


def test_inspect_names_the_inputs():
    assert cordata("inspect", MODEL, "--json").json()["inputs"] == [
        {"name": "x", "type": "tensor<8x4xf32>", "batch_dim": 0}, {"name": "y", "type": "tensor<8x2xf32>", "batch_dim": 0}]


@pytest.mark.parametrize("tensors, words", [
    ({"x": ("F32", [16, 4])}, ["'y'", "tensor<Nx2xf32>", "got x", "inspect"]),
    ({"x": ("F32", [16, 4]), "Y": ("F32", [16, 2])}, ["'y'", "Did you mean 'Y'?"]),
    ({"x": ("F32", [16, 4]), "y": ("F64", [16, 2])}, ["'y'", "tensor<Nx2xf32>", "tensor<16x2xf64>", "convert"]),
    ({"x": ("F32", [2, 8, 4]), "y": ("F32", [16, 2])}, ["'x'", "tensor<Nx4xf32>", "tensor<2x8x4xf32>"]),
    ({"x": ("F32", [4, 4]), "y": ("F32", [4, 2])}, ["whole batches of 8 samples", "got 4 samples of 'x'", "multiple of 8"]),
    ({"x": ("F32", [12, 4]), "y": ("F32", [12, 2])}, ["whole batches of 8 samples", "12"]),
    ({"x": ("F32", [16, 4]), "y": ("F32", [8, 2])}, ["16 of 'x' and 8 of 'y'"]),
], ids=["missing", "misspelt", "type", "shape", "too few", "no whole batch", "uneven"])
def test_batches_that_do_not_fit(file, tensors, words):
    fails(2, str(file), *words, args=["train", MODEL, "--data", write(file, **tensors)])


def test_files_that_are_none(file):
    fails(2, str(file), "No such file", args=["train", MODEL, "--data", file])
    file.touch()
    fails(2, str(file), "empty", args=["train", MODEL, "--data", file])
    file.write_text("nothing of the kind")
    fails(2, str(file), "safetensors", args=["train", MODEL, "--data", file])


def test_batches_that_fit(file):
    got = cordata("train", MODEL, "--steps", 3, "--json", "--data", write(file, x=("F32", [16, 4]), y=("F32", [16, 2]), more=("F64", [3]))).json()
    assert got["losses"] == [0, 0, 0]
    assert [r["data_bytes"] for r in got["ranks"]] == [3 * 8 * 6 * 4]
