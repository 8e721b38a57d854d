"""What the Bot API refuses in a call (https://core.telegram.org/bots/api, version 10.1).

The parameters of each method, with their types and limits, are data beside this file. A parameter that Telegram does
not know is refused too, although Telegram overlooks it: here it can only be a mistake.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

METHODS: Final[dict[str, dict[str, dict[str, Any]]]] = json.loads(
    Path(__file__).with_name("telegram_methods.json").read_text("utf-8")
)
CANONICAL: Final = {name.lower(): name for name in METHODS}
"""Names of methods are case-insensitive."""
CALLBACK_DATA: Final = range(1, 65)
"""Bytes of a button's data."""
_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}")
DESCRIPTION: Final = range(1, 257)
"""Characters of a command's description."""


class BadParameter(Exception):
    """Telegram refuses the call, in these words."""


def checked(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with their types, or raise `BadParameter`. Raises KeyError for an unknown method."""
    fields = METHODS[method]
    unknown = sorted(set(given) - set(fields))
    if unknown:
        raise BadParameter(f"unknown parameter {unknown[0]}")
    found = {}
    for name, rule in fields.items():
        if name in given and given[name] is not None:
            found[name] = _limited(name, _typed(name, given[name], rule["types"]), rule)
        elif rule.get("required"):
            raise BadParameter("message text is empty" if name == "text" else f"parameter {name} is required")
    _check_markup(found.get("reply_markup"))
    _check_commands(found.get("commands", ()))
    return found


def _typed(name: str, value: Any, types: list[str]) -> Any:
    """Forms carry everything as text, with JSON inside where it is no plain value."""
    for kind in types:
        read = _PLAIN.get(kind, _structure)
        try:
            return read(value)
        except (ValueError, TypeError):
            continue
    raise BadParameter(f"can't parse {name}: expected {' or '.join(types)}")


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError
    return int(value)


def _boolean(value: Any) -> bool:
    return {True: True, False: False, "true": True, "false": False, "True": True, "False": False}[value]


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _file(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError
    return value


def _structure(value: Any) -> Any:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, dict | list):
        raise TypeError
    return found


_PLAIN: Final[dict[str, Callable[[Any], Any]]] = {
    "Integer": _integer,
    "String": _string,
    "Boolean": _boolean,
    "InputFile": _file,
}


def _limited(name: str, value: Any, rule: Mapping[str, Any]) -> Any:
    # The stricter reading of Telegram's "characters": its own clients count UTF-16 units.
    length = len(value.encode("utf-16-le")) // 2 if isinstance(value, str) else 0
    if length > rule.get("max", length):
        raise BadParameter("message is too long" if name == "text" else f"{name} is too long")
    if isinstance(value, str) and (length if name != "text" else len(value.strip())) < rule.get("min", 0):
        raise BadParameter("message text is empty" if name == "text" else f"{name} is too short")
    if "pattern" in rule and not re.fullmatch(rule["pattern"], value):
        raise BadParameter(f"{name} contains unallowed characters")
    if "one_of" in rule and value not in rule["one_of"]:
        raise BadParameter(f"wrong parameter {name} in request")
    if "from" in rule and not rule["from"] <= value <= rule["to"]:
        raise BadParameter(f"{name} is out of range")
    if "most" in rule and len(value) > rule["most"]:
        raise BadParameter(f"too many {name}")
    return value


def _check_markup(markup: Any) -> None:
    if markup is None:
        return
    if not isinstance(markup, dict):
        raise BadParameter("object expected as reply markup")
    for row in markup.get("inline_keyboard", ()):
        for button in row:
            if not str(button.get("text", "")).strip():
                raise BadParameter("text buttons are unallowed without text")
            if "callback_data" in button and len(str(button["callback_data"]).encode()) not in CALLBACK_DATA:
                raise BadParameter("BUTTON_DATA_INVALID")
            if len(button) < 2:
                raise BadParameter("text buttons are unallowed in the inline keyboard")


def _check_commands(commands: Any) -> None:
    for command in commands:
        if not _COMMAND.fullmatch(str(command.get("command", ""))):
            raise BadParameter("BOT_COMMAND_INVALID")
        if len(str(command.get("description", ""))) not in DESCRIPTION:
            raise BadParameter("BOT_COMMAND_DESCRIPTION_INVALID")
