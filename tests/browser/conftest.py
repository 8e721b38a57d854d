"""One line, one browser program, and the people at the desk, for all tests."""

import itertools
import os
from collections.abc import Callable, Iterator

import pytest

playwright = pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, sync_playwright  # noqa: E402  skipped above where it is not installed

from tests.browser.people import Person, Tenant, executable, hire  # noqa: E402  as above
from tests.stack import Stack, running  # noqa: E402  as above

NewTenant = Callable[..., Tenant]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser; each person has their own cookies in it."""
    found = executable()
    if found is None:
        pytest.skip("make browser runs these")
    # Chromium's sandbox does not work for root, in which containers often run tests.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as program:
        browser = program.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def line(browser: Browser) -> Iterator[Stack]:
    """The whole line as processes."""
    with running() as stack:
        yield stack


@pytest.fixture(scope="session")
def ann(line: Stack, browser: Browser) -> Person:
    """An advisor."""
    return hire(line, browser, "Ann", "advisor")


@pytest.fixture(scope="session")
def bea(line: Stack, browser: Browser) -> Person:
    """Another advisor."""
    return hire(line, browser, "Bea", "advisor")


@pytest.fixture(scope="session")
def lead(line: Stack, browser: Browser) -> Person:
    """Somebody who may open every page."""
    return hire(line, browser, "Lee", "supervisor", "safety-lead", "editor", "administrator", "advisor")


@pytest.fixture(autouse=True)
def nobody_waits(line: Stack) -> Iterator[None]:
    """Each test begins with an empty queue and nobody at the desk."""
    yield
    line.wait_until_done()
    line.query("UPDATE handoffs SET state = 'withdrawn' WHERE state IN ('queued', 'offered', 'claimed') RETURNING 1")
    line.query("UPDATE presence SET status = 'offline' RETURNING 1")


_numbers = itertools.count(200)


@pytest.fixture
def tenant(line: Stack) -> NewTenant:
    """A tenant whom nobody knows yet."""

    def tenant(channel: str = "sms") -> Tenant:
        number = next(_numbers)
        addresses = {
            "sms": f"+447700900{number}",
            "whatsapp": f"whatsapp:+447700900{number}",
            "telegram": f"700900{number}",
        }
        return Tenant(line, channel, addresses[channel])

    return tenant
