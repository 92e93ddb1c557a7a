"""Functions under Lambda's runtime client: one process each, with the same path as in Lambda."""

import asyncio
import json
import threading
import time
import uuid
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from infra.local.database import CREDENTIALS, REGION
from infra.local.runtime_api import FunctionError, Invocation, RuntimeApi
from tests.infrastructure.unpacked import Unpacked, interpreter

PATIENCE = 30  # seconds
NOWHERE = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}


class Image(NamedTuple):
    """The shared parts of all functions: the event loop that serves them, and the runtime client's folder."""

    loop: asyncio.AbstractEventLoop
    client: Path

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run the coroutine in the loop. Returns its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)


class Running:
    """A running function. Tests use it in place of its module."""

    def __init__(self, unpacked: Unpacked, environment: Mapping[str, str], image: Image):
        self._unpacked = unpacked
        self._environment = environment
        self._image = image
        self._turn = threading.Lock()
        self._log = unpacked.task.parent / "log.txt"
        self._process: Any = None
        self.invocations = 0

    def start(self):
        """Start it. Raises FunctionError if its module cannot be imported."""
        self._image.wait(self._start())

    def handler(self, event: Any, context: Any = None) -> Any:
        """Invoke it. Raises FunctionError. One event at a time, as in Lambda."""
        with self._turn:
            self.invocations += 1
            return self._image.wait(self._invoke(event))

    def log(self) -> str:
        """Its output."""
        return self._log.read_text()

    def stop(self):
        if self._process:
            self._image.wait(self._stop())

    async def _start(self):
        self._api = RuntimeApi()
        address = await self._api.open()
        folders = (self._unpacked.task, self._unpacked.opt / "python", self._image.client / "python")
        own = {
            "AWS_LAMBDA_RUNTIME_API": address,
            "PYTHONPATH": ":".join(map(str, folders)),
            "_HANDLER": self._unpacked.handler,
            "LAMBDA_TASK_ROOT": str(self._unpacked.task),
            "AWS_LAMBDA_FUNCTION_NAME": self._unpacked.handler.partition(".")[0],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
        }
        with self._log.open("wb") as log:
            # -S: no site-packages. -P: without the working directory.
            self._process = await asyncio.create_subprocess_exec(
                *(interpreter().path, "-S", "-P", "-m", "awslambdaric", self._unpacked.handler),
                cwd=self._unpacked.task,
                env={**self._environment, **own},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._end = asyncio.create_task(self._wait_for_end())
        await self._api.ready

    async def _wait_for_end(self):
        code = await self._process.wait()
        self._api.fail(FunctionError("Runtime.ExitError", f"exit code {code}: {self.log()[-2000:]}"))

    async def _invoke(self, event: Any) -> Any:
        request_id = str(uuid.uuid4())
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + PATIENCE) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:ap-southeast-1:000000000000:function:artefact:live",
            "Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
        }
        answer = asyncio.get_running_loop().create_future()
        self._api.submit(Invocation(request_id, headers, json.dumps(event).encode(), answer))
        return await answer

    async def _stop(self):
        if self._process.returncode is None:
            self._process.kill()
        await self._end
        await self._api.close()


def environment(unpacked: Unpacked, addresses: Mapping[str, str]) -> dict[str, str]:
    """The variables of the template, and AWS's own."""
    told = {name: addresses.get(name, value) for name, value in unpacked.variables.items()} | {
        "RECORDS_BUCKET": "records"
    }
    assert all(isinstance(value, str) for value in told.values()), told
    endpoints = {name: value for name, value in addresses.items() if name.startswith("AWS_")}
    return told | endpoints | CREDENTIALS | NOWHERE | {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
