"""Tokens: those that the local issuer signs, and those that the authorizer accepts."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from infra.local.http_api import Unauthorized
from infra.local.identity import Authorizer, FetchedKeys, Issuer, own_keys

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
URL = "http://localhost:8000/"
ISSUER = Issuer(URL, "stays", clock=lambda: NOW)
AUTHORIZER = Authorizer(URL, "stays", own_keys(ISSUER), clock=lambda: NOW)


def test_a_token_of_the_issuer_is_let_in_with_its_claims() -> None:
    claims = AUTHORIZER(ISSUER.token("auth0|an", email="an@stays.example"))
    assert claims["sub"] == "auth0|an"
    assert claims["email"] == "an@stays.example"
    assert claims["exp"] - claims["iat"] == 86_400


def test_without_an_audience_the_client_counts() -> None:
    assert AUTHORIZER(ISSUER.token("an", aud=None, client_id="stays"))["client_id"] == "stays"


def test_one_of_several_audiences_is_enough() -> None:
    assert AUTHORIZER(ISSUER.token("an", aud=["other", "stays"]))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "http://localhost:8000"}, "another issuer"),
        ({"aud": "other"}, "another audience"),
        ({"aud": "other", "client_id": "stays"}, "another audience"),
        ({"exp": NOW.timestamp()}, "expired"),
        ({"exp": "soon"}, "not a number"),
        ({"exp": None}, "not a number"),
        ({"nbf": NOW.timestamp() + 60}, "not valid yet"),
        ({"iat": NOW.timestamp() + 60}, "not valid yet"),
    ],
)
def test_a_wrong_claim_keeps_a_token_out(claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unauthorized, match=reason):
        AUTHORIZER(ISSUER.token("an", **claims))


def test_a_token_signed_by_another_key_is_kept_out() -> None:
    with pytest.raises(Unauthorized, match="not among"):
        AUTHORIZER(Issuer(URL, "stays", clock=lambda: NOW).token("an"))


def test_only_rs256_is_taken() -> None:
    kid = ISSUER.jwks()["keys"][0]["kid"]
    forged = jwt.encode({"iss": URL, "aud": "stays"}, "k" * 32, algorithm="HS256", headers={"kid": kid})
    unsigned = jwt.encode({"iss": URL, "aud": "stays"}, "", algorithm="none", headers={"kid": kid})
    for token in (forged, unsigned):
        with pytest.raises(Unauthorized, match="not valid"):
            AUTHORIZER(token)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "…"])
def test_what_is_no_token_is_kept_out(token: str) -> None:
    with pytest.raises(Unauthorized):
        AUTHORIZER(token)


def test_a_moved_clock_ends_tokens() -> None:
    later = Authorizer(URL, "stays", own_keys(ISSUER), clock=lambda: NOW + timedelta(days=2))
    with pytest.raises(Unauthorized, match="expired"):
        later(ISSUER.token("an"))


def test_a_kept_key_goes_on_signing(tmp_path: Path) -> None:
    path = tmp_path / "issuer.pem"
    token = Issuer(URL, "stays", path, clock=lambda: NOW).token("an")
    again = Issuer(URL, "stays", path, clock=lambda: NOW)
    assert Authorizer(URL, "stays", own_keys(again), clock=lambda: NOW)(token)["sub"] == "an"
    assert path.stat().st_mode & 0o077 == 0


def test_the_discovery_document_leads_to_the_keys() -> None:
    assert ISSUER.configuration()["jwks_uri"] == "http://localhost:8000/.well-known/jwks.json"
    assert ISSUER.configuration()["issuer"] == URL


def test_a_real_issuers_keys_are_fetched_once_and_not_again_for_every_strange_token() -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return json.dumps(ISSUER.jwks()).encode()

    authorizer = Authorizer(URL, "stays", FetchedKeys(URL, fetch), clock=lambda: NOW)
    assert authorizer(ISSUER.token("an"))
    assert authorizer(ISSUER.token("binh"))
    with pytest.raises(Unauthorized):
        authorizer(Issuer(URL, "stays", clock=lambda: NOW).token("an"))
    assert asked == ["http://localhost:8000/.well-known/jwks.json"]


def test_an_issuer_that_cannot_be_asked_lets_nobody_in() -> None:
    with pytest.raises(Unauthorized, match="cannot be fetched"):
        FetchedKeys("http://127.0.0.1:9/")("kid")
