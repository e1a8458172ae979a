# SPDX-License-Identifier: Apache-2.0
"""The same StableHLO text under other names, its ops in another order."""
import random
import re

VALUE = re.compile(r"%[\w$.-]+")
FUNCTION = re.compile(r"@[\w$.-]+|@\"[^\"]*\"")


def statements(lines):
    """Lines of a function's body as whole ops: a line and, where it opens more than it closes, those up to its end."""
    out, depth = [], 0
    for line in lines:
        if depth == 0:
            out.append([])
        out[-1].append(line)
        bare = re.sub(r"\"[^\"]*\"", "", line)
        depth += sum(bare.count(c) for c in "({[") - sum(bare.count(c) for c in ")}]")
        if depth == 0 and re.match(r"\s*(cond|do)\b|\s*\}?\s*(else|do)\b", line) and len(out) > 1:
            out[-2] += out.pop()
        if depth == 0 and line.lstrip().startswith("reducer(") and len(out) > 1:
            out[-2] += out.pop()
    return ["\n".join(s) for s in out]


def defines(statement):
    head = statement.split(" = ", 1)[0].strip()
    return [v.split(":")[0] for v in VALUE.findall(head)] if re.fullmatch(r"%[\w$.-]+(:\d+)?(, *%[\w$.-]+(:\d+)?)*", head) else []


def reorder(body, rng):
    """A random order in which every op still stands behind what it reads; the return stays last."""
    ops = statements(body)
    maker = {v: i for i, op in enumerate(ops) for v in defines(op)}
    left = [{maker[v] for v in VALUE.findall(op) if maker.get(v, i) != i} for i, op in enumerate(ops)]
    last = len(ops) - 1
    assert ops[last].lstrip().startswith(("return", "func.return", "stablehlo.return", "\"func.return\"")), ops[last]
    readers = [[] for _ in ops]
    for j, need in enumerate(left):
        for i in need:
            readers[i].append(j)
    order, ready = [], [i for i, need in enumerate(left) if not need and i != last]
    while ready:
        i = ready.pop(rng.randrange(len(ready)))
        order.append(i)
        for j in readers[i]:
            left[j].remove(i)
            if not left[j] and j != last:
                ready.append(j)
    assert len(order) == last
    return [ops[i] for i in order + [last]], sum(a != b for a, b in enumerate(order))


def rename(text, rng):
    """Every value and every function but the public one, whose name is how a module is called from outside."""
    def new_names(found, sign):
        numbers = rng.sample(range(10 * len(found) + 10), len(found))
        return {old: f"{sign}{rng.choice(['zz', 'head_', 'dense', 'batch_', 'Q'])}{n}" for old, n in zip(sorted(found), numbers)}
    values = new_names(set(VALUE.findall(text)), "%")
    functions = new_names(set(re.findall(r"func\.func (?:private |public )?(@[\w$.-]+)", text)) - {"@main"}, "@")
    text = VALUE.sub(lambda m: values[m[0]], text)
    return FUNCTION.sub(lambda m: functions.get(m[0], m[0]), text), len(values) + len(functions)


def rewrite(text, seed):
    """(the rewritten module, ops that moved, names that changed)"""
    rng = random.Random(seed)
    out, body, moved = [], None, 0
    for line in text.splitlines():
        if line.lstrip().startswith("func.func"):
            out.append(line)
            body = []
        elif body is not None and line == "  }":
            ops, count = reorder(body, rng)
            out += ops + [line]
            moved, body = moved + count, None
        elif body is not None:
            body.append(line)
        else:
            out.append(line)
    text, named = rename("\n".join(out) + "\n", rng)
    return text.replace("module @", "module @other_"), moved, named
