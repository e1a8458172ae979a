# SPDX-License-Identifier: Apache-2.0
"""Two runs of the same training that take turns, and the ratio of their times.

Each side is a process that speaks the protocol of bench/peers/common.py ("steps N" in, one JSON object a line out); ours
reads its orders from a named pipe (`cordata train --paced PIPE`), since ranks have no standard input. While one side
takes its steps the other sleeps, so both have the same cores. A ratio counts only if both sides had the same losses.
"""
import json
import os
import queue
import statistics
import subprocess
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEPS = os.environ.get("CORDATA_DEPS") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "cordata", "deps")
PYTHON = os.path.join(DEPS, "venv", "bin", "python")
BUILD = os.path.join(ROOT, "build", "release")
CORDATA = os.path.join(BUILD, "cordata")

WARM_UP, PAIRS, STEPS = 5, 7, 20
STRICT_STEPS, STRICT, LOOSE = 20, 1e-5, 1e-2  # losses: relative, over the first 20 steps and over all
START_LIMIT, TURN_LIMIT = 300, 600  # seconds


class Failed(Exception):
    """A side that died, hung or said something else: with its last words."""


def succeed(command, env=None, limit=600):
    """Runs a command to its end and gives what it printed."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=limit, cwd=ROOT)
    if done.returncode != 0:
        raise Failed(f"{os.path.basename(command[0])} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


class Side:
    def __init__(self, name, command, orders=None, env=None):
        """`orders`: a named pipe that the command reads; None: its standard input."""
        self.name, self.losses, self.turns = name, [], []
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL if orders else subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True, cwd=ROOT,
                                        env={**os.environ, **(env or {})})
        self.answers = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        # Opened for both directions, so that opening never waits for the other end.
        self.orders = os.fdopen(os.open(orders, os.O_RDWR), "w") if orders else self.process.stdin
        ready = self.answer(START_LIMIT, "ready")
        self.compile_s, self.flags = ready["compile_s"], ready.get("flags", {})

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.answers.put(json.loads(line))
        self.answers.put(None)

    def answer(self, limit, key):
        try:
            answer = self.answers.get(timeout=limit)
        except queue.Empty:
            raise Failed(f"{self.name}: no answer in {limit} s; {self.last_words()}") from None
        if answer is None or key not in answer:
            raise Failed(f"{self.name}: wanted {key!r}, got {answer}; {self.last_words()}")
        return answer

    def take(self, steps, order="steps"):
        """Takes steps and gives the seconds they took."""
        print(f"{order} {steps}", file=self.orders, flush=True)
        answer = self.answer(TURN_LIMIT, "seconds")
        self.losses += answer["losses"]
        self.turns.append(answer["seconds"])
        return answer["seconds"]

    def end(self):
        """No more orders: it ends by itself."""
        self.orders.close()
        if self.process.wait(TURN_LIMIT) != 0:
            raise Failed(f"{self.name} ended with {self.process.returncode}: {self.last_words()}")

    def last_words(self):
        self.errors.seek(0)
        return self.errors.read()[-2000:].strip() or "it said nothing on stderr"

    def close(self):
        try:
            self.orders.close()
        except OSError:
            pass
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def difference(ours, peers):
    """Largest relative difference of the losses: over the first steps, and over all."""
    gaps = [abs(a - b) / abs(b) for a, b in zip(ours, peers)]
    return max(gaps[:STRICT_STEPS]), max(gaps)


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": middle, "lower_quartile": low, "upper_quartile": high}


def take_turns(ours, peer):
    """Peer's time by ours, pair by pair; the side that goes first changes from pair to pair."""
    for side in (ours, peer):
        side.take(WARM_UP)
    ratios, steps = [], STEPS
    for pair in range(PAIRS):
        first, second = (ours, peer) if pair % 2 == 0 else (peer, ours)
        seconds = {first: first.take(steps)}
        seconds[second] = second.take(steps)
        ratios.append(seconds[peer] / seconds[ours])
    first_steps, all_steps = difference(ours.losses, peer.losses)
    void = first_steps > STRICT or all_steps > LOOSE or len(ours.losses) != len(peer.losses)
    return {"ratio": {**quartiles(ratios), "pairs": ratios}, "void": void,
            "losses": {"relative_difference_first_20": first_steps, "relative_difference": all_steps,
                       "first": ours.losses[0], "last": ours.losses[-1]},
            "ours": {"compile_s": ours.compile_s, "step_s": [t / steps for t in ours.turns[1:]]},
            "peer": {"compile_s": peer.compile_s, "step_s": [t / steps for t in peer.turns[1:]], "flags": peer.flags}}


def holds_at_least(ratio, asked=1.0):
    """Design, section 9: the median within 2 % of what is asked, and the upper quartile above it."""
    return ratio["median"] >= 0.98 * asked and ratio["upper_quartile"] >= asked


def beside_peer(model, train_options, peer_script, peer_options, folder, seed=0):
    """`cordata train` with these options beside a script of bench/peers/, on the same values."""
    inputs = os.path.join(folder, "inputs.safetensors")
    total = WARM_UP + PAIRS * STEPS
    subprocess.run([os.path.join(BUILD, "bench_inputs"), model, str(seed), str(total), inputs], check=True)
    orders = os.path.join(folder, "orders")
    os.mkfifo(orders)
    sides = []
    try:
        sides.append(Side("cordata train", [CORDATA, "train", model, "--seed", str(seed), "--paced", orders, *train_options], orders))
        sides.append(Side(peer_script, [PYTHON, os.path.join(ROOT, "bench", "peers", peer_script), inputs, *peer_options]))
        result = take_turns(*sides)
    finally:
        for side in sides:
            side.close()
        os.unlink(orders)
        os.unlink(inputs)
    result["asked"] = "median >= 0.98, upper quartile >= 1.0"
    result["holds"] = not result["void"] and holds_at_least(result["ratio"])
    return result
