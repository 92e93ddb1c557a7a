"""ZaloPay's simulator behind an HTTP API: every request begins with the ledger as it is in the table."""

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

TRIES = 5  # requests that change one order at the same time
RESERVE = 2.0  # seconds to answer in, after callbacks that nobody took
CALLBACK_TIMEOUT = 5.0  # seconds

dynamodb = boto3.client("dynamodb")


def settings() -> Settings:
    """As it was deployed. The keys are read once: who changes them deploys anew."""
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
        # One for all invocations: a client takes longer to make than a request to answer.
        client=httpx.AsyncClient(timeout=CALLBACK_TIMEOUT, limits=httpx.Limits(max_keepalive_connections=0)),
        # Whoever waits for the answer waits for the callbacks too, as nothing runs once it is out.
        callback_spacing=1.0,
        callback_after_redirect=0.0,
    )


SETTINGS = settings()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request; again from the start where another one came between."""
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
    """Run the app until it has answered and called back."""

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
