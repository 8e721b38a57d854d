"""The desk in the web process: there when it is wanted, and in nobody's way."""

import pytest
import redis
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.service.parts import Parts
from bot.settings import Settings
from bot.web.app import create_app
from bot.web.desk.app import create_desk
from bot.web.desk.setup import desk_of

PUBLIC = "https://line.example.org"


def test_the_desk_is_beside_the_webhooks(parts: Parts, redis_client: redis.Redis) -> None:
    desk = desk_of(Settings(_env_file=None), parts)
    app = create_app(parts, public_base_url=PUBLIC, redis_client=redis_client, desk=desk)
    with TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50000)) as client:
        assert "Sign in" in client.get("/desk/").text
        assert "Sign in" in client.get("/desk").text
        assert client.get("/healthz").status_code == 200
        assert client.post("/webhooks/telegram", content=b"{}").status_code == 403
        assert "content-security-policy" not in client.get("/healthz").headers


def test_without_a_desk_there_is_none(parts: Parts, redis_client: redis.Redis) -> None:
    app = create_app(parts, public_base_url=PUBLIC, redis_client=redis_client)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        assert client.get("/desk/").status_code == 404


def test_settings_say_where_it_is_how_long_sessions_last_and_who_signs_in(parts: Parts) -> None:
    plain = desk_of(Settings(_env_file=None, port=8123, public_base_url=PUBLIC), parts)
    assert (plain.base_url, plain.secure, plain.issuer) == ("http://127.0.0.1:8123", False, None)
    full = Settings(
        _env_file=None,
        desk_base_url="https://desk.example.org",
        session_idle_minutes=5,
        session_absolute_minutes=60,
        oidc_issuer="https://login.example.org",
        oidc_client_id="desk",
        oidc_client_secret="secret",
        oidc_role_map={"Leads": "supervisor"},
    )
    desk = desk_of(full, parts)
    assert desk.hosts == {"desk.example.org"}
    assert desk.limits == (300.0, 3600.0)
    assert desk.secure
    assert desk.issuer


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [("127.0.0.1", {}, 200), ("192.0.2.1", {}, 421), ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, 421)],
)
def test_until_it_has_an_address_only_this_machine_reaches_the_desk(
    parts: Parts, address: str, headers: dict[str, str], status: int
) -> None:
    app = Starlette(routes=[Mount("/desk", create_desk(desk_of(Settings(_env_file=None), parts)))])
    client = TestClient(app, base_url="http://127.0.0.1:8000", client=(address, 50000))
    assert client.get("/desk/sign-in", headers=headers).status_code == status
