"""A machine's English beside what a tenant wrote, from a local service that speaks LibreTranslate's API; and interpreters."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from fastapi.testclient import TestClient

from bot.service.translate import LibreTranslate, NotTranslated
from bot.store.database import Connection
from bot.web.desk.setup import Desk
from tests.web.desk.conftest import HERE, Enter, Forms, Hire, Waits, acts, mounted, say


class Service:
    """LibreTranslate as far as we ask it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: tuple[int, bytes] = (200, b'{"translatedText": "The <b>heating</b> is broken"}')
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(service.answer[0])
                self.end_headers()
                self.wfile.write(service.answer[1])

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def libre() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield service
    service.server.shutdown()
    thread.join()
    service.server.server_close()


@pytest.mark.parametrize(
    "answer",
    [(500, b"{}"), (403, b'{"error": "key"}'), (200, b"not json"), (200, b"[]"), (200, b'{"translatedText": ""}')],
)
def test_an_answer_that_is_none_is_said_to_be_none(libre: Service, answer: tuple[int, bytes]) -> None:
    libre.answer = answer
    with pytest.raises(NotTranslated):
        LibreTranslate(libre.url, "key")("Ogrzewanie nie działa", "")
    assert libre.asked[0] == {
        "q": "Ogrzewanie nie działa",
        "source": "auto",
        "target": "en",
        "format": "text",
        "api_key": "key",
    }


def test_a_service_that_is_away_and_its_key_in_no_words(libre: Service) -> None:
    with pytest.raises(NotTranslated):
        LibreTranslate("http://127.0.0.1:1")("x", "")
    assert "secret" not in repr(LibreTranslate(libre.url, "secret"))


def test_the_original_stays_and_the_machines_words_are_marked(
    desk: Desk, connection: Connection, hire: Hire, enter: Enter, waits: Waits, libre: Service
) -> None:
    case, other = waits(), waits()
    line = say(connection, case.conversation_id, "Ogrzewanie nie działa")
    foreign = say(connection, other.conversation_id, "Something else")
    client = TestClient(
        mounted(replace(desk, translator=LibreTranslate(libre.url))), base_url=HERE, client=("1.2.3.4", 1)
    )
    client.headers["User-Agent"] = "Firefox"
    client.cookies.set("hearthline", enter(hire()).token, domain="127.0.0.1", path="/")
    address = f"/desk/handoffs/{case.id}"
    page = client.get(address).text
    assert "In English" in page
    form = {"csrf": Forms(page).hidden["csrf"], "line": str(line)}
    for headers in ({}, {"HX-Request": "true"}):
        answer = client.post(f"{address}/translate", data=form, headers={"Origin": HERE, **headers})
        assert answer.status_code == 200
        assert "By machine, may be wrong:" in answer.text
        assert "The &lt;b&gt;heating&lt;/b&gt; is broken" in answer.text
        assert ("Ogrzewanie nie działa" in answer.text) == (not headers)
    assert "The &lt;b&gt;" not in client.get(address).text, "it is kept nowhere"
    asked = len(libre.asked)
    stranger = client.post(f"{address}/translate", data={**form, "line": str(foreign)}, headers={"Origin": HERE})
    assert (stranger.status_code, len(libre.asked)) == (409, asked)
    libre.answer = (500, b"")
    failed = client.post(f"{address}/translate", data=form, headers={"Origin": HERE})
    assert "does not answer" in failed.text
    assert acts(connection).count("translated") == 3


def test_without_a_service_there_is_no_button_and_an_interpreter_all_the_same(
    connection: Connection, hire: Hire, enter: Enter, waits: Waits
) -> None:
    case = waits()
    browser = enter(hire()).get(f"/desk/handoffs/{case.id}")
    assert "In English" not in browser.page
    assert browser.post(f"/desk/handoffs/{case.id}/translate", line="1").status == 404
    browser.get(f"/desk/handoffs/{case.id}").post(f"/desk/handoffs/{case.id}/interpreter", language=" ")
    assert "Say which language" in browser.page
    browser.post(f"/desk/handoffs/{case.id}/interpreter", language="Tigrinya")
    assert "Interpreter asked for: Tigrinya" in browser.page
    assert connection.execute("SELECT name, value FROM fields").fetchall() == [("interpreter", "Tigrinya")]
