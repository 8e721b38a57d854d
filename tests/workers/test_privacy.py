"""No line of any process's log holds what a tenant wrote, who they are, or a secret."""

import httpx
import pytest

from bot.double.identity import AUTH_TOKEN, BOT_TOKEN, WEBHOOK_SECRET
from tests.stack import running

WORDS = ("marzipan", "quixotic", "zeppelin")
TENANT, NAME = "+447700900555", "Hortensia Blenkinsop"
LINES = (
    f"hello, {WORDS[0]}",
    f"the {WORDS[1]} tap in my kitchen leaks",
    "person",
    f"I want to kill myself {WORDS[2]}",
    "STOP",
)


@pytest.mark.slow
def test_a_whole_bad_day_leaves_nothing_personal_in_the_log() -> None:
    with running(more={"LOG_FORMAT": "json"}) as stack, httpx.Client(timeout=30) as client:
        for fault in ({"kind": "error", "status": 500}, {"kind": "throttle", "seconds": 1}, {"kind": "broken_json"}):
            stack.fault(**fault, where="sms", to=TENANT, times=1)
        stack.fault(kind="error", status=400, code=21211, where="sms", to="+447700900556", times=None)
        for line in LINES:
            form = stack.form(TENANT, line, ProfileName=NAME)
            assert stack.post(client, form).status_code == 200
            # The same id with other words, a forgery, and a form that cannot be read.
            assert stack.post(client, {**form, "Body": f"other {WORDS[0]}"}).status_code == 200
            forged = {"X-Twilio-Signature": "forged", "Content-Type": "application/x-www-form-urlencoded"}
            assert client.post(f"{stack.base}/webhooks/twilio/sms", data=form, headers=forged).status_code == 403
            stack.post(client, {**form, "From": "", "MessageSid": ""})
        stack.post(client, stack.form("+447700900556", WORDS[1]))
        said = {
            "channel": "telegram",
            "address": "777000111",
            "text": f"I am {NAME}, {WORDS[0]}",
            "samples": ["picture"],
        }
        httpx.post(f"{stack.double}/double/inbound", json=said, timeout=60).raise_for_status()
        stack.servers.stop_postgres()
        assert stack.post(client, stack.form(TENANT, f"later {WORDS[1]}")).status_code == 200
        stack.servers.start_postgres()
        stack.wait_for(lambda: stack.undone() == (0, 0), "everything answered", 60)
        metrics = client.get(f"{stack.base}/metrics").text
        sids = [row[0] for row in stack.query("SELECT provider_id FROM inbox")]
        log = stack.log.read_text(errors="replace")
    assert log.count("\n") > 10
    personal = [*WORDS, TENANT, TENANT[1:], "07700900555", "7700900556", *NAME.split(), "777000111"]
    secrets = [AUTH_TOKEN, BOT_TOKEN, BOT_TOKEN.split(":")[1], WEBHOOK_SECRET]
    lowered = log.lower()
    assert [found for found in (*personal, *secrets) if found.lower() in lowered] == []
    assert [found for found in (*personal, *secrets) if found.lower() in metrics.lower()] == []
    assert [line for line in LINES if line.lower() in lowered and len(line) > 8] == []
    assert sids
