"""A token issuer for the local run, and API Gateway's check of tokens from it or from a real issuer."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import jwt
import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.asgi import Clock, real_time
from infra.local.http_api import Unauthorized

Keys = Mapping[str, jwt.PyJWK]

_REFETCH = 10.0  # seconds between two fetches of a real issuer's keys, for any number of unknown key ids
_TIMEOUT = 1.5  # seconds: API Gateway's own limit
_LARGEST = 150_000  # bytes of a key set: API Gateway's own limit


class Issuer:
    """Signs tokens with its own key. The first start makes the key; `path`, if given, keeps it."""

    def __init__(self, url: str, audience: str, path: Path | None = None, clock: Clock = real_time) -> None:
        """Sign as the issuer `url`, which ends in a slash."""
        self.url = url
        self.audience = audience
        self._clock = clock
        self._key = _load_key(path)
        numbers = self._key.public_key().public_numbers()
        self._public = {"kty": "RSA", "n": _base64url(numbers.n), "e": _base64url(numbers.e)}
        self._kid = hashlib.sha256(self._public["n"].encode()).hexdigest()[:16]

    def jwks(self) -> dict[str, Any]:
        """Return the key set for {issuer}.well-known/jwks.json."""
        return {"keys": [self._public | {"kid": self._kid, "use": "sig", "alg": "RS256"}]}

    def configuration(self) -> dict[str, Any]:
        """Return the document for {issuer}.well-known/openid-configuration."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}.well-known/jwks.json",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def token(self, sub: str, seconds: int = 86_400, **claims: Any) -> str:
        """Sign a token for `sub` that is valid for `seconds`. `claims` may replace any claim; None drops it."""
        now = int(self._clock().timestamp())
        standard = {"iss": self.url, "aud": self.audience, "sub": sub, "iat": now, "exp": now + seconds}
        given = {name: value for name, value in (standard | claims).items() if value is not None}
        return jwt.encode(given, self._key, algorithm="RS256", headers={"kid": self._kid})


class KeySource(Protocol):
    """Returns the public keys of an issuer by id. `unknown` is the id that the token names, known or not."""

    def __call__(self, unknown: str) -> Keys:
        """Return the keys by id. Raises Unauthorized if they cannot be fetched."""


def own_keys(issuer: Issuer) -> KeySource:
    """Return the keys of our own issuer; they never change."""
    keys = _by_id(issuer.jwks())
    return lambda _: keys


class FetchedKeys:
    """The keys of a real issuer, fetched again when a token names an unknown key."""

    def __init__(self, issuer: str, fetch: Callable[[str], bytes] | None = None) -> None:
        """Fetch {issuer}.well-known/jwks.json."""
        self._url = f"{issuer}.well-known/jwks.json"
        self._fetch = fetch or _fetch
        self._keys: Keys = {}
        self._fetched = float("-inf")
        self._lock = threading.Lock()

    def __call__(self, unknown: str) -> Keys:
        """Return the keys by id. Raises Unauthorized if the issuer does not answer."""
        with self._lock:
            if unknown not in self._keys and time.monotonic() - self._fetched > _REFETCH:
                self._fetched = time.monotonic()
                self._keys = _by_id(json.loads(self._fetch(self._url)))
            return self._keys


class Authorizer:
    """Checks a token as API Gateway's JWT authorizer does: RS256, a known key, issuer, audience and times."""

    def __init__(self, issuer: str, audience: str, keys: KeySource, clock: Clock = real_time) -> None:
        """Accept tokens of `issuer` for `audience`."""
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._clock = clock

    def __call__(self, token: str) -> Mapping[str, Any]:
        """Return the token's claims. Raises Unauthorized with the reason."""
        claims = self._signed(token)
        if claims.get("iss") != self._issuer:
            raise Unauthorized("the token has another issuer")
        if not self._meant_for_us(claims):
            raise Unauthorized("the token has another audience")
        self._check_times(claims)
        return claims

    def _signed(self, token: str) -> dict[str, Any]:
        # The clock of a local run can move and PyJWT's cannot, so `_check_times` compares the times.
        options: Any = {f"verify_{each}": False for each in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}
        try:
            kid = str(jwt.get_unverified_header(token).get("kid"))
            key = self._keys(kid).get(kid)
            if key is None:
                raise Unauthorized("the token's key is not among the issuer's keys")
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], options=options)
        except jwt.PyJWTError as error:
            raise Unauthorized(f"the token is not valid: {error}") from error
        return claims

    def _meant_for_us(self, claims: Mapping[str, Any]) -> bool:
        # API Gateway reads `client_id` only if there is no `aud`.
        audience = claims.get("aud", claims.get("client_id"))
        return self._audience in (audience if isinstance(audience, list) else [audience])

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock().timestamp()
        times = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
        if "exp" not in times or not all(isinstance(each, int | float) for each in times.values()):
            raise Unauthorized("the token has no expiry, or a time that is not a number")
        if times["exp"] <= now:
            raise Unauthorized("the token has expired")
        if max(times.get("nbf", 0), times.get("iat", 0)) > now + 1:
            raise Unauthorized("the token is not valid yet")


def _load_key(path: Path | None) -> rsa.RSAPrivateKey:
    if path and path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if path:
        path.touch(mode=0o600)
        path.write_bytes(_pem(key))
    return key


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _base64url(number: int) -> str:
    content = number.to_bytes((number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _by_id(document: Mapping[str, Any]) -> Keys:
    keys = [key for key in document["keys"] if key.get("kty") == "RSA" and key.get("use", "sig") == "sig"]
    return {key["kid"]: jwt.PyJWK(key, "RS256") for key in keys if "kid" in key}


def _fetch(url: str) -> bytes:
    try:
        answer = urllib3.request("GET", url, timeout=_TIMEOUT, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise Unauthorized(f"the issuer's keys cannot be fetched: {error}") from error
    if answer.status != HTTPStatus.OK or len(answer.data) > _LARGEST:
        raise Unauthorized(f"the issuer answers {answer.status} to the request for its keys")
    return answer.data
