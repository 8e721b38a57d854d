"""The double serves this machine only, and never beside real credentials."""

import socket
import subprocess
import sys
import time

import pytest
import urllib3

from bot.double import credentials
from bot.double.app import listen, serve
from bot.double.identity import DoubleConfig, NotLoopback, RealCredentials, refuse_real_credentials
from bot.double.world import World
from bot.settings import Settings
from tests.double.conftest import Client


@pytest.mark.parametrize("name", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TELEGRAM_BOT_TOKEN"])
def test_refuses_real_credentials(name: str) -> None:
    with pytest.raises(RealCredentials, match=name) as refused:
        serve(DoubleConfig("http://127.0.0.1:1"), {name: "a-real-one"})
    assert "a-real-one" not in str(refused.value)


def test_takes_its_own_and_empty_ones() -> None:
    refuse_real_credentials({**credentials(8010), "TELEGRAM_BOT_TOKEN": ""})


def test_its_credentials_are_settings_of_the_product() -> None:
    lower = {name.lower(): value for name, value in credentials(8010).items()}
    assert set(lower) <= set(Settings.model_fields)
    Settings(_env_file=None, public_base_url="http://127.0.0.1:8000", **lower)  # type: ignore[arg-type]  # plain strings, as an environment gives


@pytest.mark.parametrize("url", ["https://line.example", "http://127.0.0.1.example", "http://10.0.0.1:8000", ""])
def test_posts_to_this_machine_only(url: str) -> None:
    with pytest.raises(NotLoopback):
        DoubleConfig(url)


def test_listens_on_loopback() -> None:
    with listen(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/phone", "/double/messages", "/bot1:x/getMe", "/2010-04-01/x"])
@pytest.mark.parametrize("host", ["line.example", "127.0.0.1.line.example", ""])
def test_refuses_other_hosts(call: Client, path: str, host: str) -> None:
    assert call.pool.request("GET", call.url + path, headers={"Host": host}).status in (400, 403)


def test_refuses_what_another_site_s_page_asks_for(call: Client) -> None:
    faults = call.url + "/double/faults"
    assert call.pool.request("DELETE", faults, headers={"Origin": "https://line.example"}).status == 403
    assert call.pool.request("DELETE", faults, headers={"Origin": call.url}).status == 204


def test_importing_it_serves_nothing() -> None:
    code = "import bot.double, bot.double.app, threading; assert threading.active_count() == 1"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_memory_is_bounded(call: Client) -> None:
    for number in range(60):
        call.sms(Body=str(number))
    kept = call.journal()
    assert [entry["text"] for entry in kept] == [str(number) for number in range(10, 60)]
    assert [entry["text"] for entry in call("GET", f"/double/messages?after={kept[-2]['seq']}")] == ["59"]
    assert call("GET", "/double/counters")["sms_product"] == 60


def test_faults_can_be_every_so_many_and_for_one_tenant(call: Client) -> None:
    call("POST", "/double/faults", {"kind": "throttle", "every": 2, "times": None, "to": "+447700900123"})
    assert [call.sms().status for _ in range(4)] == [201, 429, 201, 429]
    assert call.sms(To="+447700900124").status == 201
    call("DELETE", "/double/faults")
    assert [call.sms().status for _ in range(2)] == [201, 201]


@pytest.mark.parametrize("fault", [{"kind": "explode"}, {"where": "sms"}, {"kind": "hang", "seconds": "long"}])
def test_refuses_an_unknown_fault(call: Client, fault: dict[str, object]) -> None:
    assert call.pool.request("POST", call.url + "/double/faults", json=fault).status == 422


def test_refuses_an_unknown_knob(call: Client) -> None:
    assert call.pool.request("PATCH", call.url + "/double/knobs", json={"speed": 1}).status == 422
    assert call("PATCH", "/double/knobs", {"delay_ms": 5})["delay_ms"] == 5


def test_stops_at_once_although_a_page_is_open() -> None:
    with listen(0) as found:
        port = found.getsockname()[1]
    code = "import sys; from bot.double.app import serve; from bot.double.identity import DoubleConfig; "
    code += f"serve(DoubleConfig('http://127.0.0.1:1', {port}), {{}})"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        pool = urllib3.PoolManager(retries=urllib3.Retry(connect=50, backoff_factor=0.05, backoff_max=0.2))
        version = pool.request("GET", f"http://127.0.0.1:{port}/phone/threads").json()["version"]
        with socket.create_connection(("127.0.0.1", port)) as page:
            page.sendall(f"GET /phone/threads?seen={version} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            time.sleep(0.2)
            began = time.monotonic()
            process.terminate()
            process.wait(timeout=10)
            assert time.monotonic() - began < 5
        pool.clear()
    finally:
        process.kill()
        process.wait()


def test_a_restarted_double_never_gives_an_id_twice() -> None:
    config = DoubleConfig("http://127.0.0.1:8000")
    first = World(config, lambda: 1_795_003_200.0)
    used = {next(first.numbers) for _ in range(30)}, {next(first.update_ids) for _ in range(30)}
    second = World(config, lambda: 1_795_003_202.0)
    assert next(second.numbers) > max(used[0])
    assert next(second.update_ids) > max(used[1])
