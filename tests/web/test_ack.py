"""The page behind a page's link: looking changes nothing, the button acknowledges once, and nothing else does."""

from fastapi.testclient import TestClient

from bot.service import paging
from bot.store import handoffs, pages, rota
from bot.store.database import Connection
from bot.store.handoffs import Opening
from bot.store.rota import PersonRow

TOKEN = "a" * 22
NOW = 1_795_003_200.0


def alarm(connection: Connection) -> None:
    person = rota.keep_people(
        connection, [PersonRow(0, "Sam <b>", "+447700900101", None, None, None, None, False)], NOW
    )
    row = connection.execute(
        "INSERT INTO conversations (channel, account, address) VALUES ('sms', 'a', 'b') RETURNING id"
    ).fetchone()
    inbox = connection.execute(
        "INSERT INTO inbox (conversation_id, channel, account, provider_id, kind, payload, received_at)"
        " VALUES (%s, 'sms', 'a', 'p', 'message', '{}', now()) RETURNING id",
        row,
    ).fetchone()
    assert row is not None
    assert inbox is not None
    [handoff] = handoffs.open_all(connection, [Opening(row[0], inbox[0], "crisis", "P0", "gas", "{}", NOW)])
    made = pages.add(connection, handoff, row[0], "4821", level="P0", concern="gas", now=NOW, due_at=NOW)
    assert made is not None
    pages.add_page(
        connection, made, person["Sam <b>"], "sms", token=paging.hashed(TOKEN), text="x", outbox_id=None, now=NOW
    )


def acknowledged(connection: Connection) -> object:
    row = connection.execute("SELECT acknowledged_by FROM alarms").fetchone()
    return row and row[0]


def test_looking_changes_nothing_and_the_button_acknowledges(client: TestClient, connection: Connection) -> None:
    alarm(connection)
    for _ in range(2):
        seen = client.get(f"/ack/{TOKEN}")
        assert (seen.status_code, "Alarm 4821" in seen.text, "I have this" in seen.text) == (200, True, True)
    assert acknowledged(connection) is None
    done = client.post(f"/ack/{TOKEN}")
    assert "4821 is yours" in done.text
    assert acknowledged(connection) == "Sam <b>"
    kinds = connection.execute("SELECT kind, urgent FROM inbox WHERE kind <> 'message'").fetchall()
    assert kinds == [("page_acknowledged", True)]
    assert "has been answered" in client.post(f"/ack/{TOKEN}").text
    again = client.get(f"/ack/{TOKEN}").text
    assert "By Sam &lt;b&gt;." in again
    assert "<button" not in again


def test_what_nobody_gave_out_opens_nothing(client: TestClient, connection: Connection) -> None:
    alarm(connection)
    for token in ("b" * 22, "4821", "%00" * 22, "é" * 22, "a" * 5000):
        assert client.get(f"/ack/{token}").status_code == 404
        assert client.post(f"/ack/{token}").status_code == 404
    assert acknowledged(connection) is None


def test_the_page_is_kept_by_nobody_and_can_run_nothing(client: TestClient, connection: Connection) -> None:
    alarm(connection)
    headers = client.get(f"/ack/{TOKEN}").headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_an_alarm_that_is_over_is_over(client: TestClient, connection: Connection) -> None:
    alarm(connection)
    connection.execute("UPDATE alarms SET ended_at = now()")
    assert client.post(f"/ack/{TOKEN}").status_code == 404
