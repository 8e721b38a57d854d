"""`hearthline double`: the providers' double on this machine, for `hearthline run` and for trying things out."""

import os

from bot import log
from bot.double.app import serve
from bot.double.identity import DoubleConfig
from bot.errors import PlatformError
from bot.settings import Settings


def stand_in(settings: Settings, port: int, product: str) -> None:
    """Serve until asked to stop. Raises RealCredentials beside real ones, NotLoopback for a product elsewhere.

    port: of 127.0.0.1. product: where Hearthline listens. Raises PlatformError if the port is taken.
    """
    log.configure(settings.log_format)
    try:
        serve(DoubleConfig(public_base_url=product, port=port), os.environ)
    except OSError as error:
        raise PlatformError(f"Port {port} is taken by another program: give another --port.") from error
