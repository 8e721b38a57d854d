"""The programs that stand in for Twilio, each run once for all tests."""

import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from channels._twilio import TwilioAccount
from tests.peers.world import EMULATE, PEERS, PRISM, SERVICED, SMS, WHATSAPP, Receiver, ask, free_port, running

SPEC = Path(__file__).parents[3] / "shared" / "data" / "providers" / "twilio_api_v2010.json.gz"


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Where the programs send their webhooks."""
    made = Receiver()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="session")
def emulated(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwilioAccount]:
    """The account of a running emulate, with a number, a WhatsApp sender and a Messaging Service."""
    needs_peers()
    seed = tmp_path_factory.mktemp("emulate") / "seed.yaml"
    hooks = {SMS: "sms", SERVICED: "sms", WHATSAPP: "whatsapp"}
    numbers = [{"phone_number": n, "sms_url": f"{receiver.url}/webhooks/twilio/{hook}"} for n, hook in hooks.items()]
    services = [{"friendly_name": "Pool", "phone_numbers": [SERVICED]}]
    # JSON is YAML.
    seed.write_text(json.dumps({"twilio": {"phone_numbers": numbers, "messaging_services": services}}))
    port = free_port()
    started = ["start", "--service", "twilio", "--host", "127.0.0.1", "--port", str(port), "--seed", str(seed)]
    with running(EMULATE, *started, port=port) as url:
        account = TwilioAccount(
            account_sid="AC" + "0" * 32,
            auth_token="twilio_test_auth_token",
            public_base_url=receiver.url,
            sms_from=SMS,
            whatsapp_from=WHATSAPP,
            api_base_url=url,
        )
        services_there = ask(account, "GET", "/messaging/v1/Services")["services"]
        pool = next(one["sid"] for one in services_there if one["friendly_name"] == "Pool")
        yield replace(account, messaging_service_sid=pool)


@pytest.fixture(scope="session")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwilioAccount]:
    """An account on Prism, which checks every request against Twilio's OpenAPI description."""
    needs_peers()
    if not SPEC.exists():
        pytest.skip("Twilio's OpenAPI description is not in ../shared")
    spec = tmp_path_factory.mktemp("prism") / "twilio.json"
    spec.write_bytes(gzip.decompress(SPEC.read_bytes()))
    port = free_port()
    with running(PRISM, "mock", "-h", "127.0.0.1", "-p", str(port), "--errors", str(spec), port=port) as url:
        yield TwilioAccount("AC" + "a" * 32, "token", "https://line.example", api_base_url=url)


def needs_peers() -> None:
    """Skip where the programs have not been installed for this run."""
    if not (PEERS / EMULATE).exists():
        pytest.skip("make peers installs these programs and runs this")
