# SPDX-License-Identifier: Apache-2.0
"""Launches ranks that end in every way there is: the status, the last line on stderr, and nobody left within 10 s."""
import contextlib
import fcntl
import glob
import os
import signal
import subprocess
import termios
import time

import pytest

WORKER = os.environ["CORDATA_LAUNCH_WORKER"]
LIMIT_S = 10


def processes(mark):
    """Processes of the run that carries this mark in its environment: the command, mpirun, the ranks."""
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                if f"MARK={mark}\0".encode() in file.read():
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return found


def left_folders():
    """Private folders that nobody alive names in its command line: those of other runs have their keeper."""
    words = b""
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            words += file.read()
    return {folder for folder in glob.glob("/dev/shm/cordata.*") if folder.encode() not in words}


class Run:
    all = []

    def __init__(self, ranks, how, who=0, **options):
        self.mark = f"{os.getpid()}-{time.monotonic_ns()}"
        self.folders = left_folders()
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_", "CORDATA_THREADS"))}
        environment |= {"MARK": self.mark} | options.pop("environment", {})
        self.process = subprocess.Popen([WORKER, str(ranks), how, str(who)], text=True, env=environment, start_new_session=True,
                                        **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options))
        Run.all.append(self.mark)

    def wait_until_ready(self):
        """Reads stderr until the rank that is to act says that it is ready."""
        assert self.process.stderr.readline() == "ready\n"

    def end(self):
        """(status, stdout, stderr); fails when anything of the run is left, or it took too long."""
        try:
            out, err = self.process.communicate(timeout=LIMIT_S + 20)
        finally:
            self.check_gone(time.monotonic())
        return self.process.returncode, out, err

    def check_gone(self, since):
        while processes(self.mark) and time.monotonic() < since + LIMIT_S:
            time.sleep(0.05)
        left = processes(self.mark)
        for process in left:
            os.kill(process, signal.SIGKILL)
        assert not left, "processes of the run are left"
        while left_folders() - self.folders and time.monotonic() < since + LIMIT_S:
            time.sleep(0.05)
        assert not left_folders() - self.folders, "the run's folder is left"


