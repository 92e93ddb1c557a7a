"""A small gateway of the local run for its own tests: two throw-away functions, real workers, free ports."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from starlette.responses import PlainTextResponse

from infra.local.clock import FunctionClock
from infra.local.cors import Cors
from infra.local.http_api import Unauthorized, http_api
from infra.local.invoke import Workers
from infra.local.ports import listen
from infra.local.serve import serving
from infra.local.websocket_api import WebSocketApi
from infra.topology import Function, Route

API = """
import json, os, sys, time
import shared

def handler(event, context):
    do = (event.get("queryStringParameters") or {}).get("do") or event.get("do")
    if do == "raise":
        raise ValueError("as asked")
    if do == "exit":
        os._exit(3)
    if do == "hang":
        time.sleep(60)
    if do == "wait":
        time.sleep(0.1)
        return os.getpid()
    if do == "garbage":
        return {"statusCode": "?"}
    if do == "look":
        print("looking round")
        return {
            "environment": dict(os.environ),
            "path": sys.path,
            "shared": shared.NAME,
            "now": time.time(),
            "function": context.function_name,
            "remaining": context.get_remaining_time_in_millis(),
            "arn": context.invoked_function_arn,
            "pid": os.getpid(),
        }
    headers = {"content-type": "application/json", "access-control-allow-origin": "*", "x-own": "1"}
    return {"statusCode": 200, "headers": headers, "cookies": ["a=1", "b=2"], "body": json.dumps(event)}
"""

SOCKETS = """
import http.client, json, os, urllib.parse

HEARD = []

def handler(event, context):
    context, query = event["requestContext"], event.get("queryStringParameters") or {}
    HEARD.append(context["routeKey"])
    if query.get("do") == "raise" or event.get("body") == "raise":
        raise ValueError("as asked")
    if context["eventType"] == "MESSAGE":
        post(context["connectionId"], {"event": event, "heard": HEARD})
    if context["eventType"] == "DISCONNECT":
        with open(os.environ["GOODBYES"], "a") as file:
            file.write(json.dumps(context) + chr(10))
    return {"statusCode": int(query.get("status", 200)), "body": "not sent back"}

def post(connection_id, message):
    api = http.client.HTTPConnection(os.environ["ENDPOINT"])
    api.request("POST", "/@connections/" + urllib.parse.quote(connection_id, ""), json.dumps(message))
    assert api.getresponse().status == 200
    api.close()
"""

TOPOLOGY = {
    "api": Function(timeout=1, memory=128, environment=()),
    "sockets": Function(timeout=5, memory=128, environment=()),
    "broken": Function(timeout=5, memory=128, environment=()),
    "edited": Function(timeout=5, memory=128, environment=()),
}
ROUTES = (
    Route("GET", "/things/{id}", "api"),
    Route("POST", "/things", "api", public=True),
    Route("GET", "/broken", "broken", public=True),
    Route("GET", "/lost", "lost", public=True),
)
SOCKET_ROUTES = dict.fromkeys(("$connect", "$disconnect", "$default", "PING"), "sockets")
CORS = Cors(("http://localhost:3000",), ("GET", "POST"), ("authorization", "content-type"), 600)
HERE = {"Origin": "http://localhost:3000"}
TOKEN = {"Authorization": "Bearer good"}


class Gateway(NamedTuple):
    folder: Path
    workers: Workers
    log: list[tuple[str, str]]
    http: httpx.AsyncClient
    socket: str  # ws://localhost:port

    def goodbyes(self) -> list[dict[str, Any]]:
        file = self.folder / "goodbyes"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@asynccontextmanager
async def running_gateway(folder: Path) -> AsyncIterator[Gateway]:
    """Workers and both APIs on free ports; `folder` gets the functions and what they write."""
    log = list[tuple[str, str]]()
    sockets = listen(0, "WEBSOCKET_PORT")
    port = sockets[0].getsockname()[1]
    environment = {"GOODBYES": str(folder / "goodbyes"), "ENDPOINT": f"127.0.0.1:{port}"}
    workers = workers_in(folder, log, {"sockets": environment, "api": {"OWN": "1"}})
    api = http_api(workers.invoke, ROUTES, authorize, CORS, extra={"/dev/": PlainTextResponse("for developers")})
    websockets = WebSocketApi(workers.invoke, SOCKET_ROUTES, stage="payment-notifications")
    async with AsyncExitStack() as stack:
        await workers.start()
        stack.push_async_callback(workers.stop)
        http_port = await stack.enter_async_context(serving(api, listen(0, "HTTP_PORT")))
        await stack.enter_async_context(serving(websockets.app, sockets))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://localhost:{http_port}"))
        yield Gateway(folder, workers, log, client, f"ws://localhost:{port}")


def workers_in(
    folder: Path, log: list[tuple[str, str]], environment: Mapping[str, Mapping[str, str]], idle: float = 300
) -> Workers:
    functions, layer = folder / "functions", folder / "layer"
    functions.mkdir()
    layer.mkdir()
    (functions / "api.py").write_text(API)
    (functions / "sockets.py").write_text(SOCKETS)
    (functions / "broken.py").write_text("import no_such_module")
    (functions / "edited.py").write_text("def handler(event, context): return 'before'")
    (layer / "shared.py").write_text("NAME = 'layer'")
    return Workers(
        functions=functions,
        layer=layer,
        topology_functions=TOPOLOGY,
        clock=FunctionClock(layer.parent),
        environment=environment,
        limit=3,
        idle=idle,
        log=lambda function, line: log.append((function, line)),
    )


def authorize(token: str) -> Mapping[str, Any]:
    if token != "good":
        raise Unauthorized("the token is not good")
    return {"sub": "auth0|1", "exp": 1}


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(3):
        while not true():
            await asyncio.sleep(0.02)
