"""Requests that schemathesis makes from the published document, sent to the functions as the gateway sends them."""

import os
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from infra.contracts.openapi import DOCUMENT
from infra.local.events import Request
from infra.local.routing import route_for
from infra.topology import PREFIX, ROUTES
from tests.integration.messages import AGENT, HOME, MAI
from tests.proof.hostile.attacked import Backend
from tests.proof.hostile.requests import Sent, judge

EXAMPLES = int(5 * float(os.environ.get("SIMULATION_EXAMPLES", "1")))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
CALLBACK = "/payment/zalopay/callback"

api = schemathesis.openapi.from_path(DOCUMENT)


@api.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_request_is_answered_as_the_document_says(case: schemathesis.Case, backend: Backend):
    sent = requests.Request(**case.as_transport_kwargs(base_url=f"http://localhost:8000{PREFIX}")).prepare()
    assert sent.url
    where, body = urlsplit(sent.url), sent.body or b""
    others = {name: value for name, value in sent.headers.items() if name != "User-Agent"}
    headers = (("host", "localhost:8000"), ("user-agent", AGENT), *others.items())
    content = body if isinstance(body, bytes) else str(body).encode()
    request = Request(str(sent.method), where.path, where.query, headers, content, HOME)
    found = route_for(ROUTES, request.method, request.path)
    if found is None:
        return  # the gateway answers OPTIONS, and an empty part of a path has no route
    claims = {"sub": MAI} if others.get("Authorization") else None  # any token is accepted here
    said = judge(backend, Sent(request, claims))
    response = schemathesis.Response(
        said.status, {name: [value] for name, value in said.headers}, said.body, sent, elapsed=0, verify=False
    )
    excused = {negative_data_rejection} if case.path == CALLBACK else set()
    case.validate_response(response, checks=[check for check in CHECKS if check not in excused])
