# SPDX-License-Identifier: Apache-2.0
"""Wrong usage: exit status 2, and a message with what was wanted, what was got and what to try."""
import json

import pytest
from command import cordata, fails

# (arguments, words of the message)
WRONG = {
    "no such verb": (["inspet"], ["no verb 'inspet'", "'inspect'"]),
    "far from any verb": (["frobnicate"], ["no verb 'frobnicate'", "cordata --help"]),
    "flag before verb": (["--plan"], ["wanted a verb first", "--plan"]),
    "no such flag": (["inspect", "mlp", "--jsn"], ["no flag '--jsn'", "'--json'"]),
    "flag with value": (["devices", "--plugn=x"], ["no flag '--plugn'", "'--plugin'"]),
    "no such short flag": (["export", "mlp", "-x", "d"], ["no flag '-x'", "export --help"]),
    "missing argument": (["inspect"], ["inspect", "required", "inspect --help"]),
    "too many arguments": (["inspect", "mlp", "gpt"], ["gpt", "inspect --help"]),
    "ranks that are no number": (["train", "mlp", "-n", "two"], ["--ranks", "whole number from 1", "'two'"]),
    "seed below zero": (["train", "mlp", "--seed", "-1"], ["--seed", "whole number from 0", "'-1'"]),
    "time limit of nothing": (["train", "mlp", "--time-limit", "0"], ["--time-limit", "seconds above 0", "'0'"]),
    "not a number": (["export", "mlp", "-o", "/tmp/never", "--seed", "x"], ["seed", "x"]),
    "model": (["inspect", "gtp-39b"], ["'gtp-39b'", "gpt-39b"]),
    "override": (["inspect", "gpt:hiden=8"], ["'hiden'", "hidden"]),
    "override of another model": (["inspect", "mlp:heads=8"], ["'heads'"]),
    "override without value": (["inspect", "gpt:hidden"], ["key=value", "'hidden'"]),
    "override no number": (["inspect", "gpt:hidden=big"], ["hidden=big", "whole number"]),
    "override of zero": (["inspect", "gpt:layers=0"], ["layers=0", "at least 1"]),
    "sizes that don't fit": (["inspect", "gpt:hidden=100,heads=3"], ["heads", "divide"]),
    "preset": (["cluster", "show", "p3.16xlarg:8"], ["'p3.16xlarg:8'", "'p3.16xlarge'"]),
    "no hosts": (["cluster", "show", "h100:0"], ["h100:", "'0'"]),
    "cluster action": (["cluster", "sow", "h100:1"], ["show", "'sow'"]),
    "plugin missing": (["devices", "--plugin", "/no/such.so"], ["/no/such.so", "--plugin"]),
    "plugin that is none": (["devices", "--plugin", __file__], [__file__, "PJRT plugin"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage(name):
    args, words = WRONG[name]
    fails(2, *words, args=args)


@pytest.mark.parametrize("name", ["model", "no such flag", "preset"])
def test_json_says_it_too(name):
    args, words = WRONG[name]
    got = fails(2, *words, args=[*args, "--json"])
    assert got.json()["status"] == 2
    assert words[0] in got.json()["error"]


def test_no_verb_shows_help():
    got = cordata()
    assert got.status == 2 and "Usage: cordata VERB" in got.err


def verbs():
    return [line.split()[0] for line in cordata("--help").out.split("Verbs:\n")[1].split("\n\n")[0].splitlines()]


def test_help_and_version():
    assert cordata("--version").out.startswith("cordata 0.")
    assert {"devices", "cluster", "models", "export", "inspect"} <= set(verbs())
    assert verbs() == sorted(verbs())


def test_every_verb_has_json_and_examples():
    for verb in verbs():
        got = cordata(verb, "--help")
        assert got.status == 0
        assert "--json" in got.out, verb
        assert f"Examples:\n  cordata {verb}" in got.out, verb
        assert cordata("help", verb).out == got.out


PLAN_KEYS = """format model_hash cluster planner microbatches schedule step_s peak_memory_bytes gap objective stages bill"""
# What scripts may rely on: each verb's arguments (PLAN and NEW stand for a plan's file and a new one) and some keys of its document.
DOCUMENTS = {
    "models": (["models"], "models"),
    "devices": (["devices"], "plugins devices"),
    "cluster": (["cluster", "show", "h100:2"], "name hosts devices_per_host device"),
    "inspect": (["inspect", "gpt-39b"], "ops layers parameters flops parameter_bytes optimizer_bytes live_bytes"),
    "export": (["export", "mlp", "-o", "NEW"], "directory model batch seed files"),
    "plan": (["plan", "mlp", "--cluster", "local:2", "-o", "NEW"], PLAN_KEYS),
    "diff": (["diff", "PLAN", "PLAN"], "same same_model a b cluster bill ops resting"),
    "explain": (["explain", "PLAN"], "step_s peak_memory_bytes stages"),
    "simulate": (["simulate", "PLAN"], "step_s tflops_per_device peak_memory_bytes"),
    "train": (["train", "mlp", "-n", "2", "--plan", "PLAN", "--steps", "2"], "losses steps step_s microbatches schedule ranks"),
    "what-if": (["what-if", "PLAN", "device.memory=2x"], "changes before after unit"),
    "run": (["run", "MODULE"], "checks passed sharded_ops replicated_ops"),
    "solve": (["solve", "PROBLEM"], "solution cost lower_bound feasible optimal seconds"),
}
MODULE = """func.func @main() {
  %0 = stablehlo.constant dense<[1.0, 2.0]> : tensor<2xf32>
  stablehlo.custom_call @check.expect_eq(%0, %0) : (tensor<2xf32>, tensor<2xf32>) -> ()
  return
}"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documents")
    (folder / "module.mlir").write_text(MODULE)
    nodes = {"intervals": [[0, 1]], "costs": [[2, 1]], "usages": [[0, 0]]}
    (folder / "problem.json").write_text(json.dumps({"problem": {"nodes": nodes, "edges": {"nodes": [], "costs": []}, "usage_limit": 1}}))
    assert cordata("plan", "mlp", "--cluster", "local:2", "-o", folder / "plan.json").status == 0
    return {"PLAN": folder / "plan.json", "MODULE": folder / "module.mlir", "PROBLEM": folder / "problem.json"}


@pytest.mark.parametrize("verb", DOCUMENTS)
def test_json_is_one_document_with_its_keys(verb, files, tmp_path):
    args, keys = DOCUMENTS[verb]
    got = cordata(*({**files, "NEW": tmp_path / "new"}.get(word, word) for word in args), "--json")
    assert got.status == 0, got.err
    assert set(keys.split()) <= set(json.loads(got.out))


def test_every_verb_has_a_document():
    # They need trained parameters, or minutes: tests/oracle, test_install.py, test_validate.py.
    elsewhere = {"eval", "generate", "test-install", "validate"}
    assert set(verbs()) == set(DOCUMENTS) | elsewhere
