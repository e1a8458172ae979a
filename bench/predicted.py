# SPDX-License-Identifier: Apache-2.0
"""What plans and the simulator say of a step beside what ranks of this machine measure: time and peak memory of the fullest rank."""
import json
import os

import harness

# Planner, ranks, --microbatches: the seven of bench/seven_plans.
PLANS = [("single", 1, "1"), ("data", 4, "1"), ("tensor", 4, "1"), ("zero-3", 4, "1"), ("pipeline:stages=2,data=2", 4, "4"),
         ("pipeline:stages=4,microbatches=8,schedule=1f1b", 4, "8"), ("auto", 4, "auto")]
KEYS = ("step_s", "peak_memory_bytes")


def cordata(*arguments):
    return json.loads(harness.succeed([harness.CORDATA, *arguments, "--json"]))


def one(model, planner, ranks, microbatches, steps, folder):
    path = os.path.join(folder, "plan.json")
    plan = cordata("plan", model, "--cluster", f"local:{ranks}", "--planner", planner, "--microbatches", microbatches, "-o", path)
    simulated = cordata("simulate", path, "--model", model)
    run = cordata("train", model, "-n", str(ranks), "--plan", path, "--steps", str(steps))
    measured = {"step_s": run["step_s"], "peak_memory_bytes": max(r["peak_memory_bytes"] for r in run["ranks"])}
    return {"planner": planner, "planned": {k: plan[k] for k in KEYS}, "simulated": {k: simulated[k] for k in KEYS},
            "measured": measured}


def off(plans, source, key):
    """By plan, how far a figure is from the measured one, as a part of that."""
    return [abs(p[source][key] / p["measured"][key] - 1) for p in plans]
