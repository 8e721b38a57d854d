"""What the desk says to staff about what went wrong or was done. The keys are what the services answer with."""

from collections.abc import Mapping
from typing import NamedTuple

from bot.service.desk import Outcome
from bot.service.signing_in import Refused
from bot.store.staff import Role


class Problem(NamedTuple):
    """What is wrong, and the id of the field it is wrong in."""

    field: str
    text: str


PROBLEMS: Mapping[str, Problem] = {
    "wrong": Problem("email", "Email address or password is wrong"),
    "wait": Problem("email", "Too many tries. Wait {wait} and try again"),
    "wrong-code": Problem("code", "The code is wrong or has been used. Enter the newest code"),
    "sign-in-over": Problem("email", "Signing in took too long. Sign in again"),
    "old-password-wrong": Problem("old", "Your current password is wrong"),
    "password-short": Problem("password", "Password must be 12 characters or more"),
    "password-long": Problem("password", "Password must be 256 characters or fewer"),
    "password-obvious": Problem("password", "Choose a password that is harder to guess, such as three unrelated words"),
    "password-personal": Problem("password", "Choose a password that is not your name or email address"),
    "passwords-differ": Problem("again", "The two passwords are not the same"),
    "invitation-over": Problem("password", "The invitation has been used or is too old. Ask for a new one"),
    "email-malformed": Problem("email", "Enter an email address, like name@example.org"),
    "email-taken": Problem("email", "There is an account with this email address already"),
    "name-missing": Problem("name", "Enter a name of up to 100 characters"),
    "roles-missing": Problem("roles", "Choose one role or more"),
    "staff-unknown": Problem("email", "There is no such account"),
    "last-administrator": Problem("roles", "This is the only administrator. Make somebody else one first"),
    "issuer-no-role": Problem("issuer", "Your organisation has not given you a role at the desk. Ask an administrator"),
    "issuer-refused": Problem("issuer", "You cannot sign in this way. Ask an administrator"),
    "issuer-failed": Problem("issuer", "Signing in with your organisation did not work. Try again"),
    "issuer-away": Problem("issuer", "Your organisation's sign in does not answer. Try again, or use your password"),
    "day-malformed": Problem("since", "Enter a date like 2026-11-22"),
    "number-malformed": Problem("conversation", "Enter the number of a conversation"),
}

DONE: Mapping[str, str] = {
    "team-saved": "The team's plan has been saved.",
    "looked": "Your second look is on record.",
    "handoff-ended": "Done. The conversation has left your hands.",
    "signed-out": "You have signed out.",
    "session-ended": "That session has been signed out.",
    "sessions-ended": "Your other sessions have been signed out.",
    "password-changed": "Your password has been changed. Your other sessions have been signed out.",
    "staff-changed": "The account has been changed.",
    "staff-disabled": "The account has been disabled and signed out everywhere.",
}

ROLES: Mapping[str, str] = {
    Role.ADVISOR: "Advisor",
    Role.EDITOR: "Editor",
    Role.SUPERVISOR: "Supervisor",
    Role.SAFETY_LEAD: "Safety lead",
    Role.ADMINISTRATOR: "Administrator",
}
ROLE_HINTS: Mapping[str, str] = {
    Role.ADVISOR: "Talks with tenants of their teams",
    Role.EDITOR: "Writes flows and answers",
    Role.SUPERVISOR: "Sees all teams and the audit",
    Role.SAFETY_LEAD: "Approves crisis wording, sees safeguarding notes and the audit",
    Role.ADMINISTRATOR: "Looks after accounts",
}


class LevelWords(NamedTuple):
    """How a level is shown: never by colour alone."""

    name: str
    tag: str
    hint: str


