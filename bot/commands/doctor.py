"""`hearthline doctor`: everything that must be right outside the code, each on a line, and what to do where it is not.

Asks the providers about what is theirs. Nothing is changed, and nothing is sent to a tenant.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TextIO
from urllib.parse import quote, urlsplit

from bot.commands.connect import connected
from bot.errors import SettingsError
from bot.settings import LOOPBACK, Settings, load

TIMEOUT = 8.0
SMS_PATH, WHATSAPP_PATH = "/webhooks/twilio/sms", "/webhooks/twilio/whatsapp"
TELEGRAM_PATH = "/webhooks/telegram"

Fetch = Callable[[str, Mapping[str, str]], tuple[int, bytes]]
"""Get an address with headers: HTTP status and body. Status 0 when nothing answers."""


class Finding(NamedTuple):
    """One thing looked at. `remedy` says what to do about a problem, or what to know of a note."""

    verdict: Literal["ok", "off", "note", "problem"]
    what: str
    remedy: str = ""


def examine(output: TextIO) -> int:
    """Look at everything and write it down. Returns 1 if there is a problem, else 0."""
    try:
        settings = load()
    except SettingsError as error:
        findings = [Finding("problem", "settings", sentence) for sentence in error.sentences]
    else:
        findings = [Finding("ok", "settings"), encoder(), *servers(settings), *channels(settings, fetch)]
    for finding in findings:
        print(f"{finding.verdict:8} {finding.what}" + (f": {finding.remedy}" if finding.remedy else ""), file=output)
    return 1 if any(finding.verdict == "problem" for finding in findings) else 0


def servers(settings: Settings) -> Iterator[Finding]:
    """Look at PostgreSQL, its tables, and Redis."""
    try:
        found = connected(settings)
    except SettingsError as error:
        yield from (Finding("problem", "servers", sentence) for sentence in error.sentences)
        return
    yield _database(found.database_url or "")
    yield _redis(found.redis_url or "")


def encoder() -> Finding:
    """Look whether English is matched by meaning."""
    from bot.nlu.embedding import why_not

    reason = why_not()
    if reason is None:
        return Finding("ok", "encoder")
    return Finding("note", "encoder", f"{reason}. Questions are matched by their letters alone; run make setup again")


def channels(settings: Settings, get: Fetch) -> Iterator[Finding]:
    """Look at each channel, and at how the providers reach us."""
    if not settings.channels_on:
        yield Finding("note", "channels", "none has credentials; `hearthline run` uses a double of the providers")
        return
    if urlsplit(settings.base_url).hostname not in LOOPBACK:
        yield _reached(settings, get)
    if settings.twilio_account_sid:
        yield from _twilio(settings, get)
    yield from (Finding("off", name, "it has no credentials") for name in _off(settings))
    if settings.telegram_on:
        yield from _telegram(settings, get)


def fetch(url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Get an address within a few seconds; not an address, an answer or in time is status 0."""
    import urllib3

    try:
        answer = urllib3.request("GET", url, headers=dict(headers), timeout=TIMEOUT, retries=False)
    except urllib3.exceptions.HTTPError:
        return 0, b""
    return answer.status, answer.data


def _database(url: str) -> Finding:
    import psycopg

    from bot.store.migrate import current

    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            if connection.info.server_version < 160000:
                return Finding("problem", "PostgreSQL", "it is older than version 16: move to a newer one")
            if current(connection):
                return Finding("ok", "PostgreSQL")
    except psycopg.OperationalError:
        return Finding("problem", "PostgreSQL", "it does not let us in: check DATABASE_URL and that the server runs")
    return Finding("problem", "PostgreSQL", "its tables are not up to date: hearthline migrate")


def _redis(url: str) -> Finding:
    import redis

    from bot.queues import connect

    try:
        with connect(url, timeout=5.0) as client:
            client.ping()
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
    except redis.ResponseError:
        return Finding("note", "Redis", "it answers, but does not say its maxmemory-policy: it should be noeviction")
    except redis.RedisError:
        return Finding("problem", "Redis", "it does not let us in: check REDIS_URL and that the server runs")
    if policy != "noeviction":
        return Finding("problem", "Redis", f"its maxmemory-policy is {policy}: set it to noeviction, or jobs vanish")
    return Finding("ok", "Redis")


def _reached(settings: Settings, get: Fetch) -> Finding:
    status, _ = get(f"{settings.base_url}/healthz", {})
    if status == 200:
        return Finding("ok", "PUBLIC_BASE_URL reaches a running Hearthline")
    said = f"answered {status}" if status else "did not answer"
    return Finding("problem", "PUBLIC_BASE_URL", f"/healthz {said}: start the web process and look at the proxy")


