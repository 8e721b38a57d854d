"""Whose line it is: names, numbers, hours and targets, which fill the placeholders of every text."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from flows.wording import BASE_LANGUAGE, Language, Model, Nation, SlotName, TimeRange, Weekday


class Landlord(Model):
    """Whose line this is. Everything that differs between landlords, and nothing that differs between tenants.

    timezone: IANA name. languages: what the line speaks, the one it begins with first. greet_in: languages of the
    first greeting, in order (Welsh first in Wales). opening: ranges per weekday in local wall time; one that ends at or
    before its start runs past midnight. closed_on: days without opening hours, such as bank holidays. phones and facts:
    values for placeholders; a fact may differ by language. deadlines: placeholders that become a date, so many working
    days after the day of the message (weekends and the nation's bank holidays do not count).
    """

    name: str
    nation: Nation
    timezone: str
    homes: int = Field(default=0, ge=0)
    languages: tuple[Language, ...] = (BASE_LANGUAGE,)
    greet_in: tuple[Language, ...] = (BASE_LANGUAGE,)
    opening: Mapping[Weekday, tuple[TimeRange, ...]]
    closed_on: tuple[date, ...] = ()
    out_of_hours_phone: str
    phones: Mapping[SlotName, str] = {}
    facts: Mapping[SlotName, str | Mapping[Language, str]] = {}
    deadlines: Mapping[SlotName, Annotated[int, Field(ge=0, le=250)]] = {}

    @field_validator("timezone")
    @classmethod
    def _is_a_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{name!r} is not a timezone of the IANA database") from error
        return name

    def value(self, name: str, language: str) -> str | None:
        """What a placeholder stands for in a language, or None if the landlord has no such value."""
        if name == "landlord":
            return self.name
        if name == "out_of_hours_phone":
            return self.out_of_hours_phone
        fact = self.phones.get(name) or self.facts.get(name)
        return fact.get(language) or fact.get(BASE_LANGUAGE) if isinstance(fact, Mapping) else fact
