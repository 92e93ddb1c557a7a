"""Checks of the legacy backend: it answers, and calls to paths that are not ours reach it."""

from collections.abc import Iterator

import httpx

from infra.doctor.finding import Finding, bad, good

_NOBODYS = "/nobody-serves-this"


def check_legacy(web: httpx.Client, legacy: str) -> Iterator[Finding]:
    """Check that the legacy backend answers. Any status below 500 counts, also a 404."""
    try:
        status = web.get(legacy).status_code
    except httpx.HTTPError as error:
        do = "Check that it runs and that its address is right. API Gateway calls it over the internet."
        yield bad(f"The legacy backend {legacy} does not answer: {type(error).__name__}.", do)
        return
    if status < httpx.codes.INTERNAL_SERVER_ERROR:
        yield good(f"The legacy backend {legacy} answers {status}.")
    else:
        yield bad(f"The legacy backend {legacy} answers {status}.", "Look into its own log.")


def check_passed_on(web: httpx.Client, api: str, legacy: str) -> Iterator[Finding]:
    """Check that the API and the legacy backend give the same answer for a path that neither serves."""
    try:
        here, there = _kind(web.get(f"{api}{_NOBODYS}")), _kind(web.get(f"{legacy}{_NOBODYS}"))
    except httpx.HTTPError as error:
        yield bad(
            f"Whether {api} passes calls to the legacy backend is unknown: {type(error).__name__}.",
            "See the findings above.",
        )
        return
    if here == there:
        yield good(f"{api} passes all other paths to {legacy}.")
    else:
        said = f"{api}{_NOBODYS} answers {here}, the legacy backend itself {there}."
        yield bad(said, "Deploy again; another legacyApiUrl may be deployed.")


def _kind(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.headers.get('content-type', '')}".strip()
