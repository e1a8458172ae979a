#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes the bound that dual multipliers prove, in whole numbers, on the problem as it was given.

usage: check_bound.py PROBLEM.json[.gz] CERTIFICATE.json     prints the bound; exit status 1 if the certificate says more

The certificate has "shift", "prices" [[time, price], ...], none negative, "edges" [[u, v, [to u's strategies], [to v's]], ...]
and "bound". For any choice that fits, its cost is at least, in units of 2^-shift,
  sum over nodes of the least of (cost + price of its usage + what was moved to it)
  + sum over edges of the least of (cost - what was moved to both ends)  -  sum over times of price * usage_limit:
what was moved cancels, and price * (usage - usage_limit) is never positive. Costs are whole, so it may be rounded up.
"""
import bisect
import gzip
import json
import sys

FORBIDDEN = 10**18


def bound(problem, certificate):
    nodes, edges, shift = problem["nodes"], problem["edges"], certificate["shift"]
    own = [[None if c >= FORBIDDEN else c << shift for c in costs] for costs in nodes["costs"]]
    prices = sorted(certificate["prices"])
    if any(p < 0 for _, p in prices):
        raise ValueError("a price is negative")
    times, total = [t for t, _ in prices], [0]
    for _, p in prices:
        total.append(total[-1] + p)
    for n, (start, end) in enumerate(nodes["intervals"]):
        if start < end and times:
            price = total[bisect.bisect_left(times, end)] - total[bisect.bisect_left(times, start)]
            own[n] = [None if c is None else c + price * u for c, u in zip(own[n], nodes["usages"][n])]
    tables = {}
    for (u, v), costs in zip(edges["nodes"], edges["costs"]):  # edges between the same two nodes add up
        width = len(own[v])
        for at, c in enumerate(costs):
            i, j = divmod(at, width)
            c = None if c >= FORBIDDEN else c << shift
            if u == v:
                if i == j:
                    own[u][i] = None if c is None or own[u][i] is None else own[u][i] + c
                continue
            table = tables.setdefault((u, v) if u < v else (v, u), {})
            at = (i, j) if u < v else (j, i)
            before = table.get(at, 0)
            table[at] = None if c is None or before is None else before + c
    sum_of_least = -sum(p * problem["usage_limit"] for _, p in prices)
    for u, v, to_u, to_v in certificate["edges"]:
        table = tables.pop((u, v) if u < v else (v, u))
        first, second = (to_u, to_v) if u < v else (to_v, to_u)
        sum_of_least += min(c - first[i] - second[j] for (i, j), c in table.items() if c is not None)
        for n, moved in ((u, to_u), (v, to_v)):
            own[n] = [None if c is None else c + m for c, m in zip(own[n], moved)]
    for table in tables.values():
        sum_of_least += min(c for c in table.values() if c is not None)
    sum_of_least += sum(min(c for c in costs if c is not None) for costs in own)
    return -(-sum_of_least >> shift)


def main():
    with (gzip.open if sys.argv[1].endswith(".gz") else open)(sys.argv[1], "rt") as f:
        problem = json.load(f)["problem"]
    with open(sys.argv[2]) as f:
        certificate = json.load(f)
    proven = bound(problem, certificate)
    print(proven)
    return 0 if proven >= certificate["bound"] else 1


if __name__ == "__main__":
    sys.exit(main())
