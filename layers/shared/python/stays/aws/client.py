"""Calls to AWS: each has a deadline, is tried again while it may help, and answers or raises `AwsError`."""

import json
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from random import random
from typing import Any, ClassVar, NamedTuple, Self
from urllib.parse import quote
from uuid import uuid4

from stays.aws.curl import Answer, Credentials, Curl, Heard, Request, Result, Work
from stays.aws.pace import Pace

REFUSED = 300  # and above: an error; AWS redirects nobody
TOO_MANY = 429
SERVER_ERROR = 500  # and above: AWS has a fault, which passes
SHORTEST = 0.05  # seconds; with less time left no further attempt begins
AT_ONCE = 64  # questions to a table
FIRST_PAUSE = 0.05  # seconds at most, before the second attempt; before each further one it doubles
LONGEST_PAUSE = 2.0  # seconds
_BUSY = frozenset(  # codes that pass; DynamoDB sends them with the status 400
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


class AwsError(Exception):
    """AWS refused, or did not answer. `answer` is the body of the error. `status` is 0 if there was no answer."""

    def __init__(self, code: str, status: int = 0, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.answer = answer or {}


class Timeouts(NamedTuple):
    """The seconds that a call may take: to connect, for each attempt, and in all with its pauses; and its attempts."""

    connecting: float = 1.0
    attempt: float = 2.0
    whole: float = 5.0
    attempts: int = 3


POSTING = Timeouts(attempt=1.0, whole=4.0)  # of a message to a browser


def credentials_of_lambda() -> Credentials:
    """The credentials that Lambda gives a function; they are valid as long as its process lives."""
    return Credentials(
        os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN")
    )


class Client:
    """One service of AWS in the region of the function. Making it sends nothing. Threads may share it."""

    def __init__(
        self,
        service: str,
        endpoint: str,
        timeouts: Timeouts,
        credentials: Credentials | None = None,
        pace: Pace | None = None,
    ) -> None:
        given = credentials or credentials_of_lambda()
        self.service = service
        self._pace = pace or Pace()
        self._endpoint = endpoint.rstrip("/")
        self.timeouts = timeouts
        self._token = (f"x-amz-security-token: {given.token}",) if given.token else ()
        self._wire = Curl(service, os.environ["AWS_DEFAULT_REGION"], given)

    def with_timeouts(self, timeouts: Timeouts) -> Self:
        """The same client with other times, over the same connections."""
        other = copy(self)
        other.timeouts = timeouts
        return other

    def _work(
        self, method: str, path: str, headers: Iterable[str], body: bytes, last: float | None = None
    ) -> Work[Answer]:
        """One call: an attempt, and another one while that may help. Raises AwsError.

        Each attempt waits for its turn. 429 says that AWS has done nothing and has no time now: such an attempt does
        not count, and the time of the call begins anew. At `last` (time.monotonic) the call ends in any case.
        """
        connecting, longest, whole, left = self.timeouts
        lines = [*headers, *self._token, "Accept:", "Expect:"]
        end, pause = time.monotonic() + whole, FIRST_PAUSE
        last = end if last is None else last
        while True:
            turn = self._pace.turn(time.monotonic(), last - SHORTEST)
            if turn is None:
                raise AwsError("NoTurnInTime")
            if turn:
                yield turn
                end += turn
            seconds = min(longest, min(end, last) - time.monotonic())
            heard = yield Request(method, self._endpoint + path, lines, body, min(connecting, seconds), seconds)
            if isinstance(heard, Answer) and heard.status < REFUSED:
                return heard
            error, wait = _error_of(heard), random() * pause  # noqa: S311  # jitter is no secret
            if error.status == TOO_MANY:
                end = time.monotonic() + wait + whole
            else:
                left -= 1
            if not left or not _passes(error) or time.monotonic() + wait + SHORTEST > min(end, last):
                raise error
            yield wait
            pause = min(2 * pause, LONGEST_PAUSE)


class JsonClient(Client):
    """A service that is asked by the name of an operation, with JSON."""

    host: ClassVar[str]
    variable: ClassVar[str]  # the SDK's variable for another address of this service
    target: ClassVar[str]
    kind: ClassVar[str]

    def __init__(self, timeouts: Timeouts = Timeouts(), credentials: Credentials | None = None) -> None:  # noqa: B008  # it cannot change
        usual = f"https://{self.host}.{os.environ['AWS_DEFAULT_REGION']}.amazonaws.com"
        named = os.environ.get(self.variable) or os.environ.get("AWS_ENDPOINT_URL")
        super().__init__(self.host, named or usual, timeouts, credentials)

    def ask(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer. Raises AwsError."""
        return self._wire.run(self.work(operation, request))

    def ask_all(self, operation: str, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The answers to many requests, asked together, in order. Raises an AwsError if any of them has one."""
        if len(requests) == 1:  # over the connection that other calls have opened already
            return [self.ask(operation, requests[0])]
        answers = []
        for answer in self._wire.run_all([_caught(self.work(operation, each)) for each in requests], AT_ONCE):
            if isinstance(answer, AwsError):
                raise answer
            answers.append(answer)
        return answers

    def work(self, operation: str, request: Mapping[str, Any]) -> Work[dict[str, Any]]:
        """One call as a piece of work. Raises AwsError."""
        headers = (f"X-Amz-Target: {self.target}.{operation}", f"Content-Type: application/{self.kind}")
        answer = yield from self._work("POST", "/", headers, json.dumps(request).encode())
        content = _object_in(answer.body)
        if content is None:
            raise AwsError("UnreadableAnswer", answer.status)
        return content


class DynamoDB(JsonClient):
    """DynamoDB's API. Requests and answers are those of its reference, with attribute values in its JSON."""

    host = "dynamodb"
    variable = "AWS_ENDPOINT_URL_DYNAMODB"
    target = "DynamoDB_20120810"
    kind = "x-amz-json-1.0"

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Read one item."""
        return self.ask("GetItem", request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Read items by their keys."""
        return self.ask("BatchGetItem", request)

    def query(self, **request: Any) -> dict[str, Any]:
        """Read a page of items of a partition."""
        return self.ask("Query", request)

    def query_many(self, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Read a page of each of several partitions, all at once."""
        return self.ask_all("Query", requests)

    def scan(self, **request: Any) -> dict[str, Any]:
        """Read a page of the whole table."""
        return self.ask("Scan", request)

    def put_item(self, **request: Any) -> dict[str, Any]:
        """Write one item."""
        return self.ask("PutItem", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        """Change one item."""
        return self.ask("UpdateItem", request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        """Delete one item."""
        return self.ask("DeleteItem", request)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        """Write all or nothing. However often it is sent, it counts once."""
        return self.ask("TransactWriteItems", {"ClientRequestToken": str(uuid4()), **request})


class SecretsManager(JsonClient):
    """Secrets Manager's API."""

    host = "secretsmanager"
    variable = "AWS_ENDPOINT_URL_SECRETS_MANAGER"
    target = "secretsmanager"
    kind = "x-amz-json-1.1"

    def get_secret_value(self, **request: Any) -> dict[str, Any]:
        """Read a secret."""
        return self.ask("GetSecretValue", request)


class S3(Client):
    """S3, to put whole objects into one bucket."""

    def __init__(self, bucket: str, timeouts: Timeouts = Timeouts()) -> None:  # noqa: B008  # it cannot change
        usual = f"https://s3.{os.environ['AWS_DEFAULT_REGION']}.amazonaws.com"
        named = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        super().__init__("s3", named or usual, timeouts)
        self._bucket = bucket

    def put(self, key: str, content: bytes) -> None:
        """Write an object, also if it exists. Raises AwsError."""
        self._wire.run(self._work("PUT", f"/{self._bucket}/{quote(key)}", (), content))


class Management(Client):
    """API Gateway's management API of one WebSocket API. A connection that is gone is an AwsError of status 410."""

    def __init__(self, endpoint: str, timeouts: Timeouts = POSTING, pace: Pace | None = None) -> None:
        super().__init__("execute-api", endpoint, timeouts, pace=pace)

    def post(self, connection_id: str, frame: bytes) -> None:
        """Send a frame. Raises AwsError."""
        self._wire.run(self._work("POST", _path(connection_id), (), frame))

    def delete(self, connection_id: str) -> None:
        """Close the connection. Raises AwsError."""
        self._wire.run(self._work("DELETE", _path(connection_id), (), b""))

    def post_all(
        self, queues: Sequence[tuple[str, Sequence[bytes]]], at_once: int, last: float | None = None
    ) -> list[AwsError | None]:
        """Send each connection its frames in order, until one fails. Returns each connection's error, or None.

        At most `at_once` requests are open at the same time. A slow connection delays no other one. While the gateway
        answers 429, a frame waits and is sent again until `last` (time.monotonic); then all ends, and what is not sent
        has an error.
        """
        return self._wire.run_all([_caught(self._queue(*each, last)) for each in queues], at_once)

    def _queue(self, connection_id: str, frames: Sequence[bytes], last: float | None) -> Work[None]:
        for frame in frames:
            yield from self._work("POST", _path(connection_id), (), frame, last)


def _caught(work: Work[Result]) -> Work[Result | AwsError]:
    """The same work, which returns its error."""
    try:
        return (yield from work)
    except AwsError as error:
        return error


def _path(connection_id: str) -> str:
    return f"/@connections/{quote(connection_id, safe='')}"


def _error_of(heard: Heard) -> AwsError:
    """What went wrong. AWS names it in the body, or in a header."""
    if not isinstance(heard, Answer):
        return AwsError(str(heard))
    content = _object_in(heard.body) or {}
    header = re.search(rb"(?mi)^x-amzn-errortype: *([^\r:]+)", heard.headers)
    code = str(content.get("__type") or (header and header[1].decode()) or heard.status)
    return AwsError(code.rpartition("#")[2], heard.status, content)


def _object_in(body: bytes) -> dict[str, Any] | None:
    """The JSON object of an answer, or None."""
    try:
        content = json.loads(body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _passes(error: AwsError) -> bool:
    """Whether another attempt may help."""
    return error.code in _BUSY or error.status in (0, TOO_MANY) or error.status >= SERVER_ERROR
