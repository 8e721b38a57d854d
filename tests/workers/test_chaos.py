"""What a council fears: a process dies, Redis or PostgreSQL goes away, the provider misbehaves. Nothing is lost or doubled."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import redis

from bot.queues import QUEUES
from tests.stack import Stack, running

QUESTION = "how do I pay my rent?"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running() as stack:
        # A first contact brings a greeting as well; from here on each question has its own answers.
        yield stack


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=15) as client:
        yield client


@pytest.fixture(autouse=True)
def kind_provider(stack: Stack) -> Iterator[None]:
    for queue in QUEUES:
        if not any(child.poll() is None for child in stack.children.get(f"worker-{queue}", [])):
            stack.worker(queue)
    yield
    httpx.delete(f"{stack.double}/double/faults", timeout=10)
    stack.knobs(delay_ms=0)


def told(stack: Stack, tenant: str) -> list[str]:
    """What the tenant's phone got, in order."""
    return [entry["text"] for entry in stack.sent() if entry["tenant"] == tenant]


def written(stack: Stack, tenant: str) -> list[str]:
    """What we decided to say, in the order of the messages it answers."""
    rows = stack.query(
        "SELECT o.text FROM outbox o JOIN conversations c ON c.id = o.conversation_id"
        " WHERE c.address = %s ORDER BY o.inbox_id, o.position",
        tenant,
    )
    return [row[0] for row in rows]


def unanswered(stack: Stack) -> int:
    """Messages without any row in the outbox."""
    return int(
        stack.query(
            "SELECT count(*) FROM inbox i WHERE kind = 'message' AND NOT EXISTS (SELECT FROM outbox o WHERE o.inbox_id = i.id)"
        )[0][0]
    )


def assert_each_once_and_in_order(stack: Stack, tenants: list[str]) -> None:
    assert unanswered(stack) == 0
    got = {tenant: list[str]() for tenant in tenants}
    for entry in stack.sent():
        if entry["tenant"] in got:
            got[entry["tenant"]].append(entry["text"])
    for tenant in tenants:
        assert got[tenant] == written(stack, tenant)
        assert got[tenant]


def test_twenty_copies_at_once_give_one_row_and_one_answer(stack: Stack) -> None:
    tenant = "+447700900100"
    form = stack.form(tenant, QUESTION)

    def post(_: int) -> int:
        with httpx.Client(timeout=15) as own:
            return stack.post(own, form).status_code

    with ThreadPoolExecutor(20) as copies:
        assert set(copies.map(post, range(20))) == {200}
    stack.wait_until_done()
    assert stack.query("SELECT count(*) FROM inbox WHERE provider_id = %s", form["MessageSid"]) == [(1,)]
    assert told(stack, tenant) == written(stack, tenant)


@pytest.mark.slow
def test_five_workers_and_thirty_tenants_in_bursts(stack: Stack) -> None:
    extra = [stack.worker(queue) for queue in ("talk", "send") for _ in range(4)]
    tenants = [f"+4477009002{n:02d}" for n in range(30)]

    def send(tenant: str) -> None:
        with httpx.Client(timeout=30) as own:
            for burst in range(4):
                for _ in range(10):
                    assert stack.post(own, stack.form(tenant, QUESTION)).status_code == 200
                time.sleep(0.05 * burst)

    with ThreadPoolExecutor(10) as phones:
        list(phones.map(send, tenants))
    stack.wait_until_done(90)
    for child in extra:
        child.terminate()
    assert_each_once_and_in_order(stack, tenants)
    counts = stack.query(
        "SELECT c.address, count(DISTINCT o.inbox_id) FROM outbox o JOIN conversations c ON c.id = o.conversation_id"
        " WHERE c.address = ANY(%s) GROUP BY 1",
        tenants,
    )
    assert {count for _, count in counts} == {40}
    for child in extra:
        child.wait(10)


