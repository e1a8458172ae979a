# SPDX-License-Identifier: Apache-2.0
"""How near a pipeline comes to the makespan of its own lists: each RUN at its time alone, transfers free.

The trace of a real run gives each rank's RUNs in order ("F3": forward of microbatch 3, "B3", "apply0") and their durations. A
RUN's time alone is the lowest decile of its durations over the steps: when nobody disturbs it. The replay starts a RUN
when its rank is free and what it reads is there, ranks share the cores when there are more of them than cores, and goes
over all steps, as one step's end overlaps the next one's beginning.
"""
import collections
import json
import math

WARM_UP = 5  # steps at the start that don't count


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
    """The lowest decile of each RUN's durations; microbatches run the same module and are taken together."""
    kinds = collections.defaultdict(list)
    for part in parts[WARM_UP:]:
        for label, _, duration in part:
            kinds[kind(label)].append(duration)
    low = {k: sorted(v)[len(v) // 10] for k, v in kinds.items()}
    return [low[kind(label)] for label in labels]


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


def efficiency(path, steps, cores):
    """Replayed makespan by the measured one, over the steps after the first few."""
    ranks = [split(r, steps) for r in runs(path)]
    labels = [labels for labels, _ in ranks]
    seconds = [alone(parts, of) for of, parts in ranks]
    counted = steps - WARM_UP
    begin = min(parts[WARM_UP][0][1] for _, parts in ranks)
    end = max(part[-1][1] + part[-1][2] for _, parts in ranks for part in parts)
    ideal = replay(labels, seconds, counted, cores)
    return {"efficiency": ideal / (end - begin), "replayed_step_s": ideal / counted, "measured_step_s": (end - begin) / counted}
