"""The functions as Lambda starts them: each from its file, with its own settings, its calls to DynamoDB counted."""

import importlib.util
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import httpx
from botocore.client import BaseClient, ClientCreator
from botocore.endpoint import Endpoint
from botocore.handlers import BUILTIN_HANDLERS

from stays.aws.client import AwsError, Client, DynamoDB
from tests.moto_wire import one_at_a_time

FUNCTIONS = Path(__file__).parents[2] / "functions"


def _begin(**_: Any) -> None:
    one_at_a_time.acquire(timeout=5)


def _end(**_: Any) -> None:
    with suppress(RuntimeError):
        one_at_a_time.release()


# Around moto's own handler, for every client that is made from now on: botocore calls them all, in this order.
BUILTIN_HANDLERS.insert(0, ("before-send", _begin))
BUILTIN_HANDLERS.append(("before-send", _end))


def _unmeasured(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same, but not measured for coverage: none of what is measured runs in there, and it takes half the time."""

    @wraps(call)
    def called(*arguments: Any, **more: Any) -> Any:
        tracing = sys.gettrace()
        sys.settrace(None)
        try:
            return call(*arguments, **more)
        finally:
            sys.settrace(tracing)

    return called


Endpoint.make_request = _unmeasured(Endpoint.make_request)
BaseClient._convert_to_request_dict = _unmeasured(BaseClient._convert_to_request_dict)
ClientCreator.create_client = _unmeasured(ClientCreator.create_client)


class Context:
    """What Lambda tells a function about its invocation."""

    function_name = "tests"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:ap-southeast-1:000000000000:function:tests"
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def __init__(self, milliseconds: int = 60_000):
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def load(name: str, settings: Mapping[str, str]) -> ModuleType:
    """A new instance of a function, started under these settings."""
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        spec = importlib.util.spec_from_file_location(f"function_{name}", FUNCTIONS / f"{name}.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return module


def clients_of(thing: Any) -> Iterator[Client]:
    """The clients of AWS in a function, wherever it keeps them."""
    for value in vars(thing).values():
        if isinstance(value, Client):
            yield value
        elif type(value).__module__.startswith("stays.") and hasattr(value, "__dict__"):
            yield from clients_of(value)


def close(module: ModuleType):
    """No more calls: every connection that the function kept is ended."""
    for value in vars(module).values():
        if isinstance(value, BaseClient):
            value.close()


@contextmanager
def listening(client: Any, listen: Callable[[str, Mapping[str, Any]], object]) -> Iterator[None]:
    """`listen` gets each call before it is made: of a client, ours or boto3's, or of a function to DynamoDB."""
    if isinstance(client, ModuleType):
        with ExitStack() as all_of_them:
            for each in {id(one): one for one in clients_of(client) if isinstance(one, DynamoDB)}.values():
                all_of_them.enter_context(listening(each, listen))
            yield
        return
    if isinstance(client, BaseClient):
        event, unique = f"provide-client-params.{client.meta.service_model.service_id.hyphenize()}", str(id(listen))
        client.meta.events.register_first(event, lambda params, model, **_: listen(model.name, params), unique)
        try:
            yield
        finally:
            client.meta.events.unregister(event, unique_id=unique)
        return
    usual = client.work

    def work(operation: str, request: Mapping[str, Any]) -> Any:
        listen(operation, request)
        return usual(operation, request)

    client.work = work
    try:
        yield
    finally:
        client.work = usual


def tables_of(request: Mapping[str, Any]) -> set[str]:
    """The tables that a request names."""
    inner = [write for each in request.get("TransactItems", ()) for write in each.values()]
    return {each["TableName"] for each in (request, *inner) if "TableName" in each} | set(
        request.get("RequestItems", ())
    )


@contextmanager
def counted(module: ModuleType) -> Iterator[list[str]]:
    """The calls that a function makes to DynamoDB while this is open."""
    calls: list[str] = []

    def note(operation: str, request: Mapping[str, Any]) -> None:
        calls.append(" ".join((operation, *tables_of(request))))

    with listening(module, note):
        yield calls


@contextmanager
def before(module: ModuleType, operation: str, happens: Callable[[], object], times: int = 1) -> Iterator[None]:
    """Something happens just before a function's first calls of this operation."""
    waiting = [happens] * times

    def happen(called: str, _: Mapping[str, Any]) -> None:
        if called == operation and waiting:
            waiting.pop()()

    with listening(module, happen):
        yield
    assert not waiting


@contextmanager
def unreachable(payments: ModuleType, path: str, times: int = 1, *, dies: bool = False) -> Iterator[None]:
    """The first calls of a path of ZaloPay's do not get there; or (`dies`) the function dies instead of making them.

    For `payments`, and all that share its client.
    """
    hooks, left = payments.zalopay()._http.event_hooks["request"], [None] * times

    def fail(request: httpx.Request) -> None:
        if request.url.path == path and left:
            left.pop()
            raise SystemError("killed") if dies else httpx.ConnectError("no way there", request=request)

    hooks.append(fail)
    try:
        yield
    finally:
        hooks.remove(fail)


class Failures:
    """How often an operation has failed."""

    failed = 0


@contextmanager
def failing(
    client: Any, operation: str, error: Exception, *, times: float = math.inf, table: str | None = None
) -> Iterator[Failures]:
    """An operation of a function or a client fails while this is open, the first so many times, and reaches nothing."""
    failures = Failures()

    def fail(called: str, request: Mapping[str, Any]) -> None:
        if called == operation and failures.failed < times and (table is None or table in tables_of(request)):
            failures.failed += 1
            raise error

    with listening(client, fail):
        yield failures


class Asked:
    """The calls that functions make to ZaloPay while this is open."""

    def __init__(self, payments: ModuleType):
        self._hooks = payments.zalopay()._http.event_hooks
        self._paths: list[str] = []

    def __enter__(self) -> list[str]:
        self._hooks["request"].append(self._note)
        return self._paths

    def __exit__(self, *_: object):
        self._hooks["request"].remove(self._note)

    def _note(self, request: Any):
        self._paths.append(request.url.path)


class Answering(httpx.BaseTransport):
    """ZaloPay's end of the line to the functions, which answers some paths in other words.

    A path that is LOST is answered, and the answer never comes.
    """

    LOST: Mapping[str, Any] = {}

    def __init__(self, payments: ModuleType, **answers: Mapping[str, Any]):
        self._http = payments.zalopay()._http
        self._usual = self._http._transport
        self.answers = {f"/v2/{name}": answer for name, answer in answers.items()}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __enter__(self) -> Self:
        self._http._transport = self
        return self

    def __exit__(self, *_: object):
        self._http._transport = self._usual

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append((path, json.loads(request.content)))
        if self.answers.get(path):
            return httpx.Response(200, json=self.answers[path])
        usual = self._usual.handle_request(request)
        if path in self.answers:
            usual.read()
            raise httpx.ReadTimeout("the answer got lost", request=request)
        return usual

    def times(self, path: str) -> int:
        """How often it was asked."""
        return sum(each == f"/v2/{path}" for each, _ in self.asked)


def fault(code: str = "InternalServerError", **answer: Any) -> AwsError:
    """What AWS says when it cannot."""
    return AwsError(code, 400, answer)
