"""Finds a Chromium and runs the tests that drive the desk with it: `python -m tests.browser`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "No Chromium was found, and apt-get could not install one: it says why above. Install Chromium by hand"
    " (Debian: apt-get install chromium) so that it is on the PATH, and run this again."
)


def chromium() -> str | None:
    """Where a Chromium is on this machine, if there is one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def install() -> str | None:
    """Install Chromium with apt-get, which only root may, or whoever sudo asks no password."""
    apt = shutil.which("apt-get")
    if apt is None:
        return None
    print("Installing Chromium with apt-get", flush=True)
    before = [] if os.geteuid() == 0 else ["sudo", "-n"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qq", "--yes", "--no-install-recommends", "chromium"]):
        try:
            subprocess.run([*before, apt, *command], env=environment)
        except FileNotFoundError:
            return None
    return chromium()


def main() -> int:
    """Find or install, then test."""
    found = chromium() or install()
    if found is None:
        print(MISSING, file=sys.stderr)
        # Where nothing can be installed, the other parts of a whole run still count.
        return 0 if os.environ.get("WITHOUT_CHROMIUM") == "pass" else 1
    os.environ["HEARTHLINE_CHROMIUM"] = found
    return pytest.main(["-q", "-p", "no:cacheprovider", str(HERE), *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
