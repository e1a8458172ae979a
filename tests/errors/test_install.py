# SPDX-License-Identifier: Apache-2.0
"""`cordata test-install`: what a newcomer runs first."""
from command import cordata, fails


def test_both_checks_hold():
    got = cordata("test-install", "--json", timeout=280)
    assert got.status == 0, got.err
    checks = got.json()["checks"]
    assert got.json()["passed"] == 2
    assert [c["name"] for c in checks] == ["intra-op", "pipelined"]
    for check in checks:
        assert len(check["losses"]) == 3 and check["difference"] <= 1e-5
        assert check["losses"][-1] < check["losses"][0]  # it trains


def test_a_file_that_is_no_plugin():
    fails(2, __file__, "PJRT plugin", args=["test-install", "--plugin", __file__])
