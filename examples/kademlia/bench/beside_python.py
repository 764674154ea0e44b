#!/usr/bin/env python3
"""How many lookups a second a swarm of 50 nodes on loopback makes: this node, and Python's, by turns in one run.

    python3 examples/kademlia/bench/beside_python.py [ROUNDS]

Needs Python 3.11 or later with `venv`, and PyPI for the first run. Each side is one process that looks up random ids, 32
at once, each from a random node of its own; k is 20 and alpha 3 on both. Python runs on one core, because it cannot run
on more.
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


def measured(command):
    """How many lookups a second, how many milliseconds of a core each took, starting up included, and how many requests."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lookups = json.loads(output.splitlines()[-1])["lookups"]
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return lookups["per_second"], cpu / lookups["count"] * 1_000, lookups["mean_requests"]


def venv():
    home = TARGET / "tmp" / "kademlia-bench"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", BENCH / "requirements.txt"]
        subprocess.run(pip, check=True)
    return python


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    # As in the library's own bench.
    environment = {**os.environ, "CARGO_PROFILE_RELEASE_LTO": "thin"}
    build = ["cargo", "build", "--release", "--package", "rpcudp-kademlia", "--bin", "kad"]
    subprocess.run(build, check=True, cwd=ROOT, env=environment)
    kad, python = TARGET / "release" / "kad", venv()
    ratios = []
    columns = "lookups/s | CPU ms each | requests each"
    print(f"| round | Python: {columns} | Rust: {columns} | ratio of lookups/s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for number in range(1, rounds + 1):
        of_python, *python_costs = measured([python, BENCH / "python_swarm.py", "--nodes", str(NODES)])
        swarm = [kad, "swarm", "--nodes", str(NODES), "--keys", "0", "--lookups", str(RUST_LOOKUPS), "--json"]
        of_rust, *rust_costs = measured(swarm)
        ratios.append(of_rust / of_python)
        python_figures = f"{of_python:.0f} | {python_costs[0]:.2f} | {python_costs[1]:.1f}"
        rust_figures = f"{of_rust:,.0f} | {rust_costs[0]:.2f} | {rust_costs[1]:.1f}"
        figures = f"{python_figures} | {rust_figures} | {ratios[-1]:.1f}"
        print(f"| {number} | {figures} |", flush=True)
    print(f"\nmedian ratio {statistics.median(ratios):.1f}")


main()
