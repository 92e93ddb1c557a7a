"""Access tokens on a WebSocket. On HTTP the gateway verifies them."""

from datetime import UTC, datetime
from typing import NamedTuple

import jwt

from stays.domain.values import check_user_id

LEEWAY = 30  # seconds between two clocks


class Proof(NamedTuple):
    """The user that a token proves, and the end of the proof."""

    user_id: str
    until: datetime


class NotProven(Exception):
    """The token proves no user, or the issuer's keys cannot be read."""


class Tokens:
    """The tokens of one issuer for our API. The issuer's keys are read when they are first needed, then hourly."""

    def __init__(self, issuer: str, audience: str) -> None:
        """`issuer` is the address that tokens name; it ends in a slash."""
        self._issuer = issuer
        self._audience = audience
        self.keys = jwt.PyJWKClient(f"{issuer}.well-known/jwks.json", cache_keys=True, lifespan=3600, timeout=3)

    def prove(self, token: str) -> Proof:
        """The user of an access token. Raises NotProven for any other token."""
        try:
            claims = jwt.decode(
                token,
                self.keys.get_signing_key_from_jwt(token),
                algorithms=["RS256"],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["exp", "sub"]},
            )
            return Proof(check_user_id(claims["sub"]), datetime.fromtimestamp(claims["exp"], UTC))
        except (jwt.PyJWTError, ValueError):  # ValueError: the issuer sent no keys, or the token names no user
            raise NotProven from None
