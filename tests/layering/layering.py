# SPDX-License-Identifier: Apache-2.0
"""The rules of the house: who may use whom, and how long a file may be. Each check returns what breaks it."""
import os
import re

# Each room and the rooms it may use; what those use, it may use too.
MAY_USE = {
    "base": [],
    "ir": ["base"],
    "step": ["ir"],
    "models": ["step"],
    "cluster": ["ir"],  # peak FLOP/s are given by element type
    "sharding": ["ir", "cluster"],
    "cost": ["sharding", "step"],
    "plan": ["sharding", "step"],
    "planner": ["cost", "plan"],
    "partition": ["plan"],
    "program": ["partition"],
    "runtime": ["program"],
    "simulate": ["program", "cost"],
    "report": ["plan", "program", "simulate"],
    "cli": ["models", "planner", "runtime", "simulate", "report"],
}
MAX_LINES = 599
SOURCES = (".h", ".cc", ".py", ".cmake", ".txt", ".sh")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.M)
TARGET = re.compile(r"\bcordata_([a-z]\w*)")
ROOM_CALL = re.compile(r"cordata_room\s*\(\s*(\w+)([^)]*)\)")
KEYWORDS = ("DEPS", "LIBS")


def reachable(room, graph=None):
    """The room itself and every room it may use, directly or not."""
    graph = graph or MAY_USE
    seen, todo = set(), [room]
    while todo:
        at = todo.pop()
        if at not in seen:
            seen.add(at)
            todo += graph.get(at, [])
    return seen


def files_below(root, folder, suffixes):
    for at, folders, names in os.walk(os.path.join(root, folder)):
        folders[:] = [f for f in folders if not f.startswith((".", "__")) and f not in ("build", "out")]
        yield from (os.path.relpath(os.path.join(at, n), root) for n in names if n.endswith(suffixes))


def room_of(path):
    parts = os.path.normpath(path).split(os.sep)
    return parts[1] if len(parts) > 2 and parts[0] == "cordata" else None


def wrong_includes(root):
    """Includes that point to a room which the including room may not use, or out of the rooms altogether."""
    wrong = []
    for path in files_below(root, "cordata", (".h", ".cc", ".inc")):
        room = room_of(path)
        if room not in MAY_USE:
            wrong.append(f"{path}: '{room}' is not a room; rooms are listed in tests/layering/layering.py")
            continue
        with open(os.path.join(root, path), encoding="utf-8") as file:
            included = INCLUDE.findall(file.read())
        for name in included:
            beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
            target = beside if os.path.exists(os.path.join(root, beside)) else os.path.normpath(name)
            top = target.split(os.sep)[0]
            if top in ("tests", "bench", "python", "tools", ".."):
                wrong.append(f"{path} includes {name}: a room may not use {top}/")
            elif top == "cordata" and room_of(target) not in reachable(room):
                wrong.append(f"{path} includes {name}: {room} may not use {room_of(target)}")
    return wrong


def wrong_targets(root):
    """Rooms whose CMakeLists.txt links, by DEPS or by a target's name, a room that they may not use."""
    wrong = []
    for path in files_below(root, "cordata", ("CMakeLists.txt",)):
        room = room_of(path)
        if room is None:
            continue
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = re.sub(r"#.*", "", file.read())
        used = {name for name in TARGET.findall(text) if name in MAY_USE}
        for name, rest in ROOM_CALL.findall(text):
            if name != room:
                wrong.append(f"{path}: the room is called {name}, its folder {room}")
            words = rest.split()
            first = words.index("DEPS") + 1 if "DEPS" in words else len(words)
            for word in words[first:]:
                if word in KEYWORDS:
                    break
                used.add(word)
        wrong += [f"{path}: {room} may not link {name}" for name in sorted(used - reachable(room))]
    return wrong


def long_files(root, folders=("cordata", "tests", "bench", "python", "tools", "cmake"), max_lines=MAX_LINES):
    """Source files of more than max_lines lines."""
    found = []
    for folder in folders:
        for path in files_below(root, folder, SOURCES):
            with open(os.path.join(root, path), "rb") as file:
                lines = sum(1 for _ in file)
            if lines > max_lines:
                found.append(f"{path}: {lines} lines, at most {max_lines} are wanted")
    return found
