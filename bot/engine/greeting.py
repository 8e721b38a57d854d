"""The first words on this line, and the offer of another language. Neither makes anybody wait for their answer."""

from bot.engine.turn import Turn


def greet(turn: Turn) -> bool:
    """Say once who this is, in the landlord's languages of greeting, and let the message be answered after it."""
    if not turn.state.greeted:
        turn.change(greeted=True)
        chosen = turn.state.language or _named(turn)
        tongues = (chosen,) if chosen else turn.book.landlord.greet_in
        turn.say_plainly("\n\n".join(_greeting(turn, tongue, alone=len(tongues) == 1) for tongue in tongues))
        turn.change(languages_offered=tongues if len(tongues) > 1 else ())
    return False


def _named(turn: Turn) -> str:
    """The language whose name is the first message: whoever begins so is greeted in it."""
    named = turn.book.words.language_said.get(turn.said, "")
    return named if named in turn.book.landlord.languages else ""


def _greeting(turn: Turn, tongue: str, *, alone: bool) -> str:
    """One language's greeting, and how to keep that language when there are several."""
    greeting = turn.words(turn.book.texts["greeting"], tongue)
    return greeting if alone else f"{greeting} {_offer(turn, tongue, tongue)}"


def _offer(turn: Turn, language: str, tongue: str) -> str:
    """The offer of a language, said in a tongue."""
    name = turn.book.words.languages[language].name
    return turn.words(turn.book.texts["language_offer"], tongue, {"language": name, "word": name.upper()})


def hear(turn: Turn) -> bool:
    """Until a tenant has chosen, answer in the language of the message, if the landlord greets in it too.

    A Welsh landlord answers Welsh in Welsh (the standards under the Welsh Language (Wales) Measure 2011). Nothing is
    remembered by this: the choice stays the tenant's.
    """
    heard = turn.message.understood.language
    if not turn.state.language and heard in turn.book.landlord.greet_in:
        turn.language = heard or turn.language
    return False


def offer_language(turn: Turn) -> None:
    """Offer, once each and in both languages, the language that the tenant seems to prefer. It is never just taken."""
    if turn.said in turn.book.words.language_said:
        # A language's name has just chosen one, in letters that another language may share.
        return
    preferred = turn.message.understood.language or _hinted(turn)
    known = preferred in turn.book.landlord.languages and preferred in turn.book.words.languages
    spoken = turn.state.language or turn.book.landlord.languages[0]
    if preferred is None or not known or preferred == spoken or preferred in turn.state.languages_offered:
        return
    turn.change(languages_offered=(*turn.state.languages_offered, preferred))
    turn.say_plainly("\n".join(_offer(turn, preferred, tongue) for tongue in (preferred, spoken)))


def _hinted(turn: Turn) -> str | None:
    return (turn.message.language_hint or "").partition("-")[0] or None
