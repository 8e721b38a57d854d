"""Twilio's HTTP API, as much as the product uses: messages, their media, the typing indicator, content templates."""

import base64
import hmac
import json
import re
import secrets
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import urlencode

from starlette.types import Receive, Scope, Send

from bot.double import asgi, twilio_checks
from bot.double.asgi import Answer, json_answer
from bot.double.courier import Courier
from bot.double.faults import chosen, perform
from bot.double.identity import ACCOUNT_SID, AUTH_TOKEN, SMS_FROM, WHATSAPP_FROM
from bot.double.twilio_checks import Form, one
from bot.double.world import Button, ChannelName, Entry, StoredFile, World
from channels.text import segments

MESSAGES: Final = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages"
_CREDENTIALS: Final = "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
_ONE: Final = re.compile(rf"{MESSAGES}/((?:SM|MM)[0-9a-f]{{32}})\.json")
_MEDIA: Final = re.compile(rf"{MESSAGES}/(?:SM|MM)[0-9a-f]{{32}}/Media/(ME[0-9a-f]{{32}})(?:\.json)?")
_TYPING: Final = "/messaging/v2/Indicators/Typing.json"
_CONTENT: Final = "/content/v1/Content"
PREFIXES: Final = ("/2010-04-01/", "/messaging/", "/content/", "/media-store/")
TYPING_LASTS: Final = 25.0
HTTP_STATUS: Final = {20003: 401, 20404: 404, 20429: 429, 20500: 500}


