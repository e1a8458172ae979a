# SPDX-License-Identifier: Apache-2.0
"""Cluster files with one thing wrong: every field of a full file in turn, taken from the file itself."""
import copy
import json
import re

import pytest
from command import ROOT, cordata, fails

def device(**changes):
    return {"kind": "any", "peak_flops_per_s": {"bf16": 2e12, "f32": 1e12}, "efficiency": 0.5, "memory_bytes": 1e9,
            "memory_bandwidth_bytes_per_s": 2e11, "launch_s": 1e-7, "overlap": 0.5, "fusion": "merging", "speed": 1.0, "profile": "/with/measured/ops.sqlite", "source": "made up", **changes}


FULL = {
    "format": "cordata.cluster/1", "name": "mine", "hosts": 4, "devices_per_host": 3,
    "device": device(),
    "groups": [{"first_device": 0, "devices": 2, "device": device(speed=0.5)}, {"first_device": 6, "devices": 3, "device": device(memory_bytes=2e9)}],
    "intra": {"alpha_s": 2e-6, "bandwidth_bytes_per_s": 1e9, "topology": "links", "source": "made up",
              "links": [{"devices": [0, 1], "count": 2, "bandwidth_bytes_per_s": 2e10}, {"devices": [1, 2], "count": 1, "bandwidth_bytes_per_s": 2e10}]},
    "inter": {"alpha_s": 2e-5, "bandwidth_bytes_per_s": 1e9, "nics": 2, "source": "made up"},
    "racks": {"hosts_per_rack": 2, "oversubscription": 2, "alpha_s": 5e-5, "source": "made up"},
    "cores_shared_by": 1, "price": {"per_device_hour": 3.06, "currency": "USD", "source": "made up"},
}
# What a file may do without; the rest is asked for. A peak may go where another stays.
OPTIONAL = {"name", "device.efficiency", "device.launch_s", "device.overlap", "device.fusion", "device.speed", "device.profile", "device.source", "device.peak_flops_per_s.bf16",
            "device.peak_flops_per_s.f32", "groups", "intra.source", "intra.links[0].count", "intra.links[1].count", "inter", "inter.nics", "inter.source", "racks", "racks.alpha_s",
            "racks.source", "cores_shared_by", "price", "price.source"}
LEFT_OUT_NAMES_ANOTHER = {"intra.topology": "intra.links"}  # without it, links are what is too much
# A group's device has what its file leaves out from `device`.
OPTIONAL |= {f"groups[{g}].device.{key}" for g in range(2) for key in [*device(), "peak_flops_per_s.bf16", "peak_flops_per_s.f32"]}
MAY_BE_ZERO = {f"{d}.{key}" for d in ("device", "groups[0].device", "groups[1].device") for key in ("launch_s", "overlap")} | {"groups[0].first_device", "intra.alpha_s", "inter.alpha_s", "racks.alpha_s", "price.per_device_hour"}
# The unit that the error has to name, by the end of a field's name.
UNITS = {"bytes_per_s": "bytes a second", "flops_per_s": "operations a second", "_bytes": "bytes", "_s": "seconds", "hosts": "hosts",
         "devices_per_host": "devices", "count": "links", "nics": "NICs", "hosts_per_rack": "hosts", "oversubscription": "bandwidth",
         "efficiency": "peak", "overlap": "moving", "speed": "figures", "first_device": "device", "devices": "devices", "cores_shared_by": "cores", "per_device_hour": "hour", "bf16": "operations a second", "f32": "operations a second"}


