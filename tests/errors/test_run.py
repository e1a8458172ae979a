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
    assert (answer["checks"], answer["passed"]) == (1, 0) and not answer["modules"][0]["outcomes"][0]["held"]


def test_several_modules_in_one_launch(tmp_path):
    altered = tmp_path / "altered.mlir"
    altered.write_text(SORT.read_text().replace("[5, 4, 4, 2, 5, 5, 3]]", "[5, 4, 4, 2, 5, 5, 4]]"))
    for ranks in ("1", "2"):
        got = fails(5, "1 of 2 checks of 2 modules", args=["run", SORT, altered, "-n", ranks, "--planner", "tensor"])
        assert f"{SORT}: 1 of 1 checks held" in got.out and "altered.mlir:15: expect_eq doesn't hold" in got.out
        answer = fails(5, args=["run", SORT, altered, "-n", ranks, "--planner", "tensor", "--json"]).json()
        assert (answer["checks"], answer["passed"], answer["ranks"]) == (2, 1, int(ranks))
        assert [m["passed"] for m in answer["modules"]] == [1, 0]


def test_what_it_refuses_before_any_rank_starts(tmp_path):
    nowhere = {"env": {"PATH": "/nowhere"}}
    fails(3, "mpirun", args=["run", SORT, "-n", "2"], **nowhere)
    cut = tmp_path / "cut.mlir"
    cut.write_text(SORT.read_text()[:500])
    fails(2, "cut.mlir:", args=["run", SORT, cut, "-n", "2"], **nowhere)
    fails(2, "no planner 'tensr'", "'tensor'", args=["run", SORT, "-n", "2", "--planner", "tensr"], **nowhere)
    fails(2, "auto, single, data, tensor", "'zero-3'", args=["run", SORT, "-n", "2", "--planner", "zero-3"], **nowhere)
    fails(2, "whole number from 1", args=["run", SORT, "-n", "0"], **nowhere)
    fails(2, __file__, args=["run", SORT, "-n", "2", "--plugin", __file__], **nowhere)
    fails(2, __file__, args=["run", SORT, "-n", "2", "--programs", __file__], **nowhere)


def test_modules_that_cannot_be_run(tmp_path):
    module = tmp_path / "m.mlir"
    module.write_text("func.func @main(%a: tensor<2xf32>) -> tensor<2xf32> { return %a : tensor<2xf32> }")
    fails(2, "carries its inputs", "1 arguments", args=["run", module])
    module.write_text("func.func @main() -> tensor<?xf32> { }")
    fails(2, "m.mlir:1:", "dynamic shapes are not supported", args=["run", module])
    module.write_text("func.func @main() { stablehlo.custom_call @no_such() {has_side_effect = true} : () -> () return }")
    fails(3, "no_such", args=["run", module])
    fails(3, "no_such", args=["run", module, "-n", "2"])
    fails(2, "no_such_file.mlir", args=["run", tmp_path / "no_such_file.mlir"])
