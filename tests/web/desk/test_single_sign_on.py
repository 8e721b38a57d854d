"""Single sign-on against an issuer on this machine, honest and otherwise."""

import base64
import hashlib
import json
import threading
import time as real_time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from bot.service.issuer import Issuer, IssuerConfig, named
from bot.store import staff
from bot.store.database import Connection
from bot.store.staff import Role
from bot.web.desk.setup import Desk
from tests.web.desk.conftest import Browse, Browser, Hire, acts

CLIENT, CLIENT_SECRET = "hearthline-desk", "a secret of the client"
ROLES = {"Housing advisors": "advisor", "Team leads": "supervisor"}


@dataclass
class FakeIssuer:
    """Vouches for `claims` once for each code, if the client proves itself and the code's verifier fits."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    signed_with: RSAKey | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    instead: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Any:
        if path == "/jwks":
            return KeySet([self.key]).as_dict(private=False)
        ways = {"authorization": "authorize", "token": "token"}
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            **{f"{name}_endpoint": f"{self.url}/{path}" for name, path in ways.items()},
        }

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        basic = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET.replace(' ', '+')}".encode()).decode()
        plain = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()
        right = challenge.decode() == self.asked.get("code_challenge") and form["code"] == self.asked.pop("code", None)
        if not right or authorization not in (f"Basic {basic}", f"Basic {plain}"):
            return 400, {"error": "invalid_grant"}
        now = int(real_time.time())
        standard = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": self.asked["nonce"]}
        key = self.signed_with or self.key
        id_token = jwt.encode({"alg": "RS256", "kid": key.kid}, {**standard, **self.claims, **self.instead}, key)
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": id_token}

    def authorize(self, address: str) -> str:
        """What the issuer's own page does: remember what was asked, and make a code."""
        split = urlsplit(address)
        self.asked = {**dict(parse_qsl(split.query)), "code": "a-code"}
        assert f"{split.scheme}://{split.netloc}" == self.url
        assert self.asked["code_challenge_method"] == "S256"
        assert self.asked["response_type"] == "code"
        return self.asked["state"]


