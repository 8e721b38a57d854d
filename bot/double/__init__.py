"""A double of both providers on this machine: Twilio's and Telegram's HTTP APIs, and a page of phones.

The product reaches it over real HTTP, with real parameters and signatures, and cannot tell it from the providers. In
the browser, the phones play the tenant.
"""

from bot.double.identity import credentials

__all__ = ["credentials"]
