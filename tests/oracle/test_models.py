# SPDX-License-Identifier: Apache-2.0
"""The zoo against its JAX twins: the exported modules and the twin start from the same values and see the same batches."""
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

sys.path.insert(0, os.path.dirname(__file__))
import twins  # noqa: E402
from run_step import StepDirectory  # noqa: E402

TOOL = os.path.join(os.path.dirname(os.environ["CORDATA_BIN"]), "export_model")
MLP = "mlp:layers=3,in=12,hidden=24,out=6,batch=8"
GPT = "gpt:layers=2,hidden=32,heads=4,seq=16,vocab=64,batch=4"
ONE_BLOCK = "gpt:layers=1,hidden=32,heads=4,seq=16,batch=4"
UNTIED = ONE_BLOCK + ",vocab=64,tied=0"
POST_NORM = "gpt:layers=2,hidden=32,heads=4,seq=16,batch=4,norm=post,causal=0,onehot=1,vocab=3000,widen=8"


def zero_gradient(name):
    """A bias added to every key shifts each row of scores evenly, which softmax doesn't see: its true gradient is zero, and
    what rounding leaves of it says nothing. Under AdamW that noise is scaled up to full steps."""
    return name.endswith("attn.k.b")


class Zoo:
    """One model: its exported step, the twin's loss, and batches."""

    def __init__(self, spec, tmp_path, seed=5):
        subprocess.run([TOOL, spec, str(tmp_path), str(seed)], check=True, timeout=60)
        self.step = StepDirectory(str(tmp_path))
        self.kind, _, rest = spec.partition(":")
        self.config = dict(pair.split("=") for pair in rest.split(","))
        self.dtype = np.float64 if self.config.get("dtype") == "f64" else np.float32

    def number(self, key):
        return int(self.config[key])

    def loss(self, params, batch):
        if self.kind == "mlp":
            return twins.mlp_loss(params, batch, layers=self.number("layers"))
        return twins.gpt_loss(params, batch, layers=self.number("layers"), tied=self.config.get("tied", "1") != "0",
                              norm=self.config.get("norm", "pre"), causal=self.config.get("causal", "1") != "0")

    def batch(self, step):
        draw = np.random.default_rng([11, step])
        n = self.number("batch")
        if self.kind == "mlp":
            x = draw.normal(size=(n, self.number("in")))
            return {"x": x.astype(self.dtype), "y": np.tanh(x[:, :self.number("out")] * 2).astype(self.dtype)}
        # Each token follows from the one before in one of two ways: there is something to learn.
        tokens = np.zeros((n, self.number("seq") + 1), np.int32)
        tokens[:, 0] = draw.integers(self.number("vocab"), size=n)
        for i in range(1, tokens.shape[1]):
            tokens[:, i] = (tokens[:, i - 1] * 5 + draw.integers(2, size=n)) % self.number("vocab")
        return {"tokens": tokens}

    def leaves(self, batch):
        return [batch[p["name"]] for p in self.step.roles["grad"]["args"] if p["role"] == "batch"]


def far_from_start(params):
    """The same shapes with every tensor away from zeros and ones, where a wrong gradient could hide."""
    draw = np.random.default_rng(3)
    return {name: v + 0.1 * draw.normal(size=v.shape).astype(v.dtype) for name, v in params.items()}


