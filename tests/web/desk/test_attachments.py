"""Files to tenants: what is taken, who can fetch it and for how long, and how each channel sends it."""

from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from bot.service import desk as service
from bot.service.attachments import LASTS, MOST, Attachments, key_of
from bot.store.database import Connection
from bot.web.desk.setup import Desk
from bot.web.files import routes
from tests.web.desk.conftest import HERE, NOW, Browse, Browser, Enter, Forms, Hire, Waits, facts, mounted

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
PDF = b"%PDF-1.7\n%%EOF"


@pytest.fixture
def attachments(tmp_path: Path) -> Attachments:
    return Attachments(tmp_path / "media" / "out", key_of(["a", "b"]), "https://line.example.org")


@pytest.fixture
def desk(desk: Desk, attachments: Attachments) -> Desk:
    return replace(desk, attachments=attachments)


def send(browser: Browser, handoff: int, content: bytes, text: str = "Your letter", seen: str = "") -> Browser:
    hidden = Forms(browser.get(f"/desk/handoffs/{handoff}").page).hidden
    fields = {"csrf": hidden["csrf"], "token": hidden["token"], "seen": seen or hidden["seen"], "text": text}
    answer = browser.client.post(
        f"/desk/handoffs/{handoff}/reply",
        data=fields,
        files={"file": ("x.png", content, "text/html")},
        headers={"Origin": HERE},
        follow_redirects=True,
    )
    return browser._keep(answer)


@pytest.mark.parametrize(
    ("content", "ending"),
    [(PNG, ".png"), (PDF, ".pdf"), (b"\xff\xd8\xff\xe0", ".jpg"), (b"GIF89a", ".gif"), (b"RIFF1234WEBPVP8 ", ".webp")],
)
def test_a_file_is_what_its_bytes_say(attachments: Attachments, content: bytes, ending: str) -> None:
    name = attachments.keep(content)
    assert name
    assert name.endswith(ending)
    kept = attachments.path(name)
    assert kept
    assert kept.read_bytes() == content
    assert kept.stat().st_mode & 0o777 == 0o600
    attachments.forget(name)
    assert attachments.path(name) is None


@pytest.mark.parametrize("content", [b"", b"<html>", b"<svg onload=alert(1)>", b"MZ", b"%PD", b"\x00\x89PNG\r\n\x1a\n"])
def test_nothing_else_is_kept(attachments: Attachments, content: bytes) -> None:
    assert attachments.keep(content) is None


def test_an_address_opens_one_file_until_it_ends(attachments: Attachments) -> None:
    name, other = attachments.keep(PNG), attachments.keep(PDF)
    assert name
    assert other
    (attachments.folder.parent / "secret.png").write_bytes(PNG)
    now = [NOW]
    app = FastAPI()
    app.include_router(routes(attachments, lambda: now[0]))
    client = TestClient(app)
    path = attachments.address(name, NOW).removeprefix("https://line.example.org")
    answer = client.get(path)
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert client.head(path).status_code == 200
    _, _, until, signature, _ = path.split("/")
    for wrong in (
        f"/files/{until}/{signature}/{other}",
        f"/files/{int(until) + 1}/{signature}/{name}",
        f"/files/{until}/{'A' * 22}/{name}",
        f"/files/{until}/{signature}é/{name}",
        f"/files/²/{signature}/{name}",
        f"/files/{until}/{signature}/..%2Fsecret.png",
    ):
        assert client.get(wrong).status_code == 404, wrong
    now[0] += LASTS + 1
    assert client.get(path).status_code == 404


def test_another_key_signs_otherwise(attachments: Attachments) -> None:
    assert replace(attachments, key=key_of(["a", "c"])).address("x.png", 1) != attachments.address("x.png", 1)
    assert key_of(["ab", ""]) != key_of(["a", "b"])


def test_a_reply_carries_its_file_and_the_thread_shows_it(
    connection: Connection, desk: Desk, hire: Hire, enter: Enter, waits: Waits, attachments: Attachments
) -> None:
    case, somebody = waits(), hire()
    service.claim(desk.parts, somebody, case.id)
    browser = enter(somebody)
    assert send(browser, case.id, PDF).status == 200
    kind, said = facts(connection)[-1]
    assert kind == "advisor_replied"
    assert said["media_url"] == attachments.address(said["file"], NOW)
    connection.execute(
        "INSERT INTO outbox (inbox_id, position, conversation_id, sender, purpose, text, part, created_at, due_at)"
        " SELECT id, 0, conversation_id, 'ours', 'reply', 'Your letter', '{}', now(), now() FROM inbox"
        " WHERE kind = 'advisor_replied'"
    )
    address = f"/desk/handoffs/{case.id}/sent/{said['file']}"
    assert address in browser.get(f"/desk/handoffs/{case.id}").page
    assert browser.client.get(address).content == PDF
    other = waits()
    assert browser.get(f"/desk/handoffs/{other.id}/sent/{said['file']}").status == 404


@pytest.mark.parametrize("content", [b"<script>alert(1)</script>", PNG + b"0" * MOST])
def test_what_cannot_be_sent_is_said_and_the_words_are_kept(
    connection: Connection, desk: Desk, hire: Hire, enter: Enter, waits: Waits, content: bytes
) -> None:
    case, somebody = waits(), hire()
    service.claim(desk.parts, somebody, case.id)
    browser = send(enter(somebody), case.id, content, "Look at this")
    if browser.status != 413:
        assert browser.status == 409
        assert 'href="#file"' in browser.page
        assert "Look at this</textarea>" in browser.page
    assert facts(connection)[-1][0] == "advisor_claimed"


def test_a_file_of_a_reply_that_was_refused_is_not_left_behind(
    desk: Desk, hire: Hire, enter: Enter, waits: Waits, attachments: Attachments
) -> None:
    case, somebody = waits(), hire()
    service.claim(desk.parts, somebody, case.id)
    browser = send(enter(somebody), case.id, PNG, seen="0")
    assert browser.status == 409
    assert "Choose the file again." in browser.page
    assert list(attachments.folder.iterdir()) == []


def test_where_providers_cannot_fetch_there_is_no_field(
    desk: Desk, hire: Hire, waits: Waits, browse: Browse, enter: Enter
) -> None:
    case, somebody = waits(), hire()
    service.claim(desk.parts, somebody, case.id)
    assert 'type="file"' in enter(somebody).get(f"/desk/handoffs/{case.id}").page
    without = TestClient(mounted(replace(desk, attachments=None)), base_url=HERE, client=("192.0.2.7", 1))
    without.headers["User-Agent"] = "Firefox"
    without.cookies.set("hearthline", enter(somebody).token, domain="127.0.0.1", path="/")
    page = without.get(f"/desk/handoffs/{case.id}").text
    assert "Your answer" in page
    assert 'type="file"' not in page
