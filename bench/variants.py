# SPDX-License-Identifier: Apache-2.0
"""The same intra-op problem in other words: permuted, with costs times a factor, time reversed; and two joined in one.

`python bench/variants.py IN.json[.gz] SEED OUT.json` writes the first three together; `join A B OUT.json` the last.
"""
import gzip
import json
import random
import sys

FORBIDDEN = 10**18


def read(path):
    with (gzip.open if str(path).endswith(".gz") else open)(path, "rt") as f:
        return json.load(f)["problem"]


def write(problem, path):
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"problem": problem}, f, separators=(",", ":"))


def times(costs, factor):
    return [c if c >= FORBIDDEN else c * factor for c in costs]


def vary(problem, seed, factor=7):
    """Nodes, strategies and edges in another order, costs times `factor`, time reversed."""
    rng = random.Random(seed)
    nodes, edges = problem["nodes"], problem["edges"]
    count = len(nodes["costs"])
    order = list(range(count))
    rng.shuffle(order)
    place = [0] * count
    for new, old in enumerate(order):
        place[old] = new
    strategies = [list(range(len(c))) for c in nodes["costs"]]
    for s in strategies:
        rng.shuffle(s)
    end = max((hi for _, hi in nodes["intervals"]), default=0)
    out = {"name": problem.get("name", "") + "-varied", "nodes": {"intervals": [], "costs": [], "usages": []},
           "edges": {"nodes": [], "costs": []}, "usage_limit": problem["usage_limit"]}
    for old in order:
        lo, hi = nodes["intervals"][old]
        out["nodes"]["intervals"].append([end - hi, end - lo])
        out["nodes"]["costs"].append(times([nodes["costs"][old][s] for s in strategies[old]], factor))
        out["nodes"]["usages"].append([nodes["usages"][old][s] for s in strategies[old]])
    turn = list(range(len(edges["nodes"])))
    rng.shuffle(turn)
    for e in turn:
        u, v = edges["nodes"][e]
        width, costs = len(strategies[v]), edges["costs"][e]
        out["edges"]["nodes"].append([place[u], place[v]])
        out["edges"]["costs"].append(times([costs[i * width + j] for i in strategies[u] for j in strategies[v]], factor))
    return out


def join(a, b):
    """Both problems in one, the second after the first; a node of one strategy takes what its limit is lower by."""
    limit = max(a["usage_limit"], b["usage_limit"])
    out = {"name": "joined", "nodes": {"intervals": [], "costs": [], "usages": []}, "edges": {"nodes": [], "costs": []},
           "usage_limit": limit}
    shift = first = 0
    for p in (a, b):
        end = max((hi for _, hi in p["nodes"]["intervals"]), default=0)
        out["nodes"]["intervals"] += [[lo + shift, hi + shift] for lo, hi in p["nodes"]["intervals"]]
        out["nodes"]["costs"] += p["nodes"]["costs"]
        out["nodes"]["usages"] += p["nodes"]["usages"]
        out["edges"]["nodes"] += [[u + first, v + first] for u, v in p["edges"]["nodes"]]
        out["edges"]["costs"] += p["edges"]["costs"]
        first += len(p["nodes"]["costs"])
        if p["usage_limit"] < limit:
            out["nodes"]["intervals"].append([shift, shift + end])
            out["nodes"]["costs"].append([0])
            out["nodes"]["usages"].append([limit - p["usage_limit"]])
            first += 1
        shift += end
    return out


if __name__ == "__main__":
    if sys.argv[1] == "join":
        write(join(read(sys.argv[2]), read(sys.argv[3])), sys.argv[4])
    else:
        write(vary(read(sys.argv[1]), int(sys.argv[2])), sys.argv[3])
