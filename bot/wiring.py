"""The composition root: the one place where real parts are made and put together. Tests give fakes instead."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limits.storage import RedisStorage

import flows
from bot import clock
from bot.nlu.understanding import Signal
from bot.phrasebook import Screener
from bot.queues import Bell, Doorbell, connect
from bot.service.library import Library
from bot.service.pager import Pager, poster
from bot.service.parts import Parts
from bot.service.rates import Rates
from bot.service.retry import NEVER_AGAIN
from bot.service.spool import Spool
from bot.settings import Settings
from bot.store.database import Database
from channels import media_fetch
from channels._twilio import TwilioAccount
from channels.media_fetch import Fetched
from channels.messages import Channel, Media
from channels.registry import Accounts, open_channels
from channels.telegram import Telegram, TelegramAccount, TelegramCallFailed

if TYPE_CHECKING:
    from bot.commands.measure import Screening
    from bot.encoding import SharedEncoder
    from bot.nlu import second
    from flows.issue import Issue
    from flows.schema import Book, Landlord

FLOWS = Path(flows.__file__).parent


def build(settings: Settings, *, name: str, pool_size: int = 4, **given: Any) -> Parts:
    """Make a process's parts and start what runs in the background.

    name: of the process, for pg_stat_activity. pool_size: connections to PostgreSQL. given: parts to use instead of the
    real ones, by their names in `Parts`.
    """
    database = given.pop("database", None) or open_database(settings, name, pool_size)
    shared = given.pop("encoder", None) or encoder(settings)
    return Parts(
        **{
            "database": database,
            "channels": given.pop("channels", None) or channels(settings),
            "library": given.pop("library", None) or library(settings, database, shared),
            "second": given.pop("second", None) or second_reader(shared),
            "warm": given.pop("warm", None) or (lambda texts: shared().warm(texts)),
            "screen": given.pop("screen", None) or screener(settings.var_dir / "cache"),
            "clock": clock.now,
            "bell": given.pop("bell", None) or open_bell(settings),
            "spool": Spool(settings.spool_dir),
            "fetch": given.pop("fetch", None) or fetcher(settings),
            "rates": given.pop("rates", None) or rates(settings),
            "media_dir": settings.media_dir,
            "abandoned_after": settings.desk_abandoned_minutes * 60.0,
            "pager": pager(settings),
            **given,
        }
    )


def open_database(settings: Settings, name: str, size: int) -> Database:
    """The pool of connections, connecting in the background."""
    database = Database(settings.database_url or "", size=size, name=f"hearthline-{name}")
    database.open()
    return database


def open_bell(settings: Settings) -> Bell:
    """The doorbell, ringing from a thread of its own."""
    bell = Bell(Doorbell(connect(settings.redis_url or "", timeout=0.5)).ring)
    bell.start()
    return bell


def rates(settings: Settings) -> Rates:
    """How fast each channel may send, counted in Redis for all processes together."""
    per_second = {
        "sms": settings.sms_per_second,
        "whatsapp": settings.whatsapp_per_second,
        "telegram": settings.telegram_per_second,
    }
    pool = connect(settings.redis_url or "", timeout=0.5).connection_pool
    return Rates(per_second, RedisStorage("redis://", connection_pool=pool))


def channels(settings: Settings) -> Mapping[str, Channel]:
    """The channels that have credentials."""
    opened = open_channels(Accounts(twilio_account(settings), telegram_account(settings)))
    return {str(name): channel for name, channel in opened.items()}


def twilio_account(settings: Settings) -> TwilioAccount | None:
    """The account for SMS and WhatsApp, if there is one."""
    if not settings.twilio_account_sid or settings.twilio_auth_token is None:
        return None
    return TwilioAccount(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        public_base_url=settings.base_url,
        sms_from=settings.twilio_sms_from or "",
        messaging_service_sid=settings.twilio_messaging_service_sid or "",
        whatsapp_from=settings.twilio_whatsapp_from or "",
        api_base_url=settings.twilio_api_base_url or "",
        content=settings.twilio_content_sids,
    )


def telegram_account(settings: Settings) -> TelegramAccount | None:
    """The bot, if there is one."""
    if settings.telegram_bot_token is None or settings.telegram_webhook_secret is None:
        return None
    account = TelegramAccount(
        token=settings.telegram_bot_token.get_secret_value(),
        webhook_secret=settings.telegram_webhook_secret.get_secret_value(),
        mode=settings.telegram_mode,
    )
    base = settings.telegram_api_base_url
    return replace(account, api_base_url=base) if base else account


def pager(settings: Settings) -> Pager:
    """How pages leave: by our own SMS number and bot, with links to where the providers reach us."""
    twilio, telegram = twilio_account(settings), telegram_account(settings)
    sms = (twilio.messaging_service_sid or twilio.sms_from) if twilio else ""
    senders = {"sms": sms, "telegram": telegram.bot_id if telegram else ""}
    return Pager({name: sender for name, sender in senders.items() if sender}, settings.base_url, poster())


def fetcher(settings: Settings) -> Callable[[str, Media], Fetched]:
    """Gets tenants' files from the provider that the message came by."""
    exchange, origins = media_fetch.downloads(), dict[str, media_fetch.Origin]()
    if twilio := twilio_account(settings):
        origins["sms"] = origins["whatsapp"] = media_fetch.twilio_origin(twilio)
    if account := telegram_account(settings):
        origins["telegram"] = media_fetch.telegram_origin(
            _locate(Telegram(account)), settings.telegram_api_base_url or ""
        )

    def fetch(channel: str, media: Media) -> Fetched:
        if channel not in origins:
            raise media_fetch.MediaUnavailable("the channel is off")
        return media_fetch.fetch(media, origins[channel], exchange)

    return fetch


