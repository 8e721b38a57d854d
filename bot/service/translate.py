"""Reading a tenant's message in English: by machine, through LibreTranslate, where the landlord has one; or with an interpreter.

Only for staff to read by. What tenants are told is approved text or an advisor's own, never a machine's.
"""

import json
from dataclasses import dataclass, field
from typing import Protocol

import urllib3

from bot.log import get
from bot.service.desk import GONE, Refusal, may_read
from bot.service.parts import Parts
from bot.store import audit, desk, notes, thread
from bot.store.staff import Staff

PATIENCE = 10.0
"""Seconds that a translation may take."""
LONGEST = 4000
"""Characters of one translation; more of an answer is cut."""
MOST = 256 * 1024
"""Bytes of an answer."""
FIELD = "interpreter"

log = get(__name__)


class NotTranslated(Exception):  # noqa: N818  what became of it, and the page says what to do
    """The service is away, or does not translate this."""


class Translator(Protocol):
    """What makes English of a text."""

    def __call__(self, text: str, language: str) -> str:
        """The text in English. language: BCP 47, "" to have it recognised. Raises `NotTranslated`."""


@dataclass(frozen=True)
class LibreTranslate:
    """A LibreTranslate service (https://docs.libretranslate.com/api/operations/translate/). base_url: without a last slash."""

    base_url: str
    key: str = field(default="", repr=False)
    pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(timeout=urllib3.Timeout(total=PATIENCE), retries=False), repr=False
    )

    def __call__(self, text: str, language: str) -> str:
        """The text in English. Raises `NotTranslated`."""
        asked = {"q": text, "source": language.partition("-")[0] or "auto", "target": "en", "format": "text"}
        body = json.dumps({**asked, **({"api_key": self.key} if self.key else {})}).encode()
        try:
            answer = self.pool.request(
                "POST",
                f"{self.base_url}/translate",
                body=body,
                headers={"content-type": "application/json"},
                redirect=False,
                preload_content=False,
            )
            content = answer.read(MOST)
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise NotTranslated(type(error).__name__) from None
        return _translated(answer.status, content)


def _translated(status: int, content: bytes) -> str:
    if status != 200:
        raise NotTranslated(f"status {status}")
    try:
        found = json.loads(content)["translatedText"]
    except (ValueError, KeyError, TypeError):
        raise NotTranslated("an answer that is none") from None
    if not isinstance(found, str) or not found.strip():
        raise NotTranslated("an empty answer")
    return found[:LONGEST]


def read_in_english(
    parts: Parts, translator: Translator, staff: Staff, handoff_id: int, line_id: int
) -> tuple[int, str] | Refusal:
    """(id, English) of a line that the tenant wrote. It is kept nowhere, and that it was asked for is on record."""
    with parts.database.transaction() as connection:
        case = desk.find(connection, handoff_id)
        tenant = thread.tenant(connection, case.conversation_id) if case else None
        if case is None or tenant is None or not may_read(connection, parts, staff, case):
            return GONE
        text = thread.written(connection, tenant.linked, line_id)
        if text is None:
            return GONE
        audit.record(connection, staff, "translated", case.conversation_id, handoff=handoff_id, line=line_id)
    # What a tenant wrote in need of an interpreter's language may be in any: English words stay as they are.
    try:
        return line_id, translator(text, "")
    except NotTranslated as error:
        log.warning("translation_failed", problem=str(error))
        return Refusal("translation", "The translation service does not answer. Try again, or ask for an interpreter.")


def ask_interpreter(parts: Parts, staff: Staff, handoff_id: int, language: str) -> int | Refusal:
    """Say that an interpreter is needed: a note for colleagues, and in the tenant's file. language: as the advisor names it."""
    named = " ".join(language.split())
    if not named:
        return Refusal("interpreter", "Say which language the interpreter is for.")
    with parts.database.transaction() as connection:
        case = desk.find(connection, handoff_id)
        if case is None or not may_read(connection, parts, staff, case):
            return GONE
        now = parts.clock()
        notes.field(connection, case.conversation_id, FIELD, named, None, now)
        thread.add_note(connection, case.conversation_id, staff.id, "note", f"Interpreter asked for: {named}", now)
        audit.record(connection, staff, "interpreter_asked", case.conversation_id, handoff=handoff_id)
    return handoff_id
