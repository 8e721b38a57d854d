"""What tenants do: each act becomes the provider's webhook, and its answer is read as the provider would read it."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree

from bot.double.courier import Courier, Response
from bot.double.identity import ACCOUNT_SID, BOT_ID, SMS_FROM, WHATSAPP_FROM
from bot.double.telegram_api import ME, TelegramApi, message
from bot.double.twilio_api import MESSAGES
from bot.double.world import Button, ChannelName, Contact, Entry, StoredFile, World
from channels.text import segments

CARRIER: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"),
        "You are unsubscribed and will get no more messages from this number. Reply START to resubscribe.",
    ),
    **dict.fromkeys(("START", "YES", "UNSTOP"), "You are resubscribed and can get messages from this number again."),
    **dict.fromkeys(("HELP", "INFO"), "Reply STOP to unsubscribe."),
}
"""How a carrier answers by itself on a long code (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out)."""
STARTS: Final = frozenset({"START", "YES", "UNSTOP"})
HELPS: Final = frozenset({"HELP", "INFO"})


@dataclass(frozen=True)
class Person:
    """A tenant whose phones are shown. The numbers are Ofcom's for drama; the Telegram id is made up."""

    name: str
    number: str
    telegram: int
    language: str

    def address(self, channel: ChannelName) -> str:
        """Where this person is found on a channel."""
        return {"sms": self.number, "whatsapp": f"whatsapp:{self.number}", "telegram": str(self.telegram)}[channel]


PEOPLE: Final = (
    Person("Nia", "+447700900101", 700900101, "cy"),
    Person("Sam", "+447700900102", 700900102, "en"),
    Person("Asha", "+447700900103", 700900103, "pa"),
    Person("Piotr", "+447700900104", 700900104, "pl"),
    Person("Joy", "+447700900105", 700900105, "en"),
)


