"""Fetches the pictures, voice notes and documents that tenants send, from their provider's hosts and nowhere else.

The address comes from a webhook, so it is checked like any input: only a provider's own hosts, only https, at every
redirect again, and the credentials go to no host but the provider's API. Files are judged by their first bytes.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from channels._http import Answer, Exchange, MayHaveArrived, NeverLeft, pooled
from channels._twilio import TwilioAccount
from channels.errors import ChannelError, Unavailable
from channels.messages import Media

MAX_BYTES = 20_000_000
"""The largest file that is fetched; also the most that Telegram's getFile hands over."""

FETCH_TIMEOUT = 60.0
"""Seconds for one file in all, each redirect."""

MAX_REDIRECTS = 3

_SIGNATURES: tuple[tuple[re.Pattern[bytes], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), types)
    for pattern, types in (
        (rb"\xff\xd8\xff", ("image/jpeg",)),
        (rb"\x89PNG\r\n\x1a\n", ("image/png",)),
        (rb"GIF8[79]a", ("image/gif",)),
        (rb"RIFF....WEBP", ("image/webp",)),
        (rb"....ftyp(?:hei[cxms]|hev[cm]|mif1|msf1)", ("image/heic", "image/heif")),
        (rb"....ftypM4A", ("audio/mp4",)),
        (rb"....ftyp3g", ("video/3gpp", "audio/3gpp")),
        (rb"....ftypqt", ("video/quicktime",)),
        (rb"....ftyp", ("video/mp4", "audio/mp4", "video/3gpp", "audio/3gpp")),
        (rb"OggS", ("audio/ogg",)),
        (rb"#!AMR", ("audio/amr",)),
        (rb"\xff[\xf0\xf1\xf8\xf9]", ("audio/aac",)),
        (rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", ("audio/mpeg",)),
        (rb"%PDF-", ("application/pdf",)),
    )
)
"""What a file begins with, and the types that may be; the first is meant where the provider does not say.

Anything that is not here is not kept: above all no HTML, SVG or Office file, which a browser or a desk could run.
"""

_UNTOLD = ("", "application/octet-stream", "binary/octet-stream")

_TWILIO_HOSTS = (
    r"api(?:\.[a-z0-9-]+){0,2}\.twilio\.com/.*",
    r"[a-z0-9-]+\.twiliocdn\.com/.*",
    r"s3(?:-external-1|\.[a-z0-9-]+)?\.amazonaws\.com/media\.twiliocdn\.com/.*",
)


class MediaRefused(ChannelError):
    """The file cannot be had or must not be kept: do not try again, and have a person ask for it another way."""


class MediaUnavailable(Unavailable):
    """The file did not come this time: try again later."""


class Fetched(Struct, frozen=True):
    """A file that is what it says. `content_type` is from the allow-list, without parameters."""

    content: bytes
    content_type: str


@dataclass(frozen=True)
class Origin:
    """Where the files of one provider come from.

    hosts: patterns of "host/path" over https. credentialed: those among them that are given `authorization`.
    base_url: a local stand-in for all of them, over http if it says so; empty for none.
    locate: turns `Media.ref` into an address.
    """

    hosts: tuple[str, ...]
    credentialed: tuple[str, ...] = ()
    authorization: str = field(default="", repr=False)
    base_url: str = ""
    locate: Callable[[str], str] = str


def twilio_origin(account: TwilioAccount) -> Origin:
    """Twilio's API, which redirects to its stores (https://www.twilio.com/docs/messaging/api/media-resource)."""
    login = b64encode(f"{account.account_sid}:{account.auth_token}".encode()).decode()
    return Origin(_TWILIO_HOSTS, _TWILIO_HOSTS[:1], f"Basic {login}", account.api_base_url)


def telegram_origin(file_url: Callable[[str], str], base_url: str = "") -> Origin:
    """Telegram's file host; `file_url` asks getFile for the address, which has the token in it."""
    return Origin((r"api\.telegram\.org/file/.*",), base_url=base_url, locate=file_url)


