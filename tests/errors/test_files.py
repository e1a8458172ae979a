# SPDX-License-Identifier: Apache-2.0
"""Files that can't be read or written, and modules that are not whole."""
import json
import os

import pytest
from command import cordata, fails


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "mlp"
    assert cordata("export", "mlp", "-o", folder).status == 0
    return folder


def test_an_exported_step_is_inspected_as_the_model_is(exported):
    ours = cordata("inspect", exported, "--json").json()
    zoo = cordata("inspect", "mlp", "--json").json()
    assert {**ours, "model": 0} == {**zoo, "model": 0}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_truncated_module(exported, tmp_path, share):
    whole = (exported / "grad.mlir").read_text()
    cut = tmp_path / "cut.mlir"
    cut.write_text(whole[: int(len(whole) * share)])
    got = fails(2, str(cut), args=["inspect", cut])
    assert f"{cut}:" in got.err, got.err  # FILE:LINE:COLUMN


def test_broken_module_shows_the_place(tmp_path):
    file = tmp_path / "broken.mlir"
    file.write_text("func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n  %0 = stablehlo.add %x, %y : tensor<4xf32>\n  return %0 : tensor<4xf32>\n}\n")
    got = fails(2, "%y", args=["inspect", file])
    assert ":2:" in got.err and "^" in got.err, got.err


def test_module_that_is_missing_or_empty(tmp_path):
    fails(2, "no/such.mlir", args=["inspect", "no/such.mlir"])
    empty = tmp_path / "empty.mlir"
    empty.touch()
    fails(2, str(empty), args=["inspect", empty])


def test_directory_without_roles(tmp_path):
    fails(2, "roles.json", args=["inspect", tmp_path])


def test_directory_with_broken_roles(exported, tmp_path):
    (tmp_path / "roles.json").write_text("{")
    fails(2, "roles.json", "JSON", args=["inspect", tmp_path])


def test_unwritable_outputs(tmp_path):
    fails(2, "/no/such/place", args=["cluster", "show", "h100:1", "-o", "/no/such/place"])
    fails(2, "directory", args=["cluster", "show", "h100:1", "-o", tmp_path])
    (tmp_path / "file").touch()
    fails(2, str(tmp_path / "file"), args=["export", "mlp", "-o", tmp_path / "file" / "below"])
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        fails(2, "denied", args=["export", "mlp", "-o", tmp_path / "new"])


def test_full_disk(tmp_path):
    fails(3, "/dev/full", "No space", args=["cluster", "show", "h100:1", "-o", "/dev/full"])
    with open("/dev/full", "w") as full:
        fails(3, "standard output", "No space", args=["models"], stdout=full)


def test_cluster_files(tmp_path):
    file = tmp_path / "mine.json"
    assert cordata("cluster", "show", "h100:2", "-o", file).status == 0
    assert cordata("cluster", "show", file, "--json").json()["hosts"] == 2
    whole = json.loads(file.read_text())
    for key, value, word in [("hosts", 0, "hosts"), ("hosts", "two", "hosts"), ("format", "other", "format"), ("hots", 2, "hots")]:
        file.write_text(json.dumps({**whole, key: value}))
        fails(2, word, str(file), args=["cluster", "show", file])
    file.write_text("{")
    fails(2, "JSON", args=["cluster", "show", file])
