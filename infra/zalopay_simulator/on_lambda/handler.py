"""ZaloPay's simulator behind an HTTP API: every request first reads the ledger from the table."""

import asyncio
import json
import os
from typing import Any

import boto3
import httpx
from mangum import Mangum
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from infra.zalopay_simulator import Settings, create_app
from infra.zalopay_simulator.table import LedgerTable

TRIES = 5  # tries of a request when other requests change the same order
RESERVE = 2.0  # seconds kept for the answer, if the shop does not take its callbacks
CALLBACK_TIMEOUT = 5.0  # seconds

dynamodb = boto3.client("dynamodb")


def settings() -> Settings:
    """Return the settings of the deployment. The keys are read once, so a change of keys needs a new deployment."""
    vault = boto3.client("secretsmanager")
    keys = [
        json.loads(vault.get_secret_value(SecretId=os.environ[name])["SecretString"])["current"]
        for name in ("ZALOPAY_KEY1_SECRET", "ZALOPAY_KEY2_SECRET")
    ]
    return Settings(
        app_id=int(os.environ["ZALOPAY_APP_ID"]),
        key1=keys[0],
        key2=keys[1],
        base_url=os.environ["SIMULATOR_URL"],
        # One client serves all invocations, because making a client takes longer than answering a request.
        client=httpx.AsyncClient(timeout=CALLBACK_TIMEOUT, limits=httpx.Limits(max_keepalive_connections=0)),
        # The caller also waits for the callbacks, because nothing runs after the answer. So the spacing is short.
        callback_spacing=1.0,
        callback_after_redirect=0.0,
    )


SETTINGS = settings()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request. If another request changed the same order meanwhile, start again."""
    answer: dict[str, Any] = {}
    for _ in range(TRIES):
        table = LedgerTable(dynamodb, os.environ["SIMULATOR_TABLE"])
        app = create_app(SETTINGS, table)
        simulator = app.state.simulator
        found = table.switches or simulator.switches()
        simulator.turn(found)
        answer = serve(app, event, context)
        if not table.overtaken:
            if simulator.switches() != found:
                table.turn(simulator.switches())
            break
    return answer


def serve(app: Starlette, event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the app until it has answered and sent its callbacks."""

    async def whole(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        await app.state.simulator.callbacks.finish(context.get_remaining_time_in_millis() / 1000 - RESERVE)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return Mangum(whole, lifespan="off")(event, context)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
