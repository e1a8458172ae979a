# SPDX-License-Identifier: Apache-2.0
"""What the peers share: the same initial values and batches as ours, and a protocol that lets a driver alternate.

Lines on stdin, one JSON object a line on stdout:

    (at start)  -> {"ready": true, "compile_s": ..., "flags": {...}}
    steps N     -> {"steps": N, "seconds": ..., "losses": [...]}      seconds: from the line read to the last loss known
    (end of input) ends it

`cordata train --paced` speaks the same. Without a driver: `--steps N` takes N steps and prints one object.
"""
import argparse
import json
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "oracle"))


def arguments(description, **choices):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("inputs", help="what bench_inputs wrote")
    parser.add_argument("--steps", type=int, help="take so many steps and end, without a driver")
    for name, values in choices.items():
        parser.add_argument("--" + name, choices=values, default=values[0])
    return parser.parse_args()


class Inputs:
    def __init__(self, path):
        from safetensors import safe_open
        with safe_open(path, "numpy") as file:
            self.model, self.optimizer = (json.loads(file.metadata()[k]) for k in ("model", "optimizer"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        self.params = {n.removeprefix("params/"): v for n, v in tensors.items() if n.startswith("params/")}
        stacked = {n.removeprefix("batches/"): v for n, v in tensors.items() if n.startswith("batches/")}
        count = len(next(iter(stacked.values())))
        self.batches = [{n: v[s] for n, v in stacked.items()} for s in range(count)]

    def functions(self):
        """(loss function, optax rule) of the model."""
        import functools

        import twins
        kind, layers = self.model["kind"], self.model["layers"]
        if kind == "gpt":
            if self.model["dtype"] != "f32":
                sys.exit(f"wanted a model in f32, got {self.model['dtype']}")
            loss = functools.partial(twins.gpt_loss, layers=layers, tied=self.model["tied"])
        else:
            loss = functools.partial(twins.mlp_loss, layers=layers)
        return loss, twins.optimizer(**self.optimizer)


class Peer:
    """A compiled step and what it works on. Batches are on the devices before the clock starts."""

    def __init__(self, step, params, state, batches, flags):
        begin = time.perf_counter()
        self.step = step.lower(params, state, batches[0]).compile()
        self.compile_s = time.perf_counter() - begin
        self.params, self.state, self.batches, self.flags = params, state, batches, flags
        self.done = 0

    def run(self, count):
        """Each loss is fetched once the next step is under way, so fetching costs nothing but the last one's wait."""
        begin = time.perf_counter()
        losses, last = [], None
        for _ in range(count):
            batch = self.batches[self.done % len(self.batches)]
            self.params, self.state, loss = self.step(self.params, self.state, batch)
            self.done += 1
            if last is not None:
                losses.append(float(last))
            last = loss
        losses.append(float(last))
        return {"steps": count, "seconds": time.perf_counter() - begin, "losses": losses}

    def serve(self, args):
        say({"ready": True, "compile_s": self.compile_s, "flags": self.flags})
        if args.steps:
            say(self.run(args.steps))
            return
        for line in sys.stdin:
            words = line.split()
            if len(words) != 2 or words[0] != "steps" or not words[1].isdigit() or words[1] == "0":
                sys.exit(f"wanted 'steps N', got {line!r}")
            say(self.run(int(words[1])))


def say(answer):
    print(json.dumps(answer), flush=True)


def flags():
    """What decides this peer's speed, for the record."""
    import jax
    return {"jax": jax.__version__, "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""), "devices": jax.device_count(),
            "cores": len(os.sched_getaffinity(0)), "donated": ["params", "state"], "dtype": "f32"}
