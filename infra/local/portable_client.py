"""A runtime client in pure Python, for machines without a wheel of `awslambdaric`."""

import http.client
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

_RUNTIME = "/2018-06-01/runtime"


class Context(NamedTuple):
    """The context that a handler gets with the event."""

    aws_request_id: str
    invoked_function_arn: str
    deadline: int  # milliseconds since 1970
    function_name: str = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    function_version: str = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "")
    memory_limit_in_mb: str = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    log_group_name: str = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
    log_stream_name: str = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function is killed."""
        return max(0, self.deadline - int(time.time() * 1000))


def run(handler: str, address: str, before_each: Callable[[], None]) -> None:
    """Serve invocations until the Runtime API hangs up. `before_each` runs before each of them."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    api = http.client.HTTPConnection(address)
    module, _, name = handler.rpartition(".")
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as error:  # noqa: BLE001 (the gateway must learn of every failure)
        _post(api, "/init/error", _failure(error, f"Unable to import module '{module}': {error}"))
        sys.exit(1)
    while True:
        _serve_one(api, function, before_each)


def _serve_one(
    api: http.client.HTTPConnection, function: Callable[[Any, Context], Any], before_each: Callable[[], None]
) -> None:
    api.request("GET", f"{_RUNTIME}/invocation/next")
    response = api.getresponse()
    headers, event = response.headers, json.loads(response.read())
    before_each()
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    arn, deadline = (
        headers["Lambda-Runtime-Invoked-Function-Arn"],
        int(headers["Lambda-Runtime-Deadline-Ms"]),
    )
    try:
        outcome, body = "response", json.dumps(function(event, Context(request_id, arn, deadline)))
    except Exception as error:  # noqa: BLE001
        outcome, body = "error", _failure(error, str(error))
    _post(api, f"/invocation/{request_id}/{outcome}", body)


def _failure(error: Exception, message: str) -> str:
    traceback.print_exception(error)
    kind = "Runtime.ImportModuleError" if isinstance(error, ImportError) else type(error).__name__
    return json.dumps({"errorType": kind, "errorMessage": message})


def _post(api: http.client.HTTPConnection, path: str, body: str) -> None:
    api.request("POST", _RUNTIME + path, body.encode(), {"content-type": "application/json"})
    api.getresponse().read()