class Tenants:
    """Acts on behalf of tenants. Each returns once the product has answered, or has not."""

    def __init__(self, world: World, courier: Courier, telegram: TelegramApi) -> None:
        self._world, self._courier, self._telegram = world, courier, telegram

    async def say(
        self,
        channel: ChannelName,
        address: str,
        text: str = "",
        files: Sequence[StoredFile] = (),
        place: tuple[float, float] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> tuple[Entry, Response]:
        """Send words, files or a place. extra: further fields of Twilio's form, for tests."""
        contact = self._world.contact(channel, address)
        contact.last_wrote = self._world.clock()
        contact.window_closed = False
        entry = self._world.add(self._entry(contact, text, tuple(files), place))
        if channel == "telegram":
            return entry, await self._update(entry, "message", self._telegram_message(entry))
        if channel == "sms":
            self._carrier(contact, text)
        return entry, await self._webhook(entry, {**self._twilio_form(entry), **(extra or {})})

    async def tap(self, channel: ChannelName, address: str, message_id: str, choice: str) -> Response:
        """Tap a button under a message. Raises LookupError if there is none such."""
        under = self._world.by_id.get(message_id)
        button = next((b for b in under.buttons if b.id == choice), None) if under else None
        if under is None or button is None or under.tenant != address:
            raise LookupError("no such button")
        if channel == "telegram":
            return await self._callback(under, button)
        names = ("ListId", "ListTitle") if button.shape == "list" else ("ButtonPayload", "ButtonText")
        fields = {names[0]: button.id, names[1]: button.label, "OriginalRepliedMessageSid": under.id}
        _, response = await self.say(channel, address, button.label, extra=fields)
        return response

    async def edit(self, message_id: str, text: str) -> Response:
        """Correct one's own Telegram message. Raises LookupError if there is none such."""
        entry = self._world.by_id.get(message_id)
        if entry is None or entry.by != "tenant" or entry.channel != "telegram":
            raise LookupError("no such message")
        entry.text, entry.edited = text, True
        self._world.touch()
        changed = self._telegram_message(entry) | {"edit_date": int(self._world.clock())}
        return await self._update(entry, "edited_message", changed)

    async def block(self, address: str, blocked: bool) -> Response:
        """Block the bot on Telegram, or end it."""
        contact = self._world.contact("telegram", address)
        contact.blocked = blocked
        self._world.touch()
        before, after = ("member", "kicked") if blocked else ("kicked", "member")
        change = {
            "chat": self._chat(address),
            "from": self._sender(address),
            "date": int(self._world.clock()),
            "old_chat_member": {"status": before, "user": ME},
            "new_chat_member": {"status": after, "user": ME} | ({"until_date": 0} if blocked else {}),
        }
        return await self._update(None, "my_chat_member", change)

    async def look(self, person: Person) -> None:
        """The tenant looks at WhatsApp: what was delivered there becomes read."""
        contact = self._world.contact("whatsapp", person.address("whatsapp"))
        for entry in [e for e in contact.thread if e.by == "product" and e.status == "delivered"]:
            entry.status = "read"
            self._courier.later(self._courier.read(entry))

    def _entry(
        self, contact: Contact, text: str, files: tuple[StoredFile, ...], place: tuple[float, float] | None
    ) -> Entry:
        number = next(self._world.numbers)
        kind = "MM" if files else "SM"
        own = f"{contact.address}:{number}" if contact.channel == "telegram" else kind + secrets.token_hex(16)
        ours = {"sms": SMS_FROM, "whatsapp": WHATSAPP_FROM, "telegram": str(BOT_ID)}[contact.channel]
        return Entry(
            seq=number,
            channel=contact.channel,
            by="tenant",
            ours=ours,
            tenant=contact.address,
            id=own,
            at=self._world.clock(),
            text=text,
            status="sending",
            files=files,
            place=place,
            segments=segments(text).count if contact.channel == "sms" else 0,
        )

    def _carrier(self, contact: Contact, text: str) -> None:
        word = text.strip().upper()
        answer = CARRIER.get(word)
        if answer is None:
            return
        if word not in HELPS:
            contact.stopped = word not in STARTS
        said = self._entry(contact, answer, (), None)
        said.by, said.status = "carrier", "delivered"
        self._world.add(said)

    def _twilio_form(self, entry: Entry) -> dict[str, str]:
        """An inbound message as Twilio posts it (https://www.twilio.com/docs/messaging/guides/webhook-request)."""
        fields = {
            "AccountSid": ACCOUNT_SID,
            "ApiVersion": "2010-04-01",
            "Body": entry.text,
            "From": entry.tenant,
            "MessageSid": entry.id,
            "NumMedia": str(len(entry.files)),
            "NumSegments": str(entry.segments or 1),
            "SmsMessageSid": entry.id,
            "SmsSid": entry.id,
            "SmsStatus": "received",
            "To": entry.ours,
        }
        for index, file in enumerate(entry.files):
            address = f"http://127.0.0.1:{self._world.config.port}{MESSAGES}/{entry.id}/Media/{file.id}"
            fields |= {f"MediaUrl{index}": address, f"MediaContentType{index}": file.content_type}
        return fields | (self._whatsapp_fields(entry) if entry.channel == "whatsapp" else _SMS_PLACES)

    def _whatsapp_fields(self, entry: Entry) -> dict[str, str]:
        kind = entry.files[0].content_type.partition("/")[0] if entry.files else "text"
        fields = {
            "MessageType": "location" if entry.place else kind,
            "ProfileName": _name(entry.tenant),
            "WaId": entry.tenant.removeprefix("whatsapp:+"),
        }
        if entry.place:
            fields |= {"Latitude": str(entry.place[0]), "Longitude": str(entry.place[1])}
        return fields

    async def _webhook(self, entry: Entry, fields: Mapping[str, str]) -> Response:
        base = self._world.config.public_base_url.rstrip("/")
        response = await self._courier.twilio(f"{base}/webhooks/twilio/{entry.channel}", fields)
        self._settle(entry, response)
        for words in _twiml(response.body):
            said = self._entry(self._world.contact(entry.channel, entry.tenant), words, (), None)
            said.by, said.status = "product", "delivered"
            self._world.add(said)
        return response

    def _settle(self, entry: Entry, response: Response) -> None:
        self._world.counters[f"webhook_{entry.channel}_{response.status}"] += 1
        entry.status = "delivered" if 200 <= response.status < 300 else "failed"
        self._world.touch()

    async def _callback(self, under: Entry, button: Button) -> Response:
        contact = self._world.contact("telegram", under.tenant)
        query_id = f"{under.tenant}-{next(self._world.numbers)}"
        contact.spinning.append(query_id)
        query = {
            "id": query_id,
            "from": self._sender(under.tenant),
            "chat_instance": under.tenant,
            "data": button.id,
            "message": message(under),
        }
        self._world.touch()
        return await self._update(None, "callback_query", query)

    async def _update(self, entry: Entry | None, kind: str, content: Mapping[str, Any]) -> Response:
        hook = self._world.hook
        if hook.allowed and kind not in hook.allowed:
            return Response(0)
        update = {"update_id": next(self._world.update_ids), kind: content}
        if hook.url:
            response = await self._courier.telegram(update)
            self._answer(response)
        else:
            hook.waiting.append(update)
            self._world.touch()
            response = Response(200)
        if entry is not None:
            self._settle(entry, response)
        return response

    def _answer(self, response: Response) -> None:
        """A webhook's answer may itself be a call (https://core.telegram.org/bots/api#making-requests-when-getting-updates)."""
        try:
            call = json.loads(response.body or b"null")
        except ValueError:
            return
        if isinstance(call, dict) and "method" in call:
            given = {name: value for name, value in call.items() if name != "method"}
            self._telegram.call(str(call["method"]), given, self._world.clock())

    def _telegram_message(self, entry: Entry) -> dict[str, Any]:
        found: dict[str, Any] = {
            "message_id": int(entry.id.partition(":")[2]),
            "from": self._sender(entry.tenant),
            "chat": self._chat(entry.tenant),
            "date": int(entry.at),
        }
        if entry.place:
            return found | {"location": {"latitude": entry.place[0], "longitude": entry.place[1]}}
        if not entry.files:
            command = entry.text.partition(" ")[0]
            entity = {"offset": 0, "length": len(command), "type": "bot_command"}
            return found | {"text": entry.text} | ({"entities": [entity]} if command.startswith("/") else {})
        return found | _telegram_file(entry.files[0]) | ({"caption": entry.text} if entry.text else {})

    def _sender(self, address: str) -> dict[str, Any]:
        language = next((p.language for p in PEOPLE if str(p.telegram) == address), "en")
        return {"id": abs(int(address)), "is_bot": False, "first_name": _name(address), "language_code": language}

    def _chat(self, address: str) -> dict[str, Any]:
        if int(address) < 0:
            return {"id": int(address), "type": "supergroup", "title": "Neighbours"}
        return {"id": int(address), "type": "private", "first_name": _name(address)}


_SMS_PLACES: Final = {
    f"{side}{field}": "GB" if field == "Country" else ""
    for side in ("From", "To")
    for field in ("City", "Country", "State", "Zip")
}


def _telegram_file(file: StoredFile) -> dict[str, Any]:
    common = {"file_id": file.id, "file_unique_id": f"u{file.id}", "file_size": len(file.content)}
    kind = file.content_type.partition("/")[0]
    if kind == "image":
        return {"photo": [{**common, "file_id": file.id, "width": 160, "height": 120}]}
    named = {**common, "mime_type": file.content_type}
    if kind == "audio":
        return {"voice": {**named, "duration": 2}}
    if kind == "video":
        return {"video": {**named, "duration": 2, "width": 160, "height": 120, "file_name": file.name}}
    return {"document": {**named, "file_name": file.name}}


def _name(address: str) -> str:
    return next((p.name for p in PEOPLE if address in (p.address("whatsapp"), str(p.telegram))), "Tenant")


def _twiml(body: bytes) -> list[str]:
    """The words of each <Message> of a TwiML answer."""
    if b"<Message" not in body:
        return []
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return []
    return ["".join(found.itertext()).strip() for found in root.iter("Message")]
