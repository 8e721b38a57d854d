"""Notices distress and danger in what a tenant wrote, says how urgent it is, and shows why.

Every pattern of every language is looked for in one pass; then what stands around each find decides what it means: a
negation or the past lowers it to distress, a film or a joke takes it away, "but" and a new sentence end such a reach.
Pure, deterministic, and linear in the length of the text. Levels are those of the crisis protocol: P0 now, P1 urgent,
P2 distress, P3 ordinary. When in doubt it errs to the false alarm.
"""

from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from bot.nlu.normalise import Token, words
from bot.nlu.patterns import END
from bot.nlu.phrases import Phrases, Rule
from bot.nlu.understanding import Evidence, Level, Signal

MOST_OF_EACH = 6
"""A phrase said more often than this in one message is no more urgent for it; keeps hostile input cheap."""
MOST_EVIDENCE = 12
MOST_CHARACTERS = 65536
_NEGATION_REACH = 4
_TIME_REACH = 8
_CONTEXT_REACH = 40
_TOGETHER = 3.0
_ENDINGS = frozenset({"t", "m", "s", "d", "ve", "ll", "re"})
_OPENINGS = ("iam", "im", "am", "ive", "i")
_RANK: dict[Level, int] = {"P0": 0, "P1": 1, "P2": 2, "P3": 3}
_HAZARDS = frozenset({"gas", "fire", "electrical", "trapped", "medical-emergency", "homeless-tonight", "cold-hungry"})


class _Word(NamedTuple):
    token: Token
    message: int
    sentence: int


class _Find(NamedTuple):
    rule: Rule
    start: int
    end: int


def screen(messages: Sequence[str], phrases: Phrases) -> Signal:
    """Screen the last few messages of one tenant together, oldest first, since people split their sentences.

    Spans in the evidence are characters of the message that the phrase ended in. Reads `MOST_CHARACTERS` of each.
    """
    row = _row(messages, phrases)
    finds = _find(row, phrases)
    signals = [find for find in finds if find.rule.context is None]
    if not signals:
        return Signal()
    contexts = sorted((find for find in finds if find.rule.context is not None), key=lambda find: find.start)
    places = [context.start for context in contexts]
    judged: list[tuple[_Find, Level | None]] = []
    for find in signals:
        near = contexts[bisect(places, find.start - _CONTEXT_REACH) : bisect(places, find.end + _CONTEXT_REACH)]
        judged.append((find, _judge(find, near, row)))
    return _signal(_deferred(judged), row, lowered=any(_taken_back(find, level) for find, level in judged))


def _taken_back(find: _Find, level: Level | None) -> bool:
    return _RANK[find.rule.level] < _RANK["P2"] and level != find.rule.level


def _deferred(judged: Sequence[tuple[_Find, Level | None]]) -> list[tuple[_Find, Level]]:
    """Let a single word that two languages share be judged by the language that has lowered it: "not suicidal"."""
    lowered = {
        (find.rule.concern, place): level
        for find, level in judged
        if level != find.rule.level
        for place in range(find.start, find.end + 1)
    }
    kept: list[tuple[_Find, Level]] = []
    for find, level in judged:
        shared = find.start == find.end and (find.rule.concern, find.start) in lowered
        final = lowered[find.rule.concern, find.start] if shared else level
        if final is not None:
            kept.append((find, final))
    return kept


def _row(messages: Sequence[str], phrases: Phrases) -> list[_Word]:
    row: list[_Word] = []
    sentence = 0
    for number, message in enumerate(messages):
        ended = bool(row) and messages[number - 1].rstrip().endswith((".", "!", "?", "…"))
        if ended:
            row.append(_Word(_end(row), number - 1, sentence))
            sentence += 1
        found = _mended(_unspaced(words(message[:MOST_CHARACTERS]), phrases), phrases)
        for place, token in enumerate(found):
            if token.gap == 2 and place > 0:
                row.append(_Word(_end(row), number, sentence))
                sentence += 1
            row.append(_Word(token, number, sentence))
    if row:
        row.append(_Word(_end(row), row[-1].message, sentence))
    return row


def _end(row: Sequence[_Word]) -> Token:
    place = row[-1].token.end
    return Token(END, place, place, 0)


