"""Files that staff send to tenants: kept here, and fetched by the providers, or opened by the tenant, at signed addresses that
end. What a file is, its first bytes say, and not whoever sent it."""

import hashlib
import hmac
import os
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MOST = 5 * 1024 * 1024
"""Bytes of a file. WhatsApp takes 5 MB of a picture, as Telegram does of one that it fetches itself
(https://www.twilio.com/docs/whatsapp/guidance-whatsapp-media-messages, https://core.telegram.org/bots/api#sending-files)."""
LASTS = 7 * 86_400
"""Seconds for which an address holds: the tenant may open the one in an SMS some days later."""
TYPES = {
    ".jpg": ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ".png": ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ".gif": ("image/gif", re.compile(rb"GIF8[79]a")),
    ".webp": ("image/webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
    ".pdf": ("application/pdf", re.compile(rb"%PDF-")),
}
_NAME = re.compile(r"[0-9a-f]{24}\.(jpg|png|gif|webp|pdf)")


@dataclass(frozen=True)
class Attachments:
    """Where files that are sent lie, and how their addresses are made.

    folder: the same for all web processes. key: signs addresses; whoever has it can make one. base_url: where providers reach
    us, without a last slash.
    """

    folder: Path
    key: bytes
    base_url: str

    def keep(self, content: bytes) -> str | None:
        """Keep a file under a name of our own, readable by this user alone; None for what is none of `TYPES`."""
        ending = next((ending for ending, (_, begins) in TYPES.items() if begins.match(content)), None)
        if ending is None:
            return None
        name = f"{secrets.token_hex(12)}{ending}"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        return name

    def forget(self, name: str) -> None:
        """Delete a file that was not sent after all."""
        if _NAME.fullmatch(name):
            (self.folder / name).unlink(missing_ok=True)

    def path(self, name: str) -> Path | None:
        """Where a file lies; None if there is none of that name."""
        found = self.folder / name
        return found if _NAME.fullmatch(name) and found.is_file() else None

    def address(self, name: str, now: float) -> str:
        """A signed address of a file, which holds for `LASTS`. now: POSIX seconds."""
        until = int(now + LASTS)
        return f"{self.base_url}/files/{until}/{self._signature(name, until)}/{name}"

    def asked(self, name: str, until: str, signature: str, now: float) -> Path | None:
        """The file at an address, if the address is ours and still holds. now: POSIX seconds."""
        if not re.fullmatch(r"[0-9]{1,12}", until) or int(until) < now or not signature.isascii():
            return None
        ours = hmac.compare_digest(self._signature(name, int(until)), signature)
        return self.path(name) if ours else None

    def _signature(self, name: str, until: int) -> str:
        made = hmac.digest(self.key, f"file:{until}:{name}".encode("utf-8", "replace"), "sha256")
        return urlsafe_b64encode(made[:16]).decode().rstrip("=")


def key_of(known: Iterable[str]) -> bytes:
    """A key that every process with the same secrets works out alike, and that gives none of them away."""
    return hashlib.sha256("\0".join(("hearthline files", *known)).encode()).digest()


def content_type(path: Path) -> str:
    """What a file of ours is."""
    return TYPES[path.suffix][0]
