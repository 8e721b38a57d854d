"""`hearthline flows`: what authors need to see of their own work."""

from collections import Counter
from datetime import date
from typing import TextIO

from bot import clock
from bot.errors import HearthlineError
from bot.settings import Settings
from bot.wiring import book
from flows.load import BookError
from flows.schema import Book


class NoSuchFlow(HearthlineError):
    """A flow was asked for that does not exist."""


class UnusableBook(HearthlineError):
    """What authors wrote cannot be used."""


def usable_book(settings: Settings) -> Book:
    """Return the Book in force. Raises UnusableBook."""
    try:
        return book(settings)
    except BookError as error:
        raise UnusableBook("The flows cannot be used: hearthline flows check says why.") from error


SHOWN = 5
"""Warnings of a kind that are written out, unless all are asked for."""


def check(settings: Settings, output: TextIO, *, everything: bool = False) -> int:
    """Write the issues, one a line: every error, and the first warnings of each kind. Returns 1 if there is an error, else 0.

    everything: write every warning too; twenty languages that wait for their readers have thousands.
    """
    from flows import check as checking

    try:
        issues = list(checking.check(book(settings), date.fromtimestamp(clock.now())))
    except BookError as error:
        issues = list(error.issues)
    seen: Counter[str] = Counter()
    for issue in issues:
        seen[issue.kind] += 1
        if everything or issue.severity == "error" or seen[issue.kind] <= SHOWN:
            print(issue, file=output)
    for kind, count in seen.items():
        if not everything and count > SHOWN:
            print(f"{count} in all of {kind}: hearthline flows check --all", file=output)
    errors = sum(issue.severity == "error" for issue in issues)
    print(f"{errors} errors, {len(issues) - errors} warnings", file=output)
    return 1 if errors else 0


def draw(settings: Settings, name: str, output: TextIO) -> None:
    """Write one flow, or all, in the Mermaid notation. Raises NoSuchFlow."""
    from flows.draw import mermaid

    drawn = usable_book(settings)
    names = [name] if name else list(drawn.flows)
    if name and name not in drawn.flows:
        raise NoSuchFlow(f"There is no flow called {name}. There are: {', '.join(drawn.flows)}.")
    for each in names:
        print(mermaid(drawn.flows[each]), file=output)
