"""The `hearthline` command. Each subcommand imports what it needs when it runs, so that help is there at once."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.errors import HearthlineError

if TYPE_CHECKING:
    from bot.settings import Settings

Option, Argument = typer.Option, typer.Argument

app = typer.Typer(
    name="hearthline",
    help="The line that tenants message at any hour, by SMS, WhatsApp or Telegram.",
    epilog="Settings come from the environment or a .env file: docs/settings.md lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
flows_app = typer.Typer(help="Check and draw what the line says.", no_args_is_help=True)
faq_app = typer.Typer(help="Try the matcher of questions.", no_args_is_help=True)
translations_app = typer.Typer(help="Hand words out to translators and take them back.", no_args_is_help=True)
telegram_app = typer.Typer(help="Tell Telegram about the bot.", no_args_is_help=True)
app.add_typer(flows_app, name="flows", rich_help_panel="Content")
app.add_typer(faq_app, name="faq", rich_help_panel="Content")
app.add_typer(translations_app, name="translations", rich_help_panel="Content")
app.add_typer(telegram_app, name="telegram", rich_help_panel="Providers")

RUNNING, CONTENT, CARE, PROVIDERS = "Running the line", "Content", "Looking after it", "Providers"


class QueueOption(StrEnum):
    """The queues, each with workers of its own."""

    urgent = "urgent"
    talk = "talk"
    send = "send"
    media = "media"


class ChannelOption(StrEnum):
    """The channels."""

    sms = "sms"
    whatsapp = "whatsapp"
    telegram = "telegram"


def main() -> None:
    """Run the command. What goes wrong is told in a sentence, and the exit code is 1."""
    from bot.children import follow_parent

    follow_parent()
    try:
        app(prog_name="hearthline")
    except HearthlineError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


@app.command(rich_help_panel=RUNNING)
def run() -> None:
    """Start everything on this machine, and stop it with Ctrl-C."""
    from bot.supervise import run as supervise

    raise typer.Exit(supervise(_settings()))


@app.command(rich_help_panel=RUNNING)
def web() -> None:
    """Serve webhooks and pages."""
    from bot.web.serve import main as serve

    serve(_connected())


@app.command(rich_help_panel=RUNNING)
def worker(queue: Annotated[QueueOption, Argument(help="The queue to answer.")]) -> None:
    """Answer one queue."""
    from workers.main import work

    work(_connected(), queue.value)


@app.command(rich_help_panel=RUNNING)
def clock() -> None:
    """Sweep for what is due, and poll Telegram where it cannot call us."""
    from workers.clock import main as tick

    tick(_connected())


@app.command(rich_help_panel=RUNNING)
def migrate() -> None:
    """Bring the database to the newest version."""
    from bot.supervise import bring_up_to_date

    bring_up_to_date(_connected(redis=False).database_url or "")
    print("The database is up to date.")


@app.command(rich_help_panel=RUNNING)
def double(
    port: Annotated[int, Option(help="Port of 127.0.0.1 to listen on.")] = 8001,
    product: Annotated[str, Option(help="Where Hearthline listens.")] = "http://127.0.0.1:8000",
) -> None:
    """Stand in for both providers, with a page of phones. `run` starts it where there are no credentials."""
    from bot.commands.double import stand_in

    stand_in(_settings(), port, product)


@app.command(rich_help_panel=CONTENT)
def talk(
    channel: Annotated[ChannelOption, Option(help="Talk as on this channel.")] = ChannelOption.sms,
    language: Annotated[str, Option(help="Begin in this language (BCP 47), as a returning tenant.")] = "",
    explain: Annotated[bool, Option(help="Show everything the engine asks for.")] = False,
) -> None:
    """Have a conversation in the terminal, through the real engine."""
    from bot.commands.talk import talk as converse

    converse(_settings(), channel.value, language, explain)


@flows_app.command("check")
def check_flows() -> None:
    """Say what is wrong in the flows, the FAQ and the approved texts. Exit code 1 if anything is."""
    from bot.commands.flows import check

    raise typer.Exit(check(_settings(), sys.stdout))


@flows_app.command("draw")
def draw_flows(
    flow: Annotated[str, Argument(help="Which flow; all of them if left out.")] = "",
) -> None:
    """Draw flows as text in the Mermaid notation."""
    from bot.commands.flows import draw

    draw(_settings(), flow, sys.stdout)


@translations_app.command("status")
def translations_status() -> None:
    """Say for each language what is missing, stale or not yet read by a person."""
    from bot.commands.translations import status

    status(sys.stdout)


@translations_app.command("export")
def export_translations(
    language: Annotated[str, Argument(help="Language (BCP 47).")],
    left: Annotated[bool, Option("--left", help="Only what is missing or stale.")] = False,
) -> None:
    """Write a spreadsheet (CSV) of the English beside what there is of a language."""
    from bot.commands.translations import export

    export(language, sys.stdout, everything=not left)


@translations_app.command("import")
def import_translations(
    language: Annotated[str, Argument(help="Language (BCP 47).")],
    sheet: Annotated[typer.FileText, Argument(help="The spreadsheet, filled.", encoding="utf-8-sig")],
    signed_by: Annotated[str, Option(help="Who has read every row of the sheet, a native speaker.")] = "",
) -> None:
    """Take a filled spreadsheet into the language's files."""
    from bot.commands.translations import take

    print(f"{take(language, sheet, signed_by=signed_by)} texts changed.")


