#!/usr/bin/env python3
"""Compares the speed of this package and of `rpcudp` 5.0.1 and `kademlia` 2.2.3, in turns in one run.

    python3 python/bench/compare.py [--rounds 5] [--seconds 3] [--only call64,serve64,get_many]

The peers are in Rust, so that they are never the bottleneck. The programs are built and both packages installed into a
virtual environment below the target directory. Needs cargo and PyPI, and two processors.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
RELEASE = TARGET / "release"
PACKAGES = ["rpcudp", "rpcudp_fast"]


def prepare():
    """Builds the peers and installs the packages. Returns the interpreter."""
    cargo = ["cargo", "build", "--release", "--locked"]
    subprocess.run([*cargo, "-p", "rpcudp", "--example", "server"], check=True, cwd=ROOT)
    subprocess.run([*cargo, "-p", "rpcudp-cli"], check=True, cwd=ROOT)
    home = TARGET / "tmp" / "python-bench"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", BENCH / "requirements.txt"], check=True)
    subprocess.run([*pip, "--force-reinstall", "--no-deps", ROOT / "python"], check=True)
    return python


def run_calls(python, package, loop, in_flight, seconds):
    server = subprocess.Popen([RELEASE / "examples" / "server", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().rsplit(":", 1)[1].strip()
        command = [python, BENCH / "calls.py", "call", package, "--port", port, "--in-flight", str(in_flight)]
        return json.loads(output([*command, "--seconds", str(seconds), *loop]))
    finally:
        server.kill()
        server.wait()


def run_server(python, package, loop, in_flight, seconds):
    command = [python, BENCH / "calls.py", "serve", package, *loop]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip()
        load = [RELEASE / "rpcudp", "load", f"127.0.0.1:{port}", "sayhi", "str:Snake Plissken"]
        # A load with failed calls ends with 2 or 3.
        result = json.loads(output([*load, "-c", str(in_flight), "-s", str(seconds), "--json"], may_fail=True))
        return figures_of_load(result)
    finally:
        server.kill()
        server.wait()


def figures_of_load(result):
    return {"rate": result["per_second"], "lost": result["calls"] - result["answered"]}


def run_kademlia(python, package, loop, mode, seconds):
    command = [python, BENCH / "lookups.py", package, mode, "--seconds", str(seconds), *loop]
    return json.loads(output(command))


def output(command, may_fail=False):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=not may_fail)
    return done.stdout.splitlines()[-1]


def measure(title, run, case, options, python):
    """Prints a row for asyncio and one for uvloop."""
    for loop in ([], ["--uvloop"]):
        results = {package: [] for package in PACKAGES}
        for _ in range(options.rounds):
            for package in PACKAGES:
                results[package].append(run(python, package, loop, case, options.seconds))
        rates = [statistics.median(each["rate"] for each in results[package]) for package in PACKAGES]
        ratios = [ours["rate"] / theirs["rate"] for theirs, ours in zip(*results.values())]
        lost = [sum(each.get("lost", 0) for each in results[package]) for package in PACKAGES]
        row = [title, "uvloop" if loop else "asyncio", f"{rates[0]:,.0f}", f"{rates[1]:,.0f}"]
        row += [f"{statistics.median(ratios):.1f}", f"{min(ratios):.1f} to {max(ratios):.1f}", f"{lost[0]}, {lost[1]}"]
        cpu = [statistics.median(each.get("cpu", 0) for each in results[package]) * 1e6 for package in PACKAGES]
        row.append(f"{cpu[0]:.1f}, {cpu[1]:.1f}" if all(cpu) else "")
        print("| " + " | ".join(row) + " |", flush=True)


# Name, title, function and its case.
MEASUREMENTS = [
    ("call1", "calls, 1 in flight", run_calls, 1),
    ("call64", "calls, 64 in flight", run_calls, 64),
    ("call256", "calls, 256 in flight", run_calls, 256),
    ("serve1", "requests handled, 1 in flight", run_server, 1),
    ("serve64", "requests handled, 64 in flight", run_server, 64),
    ("lookup", "Kademlia, lookups by `get`, 64 at a time", run_kademlia, "lookup"),
    ("get_many", "Kademlia, the same lookups by `get_many`", run_kademlia, "get_many"),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only", help="names of measurements: " + ", ".join(name for name, *_ in MEASUREMENTS))
    parser.add_argument("--python", help="an interpreter that has both packages, instead of a new one")
    options = parser.parse_args()
    python = options.python or prepare()
    titles = ["measurement", "event loop", "original, per second", "this package", "ratio, median", "range", "lost"]
    titles.append("processor time of a call, us")
    print("| " + " | ".join(titles) + " |")
    print("| --- " * len(titles) + "|", flush=True)
    for name, title, run, case in MEASUREMENTS:
        if options.only is None or name in options.only.split(","):
            measure(title, run, case, options, python)


main()
