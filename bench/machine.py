# SPDX-License-Identifier: Apache-2.0
"""Where and from what a figure was made."""
import datetime
import os
import platform
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def first(pattern, path, default=""):
    try:
        with open(path, encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.M)
    except OSError:
        return default
    return found.group(1) if found else default


def commit():
    def git(*words):
        return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True).stdout.strip()
    changed = git("status", "--porcelain", "--untracked-files=no")
    return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")


def describe():
    return {"machine": {"cpu": first(r"^model name\s*: (.*)$", "/proc/cpuinfo", platform.processor()),
                        "cores": len(os.sched_getaffinity(0)),
                        "memory_bytes": int(first(r"^MemTotal:\s*(\d+)", "/proc/meminfo", "0")) * 1024,
                        "kernel": platform.release(), "load_before": os.getloadavg()[0]},
            "commit": commit(), "date": datetime.date.today().isoformat()}
