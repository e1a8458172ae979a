# SPDX-License-Identifier: Apache-2.0
"""Reads what tests/tools/pmpi_count.c counted: the bytes that really passed, by the kinds of a plan's bill."""
import collections
import glob
import json
import os

# Which of a bill's kinds a call is. Isend is a permute, but for those on the communicator of messages between stages.
KINDS = {"MPI_Allreduce": "all-reduce", "MPI_Reduce_scatter": "reduce-scatter", "MPI_Allgather": "all-gather",
         "MPI_Alltoall": "all-to-all", "MPI_Isend": "permute"}
IGNORED = {"MPI_Irecv", "MPI_Barrier"}  # the other end of a send; no bytes


def library():
    """The preloaded counter, or None where it isn't built."""
    path = os.environ.get("CORDATA_PMPI_COUNT", "")
    return path if os.path.exists(path) else None


def environment(prefix):
    """What a run needs to leave its counts at prefix.<rank>. mpirun hands it to ranks of the same host."""
    return {"LD_PRELOAD": library(), "CORDATA_PMPI_OUT": str(prefix)}


def read(prefix):
    """By rank: its lines."""
    ranks = {}
    for path in glob.glob(glob.escape(str(prefix)) + ".*"):
        with open(path, encoding="utf-8") as file:
            count = json.load(file)
        ranks[count["rank"]] = count["lines"]
    return ranks


def kind(line):
    if line["comm"] == "messages" and line["call"] == "MPI_Isend":
        return "send"
    return KINDS.get(line["call"], line["call"])


def totals(ranks):
    """(kind, bytes a call, ranks of the communicator) -> calls, all ranks together."""
    counts = collections.Counter()
    for lines in ranks.values():
        for line in lines:
            if line["call"] not in IGNORED:
                counts[kind(line), line["bytes"], tuple(line["ranks"])] += line["count"]
    return counts


def bytes_by_kind(ranks):
    """kind -> bytes handed to MPI, all ranks together."""
    total = collections.Counter()
    for (what, size, _), count in totals(ranks).items():
        total[what] += size * count
    return total
