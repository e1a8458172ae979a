# SPDX-License-Identifier: Apache-2.0
"""Checks the house against its rules, and the checks against planted violations."""
import pathlib

import layering
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def write(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_includes_point_upwards():
    assert layering.wrong_includes(ROOT) == []


def test_targets_link_only_what_they_may():
    assert layering.wrong_targets(ROOT) == []


def test_no_file_is_long():
    assert layering.long_files(ROOT) == []


def test_the_checks_see_the_house():
    assert "cordata/base/error.h" in layering.files_below(ROOT, "cordata", (".h",))


def test_the_graph_has_no_cycle():
    for room, uses in layering.MAY_USE.items():
        for used in uses:
            assert room not in layering.reachable(used), f"{room} and {used} use each other"


def test_the_runtime_never_reaches_the_planner():
    assert "planner" not in layering.reachable("runtime")
    assert layering.reachable("cli") == set(layering.MAY_USE)


@pytest.mark.parametrize("path, line, broken", [
    ("cordata/ir/x.h", '#include "cordata/base/error.h"', False),
    ("cordata/ir/x.h", '#include "cordata/ir/graph.h"', False),
    ("cordata/planner/deep/x.cc", '#include "cordata/ir/graph.h"', False),
    ("cordata/ir/x.h", "#include <vector>", False),
    ("cordata/runtime/x.cc", '#include "xla/ffi/api/ffi.h"', False),
    ("cordata/base/x.h", '#include "cordata/ir/graph.h"', True),
    ("cordata/runtime/x.cc", '#include "cordata/planner/plan.h"', True),
    ("cordata/runtime/x.cc", "  #  include <cordata/planner/plan.h>", True),
    ("cordata/partition/x_test.cc", '#include "cordata/runtime/rank.h"', True),
    ("cordata/base/x.h", '#include "../ir/graph.h"', True),
    ("cordata/ir/x.cc", '#include "tests/helper.h"', True),
    ("cordata/attic/x.cc", "", True),
])
def test_planted_includes(tmp_path, path, line, broken):
    write(tmp_path, "cordata/ir/graph.h", "")
    write(tmp_path, path, f"// a file\n{line}\n")
    assert bool(layering.wrong_includes(tmp_path)) == broken


@pytest.mark.parametrize("room, text, broken", [
    ("ir", "cordata_room(ir DEPS base LIBS fmt::fmt)", False),
    ("planner", "cordata_room(planner\n  DEPS cost plan ir\n  LIBS fmt::fmt)", False),
    ("ir", "cordata_room(ir)  # unlike cordata_planner", False),
    ("ir", "cordata_room(ir DEPS base sharding)", True),
    ("runtime", "cordata_room(runtime DEPS program LIBS cordata_planner)", True),
    ("runtime", "cordata_room(runtime DEPS program)\ntarget_link_libraries(x cordata_planner)", True),
    ("ir", "cordata_room(ri DEPS base)", True),
    ("ir", "cordata_room(ir DEPS bsae)", True),
])
def test_planted_targets(tmp_path, room, text, broken):
    write(tmp_path, f"cordata/{room}/CMakeLists.txt", text)
    assert bool(layering.wrong_targets(tmp_path)) == broken


def test_planted_long_file(tmp_path):
    write(tmp_path, "cordata/ir/short.cc", "\n" * layering.MAX_LINES)
    assert layering.long_files(tmp_path) == []
    write(tmp_path, "cordata/ir/long.cc", "\n" * (layering.MAX_LINES + 1))
    assert len(layering.long_files(tmp_path)) == 1