def error(code: int, status: int | None = None, wait: float = 0.0) -> Answer:
    """A refusal as Twilio words it."""
    status = status or HTTP_STATUS.get(code, 400)
    body = {
        "code": code,
        "message": twilio_checks.MESSAGES.get(code, "Error"),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return json_answer(status, body, {"retry-after": str(max(1, round(wait)))} if status == 429 else None)


def refusal(status: int, code: int | None, wait: float) -> Answer:
    """What a fault answers. A 5xx without a code comes from a gateway and is no JSON."""
    if status >= 500 and code is None:
        return Answer(status, b"<html>upstream connect error</html>", "text/html")
    return error(code or {429: 20429, 401: 20003, 404: 20404}.get(status, 20500), status, wait)


class TwilioApi:
    """Serves what is under `PREFIXES`."""

    def __init__(self, world: World, courier: Courier) -> None:
        self._world, self._courier = world, courier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path, method = scope["path"], scope["method"]
        body = await asgi.read_body(receive)
        if path.startswith("/media-store/"):
            return await asgi.reply(send, self._stored(path.rpartition("/")[2]))
        if not hmac.compare_digest(asgi.header(scope, b"authorization").encode(), _CREDENTIALS.encode()):
            return await asgi.reply(send, error(20003))
        try:
            if (method, path) == ("POST", MESSAGES + ".json"):
                return await self._create(asgi.form(body), scope, send)
            return await asgi.reply(send, self._other(method, path, scope, body))
        except ValueError:
            return await asgi.reply(send, error(20001))

    def _other(self, method: str, path: str, scope: Scope, body: bytes) -> Answer:
        if (method, path) == ("GET", MESSAGES + ".json"):
            return self._list(asgi.form(scope["query_string"]))
        if method == "GET" and (found := _ONE.fullmatch(path)):
            entry = self._world.by_id.get(found[1])
            return json_answer(200, resource(entry)) if entry else error(20404)
        if method == "GET" and (found := _MEDIA.fullmatch(path)):
            return self._media(found[1])
        if (method, path) == ("POST", _TYPING):
            return self._typing(asgi.form(body))
        if (method, path) == ("POST", _CONTENT):
            return self._new_content(json.loads(body))
        return error(20404)

    async def _create(self, form: Form, scope: Scope, send: Send) -> None:
        at = self._world.clock()
        to = one(form, "To")
        channel: ChannelName = "whatsapp" if to.startswith("whatsapp:") else "sms"
        fault = chosen(self._world.faults, channel, to)
        await perform(fault, self._world.knobs.delay_ms, lambda: self._accept(form, channel, at), refusal, scope, send)

    def _accept(self, form: Form, channel: ChannelName, at: float) -> Answer:
        code = twilio_checks.refused(form, self._world)
        if code is not None:
            self._world.counters[f"{channel}_refused_{code}"] += 1
            return error(code)
        entry = self._world.add(self._entry(form, channel, at))
        self._courier.follow(entry)
        answer = resource(entry) | {"status": "accepted" if one(form, "MessagingServiceSid") else "queued"}
        return json_answer(201, answer)

    def _entry(self, form: Form, channel: ChannelName, at: float) -> Entry:
        to, text = one(form, "To"), one(form, "Body")
        buttons: tuple[Button, ...] = ()
        code = None
        if one(form, "ContentSid"):
            text, buttons = self._filled(one(form, "ContentSid"), one(form, "ContentVariables"))
        elif channel == "whatsapp":
            open_ = self._world.contact(channel, to).window_open(at, self._world.knobs.strict_window)
            code = None if open_ else 63016
        urls = form.get("MediaUrl", ())
        return Entry(
            seq=next(self._world.numbers),
            channel=channel,
            by="product",
            ours=twilio_checks.sender(form),
            tenant=to,
            id=("MM" if urls else "SM") + secrets.token_hex(16),
            at=at,
            text=text,
            status="queued",
            code=code,
            segments=segments(text).count if channel == "sms" else 0,
            buttons=buttons,
            files=tuple(StoredFile(id="", content_type="", url=url) for url in urls),
            callback=one(form, "StatusCallback"),
            params={name: values[-1] if len(values) == 1 else list(values) for name, values in form.items()},
        )

    def _filled(self, sid: str, variables: str) -> tuple[str, tuple[Button, ...]]:
        content = self._world.contents[sid]
        values: dict[str, str] = json.loads(variables or "{}") or {}

        def fill(text: str) -> str:
            return re.sub(r"\{\{(\w+)\}\}", lambda found: values.get(found[1], found[0]), text)

        parts = next(iter(content["types"].values()))
        actions = [Button(fill(a.get("id", a["title"])), fill(a["title"]), "reply") for a in parts.get("actions", ())]
        items = [Button(fill(item.get("id", "")), fill(item["item"]), "list") for item in parts.get("items", ())]
        return fill(parts.get("body", "")), tuple(actions + items)

    def _list(self, form: Form) -> Answer:
        if not twilio_checks.LIST.issuperset(form):
            return error(20001)
        size, page = int(one(form, "PageSize") or 50), int(one(form, "Page") or 0)
        to = one(form, "To")
        channel: ChannelName = "whatsapp" if to.startswith("whatsapp:") else "sms"
        ours = to in ("", SMS_FROM, WHATSAPP_FROM)
        newest_first = reversed(self._world.entries if ours else self._world.contact(channel, to).thread)
        found = [entry for entry in newest_first if _wanted(entry, form)]
        shown = found[page * size : (page + 1) * size]
        more = len(found) > (page + 1) * size
        here = f"{MESSAGES}.json?{urlencode({name: one(form, name) for name in form if name != 'Page'})}&"
        body: dict[str, Any] = {
            "messages": [resource(entry) for entry in shown],
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": page * size + max(len(shown) - 1, 0),
            "uri": f"{here}Page={page}",
            "first_page_uri": f"{here}Page=0",
            "next_page_uri": f"{here}Page={page + 1}" if more else None,
            "previous_page_uri": f"{here}Page={page - 1}" if page else None,
        }
        return json_answer(200, body)

    def _media(self, sid: str) -> Answer:
        """Twilio does not hand a file over itself: it sends the caller on to a store that wants no credentials."""
        return Answer(307, b"", headers={"location": f"/media-store/{sid}"}) if self._world.file(sid) else error(20404)

    def _stored(self, sid: str) -> Answer:
        file = self._world.file(sid)
        return Answer(200, file.content, file.content_type) if file else Answer(404, b"", "text/plain")

    def _typing(self, form: Form) -> Answer:
        entry = self._world.by_id.get(one(form, "messageId"))
        if one(form, "channel") != "whatsapp" or entry is None or entry.by != "tenant":
            return error(20404)
        self._world.contact("whatsapp", entry.tenant).typing_until = self._world.clock() + TYPING_LASTS
        entry.status = "read"
        self._world.touch()
        return json_answer(200, {"success": True})

    def _new_content(self, content: dict[str, Any]) -> Answer:
        sid = "HX" + secrets.token_hex(16)
        self._world.contents[sid] = content
        while len(self._world.contents) > 500:
            self._world.contents.popitem(last=False)
        return json_answer(201, {"sid": sid, "account_sid": ACCOUNT_SID, **content})


def resource(entry: Entry) -> dict[str, Any]:
    """A message as Twilio describes it (https://www.twilio.com/docs/messaging/api/message-resource)."""
    date = formatdate(entry.at).replace("-0000", "+0000")
    theirs = entry.by == "tenant"
    uri = f"{MESSAGES}/{entry.id}"
    return {
        "account_sid": ACCOUNT_SID,
        "api_version": "2010-04-01",
        "body": entry.text,
        "date_created": date,
        "date_sent": None if entry.status == "queued" else date,
        "date_updated": date,
        "direction": "inbound" if theirs else "outbound-api",
        "error_code": entry.code,
        "error_message": None,
        "from": entry.tenant if theirs else entry.ours,
        "messaging_service_sid": entry.params.get("MessagingServiceSid"),
        "num_media": str(len(entry.files)),
        "num_segments": str(entry.segments or 1),
        "price": None,
        "price_unit": "USD",
        "sid": entry.id,
        "status": "received" if theirs else entry.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": entry.ours if theirs else entry.tenant,
        "uri": f"{uri}.json",
    }


def _wanted(entry: Entry, form: Form) -> bool:
    if entry.channel == "telegram":
        return False
    shown = resource(entry)
    if one(form, "To") not in ("", shown["to"]) or one(form, "From") not in ("", shown["from"]):
        return False
    sent = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    after, before, on = (one(form, name) for name in ("DateSent>", "DateSent<", "DateSent"))
    return sent[: len(after)] >= after and (not before or sent[: len(before)] <= before) and sent.startswith(on[:10])
