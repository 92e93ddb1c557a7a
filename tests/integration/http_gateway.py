"""The functions behind the HTTP API of the local run: its routes, its authorizer, real requests."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from infra.local.cors import Cors
from infra.local.http_api import http_api
from infra.local.identity import Authorizer, own_keys
from infra.topology import CORS_HEADERS, CORS_MAX_AGE, CORS_METHODS, ROUTES
from tests.integration.messages import AGENT
from tests.integration.outside import AUDIENCE, served
from tests.integration.world import World


class HttpGateway:
    """Requests with any token. `invoked` has the functions that they reached."""

    def __init__(self, world: World, client: httpx.Client, invoked: list[str]):
        self.world = world
        self.client = client
        self.invoked = invoked

    def ask(self, method: str, path: str, token: str | None = None, body: Any = None, **headers: str) -> httpx.Response:
        """One request, with the token as browsers send it."""
        carried = {} if token is None else {"Authorization": f"Bearer {token}".strip()}
        return self.client.request(method, f"/api/v1{path}", json=body, headers=carried | headers)


@contextmanager
def http_gateway(world: World) -> Iterator[HttpGateway]:
    """The gateway on a free port, in front of the test's functions."""
    invoked: list[str] = []

    async def invoke(function: str, event: Mapping[str, Any]) -> Any:
        invoked.append(function)
        return await asyncio.to_thread(world.functions[function].handler, event, world.context)

    issuer = world.neighbour.issuer
    authorizer = Authorizer(issuer.url, AUDIENCE, own_keys(issuer))
    cors = Cors(("http://localhost:3000",), CORS_METHODS, CORS_HEADERS, CORS_MAX_AGE)
    with (
        served(lambda _: http_api(invoke, ROUTES, authorizer, cors)) as url,
        httpx.Client(base_url=url, trust_env=False, headers={"User-Agent": AGENT}, timeout=10) as client,
    ):
        yield HttpGateway(world, client, invoked)
