"""Tokens with one defect each. None of them may be accepted."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infra.local.identity import Issuer
from tests.integration.messages import BINH, MAI


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def claims_of(issuer: Issuer) -> dict[str, Any]:
    return jwt.decode(issuer.token(MAI), options={"verify_signature": False})


def signed_with_the_public_key(issuer: Issuer) -> str:
    """HS256 with the issuer's public key as the secret: a careless check would accept it."""
    pem = issuer._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': issuer._kid})}.{encoded(claims_of(issuer))}"
    mac = hmac.new(pem, text.encode(), "sha256").digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def unsigned(issuer: Issuer) -> str:
    return jwt.encode(claims_of(issuer), None, algorithm="none", headers={"kid": issuer._kid})


def tampered(issuer: Issuer) -> str:
    head, _, signature = issuer.token(BINH).split(".")
    return ".".join([head, issuer.token(MAI).split(".")[1], signature])


@cache
def strange_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signed_by_a_stranger(issuer: Issuer, **headers: Any) -> str:
    return jwt.encode(claims_of(issuer), strange_key(), algorithm="RS256", headers={"kid": issuer._kid, **headers})


DEFECTS: Mapping[str, Callable[[Issuer], str]] = {
    "expired": lambda issuer: issuer.token(MAI, seconds=-60),
    "another issuer": lambda issuer: issuer.token(MAI, iss="https://evil.example/"),
    "issuer without its slash": lambda issuer: issuer.token(MAI, iss=issuer.url.rstrip("/")),
    "no issuer": lambda issuer: issuer.token(MAI, iss=None),
    "another audience": lambda issuer: issuer.token(MAI, aud="somebody-else"),
    "an ID token": lambda issuer: issuer.token(MAI, aud="client-of-the-frontend", nonce="n", email="mai@example.com"),
    "no audience": lambda issuer: issuer.token(MAI, aud=None),
    "no expiry": lambda issuer: issuer.token(MAI, exp=None),
    "not valid yet": lambda issuer: issuer.token(MAI, nbf=2**31),
    "no algorithm": unsigned,
    "HS256 with the public key": signed_with_the_public_key,
    "another signature": tampered,
    "a stranger's signature": signed_by_a_stranger,
    "a stranger's signature and keys": lambda issuer: signed_by_a_stranger(issuer, jku="https://evil.example/keys"),
    "a key that nobody published": lambda issuer: signed_by_a_stranger(issuer, kid="unknown"),
    "not a token": lambda issuer: "abc",
    "three dots": lambda issuer: "a.b.c",
}