def fields(value, path=(), name=""):
    """Each member of each object, and each element of each list, as (keys that lead to it, its name in errors)."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        named = f"{name}[{key}]" if isinstance(key, int) else f"{name}.{key}" if name else key
        yield (*path, key), named
        yield from fields(inner, (*path, key), named)


def at(whole, path):
    for key in path:
        whole = whole[key]
    return whole


ALL = dict((name, path) for path, name in fields(FULL))
MEMBERS = [name for name in ALL if not name.endswith("]")]  # elements of lists are no fields of their own
NUMBERS = [name for name in MEMBERS if isinstance(at(FULL, ALL[name]), (int, float))]
OBJECTS = [name for name, path in ALL.items() if isinstance(at(FULL, path), dict)]


def changed(path, value=None, remove=False):
    bad = copy.deepcopy(FULL)
    if remove:
        del at(bad, path[:-1])[path[-1]]
    else:
        at(bad, path[:-1])[path[-1]] = value
    return bad


def refused(tmp_path, text, name, *words):
    file = tmp_path / "bad.json"
    file.write_text(text if isinstance(text, str) else json.dumps(text))
    got = fails(2, f"[cluster] {name}: wanted ", "for example ", str(file), *words, args=["cluster", "show", file])
    assert re.search(r"for example \S", got.err), got.err
    return got.err


def unit_of(name):
    return next((unit for end, unit in sorted(UNITS.items(), key=lambda u: -len(u[0])) if name.endswith(end)), None)


def test_the_full_file_is_full(tmp_path):
    """What the program writes has no field that this file lacks, and reads back the same."""
    file = tmp_path / "full.json"
    file.write_text(json.dumps(FULL))
    shown = cordata("cluster", "show", file, "--json").json()
    assert shown == FULL
    for preset in ["p3.16xlarge:2", "v5e:64", "local:2"]:
        theirs = {re.sub(r"\[\d+\]", "[0]", name) for _, name in fields(cordata("cluster", "show", preset, "--json").json())}
        assert {n for n in theirs if "peak_flops_per_s." not in n} <= set(ALL), preset


@pytest.mark.parametrize("name", MEMBERS)
def test_left_out(name, tmp_path):
    bad = changed(ALL[name], remove=True)
    if name not in OPTIONAL:
        refused(tmp_path, bad, LEFT_OUT_NAMES_ANOTHER.get(name, name))
        return
    file = tmp_path / "short.json"
    file.write_text(json.dumps(bad))
    assert cordata("cluster", "show", file).status == 0


@pytest.mark.parametrize("name", MEMBERS)
def test_wrong_type(name, tmp_path):
    for value in [None, True, [], {}, 7 if name not in NUMBERS else "7"]:
        if value != {} or name not in OBJECTS or name.endswith("peak_flops_per_s"):  # else its members are missing
            refused(tmp_path, changed(ALL[name], value), name)


@pytest.mark.parametrize("name", NUMBERS)
def test_wrong_number(name, tmp_path):
    unit = unit_of(name)
    assert unit, f"{name} has no unit in this test"
    wrong = [-5 if name.endswith("overlap") else -1, "NaN", "Infinity", "-Infinity", "1e999"] + ([] if name in MAY_BE_ZERO else [0])
    if isinstance(at(FULL, ALL[name]), int) and name not in ("racks.oversubscription", "cores_shared_by"):
        wrong += [1.5, 10**7, 2**40]
    for value in wrong:
        text = json.dumps(changed(ALL[name], "PUT HERE")).replace('"PUT HERE"', str(value))
        refused(tmp_path, text, name, unit)
    if name in MAY_BE_ZERO:
        (tmp_path / "zero.json").write_text(json.dumps(changed(ALL[name], 0)))
        assert cordata("cluster", "show", tmp_path / "zero.json").status == 0


@pytest.mark.parametrize("name", ["", *OBJECTS])
def test_unknown_key(name, tmp_path):
    bad = copy.deepcopy(FULL)
    at(bad, ALL.get(name, ()))["colour"] = 1
    refused(tmp_path, bad, f"{name}.colour" if name else "colour")


SPECIAL = {
    "format of another version": ("format", "cordata.cluster/9", "format"),
    "groups over each other": ("groups[1].first_device", 1, "groups[1].first_device"),
    "groups out of order": ("groups[0].first_device", 8, "groups[1].first_device"),
    "a group of more devices than there are": ("groups[1].devices", 7, "groups[1].devices"),
    "no groups": ("groups", [], "groups"),
    "element type of a group": ("groups[1].device.peak_flops_per_s", {"f33": 1e12}, "groups[1].device.peak_flops_per_s.f33"),
    "topology": ("intra.topology", "star", "intra.topology"),
    "links without their topology": ("intra.topology", "switch", "intra.links"),
    "element type": ("device.peak_flops_per_s", {"f33": 1e12}, "device.peak_flops_per_s.f33"),
    "efficiency above 1": ("device.efficiency", 1.01, "device.efficiency"),
    "oversubscription below 1": ("racks.oversubscription", 0.99, "racks.oversubscription"),
    "cores shared by less than one": ("cores_shared_by", 0.5, "cores_shared_by"),
    "more devices than are counted": ("hosts", 10**6, "hosts"),
    "no device 3": ("intra.links[0].devices", [0, 3], "intra.links[0].devices"),
    "no device -1": ("intra.links[1].devices", [-1, 2], "intra.links[1].devices"),
    "half a device": ("intra.links[1].devices", [0.5, 2], "intra.links[1].devices"),
    "a device's name": ("intra.links[1].devices", ["0", 2], "intra.links[1].devices"),
    "three devices": ("intra.links[1].devices", [0, 1, 2], "intra.links[1].devices"),
    "link to itself": ("intra.links[1].devices", [1, 1], "intra.links[1].devices"),
    "link twice": ("intra.links[1].devices", [0, 1], "intra.links[1].devices"),
    "link twice, turned": ("intra.links[1].devices", [1, 0], "intra.links[1].devices"),
}


@pytest.mark.parametrize("case", SPECIAL)
def test_special(case, tmp_path):
    field, value, named = SPECIAL[case]
    refused(tmp_path, changed(ALL[field], value), named)


@pytest.mark.parametrize("text, word", [("[]", "the file: wanted an object"), ("3", "the file: wanted an object"), ("", "not JSON"), ("{", "not JSON"),
                                        ('{"name": nan}', "not JSON"), ('{"name": "a\\', "not JSON")])
def test_no_object(text, word, tmp_path):
    file = tmp_path / "bad.json"
    file.write_text(text)
    fails(2, word, str(file), args=["cluster", "show", file])


def test_a_text_may_hold_such_words(tmp_path):
    file = tmp_path / "good.json"
    file.write_text(json.dumps({**FULL, "name": 'NaN, "Infinity": -Infinity 1e999'}))
    assert cordata("cluster", "show", file, "--json").json()["name"] == 'NaN, "Infinity": -Infinity 1e999'


USAGE = {
    "show without a cluster": (["show"], ["p4d:2"]),
    "measure with one": (["measure", "p4d:2"], ["'p4d:2'"]),
    "no ranks": (["measure", "-n", "0"], ["whole number", "'0'"]),
    "CPUs of fewer ranks": (["measure", "-n", "2", "--cpu-list", "0,0,0"], ["a CPU for each of 2 ranks", "got 3"]),
    "no plugin": (["measure", "--plugin", "/no/such.so"], ["/no/such.so"]),
    "no place": (["measure", "-o", "/no/such/place/c.json"], ["/no/such/place"]),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage(case):
    args, words = USAGE[case]
    fails(2, *words, args=["cluster", *args])


def test_docs_have_the_presets():
    """The table of docs/clusters.md is the command's."""
    wanted = [re.split(r"  +", line) for line in cordata("cluster", "presets").out.splitlines() if "  " in line]
    block = (ROOT / "docs" / "clusters.md").read_text().split("<!-- cordata cluster presets -->\n")[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.split("\n\n")[0].splitlines()]
    assert [rows[0], *rows[2:]] == wanted
    models = cordata("models").out
    for name in [row[0] for row in wanted[1:]]:
        assert f" {name}," in models and f" {name}," in cordata("cluster", "--help").out