@app.command(rich_help_panel=CONTENT)
def screen() -> None:
    """Read JSON lines with a text, and write how urgent each is and why."""
    from bot.commands.measure import screen_lines
    from bot.nlu.phrases import load_phrases
    from bot.wiring import FLOWS

    screen_lines(sys.stdin, sys.stdout, load_phrases(FLOWS / "safety" / "phrases"))


@app.command(rich_help_panel=CONTENT)
def language() -> None:
    """Read JSON lines with a text, and write the language of each."""
    from bot.commands.measure import language_lines

    language_lines(sys.stdin, sys.stdout)


@faq_app.command("match")
def match_faq(
    bank: Annotated[Path | None, Option(help="JSON lines with id and examples, instead of the shipped FAQ.")] = None,
) -> None:
    """Read JSON lines with a text, and write which answer each gets."""
    from bot.commands.flows import usable_book
    from bot.commands.measure import BankError, faq_lines, read_bank
    from bot.nlu.faq import build

    try:
        topics = read_bank(bank) if bank else usable_book(_settings()).faq
    except (BankError, OSError) as error:
        raise typer.BadParameter(str(error), param_hint="--bank") from error
    faq_lines(sys.stdin, sys.stdout, build(topics))


@app.command(rich_help_panel=CARE)
def status() -> None:
    """Show queues, the oldest unanswered message, workers and failures."""
    from bot.commands.status import report

    raise typer.Exit(report(_connected(), sys.stdout))


@app.command(rich_help_panel=CARE)
def doctor() -> None:
    """Check settings, credentials, reachability and webhooks, and say what to do. Exit code 1 if anything is wrong."""
    from bot.commands.doctor import examine

    raise typer.Exit(examine(sys.stdout))


@app.command(rich_help_panel=CARE)
def settings() -> None:
    """List every setting, what it means and what it defaults to, in Markdown."""
    from bot.settings import as_table

    print(as_table(), end="")


@telegram_app.command("set-webhook")
def set_webhook() -> None:
    """Have Telegram post updates to PUBLIC_BASE_URL, with our secret, and show the commands."""
    from bot.commands.telegram import register

    register(_settings(), sys.stdout)


@telegram_app.command("set-commands")
def set_commands() -> None:
    """Have Telegram show the commands in every language of the landlord, in polling mode too."""
    from bot.commands.telegram import register_commands

    register_commands(_settings(), sys.stdout)


def _settings() -> "Settings":
    from bot.settings import load

    return load()


def _connected(*, redis: bool = True) -> "Settings":
    """Settings with the addresses of both servers: those set, or those that `hearthline run` has started here."""
    from bot import log
    from bot.commands.connect import connected

    loaded = _settings()
    log.configure(loaded.log_format)
    return connected(loaded, redis=redis)
