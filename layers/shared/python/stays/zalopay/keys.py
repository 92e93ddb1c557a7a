"""ZaloPay's keys, each in its own secret: {"current": …, "previous": … during a rotation}."""

import json
from collections.abc import Callable
from time import time
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from stays.aws.client import AwsError, SecretsManager

KEY_AGE = 300  # seconds until the secret is read again
AGAIN = 60  # seconds until the next read, if a read failed and an older key is known

logger = Logger()


class NoKey(Exception):
    """The secret cannot be read now, or holds no key."""


class Known(NamedTuple):
    """The keys of a secret, and the time until which they are not read again."""

    keys: list[str]
    until: float


class Keys:
    """The keys in secrets, kept for five minutes. If a secret cannot be read then, the keys that were read last."""

    def __init__(self, secrets: SecretsManager, clock: Callable[[], float] = time) -> None:
        self._secrets = secrets
        self._clock = clock
        self.known: dict[str, Known] = {}

    def accepted(self, secret: str, *, fresh: bool = False) -> list[str]:
        """All keys that may have signed, the current one first.

        `fresh` reads the secret now and accepts no older keys. Raises NoKey.
        """
        known = self.known.get(secret)
        if known is None or fresh or self._clock() > known.until:
            known = self.known[secret] = self._read(secret, None if fresh else known)
        return known.keys

    def readable(self, secret: str) -> list[str]:
        """The same as `accepted`, but none if the secret cannot be read."""
        try:
            return self.accepted(secret)
        except NoKey:
            return []

    def signing(self, secret: str, *, fresh: bool = False) -> str:
        """The key that signs our requests. Raises NoKey."""
        keys = self.accepted(secret, fresh=fresh)
        if not keys:
            raise NoKey(secret)
        return keys[0]

    def _read(self, secret: str, before: Known | None) -> Known:
        try:
            versions = json.loads(self._secrets.get_secret_value(SecretId=secret)["SecretString"])
        except (AwsError, KeyError, ValueError) as error:
            if before is None or not before.keys:
                raise NoKey(secret) from error
            logger.warning("the key known last is used: its secret cannot be read", extra={"secret": secret})
            return Known(before.keys, self._clock() + AGAIN)
        return Known(_keys(versions), self._clock() + KEY_AGE)


def _keys(versions: Any) -> list[str]:
    found = versions if isinstance(versions, dict) else {}
    return [found[name] for name in ("current", "previous") if found.get(name) and isinstance(found[name], str)]