def _locate(telegram: Telegram) -> Callable[[str], str]:
    def locate(ref: str) -> str:
        try:
            return telegram.file_url(ref)
        except TelegramCallFailed as error:
            if error.sent.outcome in NEVER_AGAIN:
                raise media_fetch.MediaRefused("Telegram does not hand the file over") from None
            raise media_fetch.MediaUnavailable("Telegram does not say where the file is") from None

    return locate


def landlord(settings: Settings) -> "Landlord":
    """The landlord's profile, with what the settings say instead."""
    from flows.load import load_landlord

    found = load_landlord(FLOWS / "landlords" / f"{settings.landlord_profile}.yaml")
    instead = {
        "name": settings.landlord_name,
        "nation": settings.landlord_nation,
        "timezone": settings.timezone,
    }
    return found.model_copy(update={key: value for key, value in instead.items() if value is not None})


def screener(cache: Path | None = None) -> Screener:
    """The distress reader, with the phrases that ship. cache: where to keep them ready for the next start."""
    return Screener(FLOWS / "safety" / "phrases", cache)


def screening(settings: Settings) -> "Screening":
    """Both readers of distress and where they come from, for the commands that measure and explain them."""
    from bot.commands.measure import Screening

    shared = encoder(settings)
    encode = shared().encode if shared().open() is not None else None
    return Screening(screener(settings.var_dir / "cache"), FLOWS / "safety", encode)


def encoder(settings: Settings) -> "Callable[[], SharedEncoder]":
    """What gives this process's encoder. Only the processes that answer ask for it: the others start sooner without."""

    @cache
    def shared() -> "SharedEncoder":
        from bot.encoding import SharedEncoder

        return SharedEncoder(settings.var_dir / "cache")

    return shared


def second_reader(shared: "Callable[[], SharedEncoder]") -> Callable[[Sequence[str], Signal], Signal]:
    """The second reader of distress, which loads at the first need. Without an encoder it goes by words and letters."""

    @cache
    def trained() -> "second.Reader":
        from bot.nlu import second

        return second.load(FLOWS / "safety" / "second.npz")

    def read(messages: Sequence[str], first: Signal) -> Signal:
        from bot.nlu import second

        return second.doubt(trained(), shared().encode if shared().open() is not None else None, messages, first)

    return read


def library(settings: Settings, database: Database, shared: "Callable[[], SharedEncoder]") -> Library:
    """The Book, with an index made by the encoder, followed while its files change."""
    return Library(lambda: book(settings), database, lambda found: shared().index(found), stamp, faults)


def stamp() -> str:
    """What changes whenever a file of the Book does: names, sizes and times."""
    files = [path for kind in ("*.yaml", "*.csv") for path in FLOWS.rglob(kind)]
    found = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(files) if path.exists()]
    return hashlib.sha256(repr(found).encode()).hexdigest()


def faults(found: "Book") -> "Iterable[Issue]":
    """What the checker says of a Book today."""
    from flows.check import check

    return check(found, date.fromtimestamp(clock.now()))


def book(settings: Settings) -> "Book":
    """The Book in force."""
    # Only the processes that talk need the Book's schema, and the matcher behind it: the others start sooner without.
    from flows.load import load_book

    return load_book(landlord(settings))