def test_groups_have_what_they_leave_out_from_the_device(tmp_path):
    file = tmp_path / "groups.json"
    file.write_text(json.dumps({**FULL, "groups": [{"first_device": 3, "devices": 3, "device": {"kind": "other", "memory_bytes": 3e9}}]}))
    shown = cordata("cluster", "show", file, "--json").json()
    assert shown["groups"] == [{"first_device": 3, "devices": 3, "device": device(kind="other", memory_bytes=3e9)}]
    text = cordata("cluster", "show", file).out
    assert [line.split()[:2] for line in text.splitlines() if line.startswith("device")][:3] == [["devices", "0-2"], ["devices", "3-5"], ["devices", "6-11"]]


def test_the_drawing():
    text = cordata("cluster", "show", "p3.16xlarge:8").out
    rows = [line.split() for line in text.splitlines()]
    assert ["0", "-", "20", "20", "40", "40", "(12.6)", "(12.6)", "(12.6)"] in rows  # nvidia-smi topo: NV1 NV1 NV2 NV2 SYS SYS SYS
    assert ["1", "of", "8", "devices", "120", "GB/s"] in rows and "5 more hosts" in text
    pod = cordata("cluster", "show", "v5e:64").out
    assert "rack 1: 32 hosts, 800 GB/s out of it" in pod and "12 NICs x 50 GB/s = 600 GB/s" in pod
    for word in ["data sheet", "EFA", "modelled"]:
        assert word in cordata("cluster", "show", "p4d:2").out