def downloads() -> Exchange:
    """Make the exchange that `fetch` needs: one pool of connections, and no answer over `MAX_BYTES`."""
    return pooled(MAX_BYTES)


def fetch(media: Media, origin: Origin, exchange: Exchange) -> Fetched:
    """Fetch one file, at most `MAX_BYTES` of it, within `FETCH_TIMEOUT` seconds a redirect.

    Raises `MediaRefused` for what will not change, `MediaUnavailable` for what may; neither quotes the address.
    """
    answer = _follow(origin.locate(media.ref), origin, exchange)
    if not answer.body:
        raise MediaRefused("the file is empty")
    return Fetched(answer.body, _type_of(answer.body, _declared(media, answer)))


def _follow(url: str, origin: Origin, exchange: Exchange) -> Answer:
    for _ in range(1 + MAX_REDIRECTS):
        if not _is_allowed(url, origin, origin.hosts):
            raise MediaRefused("the file is not on one of the provider's hosts")
        answer = _get(url, origin, exchange)
        if answer.status not in (301, 302, 303, 307, 308):
            return _checked(answer)
        url = _joined(url, answer.headers.get("location", ""))
    raise MediaRefused("the provider redirects without end")


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise MediaRefused("the provider redirects to what is no address") from error


def _get(url: str, origin: Origin, exchange: Exchange) -> Answer:
    trusted = origin.authorization and _is_allowed(url, origin, origin.credentialed)
    headers = {"Authorization": origin.authorization} if trusted else {}
    try:
        return exchange("GET", url, None, headers, FETCH_TIMEOUT)
    except NeverLeft as error:
        raise MediaUnavailable("the provider's host cannot be reached") from error
    except MayHaveArrived as error:
        if str(error) == "answer":
            raise MediaRefused(f"the file has more than {MAX_BYTES} bytes") from error
        raise MediaUnavailable("the file did not arrive whole") from error


def _checked(answer: Answer) -> Answer:
    """A file that is not there yet may come: Twilio's webhook can overtake its own store."""
    if answer.status in (404, 408, 425, 429) or answer.status >= 500:
        raise MediaUnavailable(f"the provider answered {answer.status}")
    if answer.status != 200:
        raise MediaRefused(f"the provider answered {answer.status}")
    return answer


def _is_allowed(url: str, origin: Origin, hosts: tuple[str, ...]) -> bool:
    try:
        target = urlsplit(url)
        place = (target.scheme, target.hostname, target.port)
    except ValueError:
        return False
    # Parsers of addresses differ over these characters, and the one that connects is another.
    if target.username is not None or re.search(r"[\s\\]", url):
        return False
    if origin.base_url:
        base = urlsplit(origin.base_url)
        if place == (base.scheme, base.hostname, base.port):
            return True
    address = f"{target.hostname}{target.path or '/'}"
    secure = target.scheme == "https" and target.port in (None, 443)
    return secure and any(re.fullmatch(pattern, address) for pattern in hosts)


def _declared(media: Media, answer: Answer) -> str:
    """What the file is said to be; the webhook knows better where the store says nothing."""
    stated = (answer.headers.get("content-type", ""), media.content_type)
    kinds = [value.partition(";")[0].strip().lower() for value in stated]
    return next((kind for kind in kinds if kind not in _UNTOLD), "")


def _type_of(content: bytes, declared: str) -> str:
    """The type that the first bytes and the declaration agree on. Raises `MediaRefused`."""
    types = next((types for pattern, types in _SIGNATURES if pattern.match(content)), ())
    if not types:
        raise MediaRefused("the file is of no type that is kept")
    if not declared:
        return types[0]
    if declared in types:
        return declared
    # Providers name a type in several ways (image/jpg, audio/x-m4a): the family must agree.
    same = [kind for kind in types if kind.partition("/")[0] == declared.partition("/")[0]]
    if not same:
        raise MediaRefused("the file is not what it is declared to be")
    return same[0]
