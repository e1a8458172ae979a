# SPDX-License-Identifier: Apache-2.0
"""HiGHS or CP-SAT on an intra-op problem, raw or as `cordata solve --explain --core` leaves it.

`python intra_op.py highs|cp-sat PROBLEM.json[.gz] SECONDS [WORKERS]` prints one JSON object: cost, lower_bound, optimal, seconds. Both get
the local polytope; the limits of times are added once a solution passes them, in CP-SAT at once where they are few.
WORKERS are CP-SAT's: 8 by default, the least that its portfolio of strategies is made for; 1 looks at the linear relaxation first.
"""
import gzip
import itertools
import json
import sys
import time

FORBIDDEN = 10**18
FEW_TIMES = 1000  # of a problem whose limits are all there from the beginning


def read(path):
    """Nodes as (costs, [(from, to, used)]), edges as (u, v, costs), limits by time, constant; None forbids."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rt") as f:
        document = json.load(f)
    mend = lambda costs: [None if c is None or c >= FORBIDDEN else c for c in costs]
    if "core" in document:
        core = document["core"]
        nodes = [(mend(n["cost"]), [tuple(u) for u in n["uses"]]) for n in core["nodes"]]
        return nodes, [(u, v, mend(c)) for u, v, c in core["edges"]], core["limit"], core["constant"]
    p = document["problem"]
    nodes = [(mend(c), [(lo, hi, u)] if lo < hi else [])
             for (lo, hi), c, u in zip(p["nodes"]["intervals"], p["nodes"]["costs"], p["nodes"]["usages"])]
    end = max((hi for lo, hi in p["nodes"]["intervals"]), default=0)
    edges = [(u, v, mend(c)) for (u, v), c in zip(p["edges"]["nodes"], p["edges"]["costs"])]
    return nodes, edges, [p.get("usage_limit", 2**62)] * end, 0


def passed(nodes, limits, choice):
    """The times at which a choice takes too much, the worst of each stretch first, at most 10."""
    change = [0] * (len(limits) + 1)
    for (_, uses), s in zip(nodes, choice):
        for lo, hi, used in uses:
            change[lo] += used[s]
            change[hi] -= used[s]
    now, over = 0, []
    for t, limit in enumerate(limits):
        now += change[t]
        if now > limit:
            over.append((limit - now, t))
    out = []
    for _, t in sorted(over):
        if all(abs(t - o) > len(limits) // 50 for o in out):
            out.append(t)
    return out[:10]


def matter(nodes, limits):
    """Times at which a limit may be passed: those where a node begins, if all together can take too much."""
    begin = {lo for _, uses in nodes for lo, hi, _ in uses if lo < hi}
    most = [0] * (len(limits) + 1)
    for _, uses in nodes:
        for lo, hi, used in uses:
            most[lo] += max(used)
            most[hi] -= max(used)
    return [t for t, now in enumerate(itertools.accumulate(most[:-1])) if t in begin and now > limits[t]]


def users(nodes, t):
    return [(n, s, u) for n, (_, uses) in enumerate(nodes) for lo, hi, used in uses if lo <= t < hi for s, u in enumerate(used) if u > 0]


def left(seconds):
    return max(0.5, seconds - (time.monotonic() - BEGIN))


def run_highs(nodes, edges, limits, constant, seconds):
    import highspy
    import numpy as np
    cost, first, whole, index, value, start, low, high = [], [], [], [], [], [0], [], []

    def row(entries, lower, upper):
        for c, x in entries:
            index.append(c), value.append(x)
        start.append(len(index)), low.append(lower), high.append(upper)

    upper = []
    for costs, _ in nodes:
        first.append(len(cost))
        cost += [0 if c is None else c for c in costs]
        upper += [0 if c is None else 1 for c in costs]
        whole += [1] * len(costs)
    for n, (costs, _) in enumerate(nodes):
        row([(first[n] + s, 1) for s in range(len(costs))], 1, 1)
    for u, v, table in edges:
        nu, nv = len(nodes[u][0]), len(nodes[v][0])
        rows, columns = [[(first[u] + i, -1)] for i in range(nu)], [[(first[v] + j, -1)] for j in range(nv)]
        for at, c in enumerate(table):
            if c is None:
                continue
            rows[at // nv].append((len(cost), 1)), columns[at % nv].append((len(cost), 1))
            cost.append(c), upper.append(1), whole.append(0)
        for entries in rows + columns:
            row(entries, 0, 0)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(cost), len(low)
    scale = 1e6 / max([abs(c) for c in cost] + [1])
    lp.col_cost_ = np.array(cost, dtype=np.double) * scale
    lp.col_lower_, lp.col_upper_ = np.zeros(len(cost)), np.array(upper, dtype=np.double)
    lp.row_lower_, lp.row_upper_ = np.array(low, dtype=np.double), np.array(high, dtype=np.double)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = np.array(start), np.array(index)
    lp.a_matrix_.value_ = np.array(value, dtype=np.double)
    kinds = [highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger]
    lp.integrality_ = [kinds[w] for w in whole]
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.passModel(lp)
    bound = None
    while True:  # limits are added once they are passed
        solver.setOptionValue("time_limit", solver.getRunTime() + left(seconds))
        solver.run()
        info, optimal = solver.getInfo(), solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        if abs(info.mip_dual_bound) < 1e300:
            bound = max(bound or -2**62, round(info.mip_dual_bound / scale) + constant)
        if info.primal_solution_status != 2:
            return None, bound, solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible
        x = solver.getSolution().col_value
        choice = [max(range(len(c)), key=lambda s: x[first[n] + s]) for n, (c, _) in enumerate(nodes)]
        over = passed(nodes, limits, choice)
        if not over:
            return round(info.objective_function_value / scale) + constant, bound, optimal
        if time.monotonic() - BEGIN > seconds:
            return None, bound, False
        for t in over:
            entries = users(nodes, t)
            solver.addRow(-highspy.kHighsInf, 1 if limits[t] > 0 else 0, len(entries), np.array([first[n] + s for n, s, _ in entries]),
                          np.array([u / max(limits[t], 1) for _, _, u in entries], dtype=np.double))


def run_cp_sat(nodes, edges, limits, constant, seconds, workers):
    from ortools.sat.python import cp_model
    model = cp_model.CpModel()
    terms, at = [], []
    for costs, _ in nodes:
        at.append([model.new_bool_var("") for _ in costs])
        model.add_exactly_one(at[-1])
        for x, c in zip(at[-1], costs):
            if c is None:
                model.add(x == 0)
            elif c:
                terms.append((x, c))
    for u, v, table in edges:
        nv = len(nodes[v][0])
        pair = [None if c is None else model.new_bool_var("") for c in table]
        terms += [(y, c) for y, c in zip(pair, table) if c]
        for i, x in enumerate(at[u]):
            model.add(sum(y for y in pair[i * nv:(i + 1) * nv] if y is not None) == x)
        for j, x in enumerate(at[v]):
            model.add(sum(y for y in pair[j::nv] if y is not None) == x)
    model.minimize(sum(c * x for x, c in terms))
    if len(limits) <= FEW_TIMES:
        for t in matter(nodes, limits):
            model.add(sum(u * at[n][s] for n, s, u in users(nodes, t)) <= limits[t])
    bound = None
    while True:
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = left(seconds)
        solver.parameters.num_workers = workers
        if workers == 1:
            solver.parameters.linearization_level = 2
        status = solver.solve(model)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None, bound, status == cp_model.INFEASIBLE
        bound = max(bound or -2**62, round(solver.best_objective_bound) + constant)
        choice = [next(s for s, x in enumerate(xs) if solver.value(x)) for xs in at]
        over = passed(nodes, limits, choice)
        if not over:
            return round(solver.objective_value) + constant, bound, status == cp_model.OPTIMAL
        if time.monotonic() - BEGIN > seconds:
            return None, bound, False
        for t in over:
            model.add(sum(u * at[n][s] for n, s, u in users(nodes, t)) <= limits[t])


BEGIN = time.monotonic()
if __name__ == "__main__":
    which, path, limit = sys.argv[1], sys.argv[2], float(sys.argv[3])
    problem = read(path)
    if which == "highs":
        cost, bound, optimal = run_highs(*problem, limit)
    else:
        cost, bound, optimal = run_cp_sat(*problem, limit, int(sys.argv[4]) if len(sys.argv) > 4 else 8)
    print(json.dumps({"cost": cost, "lower_bound": bound, "optimal": optimal, "seconds": time.monotonic() - BEGIN}))
