"""The log tells what happened without anything about a tenant in it, whoever writes to it."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot import log
from bot.errors import ServerError
from bot.log import FORBIDDEN, ForbiddenField, mask
from channels.errors import Malformed

TOKEN = "123456789:AAF0-abcDEFghiJKLmnoPQRstuVWXyz01234"


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What is logged in a test; the configuration from before comes back after it."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    log.configure("json", stream=stream)
    yield stream
    root.handlers[:], root.level = before
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(output: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_an_event_has_its_time_level_place_and_fields(output: io.StringIO) -> None:
    log.get("bot.service").info("sent", channel="sms", outbox=12, seconds=0.25)
    (line,) = lines(output)
    assert line.pop("timestamp")
    assert line == {
        "event": "sent", "level": "info", "logger": "bot.service", "channel": "sms", "outbox": 12, "seconds": 0.25,
    }  # fmt: skip


@pytest.mark.parametrize("field", sorted(FORBIDDEN))
def test_a_field_that_promises_personal_data_is_withheld(output: io.StringIO, field: str) -> None:
    log.get("x").info("received", **{field: "my boiler is broken"})
    assert "boiler" not in output.getvalue()


def test_it_is_withheld_inside_other_fields_too(output: io.StringIO) -> None:
    log.get("x").info("received", detail={"id": 4, "body": "my boiler", "parts": [{"text": "is broken"}]})
    assert "boiler" not in output.getvalue()
    assert "broken" not in output.getvalue()


def test_strict_makes_it_an_error() -> None:
    stream = io.StringIO()
    log.configure("json", strict=True, stream=stream)
    with pytest.raises(ForbiddenField, match="'text'"):
        log.get("strict").info("received", text="my boiler")
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = []


@pytest.mark.parametrize(
    "secret",
    [
        "+447700900123", "+44 7700 900123", "+44 (0)7700 900123", "00447700900123", "07700 900123", "07700900123",
        "020 7946 0123", "(020) 7946 0123", "447700900123", "+48 601 234 567", "whatsapp:+447700900123",
        "to:07700900123", "/v1/07700900123/messages", "sender=+447700900123",
        TOKEN, f"https://api.telegram.org/bot{TOKEN}/sendMessage", "AC" + "0a" * 16, "0a" * 16,
        "postgresql://user:pa55word@host/db",
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["event", "field", "nested", "library", "exception"])
def test_numbers_and_credentials_are_masked_wherever_they_are(output: io.StringIO, secret: str, where: str) -> None:
    logger = log.get("x")
    if where == "event":
        logger.info(f"could not reach {secret} today")
    elif where == "field":
        logger.info("failed", reason=f"could not reach {secret} today")
    elif where == "nested":
        logger.info("failed", reasons=[{"why": f"could not reach {secret} today"}])
    elif where == "library":
        logging.getLogger("some.library").warning("could not reach %s today", secret)
    else:
        logger.info("failed", error=ValueError(f"could not reach {secret} today"))
    digits = [part for part in ("7700900123", "900123", "79460123", "234567", "pa55word") if part in secret]
    assert secret not in output.getvalue()
    assert not any(part in output.getvalue() for part in digits)
    assert TOKEN not in output.getvalue()


@pytest.mark.parametrize(
    "harmless",
    [
        "2026-11-22T00:35:42.123456Z", "127.0.0.1:54321", "SM" + "0a" * 16, "3.11.7", "http://127.0.0.1:8000/readyz",
        "/srv/var/servers/pg", "12 of 400 in 0.25 s", "21610", "30003",
    ],
)  # fmt: skip
def test_what_helps_is_left_alone(harmless: str) -> None:
    assert mask(harmless) == harmless


def test_ids_times_and_figures_are_left_alone_but_a_chat_is_not() -> None:
    assert mask([12, 1795300000.25, True, None]) == [12, 1795300000.25, True, None]
    assert mask(5_123_456_789) == "[number]"


def test_of_a_foreign_exception_only_type_and_place_are_told(output: io.StringIO) -> None:
    try:
        try:
            raise KeyError("my boiler is broken")
        except KeyError as error:
            raise ValueError("row ('my boiler is broken')") from error
    except ValueError:
        log.get("x").exception("failed")
        logging.getLogger("some.library").exception("failed too")
    told = output.getvalue()
    assert "boiler" not in told
    assert told.count("KeyError") == told.count("ValueError") == 2
    assert "test_log.py" in told


def test_our_own_exceptions_are_told_in_full() -> None:
    assert log.describe(ServerError("start it again")) == "bot.errors.ServerError: start it again"
    assert log.describe(Malformed("From is missing")).endswith("Malformed: From is missing")
    assert (
        log.describe(ConnectionRefusedError(111, "Connection refused")) == "ConnectionRefusedError: Connection refused"
    )


def test_a_library_says_one_line_at_most(output: io.StringIO) -> None:
    """RQ writes a whole exception, with its message, into the text of its own line."""
    logging.getLogger("some.library").error("job failed\nTraceback ...\nValueError: my boiler is broken")
    assert "boiler" not in output.getvalue()


@pytest.mark.parametrize("name", ["twilio.http_client", "httpx", "urllib3.connectionpool", "telegram.Bot", "rq.worker"])
def test_libraries_that_write_addresses_and_bodies_are_quiet(output: io.StringIO, name: str) -> None:
    logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger(name).info("POST Request: https://api.twilio.com Body: my boiler")
    logging.getLogger(name).debug("params")
    assert output.getvalue() == ""


def test_the_access_log_is_off(output: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").warning("GET /webhooks/telegram?x=my-boiler")
    assert output.getvalue() == ""


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_masking_takes_anything_and_does_it_once(value: object) -> None:
    once = mask(value)
    assert mask(once) == once
