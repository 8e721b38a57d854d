"""Issues in a Book that loads: errors would fail a tenant and block publication, warnings tell what could be better.

Each kind is one function over the Book, listed in `CHECKS`, and has an example in `tests/flows/broken`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date

from flows import safety_check
from flows.issue import Issue, Severity
from flows.load import LEFT
from flows.reach import endless, reachable, silent_ends, subflows, targets
from flows.schema import (
    BASE_LANGUAGE,
    END,
    SMS_CHARACTERS,
    TELEGRAM_CHARACTERS,
    WHATSAPP_CHARACTERS,
    WHATSAPP_WINDOW_HOURS,
    Ask,
    Book,
    Branch,
    Call,
    Flow,
    Lookup,
    Speak,
    Timer,
)
from flows.style import Finding, few_examples, hard_to_read, long_answers, many_segments, overdue, unknown_phones
from flows.texts import Spot, filled, folded_choices, placeholders, spots
from flows.translations import fingerprint

__all__ = ["CHECKS", "KINDS", "Issue", "check", "fingerprint"]

_ISO_DATE = re.compile(r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")
REQUIRED_FLOWS = ("menu", "person", "language")
REQUIRED_TEXTS = (
    "all_right",
    "carry_on",
    "crisis_default",
    "did_not_fit",
    "did_you_mean",
    "do_it_now",
    "edit_noted",
    "fallback",
    "greeting",
    "group_refusal",
    "help",
    "hours_closed",
    "hours_open",
    "is_it_about",
    "label_no",
    "label_person",
    "label_skip",
    "label_yes",
    "language_offer",
    "language_set",
    "media_received_closed",
    "media_received_open",
    "none_of_these",
    "noted",
    "nothing_to_resume",
    "passed_on",
    "report_it_now",
    "same_answer",
    "second_miss_closed",
    "second_miss_open",
    "stale_button",
    "started",
    "still_stopped",
    "stopped",
    "trouble",
    "voice_received_closed",
    "voice_received_open",
    "welcome_thanks",
)
"""The engine leads to these, and says these, by name."""


def check(book: Book, today: date | None = None) -> list[Issue]:
    """Find every issue of a Book, in the order of its files. today: for what expires; without it nothing has."""
    found = [issue for look in CHECKS for issue in look(book)]
    found += _warnings(book, overdue(book, today)) if today is not None else ()
    return sorted(found, key=lambda issue: (issue.severity, issue.file, issue.line, issue.kind, issue.where))


def _issue(book: Book, kind: str, where: str, remedy: str, severity: Severity = "error") -> Issue:
    place, line = _place(book, where)
    return Issue(kind, severity, place, line, where, remedy)


def _place(book: Book, where: str) -> tuple[str, int]:
    """The nearest part whose place is known: `flows.menu.choose.text` was written in `flows.menu.choose`."""
    parts = where.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in book.places:
            return book.places[".".join(parts[:length])]
    return "", 0


def _states(book: Book) -> Iterator[tuple[Flow, str, object]]:
    for flow in book.flows.values():
        for name, state in flow.states.items():
            yield flow, name, state


def _unknown_references(book: Book) -> Iterator[Issue]:
    for flow in book.flows.values():
        for where, target in _targets_of(flow):
            if target != END and target not in flow.states:
                yield _issue(book, "unknown-reference", where, f"there is no state `{target}`: correct it or add it")
    for flow, name, state in _states(book):
        where = f"flows.{flow.flow}.{name}"
        if isinstance(state, Call) and state.flow not in book.flows:
            yield _issue(book, "unknown-reference", where, f"there is no flow `{state.flow}`: correct it or add it")
        if isinstance(state, Lookup) and state.table not in book.tables:
            yield _issue(book, "unknown-reference", where, f"add tables/{state.table}.csv or correct the name")
        if isinstance(state, Lookup) and state.table in book.tables:
            columns = {*state.into.values(), *([state.upcoming] if state.upcoming else [])}
            for column in sorted(columns.difference(book.tables[state.table].columns)):
                yield _issue(book, "unknown-reference", where, f"tables/{state.table}.csv has no column `{column}`")
        if isinstance(state, Timer) and state.start is not None and state.start not in flow.timers:
            yield _issue(book, "unknown-reference", where, f"declare the timer `{state.start}` under `timers`")
    for topic in book.faq:
        if topic.flow is not None and topic.flow not in book.flows:
            yield _issue(book, "unknown-reference", f"faq.{topic.id}", f"there is no flow `{topic.flow}`: correct it")


def _bad_dates(book: Book) -> Iterator[Issue]:
    """Dates are compared as they are written, so one in another form would be silently past or far off."""
    for flow, name, state in _states(book):
        table = book.tables.get(state.table) if isinstance(state, Lookup) else None
        if table is None or not isinstance(state, Lookup) or state.upcoming not in table.columns:
            continue
        for row in table.rows:
            written = row[table.columns.index(state.upcoming)]
            if not _ISO_DATE.match(written):
                remedy = f"tables/{state.table}.csv says `{written}` where it must be a date like 2026-11-26"
                yield _issue(book, "bad-date", f"flows.{flow.flow}.{name}", remedy)


def _targets_of(flow: Flow) -> Iterator[tuple[str, str]]:
    yield f"flows.{flow.flow}", flow.start
    for name, timer in flow.timers.items():
        yield f"flows.{flow.flow}.{name}", timer.to
    for name, state in flow.states.items():
        for target in targets(state):
            yield f"flows.{flow.flow}.{name}", target


def _unreachable(book: Book) -> Iterator[Issue]:
    for flow in book.flows.values():
        found = reachable(flow, (flow.start, *(timer.to for timer in flow.timers.values())))
        for name in flow.states:
            if name not in found:
                remedy = "lead to it from another state, or take it out"
                yield _issue(book, "unreachable-state", f"flows.{flow.flow}.{name}", remedy)


def _dead_ends(book: Book) -> Iterator[Issue]:
    quiet = subflows(book)
    for flow in (flow for flow in book.flows.values() if flow.flow not in quiet):
        for name in silent_ends(flow, quiet):
            remedy = "say something before the end, so that nobody is left without an answer"
            yield _issue(book, "dead-end", f"flows.{flow.flow}.{name}", remedy)


def _loops(book: Book) -> Iterator[Issue]:
    for flow, name in endless(book):
        yield _issue(book, "loop-without-wait", f"flows.{flow}.{name}", "put a question into the loop")


def _no_exit(book: Book) -> Iterator[Issue]:
    for flow, name, state in _states(book):
        if not isinstance(state, Ask):
            continue
        where = f"flows.{flow.flow}.{name}"
        if END not in reachable(flow, (name,)):
            yield _issue(book, "no-exit", where, "give the question an answer that leads to the end")
        elif state.expects == "picture" and state.skip is None:
            yield _issue(book, "no-exit", where, "give it `skip`: not everybody can send a picture")


def _keyword_clashes(book: Book) -> Iterator[Issue]:
    words = book.words
    for flow, name, state in _states(book):
        if not isinstance(state, Ask):
            continue
        seen: dict[str, str] = {}
        for choice, target, said in folded_choices(state):
            where = f"flows.{flow.flow}.{name}"
            other = seen.setdefault(said, choice)
            taken = words.always_said.get(said) or words.consent_said.get(said)
            if other != choice:
                yield _issue(book, "keyword-clash", where, f"`{said}` means both {other} and {choice}: keep one")
            elif taken and not _means(flow, target, taken):
                yield _issue(book, "keyword-clash", where, f"`{said}` always means {taken}: use another word")


def _means(flow: Flow, target: str, word: str) -> bool:
    """A choice may use a word that always works if it leads to the same thing."""
    state = flow.states.get(target)
    return isinstance(state, Call) and state.flow == word


def _undeclared_slots(book: Book) -> Iterator[Issue]:
    for flow, name, state in _states(book):
        for slot in _slots_of(state):
            if slot not in flow.slots:
                where = f"flows.{flow.flow}.{name}"
                yield _issue(book, "undeclared-slot", where, f"declare `{slot}` under `slots` with a label for staff")
    for topic in book.faq:
        led_to = book.flows.get(topic.flow or "")
        if topic.fills and led_to is not None and topic.fills not in led_to.slots:
            where = f"faq.{topic.id}"
            yield _issue(book, "undeclared-slot", where, f"the flow {topic.flow} has no slot `{topic.fills}`")


def _slots_of(state: object) -> Iterable[str]:
    if isinstance(state, Ask):
        return [slot for slot in (state.slot, *state.infer_from) if slot]
    if isinstance(state, Lookup):
        return [state.slot, *state.into]
    if isinstance(state, Timer):
        return [slot for slot in (state.day_before, state.carry) if slot]
    if isinstance(state, Speak) or (isinstance(state, Branch) and state.slot):
        return [state.slot or ""]
    return ()


def _missing_english(book: Book) -> Iterator[Issue]:
    for spot in spots(book):
        if BASE_LANGUAGE not in spot.text:
            yield _issue(book, "missing-english", spot.where, "add the text in English (`en`), the last resort for all")


def _missing_translations(book: Book) -> Iterator[Issue]:
    nation = book.landlord.nation
    for spot in spots(book):
        for language in book.landlord.languages if spot.nation in ("", nation) else ():
            if language not in spot.text and language != BASE_LANGUAGE:
                remedy = f"translate it into {language}; until then it is said in English"
                yield _issue(book, "missing-translation", spot.where, remedy, "warning")


def _stale_translations(book: Book) -> Iterator[Issue]:
    for spot in spots(book):
        english = spot.text.get(BASE_LANGUAGE)
        for language, wording in spot.text.items():
            current = fingerprint(english.default) if english else None
            if current and wording.source and wording.source != current:
                remedy = f"the English has changed: look at {language} again and set source to {current}"
                yield _issue(book, "stale-translation", spot.where, remedy, "warning")


def _unknown_places(book: Book) -> Iterator[Issue]:
    """Translations of what is no longer there, one issue a file: they do no harm, and are easily forgotten."""
    lines: dict[str, list[int]] = {}
    for name, (file, line) in book.places.items():
        if name.startswith(LEFT):
            lines.setdefault(file, []).append(line)
    for file, found in lines.items():
        remedy = f"{len(found)} rows translate what is no longer there: take them out or correct their place"
        yield Issue("unknown-place", "warning", file, min(found), file, remedy)


def _unreviewed(book: Book) -> Iterator[Issue]:
    """One issue for each flow, topic and language rather than for each sentence, so that the list stays readable."""
    counts: dict[tuple[str, str], int] = {}
    for spot in spots(book):
        for language, wording in spot.text.items():
            if language != BASE_LANGUAGE and not wording.reviewed_by:
                part = ".".join(spot.where.split(".")[:2]) if not spot.where.startswith("texts") else "texts"
                counts[part, language] = counts.get((part, language), 0) + 1
    for (part, language), count in counts.items():
        remedy = f"{count} texts in {language} wait for a person to read them and sign `reviewed_by`"
        yield _issue(book, "unreviewed-translation", part, remedy, "warning")


def _over_limits(book: Book) -> Iterator[Issue]:
    limits = {"sms": SMS_CHARACTERS, "whatsapp": WHATSAPP_CHARACTERS, "telegram": TELEGRAM_CHARACTERS}
    for spot in spots(book):
        for language in spot.text:
            for channel, limit in limits.items():
                length = len(filled(book, spot.text, language, channel))
                if length > limit:
                    remedy = f"{length} characters in {language} on {channel}: cut it to {limit}"
                    yield _issue(book, "over-channel-limit", spot.where, remedy)


def _templates(book: Book) -> Iterator[Issue]:
    for flow in book.flows.values():
        patience = flow.patience
        late = patience is not None and patience.remind_after_hours >= WHATSAPP_WINDOW_HOURS
        if patience is not None and late and not patience.template:
            yield _template_issue(book, f"flows.{flow.flow}")
        for name, state in flow.states.items():
            if isinstance(state, Timer) and _comes_back_late(flow, state):
                yield _template_issue(book, f"flows.{flow.flow}.{name}")


def _comes_back_late(flow: Flow, state: Timer) -> bool:
    timer = flow.timers.get(state.start or "")
    late = state.day_before is not None or (state.after_hours or 0) >= WHATSAPP_WINDOW_HOURS
    return timer is not None and not timer.template and late


def _template_issue(book: Book, where: str) -> Issue:
    remedy = "name an approved WhatsApp template, or come back before 24 hours have passed"
    return _issue(book, "template-needed", where, remedy)


def _placeholders(book: Book) -> Iterator[Issue]:
    for spot in spots(book):
        for name in sorted(placeholders(spot.text) - _values(book, spot)):
            remedy = f"nothing fills `{{{name}}}`: correct it, or give the landlord's profile a value"
            yield _issue(book, "unknown-placeholder", spot.where, remedy)


def _values(book: Book, spot: Spot) -> frozenset[str]:
    landlord = book.landlord
    slots = book.flows[spot.flow].slots if spot.flow in book.flows else ()
    return frozenset((*spot.extra, *landlord.phones, *landlord.facts, *landlord.deadlines, *slots))


def _missing_parts(book: Book) -> Iterator[Issue]:
    for name in REQUIRED_FLOWS:
        if name not in book.flows:
            yield _issue(book, "missing-flow", f"flows.{name}", f"add the flow `{name}`, which the engine leads to")
    for name in REQUIRED_TEXTS:
        if name not in book.texts:
            yield _issue(book, "missing-text", f"texts.{name}", f"add the text `{name}`, which the engine says")


def _safety(book: Book) -> Iterator[Issue]:
    yield from (_issue(book, *finding) for finding in dict.fromkeys(safety_check.findings(book)))


def _style(book: Book) -> Iterator[Issue]:
    for look in (long_answers, many_segments, hard_to_read, unknown_phones, few_examples):
        yield from _warnings(book, look(book))


def _warnings(book: Book, findings: Iterable[Finding]) -> Iterator[Issue]:
    for kind, where, remedy in dict.fromkeys(findings):
        yield _issue(book, kind, where, remedy, "warning")


CHECKS: tuple[Callable[[Book], Iterator[Issue]], ...] = (
    _unknown_references,
    _bad_dates,
    _unreachable,
    _dead_ends,
    _loops,
    _no_exit,
    _keyword_clashes,
    _undeclared_slots,
    _missing_english,
    _missing_translations,
    _stale_translations,
    _unknown_places,
    _unreviewed,
    _over_limits,
    _templates,
    _placeholders,
    _missing_parts,
    _safety,
    _style,
)
KINDS = (
    "unknown-reference",
    "bad-date",
    "unreachable-state",
    "dead-end",
    "loop-without-wait",
    "no-exit",
    "keyword-clash",
    "undeclared-slot",
    "missing-english",
    "over-channel-limit",
    "template-needed",
    "unknown-placeholder",
    "missing-flow",
    "missing-text",
    "missing-translation",
    "stale-translation",
    "unknown-place",
    "unreviewed-translation",
    "long-sms-answer",
    "many-segments",
    "hard-to-read",
    "unknown-phone",
    "few-examples",
    "review-overdue",
    "helpline-unverified",
    *safety_check.KINDS,
)