def _off(settings: Settings) -> list[str]:
    return [name for name in ("sms", "whatsapp", "telegram") if name not in settings.channels_on]


def _twilio(settings: Settings, get: Fetch) -> Iterator[Finding]:
    token = settings.twilio_auth_token.get_secret_value() if settings.twilio_auth_token else ""
    basic = b64encode(f"{settings.twilio_account_sid}:{token}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    account = f"{_twilio_host(settings, 'api')}/2010-04-01/Accounts/{settings.twilio_account_sid}"
    status, body = get(f"{account}.json", headers)
    if status != 200:
        yield _refused("Twilio", status, "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
        return
    state = _object(body).get("status", "active")
    if state != "active":
        yield Finding("problem", "Twilio", f"the account is {state}: see the Twilio console")
        return
    yield Finding("ok", "Twilio accepts the credentials")
    if settings.sms_on:
        yield _sms(settings, get, headers, account)
    if settings.whatsapp_on:
        wanted = f"{settings.base_url}{WHATSAPP_PATH}"
        yield Finding("note", "whatsapp", f"in the Twilio console, the sender's webhook must be {wanted}")


def _sms(settings: Settings, get: Fetch, headers: Mapping[str, str], account: str) -> Finding:
    wanted = f"{settings.base_url}{SMS_PATH}"
    if settings.twilio_messaging_service_sid:
        service = f"{_twilio_host(settings, 'messaging')}/v1/Services/{settings.twilio_messaging_service_sid}"
        status, body = get(service, headers)
        seen = _object(body).get("inbound_request_url")
        return _registered("sms", status, seen, wanted, "the Messaging Service's incoming request URL")
    sender = settings.twilio_sms_from or ""
    if not sender.startswith("+"):
        return Finding(
            "note", "sms", f"set the sender's webhook in the Twilio console to {wanted}, if it can be answered"
        )
    status, body = get(f"{account}/IncomingPhoneNumbers.json?PhoneNumber={quote(sender, safe='')}", headers)
    numbers = _object(body).get("incoming_phone_numbers") or []
    if status == 200 and not numbers:
        return Finding("problem", "sms", "the account has no number TWILIO_SMS_FROM")
    return _registered("sms", status, numbers[0].get("sms_url") if numbers else None, wanted, "the number's webhook")


def _registered(channel: str, status: int, seen: object, wanted: str, where: str) -> Finding:
    if status != 200:
        return _refused(channel, status, f"{where} in the Twilio console")
    # A fragment holds Twilio's own options for retries, and is not part of the address.
    if isinstance(seen, str) and seen.partition("#")[0] == wanted:
        return Finding("ok", f"{channel} webhook")
    return Finding("problem", channel, f"{where} is another address: set it to {wanted}")


def _telegram(settings: Settings, get: Fetch) -> Iterator[Finding]:
    token = settings.telegram_bot_token.get_secret_value() if settings.telegram_bot_token else ""
    bot = f"{settings.telegram_api_base_url or 'https://api.telegram.org'}/bot{token}"
    status, body = get(f"{bot}/getWebhookInfo", {})
    if status != 200:
        yield _refused("telegram", status, "TELEGRAM_BOT_TOKEN")
        return
    yield Finding("ok", "Telegram accepts the token")
    found = _object(body).get("result")
    info: Mapping[str, Any] = found if isinstance(found, dict) else {}
    wanted = "" if settings.telegram_mode == "polling" else f"{settings.base_url}{TELEGRAM_PATH}"
    if info.get("url", "") != wanted and wanted:
        yield Finding("problem", "telegram", "its webhook is not ours: hearthline telegram set-webhook")
    elif info.get("last_error_date"):
        waiting = info.get("pending_update_count", 0)
        yield Finding("note", "telegram", f"it could not reach us lately; {waiting} updates wait")
    else:
        yield Finding("ok", "telegram webhook" if wanted else "telegram polling")


def _refused(what: str, status: int, check: str) -> Finding:
    if status == 0:
        return Finding("problem", what, "it does not answer: can this machine reach it?")
    return Finding("problem", what, f"it answered {status}: check {check}")


def _twilio_host(settings: Settings, product: str) -> str:
    base = settings.twilio_api_base_url
    if base is None:
        return f"https://{product}.twilio.com"
    return base if product == "api" else f"{base}/{product}"


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
