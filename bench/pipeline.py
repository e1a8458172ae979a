# SPDX-License-Identifier: Apache-2.0
"""How near a pipeline comes to the makespan of its own lists: each RUN at its time alone, transfers free.

The trace of a real run gives each rank's RUNs in order ("F3": forward of microbatch 3, "B3", "apply0") and their durations. The
run takes turns: the pipeline as it is, and the same lists with RUNs of different ranks kept apart ("alone", runtime/pace.h). A
RUN's time alone is the median of its durations in the turns before and after the one that is judged, so that both sides see
the same machine. The replay starts a RUN when its rank is free and what it reads is there, ranks share the cores when there
are more of them than cores, and goes over all steps of the turn, as one step's end overlaps the next one's beginning.
"""
import collections
import json
import math
import statistics


def runs(path):
    """By rank: (label, begin, duration) of each RUN in order, in seconds."""
    with open(path, encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    by_rank = collections.defaultdict(list)
    for e in events:
        if e["ph"] == "X" and e.get("cat") == "compute":
            by_rank[e["pid"]].append((e["name"], e["ts"] * 1e-6, e["dur"] * 1e-6))
    return [sorted(by_rank[rank], key=lambda run: run[1]) for rank in sorted(by_rank)]


def split(rank_runs, steps):
    """The list of one step, and by step what ran."""
    count, rest = divmod(len(rank_runs), steps)
    assert rest == 0, f"wanted the same RUNs in each of {steps} steps, got {len(rank_runs)}"
    parts = [rank_runs[s * count:(s + 1) * count] for s in range(steps)]
    labels = [label for label, _, _ in parts[0]]
    assert all([label for label, _, _ in part] == labels for part in parts), "the steps' lists differ"
    return labels, parts


def alone(parts, labels):
    """The median of each RUN's durations; microbatches run the same module and are taken together."""
    kinds = collections.defaultdict(list)
    for part in parts:
        for label, _, duration in part:
            kinds[kind(label)].append(duration)
    return [statistics.median(kinds[kind(label)]) for label in labels]


def kind(label):
    return label[0] if label[0] in "FB" and label[1:].isdigit() else label


def reads(labels_by_rank, rank, label):
    """(rank, label) of the same step that this RUN waits for on another rank."""
    if kind(label) == "F" and rank > 0:
        return rank - 1, label
    if kind(label) == "B" and rank + 1 < len(labels_by_rank):
        return rank + 1, label
    return None


def replay(labels_by_rank, seconds_by_rank, steps, cores):
    """Makespan of so many steps, RUNs sharing `cores` alike."""
    ranks = len(labels_by_rank)
    at, left, done, now = [(0, 0)] * ranks, [None] * ranks, set(), 0.0
    while True:
        for r in range(ranks):  # whoever is free and has what it needs begins
            step, i = at[r]
            if left[r] is None and step < steps:
                needs = reads(labels_by_rank, r, labels_by_rank[r][i])
                if needs is None or (step, *needs) in done:
                    left[r] = seconds_by_rank[r][i]
        running = [r for r in range(ranks) if left[r] is not None]
        if not running:
            assert all(step == steps for step, _ in at), "the lists wait for each other"
            return now
        speed = min(1.0, cores / len(running))
        passed = min(left[r] for r in running) / speed
        now += passed
        for r in running:
            left[r] -= passed * speed
            if left[r] <= 1e-12 or math.isclose(left[r], 0, abs_tol=1e-12):
                step, i = at[r]
                done.add((step, r, labels_by_rank[r][i]))
                left[r] = None
                at[r] = (step, i + 1) if i + 1 < len(labels_by_rank[r]) else (step + 1, 0)


def makespan(parts_by_rank):
    """From the first RUN's begin to the last one's end."""
    begin = min(parts[0][0][1] for parts in parts_by_rank)
    return max(part[-1][1] + part[-1][2] for parts in parts_by_rank for part in parts) - begin


def efficiencies(path, turns, cores):
    """By turn of "steps" between two of "alone": replayed makespan by the measured one. `turns`: (order, steps) as they were given."""
    ranks = [split(r, sum(steps for _, steps in turns)) for r in runs(path)]
    labels = [labels for labels, _ in ranks]
    starts = [sum(steps for _, steps in turns[:t]) for t in range(len(turns) + 1)]
    by_turn = [[parts[starts[t]:starts[t + 1]] for _, parts in ranks] for t in range(len(turns))]
    results = []
    for t in range(1, len(turns) - 1):
        if [order for order, _ in turns[t - 1:t + 2]] != ["alone", "steps", "alone"]:
            continue
        seconds = [alone(before + after, of) for of, before, after in zip(labels, by_turn[t - 1], by_turn[t + 1])]
        steps, measured = turns[t][1], makespan(by_turn[t])
        ideal = replay(labels, seconds, steps, cores)
        results.append({"efficiency": ideal / measured, "replayed_step_s": ideal / steps, "measured_step_s": measured / steps})
    return results
