"""The children of `hearthline run`: started again when they end, one log, and none left behind."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bot.children import PATIENCE, STEADY, Child, Log, ended, stop_all

ROOT = Path(__file__).parents[2]
ENDS = "import sys; print('here', flush=True); sys.exit(3)"
STAYS = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def make(output: io.StringIO) -> Iterator[Callable[[str], Child]]:
    made: list[Child] = []

    def child(script: str) -> Child:
        made.append(Child("web", [sys.executable, "-c", script], os.environ, Log(output, 4), "36"))
        return made[-1]

    yield child
    stop_all(made, 0, threading.Event())


def wait_for(true: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_child_that_ends_is_started_again_ever_more_slowly(make: Callable[[str], Child], output: io.StringIO) -> None:
    child = make(ENDS)
    now = 1000.0
    child.start(now)
    for patience in (*PATIENCE, PATIENCE[-1]):
        wait_for(lambda: child.pid is None)
        child.tick(now)
        assert f"web ended with code 3; starting it again in {patience:.0f} s" in output.getvalue()
        child.tick(now + patience - 0.01)
        assert child.pid is None
        before = child.restarts
        now += patience
        child.tick(now)
        assert child.restarts == before + 1


def test_a_child_that_ran_well_for_a_while_is_started_again_at_once(
    make: Callable[[str], Child], output: io.StringIO
) -> None:
    child = make(ENDS)
    for begun in (0.0, 1000.0):
        child.start(begun)
        wait_for(lambda: child.pid is None)
        child.tick(begun + STEADY + 1)
    assert output.getvalue().count("again in 1 s") == 2


def test_lines_come_with_time_and_name(make: Callable[[str], Child], output: io.StringIO) -> None:
    make(STAYS).start(0.0)
    wait_for(output.getvalue)
    time_, name, bar, said = output.getvalue().split()
    assert (len(time_), name, bar, said) == (8, "web", "|", "ready")


def test_a_log_that_nobody_reads_any_more_harms_nobody() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    broken = os.fdopen(writing, "w")
    log = Log(broken, 4)
    log.say("web", "first")
    log.say("web", "second")
    with pytest.raises(BrokenPipeError):
        broken.close()


@pytest.mark.parametrize(("script", "late"), [(STAYS, []), (STUBBORN, ["web"])])
def test_all_are_stopped_in_time_and_the_stubborn_are_named(
    make: Callable[[str], Child], output: io.StringIO, script: str, late: list[str]
) -> None:
    child = make(script)
    child.start(0.0)
    wait_for(lambda: "ready" in output.getvalue())
    pid = child.pid
    begun = time.monotonic()
    assert stop_all([child], 0.5, threading.Event()) == late
    assert time.monotonic() - begun < 2
    assert pid is not None
    assert not psutil.pid_exists(pid)


def test_a_second_signal_hurries(make: Callable[[str], Child], output: io.StringIO) -> None:
    child = make(STUBBORN)
    child.start(0.0)
    wait_for(lambda: "ready" in output.getvalue())
    hurried = threading.Event()
    hurried.set()
    begun = time.monotonic()
    stop_all([child], 30, hurried)
    assert time.monotonic() - begun < 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can promise it")
def test_children_of_a_killed_parent_end(tmp_path: Path) -> None:
    follows = (
        "from bot.children import follow_parent; follow_parent(); import time; print('up', flush=True); time.sleep(60)"
    )
    parent = f"""
import io, os, signal, sys, time
from bot.children import Child, Log
output = io.StringIO()
child = Child("web", [sys.executable, "-c", {follows!r}], os.environ, Log(output, 4), "36")
child.start(0.0)
while "up" not in output.getvalue():
    time.sleep(0.01)
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", parent], cwd=ROOT, capture_output=True, text=True, timeout=30)
    pid = int(killed.stdout)

    def gone() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    wait_for(gone)


@pytest.mark.parametrize(
    ("code", "words"), [(0, "ended with code 0"), (1, "ended with code 1"), (-9, "was ended by SIGKILL")]
)
def test_an_end_is_told_in_words(code: int, words: str) -> None:
    assert ended(code) == words


def test_stop_waits_for_nobody_that_has_ended(make: Callable[[str], Child]) -> None:
    child = make(ENDS)
    child.start(0.0)
    wait_for(lambda: child.pid is None)
    child.signal(signal.SIGTERM)
    assert stop_all([child], 5, threading.Event()) == []
