#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The loss of a table of byte pairs, in nats a byte: how well the last 5 % of a file is guessed, each byte from the one
before, by counts over the first 95 %. What a model that learnt anything must beat.

    tools/byte_pair_loss.py FILE
"""
import collections
import math
import sys

SMOOTHING = 0.1  # added to each count, so that unseen pairs have a chance


def split(text):
    """(trained on, held out), as `cordata train --data` and `cordata eval` split a file."""
    cut = len(text) - len(text) // 20
    return text[:cut], text[cut:]


def loss(text):
    known, held_out = split(text)
    pairs, firsts = collections.Counter(zip(known, known[1:])), collections.Counter(known[:-1])
    total = sum(count * -math.log((pairs[a, b] + SMOOTHING) / (firsts[a] + 256 * SMOOTHING))
                for (a, b), count in collections.Counter(zip(held_out, held_out[1:])).items())
    return total / (len(held_out) - 1)


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        print(f"{loss(file.read()):.4f}")
