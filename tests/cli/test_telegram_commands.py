"""What Telegram is told once: checked against the double, which checks it against the Bot API's limits."""

import io
import threading
import time

from bot.commands.telegram import register_commands
from bot.double import credentials
from bot.double.app import create_app, listen, make_server
from bot.double.identity import DoubleConfig
from bot.settings import Settings
from bot.wiring import telegram_account
from channels.telegram import Telegram


def test_commands_are_registered_in_each_language() -> None:
    with listen(0) as listener:
        port: int = listener.getsockname()[1]
        server = make_server(create_app(DoubleConfig("http://127.0.0.1:1", port)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            given = {name.lower(): value for name, value in credentials(port).items()}
            settings = Settings(_env_file=None, public_base_url="http://127.0.0.1:1", **given)  # type: ignore[arg-type]  # strings, as given
            output = io.StringIO()
            register_commands(settings, output)
            account = telegram_account(settings)
            assert account is not None
            telegram = Telegram(account)
            shown = {
                code: telegram._raw("getMyCommands", {"language_code": code} if code else {}, 5.0)
                for code in ("", "cy")
            }
        finally:
            server.should_exit = True
            thread.join(10)
    assert "cy" in output.getvalue()
    english, welsh = shown[""], shown["cy"]
    assert isinstance(english, list)
    assert isinstance(welsh, list)
    assert [row["command"] for row in english] == ["menu", "person", "language", "stop"]
    assert english != welsh
