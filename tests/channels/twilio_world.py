"""A Twilio for tests: an account, signed webhooks made from data rows, and an exchange that answers as told."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from channels._http import Answer
from channels._twilio import TwilioAccount
from channels.messages import Part, SendContext, WebhookRequest

HERE = Path(__file__).parent
PAYLOADS = HERE / "payloads"
PROVIDERS = HERE.parents[2] / "shared" / "data" / "providers"
FORM = "application/x-www-form-urlencoded"
BASE = "https://line.example"

ACCOUNT = TwilioAccount(
    account_sid="AC" + "0" * 31 + "1",
    auth_token="token-of-nobody",
    public_base_url=BASE,
    sms_from="+447700900001",
    whatsapp_from="whatsapp:+447700900002",
    content={"repair-booked": "HX" + "1" * 32, "repair-booked.cy": "HX" + "2" * 32, "main-menu": "HX" + "3" * 32},
    shared_key="shared-key-of-nobody",
)
CONTEXT = SendContext(message_id="01JD0", now=1_000.0, window_closes_at=2_000.0)
CREATED = json.loads((PAYLOADS / "twilio_created.json").read_text())


def expand(value: Any) -> Any:
    """Write out {"repeat": text, "times": n}, wherever it stands."""
    if isinstance(value, dict):
        return value["repeat"] * value["times"] if "times" in value else {k: expand(v) for k, v in value.items()}
    return [expand(one) for one in value] if isinstance(value, list) else value


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a payload file, each with the file's channel, path and fields."""
    file = json.loads((PAYLOADS / name).read_text())
    shared = {key: file[key] for key in ("channel", "path", "fields")}
    return [expand({**shared, **row, "id": f"{name}: {row['id']}"}) for row in file["rows"]]


def signature(secret: str, url: str, fields: Sequence[tuple[str, str]], method: str = "sha1") -> str:
    """Sign as Twilio's documentation says; written apart from the code under test."""
    text = url.encode()
    for name in sorted({name for name, _ in fields}):
        for value in sorted({value for other, value in fields if other == name}):
            text += name.encode() + value.encode("utf-8", "surrogateescape")
    return base64.b64encode(hmac.new(secret.encode(), text, getattr(hashlib, method)).digest()).decode()


def webhook(row: Mapping[str, Any]) -> WebhookRequest:
    """The request that a row describes, signed in the way that it names."""
    changed = {**row["fields"], **row.get("form", {})}
    form = urlencode({name: value for name, value in changed.items() if value is not None}) + row.get("append", "")
    body = row.get("body", form)
    url, how = BASE + row["path"], row.get("signature", "good")
    fields = parse_qsl(body, keep_blank_values=True, errors="surrogateescape")
    headers = {"content-type": FORM, **row.get("headers", {})}
    token = ACCOUNT.auth_token
    if how == "body-hash":
        url += "?bodySHA256=" + hashlib.sha256(body.encode()).hexdigest()
        fields = []
    signed = {
        "missing": None,
        "bad": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "other-url": signature(token, "https://elsewhere.example" + row["path"], fields),
        "other-token": signature("another-token", url, fields),
        "sha256": signature(ACCOUNT.shared_key, url, fields, "sha256"),
    }.get(how, signature(token, url, fields))
    if how in ("sha256", "md5"):
        headers["x-twilio-webhooks-signature-settings"] = f"key=webhooks_sharedkey_0,algorithm=HMAC_{how.upper()}"
    if how == "tampered":
        body += "&Extra=1"
    if signed is not None:
        headers["x-twilio-signature"] = signed
    return WebhookRequest(url, {name: value for name, value in headers.items() if value is not None}, body.encode())


class FakeTwilio:
    """An exchange that answers each call with the next of its answers, and keeps what it was asked."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers) or [created()]
        self.calls: list[dict[str, Any]] = []

    def __call__(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float) -> Answer:
        form = dict(parse_qsl((body or b"").decode(), keep_blank_values=True, strict_parsing=bool(body)))
        self.calls.append({"method": method, "url": url, "form": form, "headers": headers, "seconds": seconds})
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def created(**changes: object) -> Answer:
    """What Twilio answers when it has taken a message."""
    return answer(201, {**CREATED, **changes})


def answer(status: int, content: object, **headers: str) -> Answer:
    """An answer with JSON, or with text as it stands."""
    body = content if isinstance(content, str) else json.dumps(content)
    return Answer(status, headers, body.encode())


def part(**params: object) -> Part:
    """An SMS of one part."""
    filled = {"To": "+447700900123", "From": "+447700900001", "Body": "Hello", **params}
    return Part(channel="sms", account="+447700900001", address="+447700900123", params=filled, text="Hello")
