# SPDX-License-Identifier: Apache-2.0
"""Runs a train step directory on JAX's CPU client from its text alone: what stands in the files, nothing else."""
import functools
import json
import os

import jax
import numpy as np
from jax._src.interpreters import mlir as jax_mlir
from jax._src.lib import xla_client
from jaxlib.mlir import ir
from safetensors.numpy import load_file


def compile_text(text):
    """A StableHLO module as a function of a list of arrays."""
    client = jax.devices("cpu")[0].client
    with jax_mlir.make_ir_context():
        module = ir.Module.parse(text)
        devices = xla_client.DeviceList(tuple(client.local_devices()[:1]))
        executable = client.compile_and_load(module, devices, xla_client.CompileOptions())

    def run(arrays):
        args = [[jax.device_put(np.asarray(a))] for a in arrays]
        return [shards[0] for shards in executable.execute_sharded(
            [a[0] for a in args]).disassemble_into_single_device_arrays()]
    return run


class StepDirectory:
    """One training step by roles.json: grad for each microbatch in order, joined, then apply."""

    def __init__(self, directory):
        self.directory = directory
        with open(os.path.join(directory, "roles.json"), encoding="utf-8") as file:
            self.roles = json.load(file)
        self.initial = load_file(os.path.join(directory, "init.safetensors"))
        self.grads = {}
        grad_names = [p["name"] for p in self.roles["grad"]["args"] if p["role"] == "param"]
        self.params = {name: self.initial[f"params/{name}"] for name in grad_names}
        self.state = None

    def module(self, name):
        with open(os.path.join(self.directory, name), encoding="utf-8") as file:
            return compile_text(file.read())

    @functools.cached_property
    def apply(self):
        return self.module("apply.mlir")

    def grad(self, size):
        if size not in self.grads:
            self.grads[size] = self.module("grad.mlir" if size == self.roles["batch"] else f"grad.b{size}.mlir")
        return self.grads[size]

    def loss_and_grads(self, batch, size):
        """batch: arrays in the order of the batch inputs. Joins by mean."""
        names = [p["name"] for p in self.roles["grad"]["args"] if p["role"] == "param"]
        count = self.roles["batch"] // size
        total = None
        for m in range(count):
            part = [leaf[m * size:(m + 1) * size] for leaf in batch]
            out = [np.asarray(v) for v in self.grad(size)([self.params[n] for n in names] + part)]
            total = out if total is None else [a + b for a, b in zip(total, out)]
        results = {(p["role"], p["name"]): v / count for p, v in zip(self.roles["grad"]["results"], total)}
        return results[("loss", "loss")], {n: results[("grad", n)] for n in names}

    def step(self, batch, size=None):
        loss, grads = self.loss_and_grads(batch, size or self.roles["batch"])
        args = [self.value(p, grads) for p in self.roles["apply"]["args"]]
        state = {}
        for port, value in zip(self.roles["apply"]["results"], self.apply(args)):
            (self.params if port["role"] == "param" else state)[port["name"]] = np.asarray(value)
        self.state = state
        return float(loss)

    def value(self, port, grads):
        if port["role"] == "param":
            return self.params[port["name"]]
        if port["role"] == "grad":
            return grads[port["name"]].astype(self.params[port["name"]].dtype)
        if self.state is not None:
            return self.state[port["name"]]
        initial = self.initial.get(f"opt_states/{port['name']}")
        return initial if initial is not None else self.zeros(port)

    def zeros(self, port):
        """Left out of the file: zero. A moment is shaped as its parameter; the counter is a scalar."""
        for prefix in ("m.", "v.", "trace."):
            if port["name"].startswith(prefix):
                return np.zeros_like(self.params[port["name"][len(prefix):]])
        return np.zeros((), np.int32)