def _letter(token: Token) -> bool:
    """Whether a word is one letter, in a script whose words have several."""
    return len(token.text) == 1 and token.text < "\u2e80" and token.text.isalnum()


def _unspaced(found: list[Token], phrases: Phrases) -> list[Token]:
    """Put spaced-out letters back together: three or more single letters in a row that spell known words."""
    if sum(map(_letter, found)) < 3:
        return found
    joined: list[Token] = []
    place = 0
    while place < len(found):
        end = place
        while end < len(found) and end - place < 40 and _letter(found[end]):
            end += 1
        letters = found[place:end]
        spelt = _spell(letters, phrases) if len(letters) >= 3 else None
        joined.extend(spelt or found[place : max(end, place + 1)])
        place = max(end, place + 1)
    return joined


def _mended(found: Sequence[Token], phrases: Phrases) -> list[Token]:
    """Join a contraction written apart ("don t") and part one run into the next word ("imkilling")."""
    mended: list[Token] = []
    for token in found:
        before = mended[-1] if mended else None
        if before and token.text in _ENDINGS and not token.gap and phrases.lexicon.knows(before.text + token.text):
            mended[-1] = Token(before.text + token.text, before.start, token.end, before.gap)
        else:
            mended.extend(_parted(token, phrases))
    return mended


def _parted(token: Token, phrases: Phrases) -> list[Token]:
    """Part "imkilling" into "im" and "killing" if only so it means something."""
    if token.text[0] in "ia" and token.text.isascii() and not phrases.lexicon.read(token.text):
        for opening in _OPENINGS:
            rest = token.text.removeprefix(opening)
            if rest != token.text and len(rest) > 3 and phrases.lexicon.knows(rest):
                cut = token.end - len(rest)
                return [Token(opening, token.start, cut, token.gap), Token(rest, cut, token.end, 0)]
    return [token]


def _spell(letters: list[Token], phrases: Phrases) -> list[Token] | None:
    """Cut a row of letters into the longest known words, or None if it spells none."""
    words_found: list[Token] = []
    place = 0
    while place < len(letters):
        for end in range(min(len(letters), place + 14), place + 2, -1):
            spelt = "".join(token.text for token in letters[place:end])
            if phrases.lexicon.read(spelt):
                words_found.append(Token(spelt, letters[place].start, letters[end - 1].end, letters[place].gap))
                place = end
                break
        else:
            words_found.append(letters[place])
            place += 1
    return words_found if any(len(token.text) > 2 for token in words_found) else None


def _find(row: Sequence[_Word], phrases: Phrases) -> list[_Find]:
    symbols = [phrases.lexicon.read(word.token.text) for word in row]
    finds: list[_Find] = []
    times: Counter[int] = Counter()
    for number, first, last in phrases.automaton.run(symbols):
        rule = phrases.rules[number]
        last -= row[last].token.text == END and last > first
        if times[number] < MOST_OF_EACH and _whole(number, first, last, row, phrases):
            times[number] += rule.context is None
            finds.append(_Find(rule, first, last))
    return finds


def _whole(number: int, first: int, last: int, row: Sequence[_Word], phrases: Phrases) -> bool:
    """A find must lie within one sentence, and begin it (or follow a comma) where its pattern says so."""
    if row[first].sentence != row[last].sentence:
        return False
    if not phrases.automaton.opening[number] or first == 0 or row[first].token.gap:
        return True
    before = row[first - 1]
    return (before.sentence, before.message) != (row[first].sentence, row[first].message)


def _judge(find: _Find, contexts: Sequence[_Find], row: Sequence[_Word]) -> Level | None:
    """Say what a find means where it stands, None for nothing at all. A hint (a rule at P3) stays one."""
    if any(c.rule.context == "shield" and _covers(c, find) for c in contexts):
        return None
    beside = [c for c in contexts if c.rule.language == find.rule.language]
    if find.rule.firm:
        return find.rule.level
    near = {c.rule.context for c in beside if c.rule.context != "shield" and _touches(c, find, beside, row)}
    if near & {"quoted", "supposed"}:
        return None
    if "joke" in near:
        return _lower(find, "P2" if find.rule.concern in ("suicide", "self-harm", "overdose") else None)
    if "negation" in near or (near & {"past", "recovery"} and "now" not in near):
        return _lower(find, None if find.rule.concern in _HAZARDS else "P2")
    return find.rule.level


