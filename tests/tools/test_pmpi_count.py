# SPDX-License-Identifier: Apache-2.0
"""The counter of MPI traffic counts traffic that is known."""
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
import pmpi  # noqa: E402

RANKS = 4


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    if not pmpi.library():
        pytest.skip("no PMPI counter: run through ctest, built with MPI")
    prefix = tmp_path_factory.mktemp("pmpi") / "count"
    command = [os.environ["CORDATA_MPIEXEC"], "--oversubscribe", "--bind-to", "none", "-n", str(RANKS),
               os.environ["CORDATA_PMPI_TRAFFIC"]]
    done = subprocess.run(command, env={**os.environ, **pmpi.environment(prefix)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return pmpi.read(prefix)


def test_every_rank_leaves_its_counts(counted):
    assert sorted(counted) == list(range(RANKS))


def test_calls_and_bytes_are_those_that_were_made(counted):
    everyone, pair = tuple(range(RANKS)), (0, 1)
    calls = {key: n for key, n in pmpi.totals(counted).items() if key[0] != "MPI_Bcast"}
    assert calls == {
        ("all-reduce", 10 * 4, everyone): 3 * RANKS,
        ("all-reduce", 5 * 8, pair): 2,
        ("reduce-scatter", RANKS * 4 * 4, everyone): RANKS,
        ("all-gather", 12, everyone): RANKS,
        ("all-to-all", RANKS * 8, everyone): RANKS,
        ("permute", 20, everyone): RANKS,
        ("send", 28, everyone): RANKS,
    }


def test_a_broadcast_counts_where_it_starts(counted):
    sizes = {rank: [line["bytes"] for line in lines if line["call"] == "MPI_Bcast"] for rank, lines in counted.items()}
    assert sizes == {0: [36], 1: [0], 2: [0], 3: [0]}


def test_sums_by_kind(counted):
    assert pmpi.bytes_by_kind(counted)["all-reduce"] == 3 * RANKS * 40 + 2 * 40
