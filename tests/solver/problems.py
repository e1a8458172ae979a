# SPDX-License-Identifier: Apache-2.0
"""Random intra-op problems in the contest's format."""
import json
import random

FORBIDDEN = 10**18


def document(nodes, edges, limit):
    """nodes: (interval, costs, usages); edges: (u, v, costs)."""
    return {"problem": {"name": "drawn",
                        "nodes": {"intervals": [list(n[0]) for n in nodes], "costs": [n[1] for n in nodes], "usages": [n[2] for n in nodes]},
                        "edges": {"nodes": [[e[0], e[1]] for e in edges], "costs": [e[2] for e in edges]}, "usage_limit": limit}}


def partial_tree(rng, count, width):
    """Edges of a random graph of at most that treewidth: each node joins some of a clique of earlier ones."""
    edges, cliques = set(), [[0]]
    for v in range(1, count):
        clique = rng.choice(cliques[-40:])
        some = rng.sample(clique, min(len(clique), rng.randint(1, width)))
        edges.update((u, v) for u in some if rng.random() < 0.7)
        edges.add((rng.choice(some), v))
        cliques.append((some + [v])[-width - 1:] if len(some) <= width else some[1:] + [v])
    return sorted(edges)


def medium(seed, least=50, most=300):
    """50 to 300 nodes, 3 to 20 strategies, treewidth 2 to 8. Memory binds in half; half are drawn around a planted choice.
    An edge costs where its ends are of different kinds, as resharding does."""
    rng = random.Random(seed)
    count, width, planted = rng.randint(least, most), rng.randint(2, 8), rng.random() < 0.5
    widest = 20 if width <= 2 else 8 if width <= 4 else 4
    scale = rng.choice([20, 1000, 10**6, 10**9])
    strategies = [rng.randint(3, widest) for _ in range(count)]
    plant = [rng.randrange(s) for s in strategies]
    nodes = []
    for n in range(count):
        lo = rng.randrange(max(1, n - 3), n + 4)
        hi = lo + (rng.randint(1, 12) if rng.random() < 0.9 else count)
        costs = [rng.randrange(scale) for _ in range(strategies[n])]
        if planted:
            costs[plant[n]] //= 4
        nodes.append(((lo, hi), costs, [rng.randrange(100) for _ in range(strategies[n])]))
    edges = []
    for u, v in partial_tree(rng, count, width):
        kinds = [[rng.random() < 0.5 for _ in range(strategies[n])] for n in (u, v)]
        if planted:
            kinds[0][plant[u]] = kinds[1][plant[v]] = True
        cost = rng.randrange(1, scale) if planted else rng.randrange(1, max(2, scale // 6))
        table = [FORBIDDEN if rng.random() < 0.05 else cost if a != b else 0 for a in kinds[0] for b in kinds[1]]
        at = plant[u] * strategies[v] + plant[v]
        if table[at] == FORBIDDEN:  # the planted choice is allowed, so that nothing is settled by that alone
            table[at] = cost
        edges.append((u, v, table))
    limit = 100 * count
    if seed % 2:
        planted_peak, floor = peak(nodes, plant), peak(nodes, [min(range(len(n[2])), key=n[2].__getitem__) for n in nodes])
        limit = planted_peak if planted else int(floor + rng.uniform(0.2, 0.9) * (planted_peak - floor))
    return document(nodes, edges, limit)


def peak(nodes, choice):
    change = {}
    for ((lo, hi), _, used), s in zip(nodes, choice):
        change[lo] = change.get(lo, 0) + used[s]
        change[hi] = change.get(hi, 0) - used[s]
    now = most = 0
    for t in sorted(change):
        now += change[t]
        most = max(most, now)
    return most


def greedy(problem):
    """Node after node the strategy that is cheapest beside those taken; its cost, or None where that takes a forbidden entry."""
    nodes, choice, total = problem["nodes"], [], 0
    near = [[] for _ in nodes["costs"]]
    for (u, v), table in zip(problem["edges"]["nodes"], problem["edges"]["costs"]):
        near[max(u, v)].append((u, v, table))
    for n, costs in enumerate(nodes["costs"]):
        best = None
        for s, c in enumerate(costs):
            for u, v, table in near[n]:
                c += table[(s if u == n else choice[u]) * len(nodes["costs"][v]) + (s if v == n else choice[v])]
            if best is None or c < best[0]:
                best = (c, s)
        total += best[0]
        choice.append(best[1])
    shape = list(zip(nodes["intervals"], nodes["costs"], nodes["usages"]))
    return total if total < FORBIDDEN and peak(shape, choice) <= problem["usage_limit"] else None


def write(problem, path):
    path.write_text(json.dumps(problem))
    return path
