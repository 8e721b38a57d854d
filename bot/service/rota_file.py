"""A rota as a file that people write: YAML in, rows out, and the way back. Every fault is told with where it stands."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import phonenumbers
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.errors import HearthlineError
from bot.service.rota import HOLIDAY
from bot.store.rota import LineRow, OverrideRow, PersonRow, Tables

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "holidays")
DayName = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "holidays"]
NationName = Literal["england", "wales", "scotland", "northern-ireland"]
_FULL_DAY = 1440


class RotaFileError(HearthlineError):
    """The file is no rota. The message says where and why, a line for each fault."""


def _phone(value: str) -> str:
    try:
        number = phonenumbers.parse(value, "GB")
    except phonenumbers.NumberParseException as error:
        raise ValueError("write a telephone number, such as +447700900000") from error
    if not phonenumbers.is_possible_number(number):
        raise ValueError("write a telephone number, such as +447700900000")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _hook(value: str) -> str:
    if not re.fullmatch(r"https://[^\s@]+|http://(127\.0\.0\.1|localhost)(:\d+)?(/[^\s@]*)?", value):
        raise ValueError("write an https address without a name or password in it")
    return value


def _chat(value: str) -> str:
    if not re.fullmatch(r"-?\d{1,20}", value):
        raise ValueError("write the number of a Telegram chat")
    return value


def _clock(value: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", value):
        raise ValueError("write a time such as 17:00, in quotation marks")
    return value


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Person(_Model):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    sms: Annotated[str, AfterValidator(_phone)] | None = None
    telegram: Annotated[str, AfterValidator(_chat)] | None = None
    webhook: Annotated[str, AfterValidator(_hook)] | None = None
    routing_key: str | None = None
    email: str | None = None
    supervisor: bool = False


class _Shift(_Model):
    days: tuple[DayName, ...] = Field(min_length=1)
    start: Annotated[str, AfterValidator(_clock)] = Field(alias="from")
    end: Annotated[str, AfterValidator(_clock)] = Field(alias="to")
    who: tuple[str, ...] = Field(min_length=1)


class _Override(_Model):
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    who: tuple[str, ...]

    @model_validator(mode="after")
    def _forwards(self) -> "_Override":
        if self.end <= self.start:
            raise ValueError("it ends before it begins")
        return self


class _File(_Model):
    schema_: Literal[1] = Field(alias="schema")
    people: tuple[_Person, ...]
    weekly: tuple[_Shift, ...] = ()
    overrides: tuple[_Override, ...] = ()
    holidays: Mapping[NationName, tuple[date, ...]] = {}

    @model_validator(mode="after")
    def _everybody_is_known(self) -> "_File":
        names = [person.name for person in self.people]
        if len(set(names)) < len(names):
            raise ValueError("two people have the same name")
        whos = [*(shift.who for shift in self.weekly), *(override.who for override in self.overrides)]
        wanted = {name for who in whos for name in who}
        if wanted - set(names):
            raise ValueError(f"not among the people: {', '.join(sorted(wanted - set(names)))}")
        return self


def parse(text: str, timezone: str) -> Tables:
    """Read a rota file. Times without an offset are local. People have the ids 1, 2, ... in their order in the file.

    Raises `RotaFileError`.
    """
    try:
        content = _File.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise RotaFileError(f"line {mark.line + 1 if mark else '?'}: this is not YAML") from error
    except ValidationError as error:
        told = [
            f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise RotaFileError("\n".join(told)) from error
    ids = {person.name: number for number, person in enumerate(content.people, start=1)}
    zone = ZoneInfo(timezone)
    return Tables(
        [PersonRow(ids[person.name], **person.model_dump()) for person in content.people],
        [_line(day, shift, ids) for shift in content.weekly for day in shift.days],
        [
            OverrideRow(_instant(one.start, zone), _instant(one.end, zone), [ids[name] for name in one.who])
            for one in content.overrides
        ],
        {nation: frozenset(days) for nation, days in content.holidays.items()},
    )


def _line(day: DayName, shift: _Shift, ids: Mapping[str, int]) -> LineRow:
    starts, ends = _minutes(shift.start) % _FULL_DAY, _minutes(shift.end)
    lasts = (ends - starts) % _FULL_DAY or _FULL_DAY
    return LineRow(HOLIDAY if day == "holidays" else DAYS.index(day), starts, lasts, [ids[name] for name in shift.who])


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _instant(moment: datetime, zone: ZoneInfo) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()


def write(tables: Tables, timezone: str) -> str:
    """A rota as a file that `parse` reads back."""
    names = {person.id: person.name for person in tables.people}
    zone = ZoneInfo(timezone)
    content = {
        "schema": 1,
        "people": [_written(person) for person in tables.people],
        "weekly": [
            {"days": [DAYS[line.day]], "from": _time(line.starts), "to": _time(line.starts + line.lasts), "who": who}
            for line in tables.lines
            if (who := _who(line.people, names))
        ],
        "overrides": [
            {"from": _local(one.starts_at, zone), "to": _local(one.ends_at, zone), "who": _who(one.people, names)}
            for one in tables.overrides
        ],
        "holidays": {nation: sorted(days) for nation, days in sorted(tables.holidays.items())},
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _written(person: PersonRow) -> dict[str, object]:
    return {name: value for name, value in person._asdict().items() if name != "id" and value}


def _who(ids: Sequence[int], names: Mapping[int, str]) -> list[str]:
    return [names[one] for one in ids if one in names]


def _time(minutes: int) -> str:
    return f"{minutes % _FULL_DAY // 60:02}:{minutes % 60:02}"


def _local(at: float, zone: ZoneInfo) -> str:
    """With the offset, because an hour in October comes twice."""
    return datetime.fromtimestamp(at, zone).isoformat()
