"""AWS's own addresses answered by moto, in this process and without botocore; every other address over libcurl."""

import json
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import HTTPException, ServiceException
from moto.core.models import botocore_stubber
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.responses import DynamoHandler

import stays.aws.client
from stays.aws.curl import Answer, Curl, Heard, Request, Work

# Threads that meet in moto lose writes; each call alone is what AWS promises.
one_at_a_time = threading.RLock()
SCOPE = "AWS4-HMAC-SHA256 Credential=testing/20270301/ap-southeast-1/aws/aws4_request, SignedHeaders=host, Signature=0"


class Moto(Curl):
    """Curl, as the functions use it."""

    def send(self, request: Request) -> Heard:
        if ".amazonaws.com" not in request.url:
            return super().send(request)
        tracing = sys.gettrace()
        sys.settrace(None)  # none of what is measured for coverage runs in moto, and it takes half the time
        try:
            with one_at_a_time:
                return answered(request)
        finally:
            sys.settrace(tracing)

    def run_all(self, works: Sequence[Work[Any]], at_once: int) -> list[Any]:
        """Do the works one after the other; those of connections as they are done for real."""
        if "execute-api" in self._signature or not botocore_stubber.enabled:
            return super().run_all(works, at_once)
        return [self.run(each) for each in works]


def answered(request: Request) -> Answer:
    assert botocore_stubber.enabled, "no test asks the real AWS"
    headers = HTTPHeaders()
    for line in (*request.headers, f"Authorization: {SCOPE}"):
        name, _, value = line.partition(":")
        headers[name] = value.strip()
    operation = headers.get("X-Amz-Target", "").partition(".")[2]
    if "://dynamodb." in request.url and not operation.endswith("Table"):
        return answered_by_items(operation, headers, request.body)
    prepared = AWSPreparedRequest(request.method, request.url, headers, request.body, stream_output=False)
    answer: Any = botocore_stubber.process_request(prepared)
    status, _, body = answer
    return Answer(status, b"", body.encode() if isinstance(body, str) else body)


def answered_by_items(operation: str, headers: HTTPHeaders, body: bytes) -> Answer:
    """What moto's DynamoDB answers, without its slow frame: for items, its results are DynamoDB's JSON already."""
    handler = DynamoHandler()
    handler.headers, handler.querystring, handler.response_headers = headers, {}, {}
    handler.region, handler.partition = os.environ["AWS_DEFAULT_REGION"], "aws"
    handler.current_account, handler.access_key = DEFAULT_ACCOUNT_ID, "testing"
    handler.body = handler.params = json.loads(body)
    try:
        result = getattr(handler, camelcase_to_underscores(operation))().result
    except ServiceException as error:
        status, _, text = handler.serialized(ActionResult(error))
        return Answer(status, b"", text.encode())
    except HTTPException as error:
        return Answer(error.code, b"", error.description.encode())
    shown = {name: value for name, value in result.items() if value is not None}
    return Answer(200, b"", json.dumps(shown).encode())


stays.aws.client.Curl = Moto  # type: ignore[misc]
