# SPDX-License-Identifier: Apache-2.0
"""The rows of gpt.json: what they say, and how they are planned here."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import harness  # noqa: E402

ROWS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gpt.json")
HOST = 8  # devices of a p3.16xlarge
LIMIT = 600  # seconds for one command


def spec(model):
    """The artifact's GPT: f16, norms after the sums, no mask, the embedding as a matrix product (algorithms.md of its description)."""
    return "gpt:" + ",".join(f"{k}={v}" for k, v in model.items()) + ",dtype=f16,norm=post,causal=0,onehot=1"


def flops(model):
    """The artifact's formula, recomputation included."""
    b, s, h, n, v = (model[k] for k in ("batch", "seq", "hidden", "layers", "vocab"))
    return 96 * b * s * h * h * n * (1 + s / (6 * h)) + 6 * b * s * h * v


def published_seconds(row):
    if "step_s" in row:
        return row["step_s"]
    return flops(row["model"]) / (row["tflops_per_gpu"] * 1e12 * row["gpus"]) if "tflops_per_gpu" in row else None


def cordata(*arguments):
    done = subprocess.run([os.environ.get("CORDATA_BIN", harness.CORDATA), *arguments, "--json"], capture_output=True, text=True, timeout=LIMIT, cwd=harness.ROOT)
    if done.returncode not in (0, 4):
        raise harness.Failed(f"cordata {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-500:]}")
    return json.loads(done.stdout) if done.returncode == 0 else None  # 4: it doesn't fit


def cluster(gpus, folder):
    """The preset with so many GPUs: whole hosts, or the first of one."""
    if gpus >= HOST:
        return f"p3.16xlarge:{gpus // HOST}"
    path = os.path.join(folder, f"{gpus}.json")
    if not os.path.exists(path):
        cordata("cluster", "show", "p3.16xlarge:1", "-o", path)
        with open(path) as file:
            whole = json.load(file)
        whole["devices_per_host"] = gpus
        links = [link for link in whole["intra"].pop("links") if max(link["devices"]) < gpus]
        whole["intra"].update({"links": links} if links else {"topology": "uniform"})
        with open(path, "w") as file:
            json.dump(whole, file)
    return path


def fixes(stages, layers):
    """Stages as --fix has them: shares of the FLOPs end at the nearest layer, each stage with one at least."""
    total, ends, sums = sum(layers), [], []
    for f in layers:
        sums.append((sums[-1] if sums else 0) + f)
    share = 0
    for k, (part, *_) in enumerate(stages):
        share += part
        first, left = (ends[-1] if ends else 0) + 1, len(stages) - k - 1
        ends.append(len(layers) if left == 0 else min(range(first, len(layers) - left + 1), key=lambda e: abs(sums[e - 1] - share * total)))
    words, layer, device = [], 0, 0
    for (_, devices, mesh, sharding), end in zip(stages, ends):
        words += [f"stage={layer}-{end - 1}", f"devices={device}-{device + devices - 1}", f"mesh={mesh}", f"sharding={sharding}"]
        layer, device = end, device + devices
    return words


def load():
    with open(ROWS) as file:
        return json.load(file)["rows"]


def layers_of(model, at):
    """FLOPs by layer, as plans for this cluster count them."""
    return [of["forward_flops"] for of in cordata("inspect", model, "--cluster", at)["layers"]]


def fixed(plan, layers):
    """What `cordata plan` is told of a row's plan; nothing where there are more stages than layers."""
    if len(plan["stages"]) > len(layers):
        return None
    return ["--remat", "layer", "--microbatches", str(plan["microbatches"]), "--fix", *fixes(plan["stages"], layers)]
