"""One log for everything, without anything about a tenant in it.

Events are fixed words with ids and figures beside them. Three guards hold even where a library or a mistake would write
more: fields whose name promises personal data are withheld, anything that looks like a telephone number or a
credential is masked in every value, and of a foreign exception only the type and the place are told, because a
message such as PostgreSQL's can quote the row.
"""

import logging
import logging.config
import re
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog

from bot.errors import HearthlineError

Event = MutableMapping[str, Any]
Raised = tuple[type[BaseException], BaseException, TracebackType | None]

WITHHELD = "[withheld]"
FORBIDDEN = frozenset(
    """
    address answer auth authorization body caption card choice contact contact_card content cookie email form from from_
    label location latitude longitude message msisdn name number params password payload phone postcode profile_name
    profile raw recipient reply secret sender tenant_name text to token transcript url value values wa_id words
    """.split()  # noqa: SIM905  a list of sixty short words is easier to read so
)
"""Field names that promise personal data or a secret. Log an id instead, or `kind`, `length`, `code`."""

_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"//[^/@\s]+@"), "//[credentials]@"),
    (re.compile(r"(?<!\d)\d{3,}:[A-Za-z0-9_-]{20,}"), "[token]"),
    (re.compile(r"(?<![A-Za-z0-9])(?:AC|SK)[0-9a-fA-F]{32}(?![0-9a-fA-F])"), "[account]"),
    (re.compile(r"(?<![A-Za-z0-9])[0-9a-fA-F]{32}(?![0-9a-fA-F])"), "[token]"),
    (re.compile(r"(?<![\w.])(?:\+|00)[1-9](?:[ ()-]{0,2}\d){7,14}(?!\w)"), "[number]"),
    (re.compile(r"(?<![\w.])\(?0[1-9](?:[ ()-]{0,2}\d){8,9}(?!\w)"), "[number]"),
    (re.compile(r"(?<![\w.])\d{10,15}(?![\w.])"), "[number]"),
)
"""Credentials in an address, Telegram's and Twilio's, and telephone numbers in three ways of writing."""

_CHATTY = ("alembic", "asyncio", "httpcore", "httpx", "rq", "telegram", "twilio", "urllib3", "uvicorn")
"""Libraries that write addresses, parameters or bodies at INFO."""


class ForbiddenField(HearthlineError):
    """A log call names a field that promises personal data. Only raised when strict, as in tests."""


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module; `configure` need not have run yet."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def configure(
    style: Literal["console", "json"] = "console", *, strict: bool = False, stream: TextIO | None = None
) -> None:
    """Send Hearthline's log and every library's through the guards to one stream (standard output).

    strict: raise ForbiddenField instead of withholding the value. A process calls this once, before it does anything.
    """
    shared = _shared(strict)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(style)],
        )
    )
    _route(handler)
    sys.excepthook = _log_uncaught


def mask(value: Any) -> Any:
    """Return a value with everything masked that looks like a telephone number or a credential."""
    if isinstance(value, str):
        for pattern, instead in _MASKS:
            value = pattern.sub(instead, value)
        return value
    if isinstance(value, Mapping):
        return {mask(key): WITHHELD if _forbidden(key) else mask(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(item) for item in value]
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        # A Telegram chat is a whole number of ten digits; our own ids are smaller and our times are floats.
        return "[number]" if abs(value) >= 10**9 else value
    return mask(describe(value)) if isinstance(value, BaseException) else mask(str(value))


def describe(error: BaseException) -> str:
    """Say what an exception is. Only our own messages are known to be free of personal data."""
    kind = type(error)
    where = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    if isinstance(error, HearthlineError) or kind.__module__.startswith(("channels.", "flows.")):
        return f"{where}{kind.__qualname__}: {error}"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return f"{where}{kind.__qualname__}" + (f": {reason}" if reason else "")


def _forbidden(key: object) -> bool:
    return str(key).lower() in FORBIDDEN


def _shared(strict: bool) -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _tell_exception,
        _shorten_foreign,
        _guard(strict),
    ]


def _renderers(style: str) -> list[Any]:
    if style == "json":
        return [structlog.processors.JSONRenderer(default=lambda value: WITHHELD)]
    return [structlog.dev.ConsoleRenderer(colors=False)]


def _guard(strict: bool) -> Callable[[Any, str, Event], Event]:
    def guard(_logger: Any, _method: str, event: Event) -> Event:
        for key, value in event.items():
            if key in ("_record", "_from_structlog", "timestamp", "level"):
                continue
            if not _forbidden(key):
                event[key] = mask(value)
            elif strict:
                raise ForbiddenField(f"Log an id instead of the field {key!r}.")
            else:
                event[key] = WITHHELD
        return event

    return guard


def _tell_exception(_logger: Any, _method: str, event: Event) -> Event:
    """Take the exception out of the event, and tell its chain without foreign messages."""
    raised = event.pop("exc_info", None)
    record = event.get("_record")
    if record is not None:
        # The formatter of the standard library would write the full text of the exception below the line.
        raised = raised or record.exc_info
        record.exc_info = record.exc_text = record.stack_info = None
    if raised is True:
        raised = sys.exc_info()
    error = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(error, BaseException):
        event["exception"] = _story(error)
    return event


def _shorten_foreign(_logger: Any, _method: str, event: Event) -> Event:
    """Keep the first line of a library's message: RQ, for one, writes the text of an exception below it."""
    if "_record" in event and not event.get("_from_structlog"):
        lines = str(event["event"]).splitlines() or [""]
        event["event"] = lines[0][:300]
    return event


def _story(error: BaseException) -> str:
    """Tell an exception and what caused it, the first cause first, each with its places."""
    lines: list[str] = []
    told: set[int] = set()
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and id(link) not in told:
        told.add(id(link))
        chain.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    for link in reversed(chain):
        places = traceback.extract_tb(link.__traceback__)[-12:]
        lines += [f"  {place.filename}:{place.lineno} {place.name}" for place in places]
        lines.append(describe(link))
        if isinstance(link, BaseExceptionGroup):
            lines += [f"  | {describe(inner)}" for inner in link.exceptions]
    return "\n".join(lines)


def _route(handler: logging.Handler) -> None:
    root = logging.getLogger()
    handler.addFilter(_is_wanted)
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    for name in ("uvicorn", "uvicorn.error", "rq.worker", "rq.scheduler", "rq.job"):
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.propagate = True
    # An access log would name every path with its query; requests are counted in the metrics instead.
    access = logging.getLogger("uvicorn.access")
    access.handlers[:] = []
    access.propagate = False
    access.disabled = True


def _is_wanted(record: logging.LogRecord) -> bool:
    """Keep a chatty library quiet whatever level it, RQ for one, gives its own loggers."""
    return record.levelno >= logging.WARNING or not record.name.startswith(_CHATTY)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    get("hearthline").critical("uncaught", exc_info=(kind, error, trace))
