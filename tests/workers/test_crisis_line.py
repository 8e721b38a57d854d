"""Somebody in danger on the whole line of real processes: paged and answered, and when each part of it has stopped."""

import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from bot.queues import QUEUES
from bot.store import rota
from bot.store.rota import LineRow, PersonRow
from tests.stack import Stack, running

DANGER = "i have taken all my tablets"
SAM = "+447700900101"
FIRST, SECOND, THIRD = "+447700900201", "+447700900202", "+447700900203"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running() as stack:
        with psycopg.connect(stack.servers.database_url) as connection:
            ids = rota.keep_people(connection, [PersonRow(0, "Sam", SAM, None, None, None, None, True)], time.time())
            rota.replace_pattern(connection, [LineRow(day, 0, 1440, [ids["Sam"]]) for day in range(7)], {})
        yield stack


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=15) as client:
        yield client


def told(stack: Stack, phone: str) -> list[str]:
    return [entry["text"] for entry in stack.sent() if entry["tenant"] == phone]


def hears(stack: Stack, phone: str, words: str, seconds: float = 20) -> None:
    stack.wait_for(lambda: any(words in text for text in told(stack, phone)), f"`{words}` at {phone}", seconds)


def test_a_page_goes_out_and_the_tenant_hears_what_is_true(stack: Stack, client: httpx.Client) -> None:
    stack.post(client, stack.form(FIRST, DANGER))
    hears(stack, FIRST, "Call 999 now")
    hears(stack, SAM, "P0, overdose")
    hears(stack, FIRST, "has been told")
    reference = told(stack, SAM)[0].split()[1].rstrip(":")
    stack.post(client, stack.form(SAM, f"Ack {reference}"))
    hears(stack, FIRST, "has seen this")
    hears(stack, SAM, "is yours")
    assert sum("Call 999 now" in text for text in told(stack, FIRST)) == 1


def test_without_redis_the_clock_answers_and_pages(stack: Stack, client: httpx.Client) -> None:
    before = len(told(stack, SAM))
    stack.servers.stop_valkey()
    try:
        assert stack.post(client, stack.form(SECOND, DANGER)).status_code == 200
        hears(stack, SECOND, "Call 999 now", 30)
        stack.wait_for(lambda: len(told(stack, SAM)) > before, "a page", 20)
    finally:
        stack.servers.start_valkey()


def test_without_postgresql_the_webhook_says_it_once(stack: Stack, client: httpx.Client) -> None:
    stack.servers.stop_postgres()
    form = stack.form(THIRD, DANGER)
    try:
        answers = [stack.post(client, form), stack.post(client, form)]
    finally:
        stack.servers.start_postgres()
    for queue in QUEUES:
        if not any(child.poll() is None for child in stack.children.get(f"worker-{queue}", [])):
            stack.worker(queue)
    said = [[message.text or "" for message in ET.fromstring(answer.text).iter("Message")] for answer in answers]
    assert "Call 999 now" in said[0][0]
    assert said[1] == []
    hears(stack, THIRD, "has been told", 60)
    assert not any("Call 999 now" in text for text in told(stack, THIRD)), "the replay does not say it again"
    rows = stack.query("SELECT state FROM outbox WHERE text LIKE 'Call 999 now%%' ORDER BY id DESC LIMIT 1")
    assert rows == [("sent",)], "what the webhook said stands in the thread"
