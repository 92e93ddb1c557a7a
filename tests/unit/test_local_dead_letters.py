"""The local run in S3's place: what a function puts aside lies with the dead letters, and can be replayed."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.applications import Starlette

from infra.local.dev import _dead_letter_routes
from infra.local.journal import Journal

RECORD = {"dynamodb": {"SequenceNumber": "1"}}


async def invoke(function: str, event: Mapping[str, Any]) -> Any:
    return {"function": function, "event": event}


def asked(journal: Journal, method: str, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=_dead_letter_routes(journal, invoke)))
        async with httpx.AsyncClient(transport=transport, base_url="http://local") as client:
            return await client.request(method, path, json=RECORD)

    return asyncio.run(ask())


def test_what_a_function_puts_aside_lies_with_the_dead_letters() -> None:
    journal = Journal()
    assert asked(journal, "PUT", "/dev/s3/records/aside/notifier/2026-1-2.json").status_code == 200
    assert journal.entries == [{"function": "notifier", "error": "put aside", "event": RECORD}]


def test_a_function_can_be_called_again_with_an_event() -> None:
    assert asked(Journal(), "POST", "/dev/functions/notifier").json() == {"function": "notifier", "event": RECORD}
