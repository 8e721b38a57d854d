"""`hearthline talk`: the real engine behind a terminal."""

import io

import pytest

from bot.commands.talk import talk
from bot.settings import Settings

SETTINGS = Settings(_env_file=None)


def conversation(*lines: str, channel: str = "sms", language: str = "", explain: bool = False) -> str:
    """What the terminal shows for these lines, and then Ctrl-D."""
    output, waiting = io.StringIO(), list(lines)

    def ask(_prompt: str) -> str:
        if not waiting:
            raise EOFError
        return waiting.pop(0)

    talk(SETTINGS, channel, language, explain, ask=ask, output=output)
    return output.getvalue()


def test_a_question_is_answered() -> None:
    assert "rent" in conversation("how do I pay my rent?").lower()


@pytest.mark.parametrize("channel", ["sms", "whatsapp", "telegram"])
def test_it_greets_on_every_channel(channel: str) -> None:
    assert "automated" in conversation("hello", channel=channel).lower()


def test_it_speaks_the_language_it_is_told() -> None:
    assert conversation("helo", language="cy") != conversation("helo", language="en")


def test_explaining_shows_what_is_not_said() -> None:
    plain, explained = conversation("hello"), conversation("hello", explain=True)
    assert "[SendText" in explained
    assert "[SendText" not in plain


def test_pictures_and_time_are_commands() -> None:
    assert conversation("/picture", "/voice", "/wait 30", "/wait", "/quit")


def test_stop_is_understood_as_the_consent_word() -> None:
    assert "SetConsent stopped=True" in conversation("hello", "STOP", explain=True)