@pytest.fixture(scope="module")
def server() -> Iterator[FakeIssuer]:
    issuer = FakeIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, issuer.get(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self.answer(*issuer.token(form, self.headers.get("Authorization", "")))

        def answer(self, status: int, content: Any) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            return

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield issuer
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.fixture
def issuer(server: FakeIssuer) -> FakeIssuer:
    """An honest issuer that sends Sam, an advisor, who gave a second factor there."""
    server.signed_with, server.instead = None, {}
    server.claims = {
        "sub": "42",
        "email": "Sam@example.org",
        "email_verified": True,
        "name": "Sam Jones",
        "roles": ["Housing advisors", "Everybody"],
        "amr": ["pwd", "mfa"],
    }
    return server


@pytest.fixture
def visitor(browse: Browse, desk: Desk, issuer: FakeIssuer) -> Browser:
    config = IssuerConfig(issuer.url, CLIENT, CLIENT_SECRET, "roles", ROLES)
    return browse(on=replace(desk, issuer=Issuer(config)))


def come(browser: Browser, issuer: FakeIssuer, after: str = "") -> Browser:
    browser.get("/desk/sign-in")
    answer = browser.client.get("/desk/single-sign-on", params={"next": after}, follow_redirects=False)
    state = issuer.authorize(answer.headers["location"])
    return browser.get(f"/desk/single-sign-on/back?code=a-code&state={state}")


def test_somebody_new_comes_in_with_the_roles_that_the_issuer_says(
    visitor: Browser, issuer: FakeIssuer, connection: Connection
) -> None:
    assert "Sign in with your organisation" in visitor.get("/desk/sign-in").page
    assert come(visitor, issuer, "/desk/account").title == "Your account"
    assert "sam@example.org" in visitor.page
    found = staff.find_by_email(connection, "sam@example.org")
    assert found
    assert found.roles == {Role.ADVISOR}
    assert visitor.post("/desk/sign-out").title == "Sign in"
    issuer.claims["roles"] = "Team leads"
    assert come(visitor, issuer).title == "Home"
    assert visitor.get("/desk/audit").title == "Audit"
    assert acts(connection).count("single_sign_on") == 2


def test_without_a_second_factor_there_ours_is_asked(visitor: Browser, issuer: FakeIssuer) -> None:
    issuer.claims["amr"] = ["pwd"]
    assert come(visitor, issuer).title == "Set up one-time codes"
    assert visitor.get("/desk/account").title == "Sign in"


def test_a_local_account_is_joined_only_if_the_issuer_vouches_for_the_address(
    visitor: Browser, issuer: FakeIssuer, hire: Hire, connection: Connection
) -> None:
    local = hire(Role.ADMINISTRATOR, email="sam@example.org")
    issuer.claims["email_verified"] = False
    assert "You cannot sign in this way" in come(visitor, issuer).page
    issuer.claims["email_verified"] = True
    assert come(visitor, issuer).title == "Home"
    assert staff.subject(connection, f"{issuer.url} 42") == (local.id, False)
    issuer.claims["sub"] = "43"
    visitor.post("/desk/sign-out")
    assert "You cannot sign in this way" in come(visitor, issuer).page


def test_a_disabled_account_and_one_without_a_role_stay_outside(
    visitor: Browser, issuer: FakeIssuer, connection: Connection
) -> None:
    issuer.claims["roles"] = ["Everybody"]
    assert "has not given you a role" in come(visitor, issuer).page
    issuer.claims["roles"] = ["Team leads"]
    come(visitor, issuer).post("/desk/sign-out")
    found = staff.find_by_email(connection, "sam@example.org")
    assert found
    staff.disable(connection, found.id, 0.0)
    assert "You cannot sign in this way" in come(visitor, issuer).page


@pytest.mark.parametrize(
    "instead",
    [{"nonce": "other"}, {"aud": "another-client"}, {"iss": "https://evil.example"}, {"exp": 1000}, {"sub": None}],
)
def test_a_token_that_is_not_for_us_and_now_is_refused(
    visitor: Browser, issuer: FakeIssuer, instead: dict[str, Any]
) -> None:
    issuer.instead = instead
    assert "did not work" in come(visitor, issuer).page


def test_a_token_of_another_key_is_refused_even_by_the_same_name(visitor: Browser, issuer: FakeIssuer) -> None:
    issuer.signed_with = RSAKey.generate_key(2048, {"kid": "one"})
    assert "did not work" in come(visitor, issuer).page


def test_when_the_issuer_has_changed_its_key_the_new_one_is_fetched(visitor: Browser, issuer: FakeIssuer) -> None:
    come(visitor, issuer).post("/desk/sign-out")
    issuer.key = RSAKey.generate_key(2048, {"kid": "two"})
    assert come(visitor, issuer).title == "Home"


def test_coming_back_without_having_left_from_this_browser_is_refused(
    visitor: Browser, issuer: FakeIssuer, browse: Browse
) -> None:
    visitor.get("/desk/sign-in")
    answer = visitor.client.get("/desk/single-sign-on", follow_redirects=False)
    state = issuer.authorize(answer.headers["location"])
    for query in (f"code=a-code&state={state}x", f"state={state}", "code=a-code", "code=a-code&state=%C3%A9"):
        assert "did not work" in visitor.get(f"/desk/single-sign-on/back?{query}").page
    victim = browse()
    assert victim.get(f"/desk/single-sign-on/back?code=a-code&state={state}").title.startswith("Error")


def test_an_issuer_that_is_away_is_a_sentence(browse: Browse, desk: Desk) -> None:
    config = IssuerConfig("http://127.0.0.1:1", CLIENT, CLIENT_SECRET, "roles", ROLES)
    browser = browse(on=replace(desk, issuer=Issuer(config))).get("/desk/single-sign-on")
    assert "does not answer" in browser.page


@pytest.mark.parametrize(
    ("name", "found"),
    [("groups", ["a"]), ("realm_access.roles", ["b"]), ("https://x.example/roles", ["c"]), ("no.where", None)],
)
def test_a_claim_is_found_by_name_or_by_the_way_to_it(name: str, found: object) -> None:
    claims = {"groups": ["a"], "realm_access": {"roles": ["b"]}, "https://x.example/roles": ["c"]}
    assert named(claims, name) == found
