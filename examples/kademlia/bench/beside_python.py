#!/usr/bin/env python3
"""Compares the lookups per second of this node and of Python's, each in a swarm of 50 nodes on loopback.

    python3 examples/kademlia/bench/beside_python.py [ROUNDS]

The two sides run in turns. Each is one process that looks up random ids, 32 at once, each from a random node of its
swarm, with k = 20 and alpha = 3. Python can use only one core. Needs Python 3.11 or later with `venv`, and PyPI for the
first run.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
NODES, RUST_LOOKUPS = 50, 20_000


def measure(command):
    """Runs a command. Returns lookups per second, then CPU milliseconds (start included) and requests per lookup."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lookups = json.loads(output.splitlines()[-1])["lookups"]
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return lookups["per_second"], cpu / lookups["count"] * 1_000, lookups["mean_requests"]


def python_with_packages():
    """Returns the interpreter of a virtual environment with the required packages."""
    home = TARGET / "tmp" / "kademlia-bench"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", BENCH / "requirements.txt"]
        subprocess.run(pip, check=True)
    return python


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    # The same profile as in the bench of the library.
    environment = {**os.environ, "CARGO_PROFILE_RELEASE_LTO": "thin"}
    build = ["cargo", "build", "--release", "--package", "rpcudp-kademlia", "--bin", "kad"]
    subprocess.run(build, check=True, cwd=ROOT, env=environment)
    kad, python = TARGET / "release" / "kad", python_with_packages()
    ratios = []
    columns = "lookups/s | CPU ms per lookup | requests per lookup"
    print(f"| round | Python: {columns} | Rust: {columns} | ratio of lookups/s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for number in range(1, rounds + 1):
        python_rate, *python_costs = measure([python, BENCH / "python_swarm.py", "--nodes", str(NODES)])
        swarm = [kad, "swarm", "--nodes", str(NODES), "--keys", "0", "--lookups", str(RUST_LOOKUPS), "--json"]
        rust_rate, *rust_costs = measure(swarm)
        ratios.append(rust_rate / python_rate)
        python_figures = f"{python_rate:.0f} | {python_costs[0]:.2f} | {python_costs[1]:.1f}"
        rust_figures = f"{rust_rate:,.0f} | {rust_costs[0]:.2f} | {rust_costs[1]:.1f}"
        figures = f"{python_figures} | {rust_figures} | {ratios[-1]:.1f}"
        print(f"| {number} | {figures} |", flush=True)
    print(f"\nmedian ratio: {statistics.median(ratios):.1f}")


main()
