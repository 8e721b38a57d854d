"""`hearthline run` as a whole: from an empty directory to a line that answers, and back, whatever happens."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bot.supervise import any_port

ROOT = Path(__file__).parents[2]


class Line:
    """A `hearthline run` of a test."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.log = directory, directory / "log"
        self.port = any_port()
        self.process: subprocess.Popen[bytes] | None = None

    def hearthline(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bot", *words]
        return subprocess.run(command, cwd=self.directory, env=self.environment, capture_output=True, text=True)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "PORT": str(self.port)}

    def start(self) -> None:
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bot", "run"],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.wait_for(lambda: "ready after" in self.said)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(15)

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def phone(self) -> str:
        return str(json.loads((self.directory / "var" / "run.json").read_text())["phone"])

    def processes(self) -> list[psutil.Process]:
        """Everything that runs in, or for, this directory."""
        found = []
        for process in psutil.process_iter():
            try:
                here = str(self.directory) in " ".join(process.cmdline()) or process.cwd() == str(self.directory)
                if here and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def child(self, *words: str) -> list[psutil.Process]:
        """The process that was started with these words, if it runs."""
        return [process for process in self.processes() if process.cmdline()[-len(words) :] == list(words)]

    def wait_for(self, true: Callable[[], object], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, self.said
            assert self.process
            assert self.process.poll() is None, self.said
            time.sleep(0.1)


@pytest.fixture
def line(open_directory: Path) -> Iterator[Line]:
    made = Line(open_directory)
    yield made
    if made.process and made.process.poll() is None:
        made.stop()
    for process in made.processes():
        process.kill()


def get(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.status, answer.read().decode()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_line_starts_is_found_heals_survives_a_kill_and_stops(line: Line) -> None:
    line.start()
    assert get(f"http://127.0.0.1:{line.port}/healthz")[0] == 200
    assert get(f"http://127.0.0.1:{line.port}/readyz")[0] == 200
    assert get(line.phone)[0] == 200
    assert get(f"http://127.0.0.1:{line.port}/desk/")[0] == 200
    line.wait_for(lambda: f"http://127.0.0.1:{line.port}/desk/join/" in line.said)

    second = line.hearthline("run")
    assert second.returncode == 0
    assert line.process
    assert f"process {line.process.pid}" in second.stdout
    assert line.phone in second.stdout

    status = line.hearthline("status")
    assert "1 worker-urgent" in status.stdout
    assert "RED: nobody is on call" in status.stdout, "a new line has no rota, and says so until it has one"
    assert status.returncode == 1

    (talking,) = line.child("worker", "talk")
    talking.kill()
    line.wait_for(lambda: "worker-talk was ended by SIGKILL; starting it again in 1 s" in line.said)
    line.wait_for(lambda: line.child("worker", "talk"))

    line.stop(signal.SIGKILL)
    line.start()
    begun = time.monotonic()
    assert line.stop() == 0
    assert time.monotonic() - begun < 10
    assert line.processes() == []
    assert not (line.directory / "var" / "run.json").exists()


@pytest.mark.timeout(60)
def test_a_taken_port_is_a_sentence_and_nothing_is_left(line: Line) -> None:
    import socket

    with socket.create_server(("127.0.0.1", line.port)):
        refused = line.hearthline("run")
    assert refused.returncode == 1
    assert f"Port {line.port} is taken" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert line.processes() == []


@pytest.mark.timeout(60)
def test_wrong_settings_stop_the_start_with_their_sentences(line: Line) -> None:
    (line.directory / ".env").write_text("LOG_FORMAT=xml\nTIMEZONE=Mars\n")
    refused = line.hearthline("run")
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == ["TIMEZONE must be an IANA time zone.", "LOG_FORMAT must be console or json."]
    assert not (line.directory / "var").exists()
