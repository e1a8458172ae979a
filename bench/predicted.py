# SPDX-License-Identifier: Apache-2.0
"""What plans and the simulator say of a step beside what ranks of this machine measure: `cordata validate` of a few plans."""
import json
import os

import harness

PLANS = [{"planner": "data", "microbatches": 1}, {"planner": "tensor", "microbatches": 1}, {"planner": "zero-3", "microbatches": 1},
         {"planner": "pipeline:stages=2,data=2", "microbatches": 4},
         {"planner": "pipeline:stages=4,schedule=1f1b", "microbatches": 8}, {"planner": "auto"}]


def validate(model, steps, folder):
    path = os.path.join(folder, "plans.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(PLANS, file)
    return json.loads(harness.succeed([harness.CORDATA, "validate", model, "--plans", path, "--steps", str(steps), "--json"]))["plans"]


def off(plans, source, key):
    """By plan, how far a figure is from the measured one, as a part of that."""
    return [abs(p[f"{source}_{key}"] / p[f"measured_{key}"] - 1) for p in plans]
