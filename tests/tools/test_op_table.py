# SPDX-License-Identifier: Apache-2.0
"""docs/ops.md is what the op table says now. `python test_op_table.py --update` writes it anew."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PAGE = os.path.join(ROOT, "docs", "ops.md")
PROGRAM = os.environ.get("CORDATA_OP_TABLE", os.path.join(ROOT, "build", "release", "op_table"))


def printed(examples=os.path.join(HERE, "op_examples.mlir")):
    return subprocess.run([PROGRAM, examples], capture_output=True, text=True, timeout=60)


def test_page_is_up_to_date():
    now = printed()
    assert now.returncode == 0, now.stderr
    with open(PAGE, encoding="utf-8") as file:
        assert file.read() == now.stdout, "docs/ops.md is old: run python3 tests/tools/test_op_table.py --update"


def test_an_op_with_a_rule_needs_an_example(tmp_path):
    few = tmp_path / "few.mlir"
    few.write_text("func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {\n  return %x : tensor<2xf32>\n}\n")
    now = printed(str(few))
    assert now.returncode == 1 and "no example of stablehlo.dot_general" in now.stderr


if __name__ == "__main__" and sys.argv[1:] == ["--update"]:
    with open(PAGE, "w", encoding="utf-8") as page:
        page.write(printed().stdout)