LEVELS: Mapping[str, LevelWords] = {
    "P0": LevelWords("P0 Now", "red", "Somebody may die or be hurt now"),
    "P1": LevelWords("P1 Urgent", "orange", "Within half an hour"),
    "P2": LevelWords("P2 Distress", "yellow", "The same working day"),
    "P3": LevelWords("P3 Ordinary", "grey", "Within a working day"),
}
STATUSES: Mapping[str, str] = {
    "available": "Available",
    "light": "Light duties: nothing urgent",
    "break": "On a break",
    "away": "Away",
    "offline": "Offline",
}
CHANNELS: Mapping[str, str] = {"sms": "SMS", "whatsapp": "WhatsApp", "telegram": "Telegram"}


OUTCOMES: Mapping[str, str] = {
    Outcome.SUPPORT: "Support in the moment",
    Outcome.AGENCY: "Referred to a specialist agency",
    Outcome.HOUSING: "Housing action",
    Outcome.EMERGENCY: "Emergency services",
    Outcome.ANSWERED: "Answered",
    Outcome.NO_REPLY: "No reply from the tenant",
    Outcome.DUPLICATE: "Duplicate",
}
DELIVERIES: Mapping[str, str] = {
    "queued": "waiting to be sent",
    "sending": "being sent",
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "not delivered",
    "failed": "not sent",
    "cancelled": "not sent",
}
NOTES: Mapping[str, str] = {"note": "Note", "support": "Support note", "safeguarding": "Safeguarding note"}
PROTOCOL: tuple[str, ...] = (
    "Breathe. You are not alone with this: ask a colleague to join.",
    "Say who you are and that you have read what they wrote.",
    "Ask: are you safe right now? Where are you? Is anyone with you?",
    "Life in danger now: have 999 rung. Ask a colleague to ring while you keep writing.",
    "Give the line that fits. Stay until they have help or say that they are safe.",
    "Tell them what happens next, and who will do it. Promise nothing else.",
    "Write down what was said in their own words. Close with a reason. Then have your debrief.",
)
BLAKE: tuple[tuple[str, str], ...] = (
    ("Breathe", "Take a moment. Calm is catching."),
    ("Listen", "Say back what you heard, in their words."),
    ("Ask", "Where are you now? Is there anyone you can call? Have you made any plans to end your life?"),
    ("Keep safe", "Who can be with them? Which line fits? 999 if it is now."),
    ("End", "Say what was agreed and what comes next. Do not end abruptly."),
)
TEXAS: tuple[tuple[str, str], ...] = (
    ("Thank", "Thank them for telling you."),
    ("Explain", "Say why you would write it down and who will see it."),
    ("eXplicit consent", "Ask whether that is all right. Danger to life comes first."),
    ("Ask", "How does it affect them? What would help?"),
    ("Signpost", "Who else can help, and how to reach them."),
)
DO_SAY: tuple[str, ...] = (
    "I'm glad you told me.",
    "I believe you.",
    "You are not in trouble for asking.",
    "Is it safe to write?",
)
DO_NOT_SAY: tuple[str, ...] = (
    "Nothing about methods, not even to ask again.",
    "No promises: not of secrecy, nor of when somebody comes.",
    'No "commit suicide", no "why?", no "you\'ll be fine".',
    "No diagnosis, no score.",
)
"""BLAKE and TEXAS are drills of the Money Advice Trust for staff to whom people in debt disclose distress."""


def span(seconds: float) -> str:
    """A length of time as people say it, rounded: 40 seconds, 5 minutes, 3 hours, 2 days."""
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count = round(seconds / size)
        if count >= (2 if size > 60 else 1):
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "0 seconds"


def spoken(name: str) -> str:
    """A fixed name as words: homeless-tonight becomes Homeless tonight."""
    return name.replace("-", " ").replace("_", " ").capitalize()


def told(refused: Refused) -> Problem:
    """The words for what a service refused."""
    problem = PROBLEMS[refused.problem]
    return problem._replace(text=problem.text.format(wait=waiting(refused.wait)))


def waiting(seconds: int) -> str:
    """Say how long to wait, rounded up."""
    if seconds <= 90:
        return f"{seconds} seconds"
    return f"{-(-seconds // 60)} minutes"
