"""The functions as Lambda starts them: each from its file, with its own settings, its calls to DynamoDB counted."""

import importlib.util
import json
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import httpx
from botocore.client import BaseClient, ClientCreator
from botocore.endpoint import Endpoint
from botocore.exceptions import ClientError
from botocore.handlers import BUILTIN_HANDLERS

from stays.table.store import Store

FUNCTIONS = Path(__file__).parents[2] / "functions"

_one_at_a_time = threading.Lock()


def _begin(**_: Any) -> None:
    """Threads that meet in moto lose writes; each call alone is what AWS promises."""
    _one_at_a_time.acquire(timeout=5)


def _end(**_: Any) -> None:
    if _one_at_a_time.locked():
        _one_at_a_time.release()


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


def dynamodb_of(module: ModuleType | None) -> BaseClient:
    """The function's DynamoDB client, wherever it keeps it."""
    found: list[Any] = list(vars(module).values())
    found += [value._store for value in found if isinstance(getattr(value, "_store", None), Store)]
    found += [value._client for value in found if isinstance(value, Store)]
    clients = (each for each in found if isinstance(each, BaseClient))
    return next(each for each in clients if each.meta.service_model.service_name == "dynamodb")


def close(module: ModuleType):
    """No more calls: every connection that the function kept is ended."""
    for value in vars(module).values():
        if isinstance(value, BaseClient):
            value.close()


class Counted:
    """The calls that a function makes to DynamoDB while this is open."""

    def __init__(self, module: ModuleType):
        self._events = dynamodb_of(module).meta.events
        self._calls: list[str] = []

    def __enter__(self) -> list[str]:
        self._events.register("before-call.dynamodb", self._note, unique_id="counted")
        return self._calls

    def __exit__(self, *_: object):
        self._events.unregister("before-call.dynamodb", unique_id="counted")

    def _note(self, model: Any, params: Mapping[str, Any], **_: Any):
        table = "connections" if b'"connections"' in params["body"] else "stays"
        self._calls.append(f"{model.name} {table}")


@contextmanager
def before(module: ModuleType, operation: str, happens: Callable[[], object], times: int = 1) -> Iterator[None]:
    """Something happens just before a function's first calls of this operation."""
    events, waiting = dynamodb_of(module).meta.events, [happens] * times
    event = f"before-call.dynamodb.{operation}"

    def happen(**_: Any) -> None:
        if waiting:
            waiting.pop()()

    events.register_first(event, happen, unique_id="before")
    try:
        yield
    finally:
        events.unregister(event, unique_id="before")
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


class Failing:
    """One operation fails for a function while this is open, the first so many times, and does not reach anything."""

    def __init__(
        self,
        module: ModuleType | None,
        operation: str,
        error: Exception,
        client: BaseClient | None = None,
        *,
        times: float = math.inf,
        where: bytes = b"",
    ):
        """`where` names a part of its body, such as a table; without a client it is the function's to DynamoDB."""
        client = client or dynamodb_of(module)
        self._events = client.meta.events
        self._event = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"
        self._error = error
        self._times = times
        self._where = where
        self.failed = 0

    def __enter__(self) -> Self:
        self._events.register_first(self._event, self._fail, unique_id=f"failing {self._event}")
        return self

    def __exit__(self, *_: object):
        self._events.unregister(self._event, unique_id=f"failing {self._event}")

    def _fail(self, params: Mapping[str, Any], **_: Any):
        if self.failed < self._times and self._where in params["body"]:
            self.failed += 1
            raise self._error


class Asked:
    """The calls that `payments` and `reconciliation` make to ZaloPay while this is open."""

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
    """ZaloPay's end of the line to `payments` and `reconciliation`, which answers some paths in other words.

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


def fault(code: str = "InternalServerError", operation: str = "GetItem") -> ClientError:
    """What DynamoDB raises when it cannot."""
    return ClientError({"Error": {"Code": code, "Message": "not now"}}, operation)
