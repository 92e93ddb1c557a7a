"""ZaloPay's keys, each in a secret of its own: {"current": …, "previous": … while it is being rotated}."""

from aws_lambda_powertools.utilities.parameters import get_secret
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError, TransformParameterError

KEY_AGE = 300  # seconds a key is kept before the secret is read again


class NoKey(Exception):
    """The secret cannot be read now, or holds no key."""


def accepted_keys(secret: str, *, fresh: bool = False) -> list[str]:
    """All keys that may have signed, the current one first. `fresh` reads the secret now. Raises NoKey."""
    try:
        versions: dict[str, str] = get_secret(secret, transform="json", max_age=KEY_AGE, force_fetch=fresh)
    except (GetParameterError, TransformParameterError) as error:
        raise NoKey(secret) from error
    return [versions[name] for name in ("current", "previous") if versions.get(name)]


def signing_key(secret: str, *, fresh: bool = False) -> str:
    """The key that signs what we send. Raises NoKey."""
    keys = accepted_keys(secret, fresh=fresh)
    if not keys:
        raise NoKey(secret)
    return keys[0]