POINTS = [
    ("talk", "begun"),
    ("talk", "before_commit"),
    ("talk", "before_ring"),
    ("send", "begun"),
    ("send", "before_commit"),
    ("send", "before_record"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("queue", "point"), POINTS, ids=[f"{queue}-{point}" for queue, point in POINTS])
def test_a_worker_killed_anywhere_loses_nothing(stack: Stack, client: httpx.Client, queue: str, point: str) -> None:
    tenant = f"+44770090{300 + POINTS.index((queue, point))}0"
    _end(stack, f"worker-{queue}")
    fragile = stack.fragile_worker(queue, point)
    assert stack.post(client, stack.form(tenant, QUESTION)).status_code == 200
    stack.wait_for(lambda: fragile.poll() is not None, f"death at {point}", 20)
    assert fragile.returncode == -9
    stack.worker(queue)
    took = stack.wait_until_done(20)
    assert took < 15 + 3
    got, wanted = told(stack, tenant), written(stack, tenant)
    assert sorted(set(got)) == sorted(set(wanted))
    repeats = sum((Counter(got) - Counter(wanted)).values())
    # An ordinary answer is looked up at Twilio before it is sent again, so that not even the last point repeats one.
    assert repeats == 0
    assert got == wanted


def _end(stack: Stack, name: str) -> None:
    """Kill every worker of a queue, and let a job that one of them held go with it."""
    for child in stack.children.pop(name, []):
        if child.poll() is None:
            stack.kill(child)


def _under_load(stack: Stack, tenants: list[str], act: Callable[[], None], seconds: float) -> list[tuple[int, float]]:
    """Post from every tenant while `act` goes on. Returns status and seconds of each webhook."""
    results: list[tuple[int, float]] = []
    until = time.monotonic() + seconds

    def phone(tenant: str) -> None:
        with httpx.Client(timeout=15) as own:
            while time.monotonic() < until:
                begun = time.monotonic()
                results.append((stack.post(own, stack.form(tenant, QUESTION)).status_code, time.monotonic() - begun))
                time.sleep(0.4)

    with ThreadPoolExecutor(len(tenants) + 1) as pool:
        acting = pool.submit(act)
        list(pool.map(phone, tenants))
        acting.result()
    return results


@pytest.mark.slow
def test_redis_emptied_under_load(stack: Stack) -> None:
    tenants = [f"+4477009004{n:02d}" for n in range(5)]

    def empty() -> None:
        with redis.Redis.from_url(stack.servers.redis_url) as client:
            for _ in range(6):
                time.sleep(0.5)
                client.flushall()

    results = _under_load(stack, tenants, empty, 4)
    assert {status for status, _ in results} == {200}
    stack.wait_until_done(30)
    assert_each_once_and_in_order(stack, tenants)


@pytest.mark.slow
def test_redis_stopped_for_twenty_seconds_under_load(stack: Stack) -> None:
    tenants = [f"+4477009005{n:02d}" for n in range(5)]

    def stop() -> None:
        time.sleep(1)
        stack.servers.stop_valkey()
        time.sleep(20)
        stack.servers.start_valkey()

    results = _under_load(stack, tenants, stop, 24)
    assert {status for status, _ in results} == {200}
    assert max(seconds for _, seconds in results) < 1
    stack.wait_until_done(30)
    assert_each_once_and_in_order(stack, tenants)


@pytest.mark.slow
def test_postgresql_stopped_for_twenty_seconds_under_load(stack: Stack) -> None:
    tenants = [f"+4477009006{n:02d}" for n in range(5)]

    def stop() -> None:
        time.sleep(1)
        stack.servers.stop_postgres()
        time.sleep(20)
        stack.servers.start_postgres()

    results = _under_load(stack, tenants, stop, 24)
    assert {status for status, _ in results} == {200}
    stack.wait_for(lambda: not any((stack.home / "spool").glob("*.json")), "empty spool")
    stack.wait_until_done(60)
    assert stack.query(
        "SELECT count(*) FROM inbox i JOIN conversations c ON c.id = i.conversation_id WHERE c.address = ANY(%s)",
        tenants,
    ) == [(len(results),)]
    assert_each_once_and_in_order(stack, tenants)


@pytest.mark.slow
def test_neither_postgresql_nor_the_spool(stack: Stack, client: httpx.Client) -> None:
    tenant, spool = "+447700900700", stack.home / "spool"
    form = stack.form(tenant, QUESTION)
    stack.servers.stop_postgres()
    aside = spool.rename(stack.home / "aside") if spool.exists() else None
    spool.write_text("in the way")
    try:
        assert stack.post(client, form).status_code == 503
    finally:
        spool.unlink()
        if aside:
            aside.rename(spool)
        stack.servers.start_postgres()
    # The provider tries again, as it was told to.
    stack.wait_for(lambda: stack.post(client, form).status_code == 200, "an answer after the return")
    stack.wait_for(lambda: bool(told(stack, tenant)), "an answer")
    stack.wait_until_done()
    assert told(stack, tenant) == written(stack, tenant)


FAULTS: list[dict[str, object]] = [
    {"kind": "throttle", "seconds": 1},
    {"kind": "error", "status": 500},
    {"kind": "hang", "seconds": 10},
    {"kind": "reset"},
    {"kind": "broken_json"},
    {"kind": "accept_then_reset"},
]


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=[str(fault["kind"]) for fault in FAULTS])
def test_a_misbehaving_provider(stack: Stack, client: httpx.Client, fault: dict[str, object]) -> None:
    tenant = f"+44770090{800 + FAULTS.index(fault)}0"
    stack.fault(**fault, where="sms", to=tenant, times=1)
    assert stack.post(client, stack.form(tenant, QUESTION)).status_code == 200
    stack.wait_for(lambda: bool(written(stack, tenant)), "an answer decided on")
    stack.wait_until_done(40)
    assert told(stack, tenant) == written(stack, tenant)


@pytest.mark.slow
def test_what_was_never_rung_for_is_found_by_the_sweep(stack: Stack) -> None:
    tenant = "+447700900950"
    stack.query(
        """
        WITH known AS (INSERT INTO conversations (channel, account, address) VALUES ('sms', '+447700900000', %s) RETURNING id)
        INSERT INTO inbox (conversation_id, channel, account, provider_id, kind, text, payload, received_at)
        SELECT id, 'sms', '+447700900000', 'SMunrung', 'message', 'hello',
               jsonb_build_object('channel', 'sms', 'account', '+447700900000',
               'address', %s::text, 'provider_id', 'SMunrung', 'text', 'hello'), now() FROM known RETURNING id
        """,
        tenant,
        tenant,
    )
    stack.wait_for(lambda: bool(told(stack, tenant)), "an answer to what was never rung for", 10)
