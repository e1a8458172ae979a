# SPDX-License-Identifier: Apache-2.0
"""Results as lines, and as the tables in docs/results/bench.md and README.md."""
import glob
import json
import os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEAD = """# Benchmarks

Made by `bench/run --write`; do not edit. A ratio is made in one run, the two sides taking turns
(`bench/harness.py`), and counts only if both had the same losses. Asked: what `bench/run` checks.

| benchmark | ratio | median | quartiles | asked | holds |
| --- | --- | --- | --- | --- | --- |
"""
BEGIN, END = "<!-- made by bench/run --write -->\n", "<!-- end of what bench/run made -->\n"


def verdict(result):
    return "void" if result["void"] else "yes" if result["holds"] else "no"


def spread(result):
    return f"{result['ratio']['lower_quartile']:.3f} to {result['ratio']['upper_quartile']:.3f}"


def line(result):
    return (f"{result['bench']}: {result['meaning']}: {result['ratio']['median']:.3f} ({spread(result)}); asked {result['asked']}: "
            f"{verdict(result)}")


def render(results):
    rows = [f"| {r['bench']} | {r['meaning']} | {r['ratio']['median']:.3f} | {spread(r)} | {r['asked']} | {verdict(r)} |"
            for r in results]
    where = sorted({f"{r['machine']['cpu']}, {r['machine']['cores']} cores, commit {r['commit']}, {r['date']}" for r in results})
    return HEAD + "\n".join(rows) + "\n\n" + "\n".join(f"* {w}" for w in where) + "\n"


def renewed(page, results):
    """A page with its table, between two marks, made anew."""
    before, rest = page.split(BEGIN)
    rows = "".join(f"| {r['bench']} | {r['meaning']} | {r['ratio']['median']:.2f} | {r['asked']} |\n" for r in results)
    return before + BEGIN + "| benchmark | ratio | median | asked |\n| --- | --- | --- | --- |\n" + rows + END + rest.split(END)[1]


def write(folder):
    """Renews the tables from the results in a folder; quick ones are no figures, void ones none for README. Gives the path."""
    results = []
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path, encoding="utf-8") as file:
            results.append(json.load(file))
    results = [r for r in results if not r["quick"]]
    path = os.path.join(ROOT, "docs", "results", "bench.md")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(render(results))
    readme = os.path.join(ROOT, "README.md")
    with open(readme, encoding="utf-8") as file:
        page = renewed(file.read(), [r for r in results if not r["void"]])
    with open(readme, "w", encoding="utf-8") as file:
        file.write(page)
    return os.path.relpath(path, ROOT)
