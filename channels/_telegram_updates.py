"""Reads Telegram's updates (https://core.telegram.org/bots/api#update) into `Inbound` values.

The JSON is read field by field rather than through python-telegram-bot's classes: those raise TypeError or KeyError
where a field is missing, and would refuse a whole update for a field that Hearthline never looks at. Ids are made so
that a correction finds its original: a message is `<chat id>:<message id>`, which its edits name in `edits`, and
everything else, the edit itself included, is `u<update id>`. Both are unique for one bot, and the same when Telegram
repeats an update.
"""

import json
import math
from collections.abc import Mapping
from typing import Final, Literal

from channels.errors import Malformed
from channels.messages import ConsentWord, Inbound, InboundKind, Location, Media
from channels.text import clean

Json = Mapping[str, object]
MediaKind = Literal["picture", "voice", "video", "document", "sticker"]

CONSENT_WORDS: Final[Mapping[str, ConsentWord]] = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "OPTOUT"), "stop"),
    **dict.fromkeys(("START", "UNSTOP"), "start"),
    "HELP": "help",
}
"""Words that can only mean consent, as on WhatsApp: no carrier acts on END, QUIT or CANCEL here."""

_SERVICE: Final = frozenset(
    {
        "pinned_message",
        "message_auto_delete_timer_changed",
        "write_access_allowed",
        "users_shared",
        "chat_shared",
        "connected_website",
        "chat_background_set",
        "boost_added",
        "web_app_data",
    }
)
"""Messages that Telegram writes into a private chat itself; nobody waits for an answer to them."""

# Field, kind, and the type that Telegram implies where it sends none. An animation comes again as a document, so that
# the first field found is the file.
_FILES: Final[tuple[tuple[str, MediaKind, str], ...]] = (
    ("voice", "voice", "audio/ogg"),
    ("audio", "voice", "audio/mpeg"),
    ("video", "video", "video/mp4"),
    ("video_note", "video", "video/mp4"),
    ("animation", "video", "video/mp4"),
    ("sticker", "sticker", "image/webp"),
    ("document", "document", ""),
)


def read_update(body: bytes, account: str) -> tuple[Inbound, ...]:
    """Read one update. A kind that Hearthline has no use for gives ().

    account: the bot's id. Raises `Malformed`, naming the field, if the body is not an update.
    """
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("body: not JSON") from None
    if not isinstance(update, dict):
        raise Malformed("body: not an object")
    update_id = _integer(update, "update_id")
    for kind, read in _READERS.items():
        if kind in update:
            return read(_object(update, kind), account, update_id)
    return ()


def _message(message: Json, account: str, update_id: int) -> tuple[Inbound, ...]:
    chat = _object(message, "chat")
    if chat.get("type") == "private" and any(key in message for key in _SERVICE):
        return ()
    own_id = f"{_integer(chat, 'id')}:{_integer(message, 'message_id')}"
    return _said(message, account, update_id, own_id, edits=None)


def _edit(message: Json, account: str, update_id: int) -> tuple[Inbound, ...]:
    chat = _object(message, "chat")
    if chat.get("type") != "private":
        return ()
    original = f"{_integer(chat, 'id')}:{_integer(message, 'message_id')}"
    return _said(message, account, update_id, f"u{update_id}", edits=original)


def _said(message: Json, account: str, update_id: int, own_id: str, edits: str | None) -> tuple[Inbound, ...]:
    chat = _object(message, "chat")
    kind = _kind(chat, edits)
    if kind is None:
        return ()
    text, source = _words(message)
    sender = message.get("from", {})
    sender = sender if isinstance(sender, dict) else {}
    return (
        Inbound(
            channel="telegram",
            account=account,
            address=str(_integer(chat, "id")),
            provider_id=own_id,
            kind=kind,
            sequence=update_id,
            text=text,
            edits=edits,
            media=_media(message),
            location=_location(message),
            contact_card=_contact(message),
            consent=None if kind == "group" else _consent(text, source),
            source=source or None,
            profile_name=_name(sender),
            language_hint=_text(sender, "language_code") or None,
            external_user_id=str(sender["id"]) if "id" in sender else None,
        ),
    )


def _kind(chat: Json, edits: str | None) -> InboundKind | None:
    match chat.get("type"):
        case "private":
            return "edit" if edits else "message"
        case "group" | "supergroup" | "channel":
            return "group"
        case _:
            return None


def _button(query: Json, account: str, update_id: int) -> tuple[Inbound, ...]:
    """A button under a message too old for Telegram to show us is answered too: then the sender is the chat."""
    sender = _object(query, "from")
    message = query.get("message")
    message = message if isinstance(message, dict) else {}
    chat = _object(message, "chat") if "chat" in message else {"id": _integer(sender, "id"), "type": "private"}
    choice = _text(query, "data")
    return (
        Inbound(
            channel="telegram",
            account=account,
            address=str(_integer(chat, "id")),
            provider_id=f"u{update_id}",
            kind="group" if chat.get("type") in ("group", "supergroup", "channel") else "button",
            sequence=update_id,
            text=_label(message, choice),
            choice=choice or None,
            callback_id=_identifier(query, "id"),
            profile_name=_name(sender),
            language_hint=_text(sender, "language_code") or None,
            external_user_id=str(_integer(sender, "id")),
        ),
    )