@pytest.fixture(autouse=True)
def nobody_outlives_a_test_that_failed():
    yield
    for process in (process for mark in Run.all for process in processes(mark)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    Run.all.clear()


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ends_well(ranks):
    status, out, err = Run(ranks, "ok").end()
    assert (status, out, err) == (0, "done\n", "also done\n")


@pytest.mark.parametrize("how, wanted, line", [
    ("environment", 3, "cordata: rank 1: [test] the link is down"),
    ("user", 2, "cordata: rank 1: [test] wanted this, got that"),
    ("infeasible", 4, "cordata: rank 1: [test] no plan fits"),
    ("exception", 1, "cordata: rank 1: first line\nsecond line"),
    ("early", 2, "cordata: rank 1: [test] before MPI starts"),
    ("handler", 3, "cordata: rank 1: said by a thread"),
    ("kill-at-work", 3, "cordata: rank 1, stage 0, step 3, RUN F2: killed by SIGKILL (by hand, or because the machine ran out of memory)"),
    ("memory-out", 3, "cordata: rank 1: out of memory"),
    ("terminate", 3, "cordata: rank 1: killed by SIGABRT"),
    ("segv", 3, "cordata: rank 1: killed by SIGSEGV"),
    ("overflow", 3, "cordata: rank 1: killed by SIGSEGV"),
    ("term", 3, "cordata: rank 1: killed by SIGTERM"),
    ("kill", 3, "cordata: rank 1: killed by SIGKILL (by hand, or because the machine ran out of memory)"),
    ("quit", 3, "cordata: rank 1: ended with status 7 without saying why"),
])
def test_a_rank_fails(how, wanted, line):
    begin = time.monotonic()
    status, out, err = Run(4, how, 1).end()
    assert status == wanted and out == ""
    assert err.endswith("\n" + line + "\n") or err == line + "\n", err
    assert "mpirun" not in err and "MPI_ABORT" not in err
    assert time.monotonic() - begin < LIMIT_S


@pytest.mark.parametrize("ranks, who", [(1, 0), (2, 0), (2, 1), (4, 3)])
def test_any_rank_may_be_killed(ranks, who):
    status, _, err = Run(ranks, "kill", who).end()
    assert status == 3 and err.splitlines()[-1].startswith(f"cordata: rank {who}: killed by SIGKILL"), err


def test_a_rank_killed_while_another_hangs_stopped():
    run = Run(2, "stop", 1)
    run.wait_until_ready()
    os.kill(rank_process(run, 0), signal.SIGKILL)
    status, _, err = run.end()
    assert status == 3 and err.splitlines()[-1].startswith("cordata: rank 0: killed by SIGKILL"), err


def rank_process(run, rank):
    for process in processes(run.mark):
        with open(f"/proc/{process}/environ", "rb") as file:
            if f"OMPI_COMM_WORLD_RANK={rank}\0".encode() in file.read():
                return process
    raise AssertionError(f"no rank {rank}")


def test_a_collective_that_passes_its_limit():
    status, _, err = Run(2, "limit", 1).end()
    assert status == 3 and "rank 0, stage 0, step 3, RUN B1: barrier did not end within 1 s" in err.splitlines()[-1], err


def test_a_status_without_an_exception():
    status, _, err = Run(2, "check").end()
    assert (status, err) == (5, "")


@pytest.mark.parametrize("number, wanted", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("how", ["hang", "stop"])
def test_the_command_is_told_to_end(number, wanted, how):
    run = Run(4, how, 2)
    run.wait_until_ready()
    begin = time.monotonic()
    run.process.send_signal(number)
    status, _, err = run.end()
    assert status == wanted and time.monotonic() - begin < 3, err
    assert err.splitlines()[-1] == {130: "cordata: interrupted", 143: "cordata: killed by SIGTERM"}[wanted]


def test_ctrl_c_on_a_terminal():
    run = Run(2, "hang", 1)
    run.wait_until_ready()
    os.killpg(run.process.pid, signal.SIGINT)  # a terminal sends it to the whole group
    status, _, err = run.end()
    assert (status, err) == (130, "cordata: interrupted\n")


def test_ctrl_c_typed_over_a_progress_bar():
    ours, theirs = os.openpty()
    run = Run(2, "bar", 1, stdin=theirs, stdout=theirs, stderr=theirs, environment={"TERM": "xterm"},
              preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(theirs)
    text = b""
    while b"50 %" not in text:
        text += os.read(ours, 1000)
    os.write(ours, b"\x03")
    status, _, _ = run.end()
    with contextlib.suppress(OSError):  # how a terminal says that nobody is at its other end
        while more := os.read(ours, 1000):
            text += more
    os.close(ours)
    assert status == 130 and text.endswith(b"\r\x1b[Kcordata: interrupted\r\n"), text


@pytest.mark.parametrize("how", ["hang", "stop"])
def test_the_command_is_killed(how):
    run = Run(4, how, 1)
    run.wait_until_ready()
    run.process.kill()
    run.process.wait()
    run.check_gone(time.monotonic())


def test_mpirun_is_killed():
    run = Run(2, "hang", 1)
    run.wait_until_ready()
    mpirun = [p for p in processes(run.mark) if os.path.basename(os.readlink(f"/proc/{p}/exe")) in ("orterun", "mpirun", "prterun")]
    os.kill(mpirun[0], signal.SIGKILL)
    status, _, err = run.end()
    assert status == 3, err


@pytest.mark.parametrize("how, words", [
    ("no-mpirun", "wanted to start no-such-mpirun, got: No such file or directory"),
    ("bad-mpirun", "wanted 2 ranks, 0 started (mpirun's status: 1)"),
    ("loader", "wanted 2 ranks, 1 started"),
])
def test_ranks_that_can_not_start(how, words):
    status, _, err = Run(2, how, 1).end()
    assert status == 3 and words in err, err


def test_threads_are_the_cores_by_the_ranks():
    cores = len(os.sched_getaffinity(0))
    _, out, _ = Run(2, "threads").end()
    assert out.splitlines()[0] == f"threads {max(1, cores // 2)}"
    _, out, _ = Run(2, "threads", environment={"CORDATA_THREADS": "3"}).end()
    assert out.splitlines()[0] == "threads 3"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small /dev/shm")
@pytest.mark.parametrize("options", ["size=1m", "ro"])
def test_little_shared_memory(options):
    script = f"mount -t tmpfs -o {options} tmpfs /dev/shm && exec {WORKER} 4 ok"
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=60)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("wants the right to mount: " + done.stderr)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "also done\n")


def test_freed_memory_is_kept():
    _, out, _ = Run(1, "memory").end()
    word, main, thread = out.splitlines()[0].split()
    # 10 rounds over 164 MB are 420,000 faults when memory is given back each time.
    assert word == "faults" and int(main) < 1000 and int(thread) < 1000, out


def test_every_rank_knows_its_place():
    _, out, _ = Run(2, "place").end()
    assert sorted(out.splitlines()) == ["done", "rank 0 of 2, 0 of 2 here", "rank 1 of 2, 1 of 2 here"]


MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2", WORKER, "2"]


def test_under_a_users_own_mpirun():
    done = subprocess.run(MPIRUN + ["ok"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "done\n")
    done = subprocess.run(MPIRUN + ["user", "1"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "cordata: rank 1: [test] wanted this, got that" in done.stderr


def test_threads_of_a_rank_that_is_bound():
    each = len(os.sched_getaffinity(0)) // 2  # from 2 on, sharing them once more would show
    bound = ["mpirun", "--map-by", f"slot:PE={each}", "-n", "2", WORKER, "2", "threads"]
    done = subprocess.run(bound, capture_output=True, text=True, timeout=60)
    if each == 0 or done.returncode != 0:
        pytest.skip("wants a core for each of two ranks: " + done.stderr)
    assert done.stdout.splitlines()[0] == f"threads {each}"


def test_ranks_are_bound_to_the_cpus_they_are_given():
    cpus = sorted(os.sched_getaffinity(0))
    one, other = cpus[0], cpus[-1]
    status, out, _ = Run(3, "cpus", environment={"CORDATA_TEST_CPUS": f"{other},{one},{one}"}).end()
    assert status == 0 and sorted(out.splitlines()) == ["done", *(f"rank {r}, 1 threads, CPUs {c}" for r, c in enumerate([other, one, one]))]


@pytest.mark.parametrize("bound", [(0, 1), (0, 0), (1, 1)])
def test_cores_of_ranks_that_are_bound(bound):
    """Together they have the union of their cores."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("wants two cores")
    command = ["mpirun", "--oversubscribe", "--bind-to", "none"]
    for rank, core in enumerate(bound):
        command += [":"] * (rank > 0) + ["-n", "1", "taskset", "-c", str(cores[core]), WORKER, "2", "cores"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    told = [line for line in done.stdout.splitlines() if line.startswith("cores")]
    assert done.returncode == 0 and told == [f"cores {len(set(bound))}"] * 2
