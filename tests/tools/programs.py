# SPDX-License-Identifier: Apache-2.0
"""Counts what a step communicates from a folder of `--programs` alone: the modules' text and the ranks' lists."""
import collections
import json
import math
import pathlib
import re

KINDS = {"cordata.all_reduce": "all-reduce", "cordata.reduce_scatter": "reduce-scatter", "cordata.all_gather": "all-gather",
         "cordata.all_to_all": "all-to-all", "cordata.permute": "permute"}
BITS = {"i1": 8, "f32": 32, "f64": 64, "bf16": 16, "f16": 16, "i8": 8, "i16": 16, "i32": 32, "i64": 64, "ui8": 8, "ui16": 16, "ui32": 32,
        "ui64": 64}
CALL = re.compile(r'"?stablehlo\.custom_call"?.*"(cordata\.\w+)"')
SIGNATURE = re.compile(r": \((tensor<[^>]*>), !stablehlo\.token\) -> ")
NATIVE = re.compile(r"stablehlo\.(all_reduce|reduce_scatter|all_gather|all_to_all|collective_(permute|broadcast))")


def element_bytes(tensor):
    """Of a type as it is printed: tensor<4x8xf32>."""
    return BITS[re.fullmatch(r"tensor<(?:\d+x)*(\w+)>", tensor).group(1)] // 8


def num_bytes(tensor):
    dims = re.fullmatch(r"tensor<((?:\d+x)*)\w+>", tensor).group(1)
    return math.prod(int(d) for d in dims.split("x") if d) * element_bytes(tensor)


def calls(text):
    """(kind, communicator, bytes of the operand, (source, target) pairs of a permute) of each collective of a module."""
    found, depth = [], 0
    for line in text.splitlines():
        assert not NATIVE.search(line), line
        if name := CALL.search(line):
            assert depth == 2, f"a collective inside a region, which runs who knows how often: {line}"
            comm = int(re.search(r"comm = (\d+) : i64", line).group(1))
            pairs = re.search(r"pairs = array<i64: ([\d, ]+)>", line)
            flat = [int(n) for n in pairs.group(1).split(",")] if pairs else []
            found.append((KINDS[name.group(1)], comm, num_bytes(SIGNATURE.search(line).group(1)), list(zip(flat[::2], flat[1::2]))))
        code = re.sub(r'"[^"]*"', "", line)
        depth += len(re.findall(r"\{\s*$", code)) - len(re.findall(r"^\s*\}", code))
    assert depth == 0
    return found


def count(folder):
    """(kind, bytes a call, ranks of the communicator) -> calls of a step, all ranks together; ("send", stage) -> bytes."""
    folder = pathlib.Path(folder)
    program = json.loads((folder / "program.json").read_text())
    assert program["format"] == "cordata.program/1"
    modules = [calls((folder / m["file"]).read_text()) for m in program["modules"]]
    total = collections.Counter()
    for rank in program["ranks"]:
        for i in rank.get("step", []):
            if i["op"] == "RUN":
                for kind, comm, size, pairs in modules[i["module"]]:
                    group = next(g for g in program["communicators"][comm] if rank["rank"] in g)
                    times = sum(source == group.index(rank["rank"]) for source, _ in pairs) if kind == "permute" else 1
                    total[kind, size, tuple(group)] += times
            if i["op"] == "SEND":
                total["send", rank["stage"]] += math.prod(i["box"]["extent"]) * element_bytes(i["type"])
    return total
