"""`make bench`: the main job under open-loop load, its rival beside it, on real processes of this machine.

Prints figures and asserts none of them, since a busy machine must not fail a build, but three: no message is lost, all are
seen at the desk, and somebody in danger overtakes a broadcast.
"""

import argparse
import time

import redis

from tests.bench import desk, measure, overtaking
from tests.bench.load import fire
from tests.bench.measure import HEAD, Outcome
from tests.stack import Stack, free_port, running

MILLION = 1_000_000
FILL = """
INSERT INTO conversations (channel, account, address)
SELECT 'sms', '+447700900000', '+4478' || lpad(n::text, 8, '0') FROM generate_series(1, %s / 50) AS n;
"""
FILL_INBOX = """
INSERT INTO inbox (conversation_id, channel, account, provider_id, kind, text, payload, received_at, processed_at)
SELECT c.id, 'sms', '+447700900000', 'SMold' || c.id || '-' || n, 'message', 'a question about the home', '{}',
       now() - n * interval '1 hour', now()
FROM conversations c, generate_series(1, 25) AS n WHERE c.address LIKE '+4478%%'
"""
FILL_OUTBOX = """
INSERT INTO outbox (conversation_id, inbox_id, sender, purpose, text, part, state, created_at, due_at, sent_at,
                    provider_id, delivery)
SELECT i.conversation_id, i.id, 'sms', 'reply', 'an answer of about the usual length, with a number to ring', '{}', 'sent',
       i.received_at, i.received_at, i.received_at, 'SMout' || i.id, 'delivered'
FROM inbox i WHERE i.provider_id LIKE 'SMold%%'
"""


class Numbers:
    """Hands out message numbers, so that no two runs share an id."""

    def __init__(self) -> None:
        self.next = 1

    def take(self, count: float) -> int:
        """The first of `count` numbers."""
        first, self.next = self.next, self.next + int(count) + 1
        return first


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument(
        "--short", action="store_true", help="a quick look: shorter runs, a tenth of the stored messages"
    )
    parser.add_argument("--no-rival", action="store_true")
    options = parser.parse_args()
    seconds = 6.0 if options.short else 25.0
    print(f"machine: {measure.machine()}; the load, the double, the servers and the line share it")
    outcomes: list[Outcome] = []
    with running() as stack:
        outcomes += line_runs(stack, seconds, MILLION // 10 if options.short else MILLION)
        if not options.no_rival:
            outcomes += rival_runs(stack, seconds)
    in_time = overtaking.run()
    seen = desk.run(desk.SHORT if options.short else desk.Size())
    lost = [outcome for outcome in outcomes if outcome.answered != outcome.asked]
    print(f"\nlost or unanswered: {sum(outcome.asked - outcome.answered for outcome in lost)}")
    raise SystemExit(1 if lost or not in_time or not seen else 0)


def line_runs(stack: Stack, seconds: float, stored: int) -> list[Outcome]:
    """Hearthline alone."""
    numbers, done = Numbers(), list[Outcome]()
    print(HEAD)

    def go(name: str, rate: float, delay_ms: float = 0.0, *, callbacks: bool = True) -> None:
        stack.knobs(delay_ms=delay_ms, callbacks=callbacks)
        done.append(measure.run(stack, name, rate, seconds, numbers.take(rate * seconds)))
        print(done[-1].line(), flush=True)

    measure.run(stack, "warm-up", 60, measure.WARM_UP / 60, numbers.take(measure.WARM_UP))
    grown = _redis_bytes(stack)
    go("instant provider", 20)
    go("instant provider", 60)
    for rate in (100, 150, 180, 240):
        go("instant provider", rate)
    go("instant provider, no status callbacks", 240, callbacks=False)
    go("provider of 100 ms", 20, 100)
    go("provider of 100 ms", 150, 100)
    _print_state(stack, grown)
    _fill(stack, stored)
    go(f"instant provider, {stored:,} stored", 20)
    go(f"instant provider, {stored:,} stored", 180)
    return done


def _print_state(stack: Stack, redis_before: int) -> None:
    print("\nmemory MiB:", ", ".join(f"{name} {size:.0f}" for name, size in measure.memory(stack)))
    print(f"Redis: {redis_before / 2**20:.2f} MiB before the runs, {_redis_bytes(stack) / 2**20:.2f} after\n")


def _redis_bytes(stack: Stack) -> int:
    with redis.Redis.from_url(stack.servers.redis_url) as client:
        return int(client.info("memory")["used_memory"])


def _fill(stack: Stack, stored: int) -> None:
    import psycopg

    begun = time.monotonic()
    with psycopg.connect(stack.servers.database_url, autocommit=True) as connection:
        connection.execute(FILL, (stored,))
        connection.execute(FILL_INBOX)
        connection.execute(FILL_OUTBOX)
        connection.execute("VACUUM ANALYZE")
    print(f"({stored:,} older messages stored in {time.monotonic() - begun:.0f} s)")


def rival_runs(stack: Stack, seconds: float) -> list[Outcome]:
    """The rival on the same machine and servers, with as many workers as the line has for talking: one."""
    port = free_port()
    more = {"RIVAL_BASE": f"http://127.0.0.1:{port}"}
    stack._more.update(more)
    web = stack.spawn("rival-web", "-m", "tests.bench.rival", "web", str(port))
    worker = stack.spawn("rival-worker", "-m", "tests.bench.rival", "worker")
    stack.wait_for(lambda: stack._up(f"http://127.0.0.1:{port}/docs"), "rival")
    for name, delay_ms in (
        ("rival (SimpleWorker), instant provider", 0),
        ("rival (SimpleWorker), provider of 50 ms", 50),
    ):
        stack.knobs(delay_ms=delay_ms, callbacks=True)
        count = int(seconds * 60)
        before = len(stack.sent())
        fire(port, measure.shots(stack, count, 50_000_000 + delay_ms * 10**6, "/sms", port), 400)
        begun, at_begin = time.monotonic(), len(stack.sent())
        time.sleep(seconds / 2)
        rate = (len(stack.sent()) - at_begin) / (time.monotonic() - begun)
        print(
            f"{name:<44} drains {rate:.0f} sends a second from a full queue ({at_begin - before} of {count} sent while it filled)"
        )
    for child in (web, worker):
        child.terminate()
        child.wait(10)
    return []


if __name__ == "__main__":
    main()
