"""ZaloPay's keys, each in its own secret: {"current": …, "previous": … during a rotation}."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.base import BaseProvider
from aws_lambda_powertools.utilities.parameters.constants import DEFAULT_PROVIDERS
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError, TransformParameterError
from botocore.config import Config

KEY_AGE = 300  # seconds until the secret is read again
AGAIN = 60  # seconds until the next read, if a read failed and an older key is known
# Reading a secret takes about 6 seconds at worst.
LOOKING = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})

logger = Logger()


class NoKey(Exception):
    """The secret cannot be read now, or holds no key."""


def accepted_keys(secret: str, *, fresh: bool = False) -> list[str]:
    """All keys that may have signed, the current one first. If the secret cannot be read, the keys that were read last.

    `fresh` reads the secret now and accepts no older keys. Raises NoKey.
    """
    try:
        versions = _provider().get(secret, max_age=KEY_AGE, transform="json", force_fetch=fresh)
    except (GetParameterError, TransformParameterError) as error:
        versions = None if fresh else _read_last_known(secret)
        if not versions:
            raise NoKey(secret) from error
    found = versions if isinstance(versions, dict) else {}
    return [found[name] for name in ("current", "previous") if found.get(name) and isinstance(found[name], str)]


def signing_key(secret: str, *, fresh: bool = False) -> str:
    """The key that signs our requests. Raises NoKey."""
    keys = accepted_keys(secret, fresh=fresh)
    if not keys:
        raise NoKey(secret)
    return keys[0]


def _provider() -> BaseProvider:
    """Powertools' own provider. Its cache keeps values even after their time."""
    if "secrets" not in DEFAULT_PROVIDERS:
        DEFAULT_PROVIDERS["secrets"] = SecretsProvider(boto_config=LOOKING)
    provider: BaseProvider = DEFAULT_PROVIDERS["secrets"]
    return provider


def _read_last_known(secret: str) -> Any:
    """The keys that were read last, however old. The secret is then not read again for a minute."""
    provider = _provider()
    name = provider._build_cache_key(name=secret, transform="json")  # noqa: SLF001  # there is no other way to it
    versions = provider.fetch_from_cache(name)
    if versions:
        logger.warning("the key known last is used: its secret cannot be read", extra={"secret": secret})
        provider.add_to_cache(name, versions, AGAIN)
    return versions
