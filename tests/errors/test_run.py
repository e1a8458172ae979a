# SPDX-License-Identifier: Apache-2.0
"""cordata run: what it prints, and its exit statuses."""
import os
import pathlib

from command import BIN, cordata, fails

CORPUS = pathlib.Path(os.environ.get("CORDATA_CORPUS", pathlib.Path(BIN).parent / "corpus" / "testdata"))
SORT = CORPUS / "sort_uint8_5_7.mlir"


def test_a_module_whose_checks_hold():
    assert f"{SORT}: 1 of 1 checks held" in cordata("run", SORT).out
    answer = cordata("run", SORT, "--json").json()
    assert (answer["checks"], answer["passed"], answer["sharded_ops"]) == (1, 1, 0) and answer["replicated_ops"] > 0


def test_a_check_that_does_not_hold_is_shown_with_its_place(tmp_path):
    altered = tmp_path / "altered.mlir"
    altered.write_text(SORT.read_text().replace("[5, 4, 4, 2, 5, 5, 3]]", "[5, 4, 4, 2, 5, 5, 4]]"))
    got = fails(5, "1 of 1 checks", args=["run", altered])
    assert "altered.mlir:15: expect_eq doesn't hold: at [4, 6]: 3 instead of 4; 1 of 35 elements differ" in got.out
    answer = fails(5, args=["run", altered, "--json"]).json()
    assert (answer["checks"], answer["passed"]) == (1, 0) and not answer["outcomes"][0]["held"]


def test_modules_that_cannot_be_run(tmp_path):
    module = tmp_path / "m.mlir"
    module.write_text("func.func @main(%a: tensor<2xf32>) -> tensor<2xf32> { return %a : tensor<2xf32> }")
    fails(2, "carries its inputs", "1 arguments", args=["run", module])
    module.write_text("func.func @main() -> tensor<?xf32> { }")
    fails(2, "m.mlir:1:", "dynamic shapes are not supported", args=["run", module])
    module.write_text("func.func @main() { stablehlo.custom_call @no_such() {has_side_effect = true} : () -> () return }")
    fails(3, "no_such", args=["run", module])
    fails(2, "no_such_file.mlir", args=["run", tmp_path / "no_such_file.mlir"])