def _membership(change: Json, account: str, update_id: int) -> tuple[Inbound, ...]:
    """In a private chat Telegram tells only of a block and its end; in a group, of our being added or removed."""
    chat = _object(change, "chat")
    status = _object(change, "new_chat_member").get("status")
    group = chat.get("type") in ("group", "supergroup", "channel")
    kinds: dict[object, InboundKind]
    kinds = {"member": "group", "administrator": "group"} if group else {"kicked": "blocked", "member": "unblocked"}
    if status not in kinds:
        return ()
    return (
        Inbound(
            channel="telegram",
            account=account,
            address=str(_integer(chat, "id")),
            provider_id=f"u{update_id}",
            kind=kinds[status],
            sequence=update_id,
        ),
    )


_READERS: Final = {
    "message": _message,
    "channel_post": _message,
    "edited_message": _edit,
    "callback_query": _button,
    "my_chat_member": _membership,
}
UPDATE_KINDS: Final = tuple(_READERS)
"""What to ask Telegram for: `allowed_updates` of setWebhook and getUpdates."""


def _words(message: Json) -> tuple[str, str]:
    """Text and deep-link payload. A command is read as the words it is made of: /start_again as `start again`.

    Telegram sends /start when a tenant opens the chat, by the button or by a link: that asks for the menu, and is no
    consent, because it says nothing about messages that we would start. `START` as a word is.
    """
    text = _text(message, "text") or _text(message, "caption")
    if not text and isinstance(message.get("dice"), dict):
        text = _text(_object(message, "dice"), "emoji")
    if not (text.startswith("/") and text[1:2].isalpha()):
        return text, ""
    command, _, rest = text[1:].partition(" ")
    command = command.partition("@")[0].lower()
    if command == "start":
        return "menu", rest.strip()
    return f"{command.replace('_', ' ')} {rest}".strip(), ""


def _consent(text: str, source: str) -> ConsentWord | None:
    """The consent word that the text is, if it is nothing else; letter case and punctuation after it do not matter."""
    return None if source else CONSENT_WORDS.get(text.strip().upper().rstrip(".!?,;:"))


def _media(message: Json) -> tuple[Media, ...]:
    sizes = message.get("photo")
    photos = [size for size in sizes if isinstance(size, dict)] if isinstance(sizes, list) else []
    if photos:
        return (_file(max(photos, key=_area), "picture", "image/jpeg"),)
    for field, kind, content_type in _FILES:
        if isinstance(message.get(field), dict):
            return (_file(_object(message, field), kind, content_type),)
    return ()


def _area(size: Json) -> int:
    width, height = size.get("width"), size.get("height")
    return width * height if isinstance(width, int) and isinstance(height, int) else 0


def _file(file: Json, kind: MediaKind, content_type: str) -> Media:
    size = file.get("file_size")
    if file.get("is_video") is True:
        content_type = "video/webm"
    if file.get("is_animated") is True:
        content_type = "application/x-tgsticker"
    return Media(
        ref=_identifier(file, "file_id"),
        content_type=_text(file, "mime_type") or content_type,
        kind=kind,
        size=size if isinstance(size, int) else None,
        name=_text(file, "file_name"),
    )


def _location(message: Json) -> Location | None:
    if not isinstance(message.get("location"), dict):
        return None
    place = _object(message, "location")
    venue = message.get("venue")
    venue = venue if isinstance(venue, dict) else {}
    return Location(
        latitude=_degrees(place, "latitude", 90),
        longitude=_degrees(place, "longitude", 180),
        label=_text(venue, "title"),
        address=_text(venue, "address"),
    )


def _degrees(place: Json, field: str, limit: int) -> float:
    value = place.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > limit:
        raise Malformed(f"location.{field}: not degrees")
    return float(value)


def _contact(message: Json) -> str | None:
    if not isinstance(message.get("contact"), dict):
        return None
    contact = _object(message, "contact")
    return f"{_name(contact)} {_text(contact, 'phone_number')}".strip()


def _label(message: Json, choice: str) -> str:
    """The words on the button that carries `choice`, or nothing if Telegram no longer sends the keyboard."""
    markup = message.get("reply_markup")
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    for row in rows if isinstance(rows, list) else ():
        for button in row if isinstance(row, list) else ():
            if isinstance(button, dict) and button.get("callback_data") == choice:
                return _text(button, "text")
    return ""


def _name(person: Json) -> str:
    return f"{_text(person, 'first_name')} {_text(person, 'last_name')}".strip()


def _object(parent: Json, field: str) -> Json:
    value = parent.get(field)
    if not isinstance(value, dict):
        raise Malformed(f"{field}: missing or not an object")
    return value


def _integer(parent: Json, field: str) -> int:
    value = parent.get(field)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Malformed(f"{field}: missing or not an integer")
    return value


def _identifier(parent: Json, field: str) -> str:
    value = parent.get(field)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise Malformed(f"{field}: missing or not an identifier")
    return str(value)


def _text(parent: Json, field: str) -> str:
    value = parent.get(field)
    return clean(value) if isinstance(value, str) else ""
