"""ZaloPay's keys, each in a secret of its own: {"current": …, "previous": … while it is being rotated}."""

from aws_lambda_powertools.utilities.parameters import get_secret

KEY_AGE = 300  # seconds a key is kept before the secret is read again


def accepted_keys(secret: str, *, fresh: bool = False) -> list[str]:
    """All keys that may have signed, the current one first. `fresh` reads the secret now."""
    versions: dict[str, str] = get_secret(secret, transform="json", max_age=KEY_AGE, force_fetch=fresh)
    return [versions[name] for name in ("current", "previous") if versions.get(name)]


def signing_key(secret: str, *, fresh: bool = False) -> str:
    """The key that signs what we send."""
    return accepted_keys(secret, fresh=fresh)[0]
