"""Twilio's signature: the vectors of its libraries, and agreement with the Python one on anything it can read."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from channels import _twilio_webhook as webhook
from channels._twilio import TwilioAccount
from channels.errors import Forged, Malformed
from channels.messages import WebhookRequest
from tests.channels.twilio_world import FORM, PROVIDERS


def vectors(name: str) -> list[dict[str, Any]]:
    path = PROVIDERS / name
    return json.loads(path.read_text())["vectors"] if path.exists() else []


SHA1 = vectors("twilio_signatures.json")
SHA256 = vectors("twilio_signatures_hmac_sha256_derived.json")
missing = pytest.mark.skipif(not (SHA1 and SHA256), reason="the shared measuring data is not here")


def verifies(account: TwilioAccount, url: str, content_type: str, body: bytes, **headers: str) -> bool:
    request = WebhookRequest(url, {"content-type": content_type, **headers}, body)
    try:
        webhook.verify(request, account)
    except Forged:
        return False
    return True


def account(token: str = "12345", shared_key: str = "") -> TwilioAccount:
    return TwilioAccount("AC1", token, "https://mycompany.com", shared_key=shared_key)


@missing
@pytest.mark.parametrize("vector", SHA1, ids=lambda vector: vector["id"])
def test_sha1_vectors(vector: dict[str, Any]) -> None:
    is_json = vector["body"] is not None
    body = vector["body"] if is_json else urlencode([tuple(pair) for pair in vector["params"]])
    content_type = "application/json" if is_json else FORM
    signed = {"x-twilio-signature": vector["signature"]}
    found = verifies(account(vector["token"]), vector["url"], content_type, body.encode(), **signed)
    # Where the libraries differ (an apostrophe in the URL) this follows twilio-node, so that no message is refused.
    assert found is vector["valid"]


@missing
@pytest.mark.parametrize("vector", SHA256, ids=lambda vector: vector["id"])
@pytest.mark.parametrize("as_token", [False, True], ids=["shared key", "auth token"])
def test_sha256_vectors(vector: dict[str, Any], as_token: bool) -> None:
    ours = account(vector["secret"]) if as_token else account(shared_key=vector["secret"])
    headers = {
        "x-twilio-signature": vector["signature"],
        "x-twilio-webhooks-signature-settings": vector["header_settings"],
    }
    body = urlencode([tuple(pair) for pair in vector["params"]]).encode()
    assert verifies(ours, vector["url"], FORM, body, **headers)
    assert not verifies(ours, vector["url"], FORM, body + b"&x=1", **headers)


NAMES = st.text("ABCabc019", min_size=1, max_size=6)


@given(
    st.dictionaries(NAMES, st.text(st.characters(codec="utf-8"), max_size=30), max_size=8),
    st.sampled_from(
        ["https://a.example/x", "https://a.example:8443/x?y=1", "http://a.example:80/", "https://a.example:443/x"]
    ),
)
def test_agrees_with_twilios_own_library(fields: dict[str, str], url: str) -> None:
    signature = RequestValidator("12345").compute_signature(url, fields)
    body = urlencode(fields).encode()
    assert verifies(account(), url, FORM, body, **{"x-twilio-signature": signature})
    assert not verifies(account("54321"), url, FORM, body, **{"x-twilio-signature": signature})


@given(st.binary(max_size=200), st.text(max_size=40), st.sampled_from([FORM, "application/json", "", "text/plain"]))
def test_no_bytes_raise_anything_else(body: bytes, signature: str, content_type: str) -> None:
    assert not verifies(account(), "https://a.example/x", content_type, body, **{"x-twilio-signature": signature})
    request = WebhookRequest("https://a.example/x", {"content-type": content_type}, body)
    try:
        form = webhook.read_form(request)
    except Malformed:
        return
    assert all("\0" not in value and value.encode() is not None for value in form.values())


def test_an_ipv6_address_keeps_its_brackets() -> None:
    fields = {"A": "1"}
    signature = webhook.sign("12345", "http://[::1]/x", [(b"A", b"1")]).decode()
    assert verifies(
        account(), "http://[::1]:8000/x", FORM, urlencode(fields).encode(), **{"x-twilio-signature": signature}
    )
