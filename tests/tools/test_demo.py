# SPDX-License-Identifier: Apache-2.0
"""The demo's own parts: the byte-pair table and the text."""
import importlib.machinery
import importlib.util
import math
import os
import sys

import pytest

TOOLS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "tools")
sys.path.insert(0, TOOLS)
import byte_pair_loss  # noqa: E402


def load_demo():
    loader = importlib.machinery.SourceFileLoader("demo", os.path.join(TOOLS, "demo"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("demo", loader))
    loader.exec_module(module)
    return module


def test_byte_pairs_of_a_short_text():
    """Forty bytes: b follows a 19 times in the known part, and once in the held-out one."""
    text = b"ab" * 20
    known, held_out = byte_pair_loss.split(text)
    assert (len(known), held_out) == (38, b"ab")
    assert byte_pair_loss.loss(text) == pytest.approx(-math.log(19.1 / (19 + 25.6)))


def test_held_out_part_doesnt_count_as_known():
    text = b"ab" * 19 + b"zz"
    assert byte_pair_loss.loss(text) == pytest.approx(math.log(256))


def test_text_is_cut_to_the_known_bytes(tmp_path, monkeypatch):
    demo = load_demo()
    monkeypatch.setattr(demo, "CACHE", str(tmp_path))
    try:
        path = demo.bible()
    except SystemExit:
        pytest.skip("no bible-kjv: tools/setup demo installs it")
    assert os.path.getsize(path) == 4_137_850
    with open(path, "rb") as file:
        text = file.read()
    assert text.startswith(b"In the beginning God created the heaven and the earth.\n")
    assert round(byte_pair_loss.loss(text), 2) == 2.30
    assert demo.bible() == path


def test_another_text_is_refused(tmp_path, monkeypatch):
    demo = load_demo()
    monkeypatch.setattr(demo, "CACHE", str(tmp_path))
    reader = tmp_path / "bible"
    reader.write_text("#!/bin/sh\necho 'Ge1:1 In the beginning.'\n")
    reader.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SystemExit) as refused:
        demo.bible()
    assert refused.value.code == 2 and not os.path.exists(tmp_path / "demo")