@pytest.mark.parametrize("spec", [MLP, GPT, UNTIED, ONE_BLOCK + ",vocab=3000", POST_NORM])
def test_gradients_of_one_step_in_f64(spec, tmp_path):
    with jax.enable_x64(True):
        zoo = Zoo(spec + ",dtype=f64", tmp_path)
        twin, initial = jax.jit(jax.value_and_grad(zoo.loss)), zoo.step.params
        for zoo.step.params in (initial, far_from_start(initial)):
            batch = zoo.batch(0)
            loss, grads = zoo.step.loss_and_grads(zoo.leaves(batch), zoo.number("batch"))
            value, wanted = twin(zoo.step.params, batch)
            np.testing.assert_allclose(loss, value, rtol=1e-12)
            assert sorted(grads) == sorted(wanted)
            total = np.sqrt(sum(np.sum(np.square(g)) for g in wanted.values()))
            for name, mine in grads.items():
                theirs = np.asarray(wanted[name])
                assert mine.dtype == np.float64 and mine.shape == theirs.shape
                allowed = 1e-14 * total if zero_gradient(name) else 1e-9 * np.linalg.norm(theirs)
                assert np.linalg.norm(mine - theirs) <= allowed, name
                assert zero_gradient(name) == (np.linalg.norm(theirs) <= 1e-14 * total), name


MOMENTUM = {"optimizer": "momentum", "lr": 0.05, "momentum": 0.9}
ADAMW = {"optimizer": "adamw", "lr": 2e-3, "clip": 1.0, "warmup": 5, "decay_steps": 18, "lr_end": 0.1, "weight_decay": 0.1}


def rule_of(options):
    options = dict(options)
    return twins.optimizer(options.pop("optimizer"), **options)


@pytest.mark.parametrize("options,params_limit", [(MOMENTUM, 1e-5), (ADAMW, 1e-3)], ids=["momentum", "adamw"])
@pytest.mark.parametrize("spec", [MLP, GPT, UNTIED])
def test_twenty_steps(spec, options, params_limit, tmp_path):
    zoo = Zoo(",".join([spec] + [f"{k}={v}" for k, v in options.items()]), tmp_path)
    rule = rule_of(options)
    params = dict(zoo.step.params)
    state, step = rule.init(params), jax.jit(twins.step_fn(zoo.loss, rule))
    ours, theirs = [], []
    for s in range(20):
        batch = zoo.batch(s)
        params, state, loss = step(params, state, batch)
        theirs.append(float(loss))
        ours.append(zoo.step.step(zoo.leaves(batch)))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert theirs[-1] < theirs[0]
    for name, mine in zoo.step.params.items():
        if zero_gradient(name):
            continue
        twin = np.asarray(params[name])
        assert np.linalg.norm(mine - twin) <= params_limit * np.linalg.norm(twin), name


def test_microbatches_of_the_zoo_join_to_the_whole(tmp_path):
    whole, parts = Zoo(GPT, tmp_path / "a"), Zoo(GPT, tmp_path / "b")
    for s in range(3):
        leaves = whole.leaves(whole.batch(s))
        np.testing.assert_allclose(parts.step.step(leaves, 2), whole.step.step(leaves), rtol=1e-5)


def test_initial_values_depend_on_seed_and_name_alone(tmp_path):
    small, deep = Zoo(GPT, tmp_path / "a"), Zoo(GPT.replace("layers=2", "layers=3"), tmp_path / "b")
    other = Zoo(GPT, tmp_path / "c", seed=6)
    name = "blocks.1.attn.q.w"
    np.testing.assert_array_equal(small.step.params[name], deep.step.params[name])
    assert not np.array_equal(small.step.params[name], other.step.params[name])
    assert not np.array_equal(small.step.params[name], small.step.params["blocks.0.attn.q.w"])
    assert abs(small.step.params["wte"].std() / 0.02 - 1) < 0.1


def test_bf16_computes_near_f32(tmp_path):
    wide, short = Zoo(GPT, tmp_path / "a"), Zoo(GPT + ",dtype=bf16", tmp_path / "b")
    batch = wide.leaves(wide.batch(0))
    loss, grads = wide.step.loss_and_grads(batch, 4)
    short_loss, short_grads = short.step.loss_and_grads(batch, 4)
    assert abs(short_loss - loss) < 0.02 * loss
    for name, grad in grads.items():
        assert short_grads[name].dtype == np.float32
        if not zero_gradient(name):
            assert np.linalg.norm(short_grads[name] - grad) < 0.05 * np.linalg.norm(grad), name
