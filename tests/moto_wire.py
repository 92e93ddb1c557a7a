"""AWS's own addresses answered by moto, in this process and without botocore; every other address over libcurl."""

import sys
import threading
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.models import botocore_stubber

import stays.aws.client
from stays.aws.curl import Answer, Curl, Heard, Request

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


def answered(request: Request) -> Answer:
    assert botocore_stubber.enabled, "no test asks the real AWS"
    headers = HTTPHeaders()
    for line in (*request.headers, f"Authorization: {SCOPE}"):
        name, _, value = line.partition(":")
        headers[name] = value.strip()
    prepared = AWSPreparedRequest(request.method, request.url, headers, request.body, stream_output=False)
    answer: Any = botocore_stubber.process_request(prepared)
    status, _, body = answer
    return Answer(status, b"", body.encode() if isinstance(body, str) else body)


stays.aws.client.Curl = Moto  # type: ignore[misc]
