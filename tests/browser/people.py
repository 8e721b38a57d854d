"""Those who take part: staff, each in a browser of their own, and tenants, who write through the providers' double.

What is on a page is found by where a form goes and by names of fields, not by its wording, which editors may change.
"""

import os
import subprocess
import sys
from dataclasses import dataclass, field

import httpx
import pyotp
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from tests.stack import Stack

PASSWORD = "velvet otter ninety kites"
SOON = 10_000.0
"""Milliseconds within which a page shows what has happened; a busy machine needs some of them."""


def act(page: Page, end: str) -> Locator:
    """The button of the form whose address ends so."""
    return page.locator(f'form[action$="{end}"] button[type=submit]').first


@dataclass
class Person:
    """Somebody of the staff. secret: of their one-time codes, once they have set them up."""

    stack: Stack
    context: BrowserContext
    email: str
    name: str
    secret: str = ""
    page: Page = field(init=False)

    def __post_init__(self) -> None:
        self.page = self.context.new_page()

    def at(self, path: str) -> Page:
        """Open a page of the desk."""
        self.page.goto(f"{self.stack.base}/desk{path}")
        return self.page

    def code(self) -> str:
        """The one-time code of now. The line forgets that it was used: people here sign in again within half a minute."""
        self.stack.query("UPDATE staff SET totp_step = 0 WHERE email = %s RETURNING 1", self.email)
        return pyotp.TOTP(self.secret).now()

    def join(self, link: str) -> None:
        """Choose a password and set up one-time codes, as an invitation asks."""
        self.page.goto(link)
        self.page.fill("#password", PASSWORD)
        self.page.fill("#again", PASSWORD)
        self.page.click("main button[type=submit]")
        self.secret = self.page.locator("main .desk-secret").inner_text().replace(" ", "")
        self.enter_code()
        self.page.locator(".desk-codes").wait_for()

    def enter_code(self, code: str = "") -> None:
        """Enter a one-time code, the right one if none is given."""
        self.page.fill("#code", code or self.code())
        self.page.click("main button[type=submit]")

    def sign_in(self, path: str = "/") -> Page:
        """Sign in with password and code, having asked for a page."""
        self.at(path)
        self.page.fill("#email", self.email)
        self.page.fill("#password", PASSWORD)
        self.page.click("main button[type=submit]")
        self.enter_code()
        return self.page

    def is_here(self, status: str = "available") -> Page:
        """Say on the queue's page whether they can take handoffs."""
        page = self.at("/queue")
        page.select_option("#status", status)
        act(page, "/presence").click()
        return page

    def again(self, browser: Browser, **options: object) -> "Person":
        """The same person in another browser that knows nothing of them yet."""
        context = browser.new_context(**options)  # type: ignore[arg-type]  # options as Playwright names them
        return Person(self.stack, context, self.email, self.name, self.secret)


def hire(stack: Stack, browser: Browser, name: str, *roles: str) -> Person:
    """Invite somebody from the command line, and have them join in a browser."""
    email = f"{name.lower()}@landlord.example"
    command = [sys.executable, "-m", "bot", "staff", "add", email, "--name", name]
    command += [word for role in roles for word in ("--role", role)]
    said = subprocess.run(command, cwd=stack.home, env=stack.environment(), capture_output=True, text=True, check=True)
    person = Person(stack, browser.new_context(), email, name)
    person.join(next(line for line in said.stdout.splitlines() if line.startswith("http")))
    return person


@dataclass
class Tenant:
    """Somebody who writes. number: on the page of phones, where they have one; else nobody sees their phone."""

    stack: Stack
    channel: str
    address: str
    number: int = -1

    def say(self, text: str, *samples: str) -> None:
        """Write, and wait until the line has it."""
        said = {"channel": self.channel, "address": self.address, "text": text, "samples": list(samples)}
        httpx.post(f"{self.stack.double}/double/inbound", json=said, timeout=30).raise_for_status()
        self.stack.wait_until_done()

    def heard(self) -> list[str]:
        """All that reached their phone."""
        return [entry["text"] for entry in self.stack.sent(self.channel) if entry["tenant"] == self.address]

    def hears(self, text: str) -> None:
        """Wait until something reaches their phone."""
        self.stack.wait_for(lambda: any(text in one for one in self.heard()), f"{text!r} on {self.channel}")

    def handoff(self) -> int:
        """Their newest live handoff, once there is one."""
        sql = (
            "SELECT h.id FROM handoffs h JOIN conversations c ON c.id = h.conversation_id WHERE c.address = %s"
            " AND c.channel = %s AND h.state IN ('queued', 'offered', 'claimed') ORDER BY h.id DESC LIMIT 1"
        )
        self.stack.wait_for(lambda: bool(self.stack.query(sql, self.address, self.channel)), "handoff")
        return int(self.stack.query(sql, self.address, self.channel)[0][0])

    def wants_person(self) -> int:
        """Ask for a person, and say what about. Returns the handoff."""
        self.say("hello")
        self.say("can i talk to a person please")
        return self.handoff()


def executable() -> str | None:
    """The browser that `python -m tests.browser` found."""
    return os.environ.get("HEARTHLINE_CHROMIUM")