def _lower(find: _Find, level: Level | None) -> Level | None:
    """Lower a find to a level; what was only distress before is then nothing."""
    return level if _RANK[find.rule.level] < _RANK["P2"] else None


def _covers(shield: _Find, find: _Find) -> bool:
    overlaps = shield.start <= find.end and find.start <= shield.end
    swallowed = (
        find.start <= shield.start and shield.end <= find.end and (find.start, find.end) != (shield.start, shield.end)
    )
    return overlaps and not swallowed


def _touches(context: _Find, find: _Find, beside: Sequence[_Find], row: Sequence[_Word]) -> bool:
    """Whether a context reaches a find: how far depends on its kind, and "but" stands in its way."""
    kind = context.rule.context
    if kind == "turn":
        return False
    if kind == "joke":
        return abs(row[context.start].sentence - row[find.end].sentence) <= 1
    if row[context.start].sentence != row[find.start].sentence or _turned(context, find, beside):
        return False
    if kind in ("quoted", "supposed"):
        return find.start - 2 * _TIME_REACH < context.start < find.start
    inside = find.start <= context.end and context.start <= find.end
    if inside and kind != "now":
        # "don't want to live" holds its own negation; "am not suicidal" has one in the gap of "am .. suicidal".
        return not _denies(find, row)
    if kind == "negation":
        return _negates(context, find, row)
    return find.start - _TIME_REACH <= context.end and context.start <= find.end + _TIME_REACH


def _turned(context: _Find, find: _Find, beside: Sequence[_Find]) -> bool:
    low, high = sorted((context.start, find.start))
    return any(c.rule.context == "turn" and low < c.start < high for c in beside)


def _denies(find: _Find, row: Sequence[_Word]) -> bool:
    return any(row[place].token.text in find.rule.negators for place in range(find.start, find.end + 1))


def _negates(context: _Find, find: _Find, row: Sequence[_Word]) -> bool:
    """A negation reaches a few words on, in its message, up to a pause or a new subject ("not ok i want ...")."""
    if _denies(find, row) or not context.end < find.start <= context.end + _NEGATION_REACH:
        return False
    between = row[context.end + 1 : find.start + 1]
    return (
        row[context.end].message == row[find.start].message
        and not any(word.token.gap for word in between)
        and not any(word.token.text in find.rule.starters for word in between[1:])
    )


def _signal(judged: Sequence[tuple[_Find, Level]], row: Sequence[_Word], *, lowered: bool) -> Signal:
    ranked = sorted(judged, key=lambda pair: (_RANK[pair[1]], pair[0].start, -pair[0].end))
    raised = [find for find, level in ranked if level != "P3"]
    if not raised:
        return Signal(lowered=lowered)
    level = ranked[0][1]
    if level == "P2" and _together([find for find, _ in ranked]):
        level = "P1"
    return Signal(
        level=level,
        concerns=tuple(dict.fromkeys(find.rule.concern for find in raised)),
        evidence=tuple(_evidence(find, row) for find in raised[:MOST_EVIDENCE]),
        about=raised[0].rule.about,
        lowered=lowered,
    )


def _together(ranked: Sequence[_Find]) -> bool:
    """Several different signs of despair in one breath are urgent though none is so alone."""
    counted: list[_Find] = []
    for find in ranked:
        apart = all(find.end < other.start or other.end < find.start for other in counted)
        if _RANK[find.rule.level] >= _RANK["P2"] and apart and find.rule.name not in {c.rule.name for c in counted}:
            counted.append(find)
    return sum(find.rule.weight for find in counted) >= _TOGETHER


def _evidence(find: _Find, row: Sequence[_Word]) -> Evidence:
    last = row[find.end]
    first = next(row[place] for place in range(find.start, find.end + 1) if row[place].message == last.message)
    phrase = " ".join(row[place].token.text for place in range(find.start, find.end + 1))
    return Evidence(phrase, find.rule.concern, find.rule.language, (first.token.start, last.token.end), find.rule.name)
