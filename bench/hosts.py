# SPDX-License-Identifier: Apache-2.0
"""Network namespaces of this machine as hosts, each with a link of a given rate (tc tbf) to one bridge: a cluster to run on
whose bandwidth is known. Needs root and iproute2. They are removed however the program ends, but by SIGKILL."""
import os
import shlex
import shutil
import signal
import subprocess
import tempfile

BURST, LATENCY = "128kb", "50ms"  # a segment of 64 KiB, as the kernel makes them, must fit


class Missing(Exception):
    """Why there can be no such hosts here."""


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        raise Missing(f"`{' '.join(words)}` failed: {done.stderr.strip()}")


def check():
    if os.geteuid() != 0:
        raise Missing("namespaces and their links can be made by root only")
    for program in ("ip", "tc", "mpirun"):
        if not shutil.which(program):
            raise Missing(f"wanted the program {program}, got none; try installing iproute2 and openmpi-bin")


class Hosts:
    """`with Hosts(4, "1gbit") as hosts`: hosts.command(words) runs them on the first host, with all four for mpirun to start on."""

    def __init__(self, count, rate):
        check()
        self.count, self.rate = count, rate
        self.mark = f"cdt{os.getpid() % 100000}"  # a network device's name has 15 letters at most
        self.folder = self.bridge = None
        self.names = []

    def __enter__(self):
        self.handlers = {s: signal.signal(s, self._interrupted) for s in (signal.SIGTERM, signal.SIGHUP)}
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        self._remove()

    @staticmethod
    def _interrupted(number, _):
        raise SystemExit(128 + number)

    def _make(self):
        self.folder = tempfile.mkdtemp(prefix="cordata-hosts-")
        self.bridge = self.mark + "b"
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "link", "set", self.bridge, "up")
        for i in range(self.count):
            name, cable = f"{self.mark}h{i}", f"{self.mark}v{i}"
            self.names.append(name)
            run("ip", "netns", "add", name)
            run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            run("ip", "link", "set", cable, "master", self.bridge, "up")
            run("ip", "-n", name, "addr", "add", f"10.77.0.{i + 1}/24", "dev", "eth0")
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "-n", name, "link", "set", "eth0", "up")
            run("tc", "-n", name, "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", self.rate, "burst", BURST, "latency", LATENCY)
        with open(self._path("hosts"), "w", encoding="utf-8") as file:
            file.writelines(f"10.77.0.{i + 1} slots=1\n" for i in range(self.count))
        with open(self._path("agent"), "w", encoding="utf-8") as file:  # what mpirun calls in place of ssh
            file.write(f'#!/bin/sh\nhost=$1; shift\nexec ip netns exec {self.mark}h$((${{host##*.}} - 1)) sh -c "$*"\n')
        os.chmod(self._path("agent"), 0o700)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _remove(self):
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "timeout": 30, "check": False}
        for name in self.names:  # its end of the cable goes with it, and the other end with that
            subprocess.run(["ip", "netns", "del", name], **quiet)
        if self.bridge:
            subprocess.run(["ip", "link", "del", self.bridge], **quiet)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def command(self, words):
        return ["ip", "netns", "exec", self.names[0], *words]

    def environment(self):
        return {**os.environ, "OMPI_MCA_plm": "rsh", "OMPI_MCA_plm_rsh_agent": shlex.quote(self._path("agent")),
                "OMPI_MCA_orte_default_hostfile": self._path("hosts"), "OMPI_MCA_btl": "tcp,self", "OMPI_MCA_btl_tcp_if_include": "eth0",
                "OMPI_MCA_rmaps_base_mapping_policy": "node"}
