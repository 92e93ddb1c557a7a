"""Checks of the token issuer: the gateway can find its keys, and its name is that of the settings."""

from collections.abc import Iterator
from typing import Any

import httpx

from infra.doctor.finding import Finding, bad, good


def check_issuer(web: httpx.Client, issuer: str) -> Iterator[Finding]:
    """Check that the discovery document names this issuer and that its keys can sign RS256."""
    if not issuer.endswith("/"):
        yield bad(
            f"The issuer {issuer} has no slash at its end.",
            "Auth0's issuer ends with a slash: https://<tenant>.auth0.com/.",
        )
        return
    found = _read(web, f"{issuer}.well-known/openid-configuration")
    if found is None:
        yield bad(
            f"{issuer} has no discovery document.",
            "Check the spelling of the tenant's domain, and that the tenant exists.",
        )
        return
    if found.get("issuer") != issuer:
        yield bad(
            f"It calls itself {found.get('issuer')}, but the settings say {issuer}. Every token would be refused.",
            "Write the issuer exactly as in its discovery document.",
        )
    keys = (_read(web, str(found.get("jwks_uri"))) or {}).get("keys", [])
    if any(key.get("kty") == "RSA" and key.get("use", "sig") == "sig" for key in keys):
        yield good(f"{issuer} publishes its keys.")
    else:
        yield bad(
            f"{issuer} publishes no RSA keys for signatures.", "Set the API's signing algorithm to RS256 in Auth0."
        )


def _read(web: httpx.Client, address: str) -> dict[str, Any] | None:
    """Return the JSON object at an address, or None for anything else."""
    try:
        answer = web.get(address)
        content = answer.json() if answer.is_success else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    return content if isinstance(content, dict) else None
