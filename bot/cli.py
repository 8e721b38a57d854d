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
staff_app = typer.Typer(help="Look after the accounts of staff.", no_args_is_help=True)
app.add_typer(staff_app, name="staff", rich_help_panel="Looking after it")
safety_app = typer.Typer(help="Who has signed what is said to somebody in danger.", no_args_is_help=True)
app.add_typer(safety_app, name="safety", rich_help_panel="Content")
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


class RoleOption(StrEnum):
    """What staff may do."""

    advisor = "advisor"
    editor = "editor"
    supervisor = "supervisor"
    safety_lead = "safety-lead"
    administrator = "administrator"


def main() -> None:
    """Run the command. What goes wrong is told in a sentence, and the exit code is 1."""
    from bot.children import follow_parent, keep_to_one_thread

    follow_parent()
    keep_to_one_thread()
    try:
        app(prog_name="hearthline")
    except HearthlineError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


@app.command(rich_help_panel=RUNNING)
def run() -> None:
    """Start everything on this machine, and stop it with Ctrl-C."""
    from bot.approval import insist
    from bot.supervise import run as supervise

    insist(_settings(), warn=True)
    raise typer.Exit(supervise(_settings()))


@app.command(rich_help_panel=RUNNING)
def web() -> None:
    """Serve webhooks and pages."""
    from bot.web.serve import main as serve

    serve(_approved(_connected()))


@app.command(rich_help_panel=RUNNING)
def worker(queue: Annotated[QueueOption, Argument(help="The queue to answer.")]) -> None:
    """Answer one queue."""
    from workers.main import work

    work(_approved(_connected()), queue.value)


@app.command(rich_help_panel=RUNNING)
def clock() -> None:
    """Sweep for what is due, and poll Telegram where it cannot call us."""
    from workers.clock import main as tick

    tick(_approved(_connected()))


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
def check_flows(everything: Annotated[bool, Option("--all", help="Write every warning out.")] = False) -> None:
    """Say what is wrong in the flows, the FAQ and the approved texts. Exit code 1 if anything is."""
    from bot.commands.flows import check

    raise typer.Exit(check(_settings(), sys.stdout, everything=everything))


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
def screen(
    explain: Annotated[str, Option(help="Say in words why this text is raised, or is not.", metavar="TEXT")] = "",
    train: Annotated[bool, Option("--train", help="Fit the second reader to flows/safety/examples.")] = False,
) -> None:
    """Read JSON lines with a text, and write how urgent each is and why."""
    from bot.commands import measure
    from bot.wiring import screening

    readers = screening(_settings())
    if train:
        print(measure.train(readers))
    elif explain:
        print(measure.explain(explain, readers))
    else:
        measure.screen_lines(sys.stdin, sys.stdout, readers)


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
    from bot.commands.measure import BankError, bank_index, faq_lines, read_bank
    from bot.wiring import encoder

    settings = _settings()
    shared = encoder(settings)()
    try:
        index = bank_index(read_bank(bank), shared.open()) if bank else shared.index(usable_book(settings))
    except (BankError, OSError) as error:
        raise typer.BadParameter(str(error), param_hint="--bank") from error
    faq_lines(sys.stdin, sys.stdout, index)


@safety_app.command("status")
def safety_status() -> None:
    """List the safety files and who has signed each as it is. Exit code 1 if any lacks two people."""
    from bot.commands.safety import status as show_status

    raise typer.Exit(show_status(sys.stdout))


@safety_app.command("sign")
def safety_sign(
    name: Annotated[str, Argument(help="Your name. Two different people have to sign.")],
    file: Annotated[
        list[str] | None, Argument(help="Which files, as `status` names them; all of them if left out.")
    ] = None,
) -> None:
    """Sign safety files as they are, after reading them whole."""
    from bot.commands.safety import sign

    sign(name, file or [], sys.stdout)


@app.command(
    rich_help_panel=CARE,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def rota(context: typer.Context) -> None:
    """Show and change who is on call: show, who, import, export, override, check."""
    from bot.commands.rota import commands

    commands(lambda: _connected(redis=False))(context.args, prog_name="hearthline rota")


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


@staff_app.command("add")
def add_staff(
    email: Annotated[str, Argument(help="Email address to sign in with.")],
    name: Annotated[str, Option(help="Name that colleagues see.", prompt=True)],
    role: Annotated[list[RoleOption], Option(help="May be given several times.")] = [RoleOption.advisor],  # noqa: B006  typer copies it
    team: Annotated[list[str], Option(help="May be given several times.")] = [],  # noqa: B006  as above
    language: Annotated[list[str], Option(help="BCP 47; may be given several times.")] = [],  # noqa: B006  as above
) -> None:
    """Add somebody, and print an invitation link that works once."""
    from bot.commands.staff import add

    add(_connected(), email, name, [one.value for one in role], team, language, sys.stdout)


@staff_app.command("disable")
def disable_staff(email: Annotated[str, Argument(help="Whose account.")]) -> None:
    """Let somebody in no more, from this moment on."""
    from bot.commands.staff import disable

    disable(_connected(), email, sys.stdout)


@staff_app.command("reset")
def reset_staff(email: Annotated[str, Argument(help="Whose account.")]) -> None:
    """Take password and one-time codes away, and print a new invitation link. Also lets a disabled account in again."""
    from bot.commands.staff import reset

    reset(_connected(), email, sys.stdout)


@staff_app.command("list")
def list_staff() -> None:
    """List all accounts."""
    from bot.commands.staff import listing

    listing(_connected(), sys.stdout)


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


def _approved(settings: "Settings") -> "Settings":
    """The settings, unless this is production and its safety files are unsigned."""
    from bot.approval import insist

    insist(settings)
    return settings


def _connected(*, redis: bool = True) -> "Settings":
    """Settings with the addresses of both servers: those set, or those that `hearthline run` has started here."""
    from bot import log
    from bot.commands.connect import connected

    loaded = _settings()
    log.configure(loaded.log_format)
    return connected(loaded, redis=redis)
