"""Older files made current, one function per schema version, so that a landlord's own texts outlive our changes."""

from collections.abc import Callable, Mapping
from typing import Any

from flows.schema import SCHEMA_VERSION

Raw = dict[str, Any]
Upgrade = Callable[[Raw], Raw]

UPGRADES: Mapping[int, Upgrade] = {}
"""From a version to the next. Version 1 is the first, so there is nothing older to bring up."""


class TooNew(ValueError):
    """The file was written for a later release. Update Hearthline, or write the file for this version."""


class NotUpgradable(ValueError):
    """No function leads from the file's version to the next. Correct the number after `schema:`."""


def upgrade(raw: Raw, upgrades: Mapping[int, Upgrade] = UPGRADES, target: int = SCHEMA_VERSION) -> Raw:
    """Bring one file's content to `target` and take its version number away. The argument is left as it is.

    Raises `TooNew` or `NotUpgradable`.
    """
    content = dict(raw)
    version = _version(content.pop("schema", None))
    if version > target:
        raise TooNew(f"schema {version} is newer than {target}: update Hearthline or write the file for {target}")
    for step in range(version, target):
        if step not in upgrades:
            raise NotUpgradable(f"no upgrade leads from schema {step}: write the file for schema {target}")
        content = upgrades[step](content)
    return content


def _version(value: object) -> int:
    if isinstance(value, str) and value.isdecimal() and int(value) > 0:
        return int(value)
    raise NotUpgradable(f"the file must begin with `schema: {SCHEMA_VERSION}`")
