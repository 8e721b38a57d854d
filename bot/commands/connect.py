"""Finding the servers for a command that runs beside `hearthline run`."""

from bot.embedded import Servers
from bot.errors import SettingsError
from bot.settings import Settings


def connected(settings: Settings, *, redis: bool = True) -> Settings:
    """Fill in the addresses that are not set, if the embedded servers run. Raises SettingsError if they do not.

    redis: whether Redis is needed too.
    """
    missing = {"DATABASE_URL": settings.database_url is None, "REDIS_URL": redis and settings.redis_url is None}
    if not any(missing.values()):
        return settings
    # Looking must leave nothing behind where nothing has ever run.
    if not settings.var_dir.exists():
        raise SettingsError(_sentences(missing))
    servers = Servers(settings.var_dir, postgres=missing["DATABASE_URL"], valkey=missing["REDIS_URL"])
    if not servers.running():
        raise SettingsError(_sentences(missing))
    found = {"database_url": servers.database_url, "redis_url": servers.redis_url}
    return settings.model_copy(update={name: url for name, url in found.items() if missing[name.upper()]})


def _sentences(missing: dict[str, bool]) -> list[str]:
    return [
        f"{name} is missing: set it, or start `hearthline run`, which brings its own server."
        for name, is_missing in missing.items()
        if is_missing
    ]
