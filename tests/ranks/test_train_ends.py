# SPDX-License-Identifier: Apache-2.0
"""How a real `cordata train` ends when it can't go on: statuses, the first cause as the last line, and nobody left after ten seconds."""
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import struct
import subprocess
import time

import pytest

BIN = os.environ["CORDATA_BIN"]
MLP = "mlp:layers=2,in=16,hidden=16,out=8"
LONG = ["--steps", "1000000"]


def start(*words, **more):
    return subprocess.Popen([BIN, "train", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **more)


def processes(mark):
    """pid -> its rank (None for the command and mpirun) of every process with this word in its command line."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if mark in (entry / "cmdline").read_bytes().decode(errors="replace") and (entry / "stat").read_text().split()[2] != "Z":
                rank = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", (entry / "environ").read_bytes())
                found[int(entry.name)] = int(rank.group(1)) if rank else None
    return found


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while not (got := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return got


def ended(run, mark, seconds=10):
    """(status, lines of stderr) of a run that ends within that time and leaves no process."""
    out, err = run.communicate(timeout=seconds)
    until(lambda: not processes(mark), 2)
    return run.returncode, err.splitlines(), out


@pytest.fixture
def training(tmp_path):
    """Starts a run and waits until it has done some steps: (run, its metrics file, which marks its processes, pid by rank)."""
    runs = []

    def begin(*words):
        metrics = tmp_path / "metrics.jsonl"
        run = start(*words, "--metrics", metrics)
        runs.append(run)
        until(lambda: run.poll() is not None or metrics.exists() and metrics.read_text().count("\n") >= 3)
        assert run.poll() is None, run.stderr.read()
        by_rank = {rank: pid for pid, rank in processes(str(metrics)).items() if rank is not None}
        return run, metrics, by_rank

    yield begin
    for run in runs:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()


@pytest.mark.parametrize("planner, ranks, victim, stage", [("data", 3, 1, 0), ("pipeline:stages=2,data=1", 2, 1, 1), ("pipeline:stages=2,data=1", 2, 0, 0)])
def test_a_rank_that_is_killed(training, planner, ranks, victim, stage):
    run, metrics, by_rank = training(f"{MLP},batch=12", "-n", ranks, "--planner", planner, *LONG)
    assert sorted(by_rank) == list(range(ranks))
    os.kill(by_rank[victim], signal.SIGKILL)
    status, lines, _ = ended(run, str(metrics))
    assert status == 3, lines
    # Between two steps a rank is at no instruction.
    assert re.match(rf"cordata: rank {victim}(, stage {stage}, step \d+, [A-Z]+ \S+.*)?: .*SIGKILL", lines[-1]), lines
    for line in metrics.read_text().splitlines():
        json.loads(line)  # no half line


def test_a_rank_that_stops(training):
    run, metrics, by_rank = training(MLP, "-n", "2", "--planner", "data", "--time-limit", "3", *LONG)
    os.kill(by_rank[1], signal.SIGSTOP)
    status, lines, _ = ended(run, str(metrics), 13)
    assert status == 3
    assert re.match(r"cordata: rank 0, stage 0, step \d+, [A-Z]+ \S+.*within 3 s", lines[-1]), lines


@pytest.mark.parametrize("which, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_is_interrupted(training, which, status):
    run, metrics, _ = training(MLP, "-n", "2", "--planner", "data", *LONG)
    begin = time.monotonic()
    os.killpg(run.pid, which)
    got, lines, _ = ended(run, str(metrics))
    assert got == status and lines[-1].startswith("cordata: ")
    assert which != signal.SIGINT or lines[-1] == "cordata: interrupted"
    assert time.monotonic() - begin < 5


def test_the_command_is_killed(training):
    run, metrics, _ = training(MLP, "-n", "2", "--planner", "data", *LONG)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    until(lambda: not processes(str(metrics)), 10)


def test_nobody_reads_what_it_prints(tmp_path):
    """As in `cordata train ... | head -1`."""
    mark = tmp_path / "metrics.jsonl"
    run = start(MLP, "-n", "2", "--planner", "data", *LONG, "--metrics", mark)
    assert MLP in run.stdout.readline()
    run.stdout.close()
    err = run.stderr.read()
    assert run.wait(timeout=60) in (-signal.SIGPIPE, 128 + signal.SIGPIPE) and err == ""
    until(lambda: not processes(str(mark)), 10)


def test_a_loss_that_is_no_number(tmp_path):
    model = f"{MLP},optimizer=sgd,lr=1000"
    run = start(model, "-n", "2", "--planner", "data", "--steps", "60", "--metrics", tmp_path / "stop")
    status, lines, _ = ended(run, str(tmp_path), 60)
    assert status == 3
    step = int(re.match(r"cordata: rank 0: .*the loss of step (\d+) is (?:inf|-?nan): .*--on-nan go", lines[-1]).group(1))
    written = [json.loads(line) for line in (tmp_path / "stop").read_text().splitlines()]
    assert [line["step"] for line in written] == list(range(step + 1))
    run = start(model, "-n", "2", "--planner", "data", "--steps", "60", "--on-nan", "go", "--metrics", tmp_path / "go")
    status, _, _ = ended(run, str(tmp_path), 60)
    assert status == 0
    assert len((tmp_path / "go").read_text().splitlines()) == 60


@pytest.mark.parametrize("flag", ["--metrics", "--trace"])
def test_a_full_disk(flag):
    run = start(MLP, "-n", "2", "--planner", "data", "--steps", "3", flag, "/dev/full")
    out, err = run.communicate(timeout=60)
    assert run.returncode == 3
    assert re.match(r"cordata: rank 0: .*can't write /dev/full: .*[Nn]o space left", err.splitlines()[-1]), err


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], stderr=subprocess.DEVNULL, check=False).returncode == 0
    if not mounted:
        pytest.skip("mounting a file system takes root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_without_room_for_the_checkpoint(small_disk):
    """Seen before anything is trained."""
    run = start("mlp:layers=2,in=256,hidden=256,out=8", "-n", "2", "--planner", "data", "--steps", "3", "--checkpoint", small_disk)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 3 and "step " not in out
    assert "wanted room for" in err and str(small_disk) in err.splitlines()[-1]
    assert not list(small_disk.iterdir())


def test_a_disk_that_fills_up_before_the_checkpoint(small_disk, tmp_path):
    """What was saved there before stays."""
    words = ["mlp:layers=2,in=64,hidden=64,out=8", "-n", "2", "--planner", "data", "--checkpoint", small_disk]
    run = start(*words, "--steps", "1")
    run.communicate(timeout=60)
    assert run.returncode == 0
    before = {path.name: path.read_bytes() for path in small_disk.iterdir()}
    metrics = tmp_path / "metrics.jsonl"
    run = start(*words, "--steps", "300", "--metrics", metrics)
    until(lambda: run.poll() is not None or metrics.exists() and metrics.read_text())
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
        while file.write(b"x" * 4096) == 4096:
            pass
    out, err = run.communicate(timeout=60)
    assert run.returncode == 3, err
    assert re.match(r"cordata: rank 0: .*can't write .*No space left", err.splitlines()[-1]), err
    filler.unlink()
    assert {path.name: path.read_bytes() for path in small_disk.iterdir()} == before


def test_out_of_memory():
    """Ranks that may not have the memory that the model takes."""
    limit = 6 << 30
    run = start("mlp:layers=2,in=30000,hidden=30000,out=8", "-n", "1", "--planner", "single", "--steps", "1", "--memory-limit", "1TiB",
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    out, err = run.communicate(timeout=120)
    assert run.returncode == 3, err
    assert re.match(r"cordata: rank 0, stage 0, setup, fill \S+: out of memory", err.splitlines()[-1]), err


@pytest.fixture
def uncompilable(tmp_path):
    """A train step whose grad module calls what no plugin has."""
    (tmp_path / "grad.mlir").write_text("""
func.func @main(%w: tensor<4xf32>, %x: tensor<8x4xf32>) -> (tensor<f32>, tensor<4xf32>) {
  %v = stablehlo.custom_call @no_such_call(%w) : (tensor<4xf32>) -> tensor<4xf32>
  %0 = stablehlo.dot_general %x, %v, contracting_dims = [1] x [0] : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8xf32>
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %loss = stablehlo.reduce(%0 init: %zero) applies stablehlo.add across dimensions = [0] : (tensor<8xf32>, tensor<f32>) -> tensor<f32>
  return %loss, %v : tensor<f32>, tensor<4xf32>
}""")
    (tmp_path / "apply.mlir").write_text("""
func.func @main(%w: tensor<4xf32>, %g: tensor<4xf32>) -> tensor<4xf32> {
  %0 = stablehlo.subtract %w, %g : tensor<4xf32>
  return %0 : tensor<4xf32>
}""")
    def port(role, name, **more):
        return {"role": role, "index": 0, "name": name, **more}
    (tmp_path / "roles.json").write_text(json.dumps({
        "format": "cordata.step/1", "name": "odd", "batch": 8, "join": "sum", "microbatch_sizes": [8],
        "grad": {"args": [port("param", "w"), port("batch", "x", batch_dim=0)], "results": [port("loss", "loss"), port("grad", "w")]},
        "apply": {"args": [port("param", "w"), port("grad", "w")], "results": [port("param", "w")]},
        "unit": "samples", "units_per_sample": 1, "data": {"kind": "vectors", "vocabulary": [0]}}))
    header = json.dumps({"params/w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    (tmp_path / "init.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    return tmp_path


def test_a_module_that_does_not_compile(uncompilable):
    run = start(uncompilable, "-n", "2", "--planner", "auto", "--steps", "1")
    out, err = run.communicate(timeout=60)
    assert run.returncode == 3, err
    assert re.match(r"cordata: rank [01], stage 0, compile step: .*no_such_call", err.splitlines()[-1]), err


def test_mpirun_is_killed(training):
    run, metrics, _ = training(MLP, "-n", "2", "--planner", "data", *LONG)
    name = os.path.basename(shutil.which("mpirun"))
    mpirun = [pid for pid, rank in processes(str(metrics)).items() if rank is None and pid != run.pid and
              name in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[0]]
    assert len(mpirun) == 1
    os.kill(mpirun[0], signal.SIGKILL)
    status, lines, _ = ended(run, str(metrics))
    assert status == 3 and lines[-1].startswith("cordata: "), lines
