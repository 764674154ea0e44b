"""The original packages' own tests and examples, from their source distributions, with other imports."""

import os
import re
import signal
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import conftest
import pytest

# The files of the suite that test the original's routing and heap of nodes, which this package does not have: its
# routing is in the engine. They are run with the imports that they have, by which they test the original.
#   test_routing.py, and TestNodeHeap of test_node.py: `KBucket`, `RoutingTable`, `TableTraverser`, `NodeHeap`
#   test_shared_prefix of test_utils.py: a helper of `KBucket`
IMPORTS = {
    "from kademlia.network import": "from rpcudp_fast.kademlia.network import",
    "from kademlia.protocol import": "from rpcudp_fast.kademlia.protocol import",
    "from kademlia.storage import": "from rpcudp_fast.kademlia.storage import",
    "from kademlia.node import Node\n": "from rpcudp_fast.kademlia.node import Node\n",
    "from kademlia.node import Node, NodeHeap": "from kademlia.node import NodeHeap\n"
    "from rpcudp_fast.kademlia.node import Node",
    "from kademlia.utils import digest, shared_prefix": "from kademlia.utils import shared_prefix\n"
    "from rpcudp_fast.kademlia.utils import digest",
    "from rpcudp.protocol import": "from rpcudp_fast.protocol import",
}


@pytest.fixture(scope="session")
def sources(tmp_path_factory):
    """Returns the folder with the source distributions, in which the imports are changed and nothing else."""
    folder = tmp_path_factory.mktemp("sources")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "kademlia,rpcudp", "--dest", folder]
    if os.environ.get("SDISTS"):
        pip += ["--no-index", "--find-links", os.environ["SDISTS"]]
    subprocess.run([*pip, "kademlia==2.2.3", "rpcudp==5.0.1"], check=True)
    for archive in folder.glob("*.tar.gz"):
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    for path in [*folder.glob("*/kademlia/tests/*.py"), *folder.glob("*/example*/*.py")]:
        text = path.read_text()
        for old, new in IMPORTS.items():
            text = text.replace(old, new)
        path.write_text(text)
    return folder


def test_the_suite_of_kademlia_passes(sources, tmp_path):
    # The original itself is not in the folder, so that its tests import what is installed.
    suite = tmp_path / "suite"
    (sources / "kademlia-2.2.3" / "kademlia" / "tests").rename(suite)
    command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", suite]
    done = subprocess.run([*command, suite], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) >= 15 and "skipped" not in done.stdout, done.stdout


def start(path, *arguments):
    return conftest.start([sys.executable, "-B", path, *arguments])


def interrupt(process):
    """Sends Ctrl-C, and waits until the program has ended."""
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)


def wait_for_port(port):
    """Waits until a program listens at the UDP port."""
    for _ in range(200):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return
        time.sleep(0.05)
    raise AssertionError(f"no program listens at port {port}")


def test_the_examples_of_rpcudp_run(sources):
    folder = sources / "rpcudp-5.0.1" / "example"
    server = start(folder / "server.py")
    try:
        wait_for_port(1234)
        client = start(folder / "client.py")
        out, err = client.communicate(timeout=30)
        assert out == (
            "Hello Fast Snake Plissken, you live at 127.0.0.1:4567\nHello Slow Snake Plissken, you live at 127.0.0.1:4567\n"
        ), err
        # The example logs with DEBUG.
        assert "calling remote function sayhi_quickly" in err
        interrupt(server)
    finally:
        server.kill()


def test_the_examples_of_kademlia_run(sources):
    folder = sources / "kademlia-2.2.3" / "examples"
    node = start(folder / "node.py")
    try:
        wait_for_port(8468)
        for command, expected in (
            (["set.py", "127.0.0.1", "8468", "colour", "blue"], ""),
            (["get.py", "127.0.0.1", "8468", "colour"], "Get result: blue\n"),
        ):
            program = start(folder / command[0], *command[1:])
            out, err = program.communicate(timeout=30)
            assert (program.returncode, out) == (0, expected), err
        interrupt(node)
        assert node.returncode == 0
    finally:
        node.kill()


def test_the_examples_have_no_other_import(sources):
    for path in sources.glob("*/example*/*.py"):
        assert not re.search(r"^(from|import) (rpcudp|kademlia)\b", Path(path).read_text(), re.MULTILINE), path
