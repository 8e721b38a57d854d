"""What can go wrong in Hearthline itself.

    HearthlineError
    ├── SettingsError      settings are missing or wrong; has a sentence for each
    └── PlatformError      the processes and servers that Hearthline runs on
        ├── ServerError        an embedded server cannot be started or stopped
        └── AlreadyRunning     Hearthline runs from this directory already

A message says what to do, and never holds a tenant's words, name, address or number: it may be logged.
What goes wrong at the edge of a provider is in `channels.errors`.
"""

from collections.abc import Sequence


class HearthlineError(Exception):
    """The root of Hearthline's own errors."""


class SettingsError(HearthlineError):
    """Settings are missing or wrong. `sentences` has one for each, none of which quotes a value."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = tuple(sentences)
        super().__init__("\n".join(self.sentences))


class PlatformError(HearthlineError):
    """The processes and servers that Hearthline runs on are not as they should be."""


class ServerError(PlatformError):
    """An embedded server cannot be started or stopped."""


class AlreadyRunning(PlatformError):
    """Hearthline runs from this directory already."""
