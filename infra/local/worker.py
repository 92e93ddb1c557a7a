"""One worker: the process of a function, its environment, and its output."""

import asyncio
import json
import os
import secrets
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.local.clock import FunctionClock
from infra.local.runtime_api import FunctionError, FunctionTimeout, Invocation, RuntimeApi
from infra.topology import Function

Log = Callable[[str, str], None]  # (function, line)

_INIT_SECONDS = 60  # Lambda gives 10; a laptop may first have to compile the imported modules
_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_INHERITED = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LD_LIBRARY_PATH")


class Worker:
    """Serves one function, one invocation at a time. Call `start` once; `stop` is final."""

    def __init__(  # noqa: PLR0917
        self,
        name: str,
        function: Function,
        folders: tuple[Path, Path],
        environment: Mapping[str, str],
        fingerprint: int,
        clock: FunctionClock,
        log: Log,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.busy = False
        self.stale = False
        self.idle_since = 0.0
        self.gone = asyncio.Event()
        self._function = function
        self._folders = folders
        self._environment = environment
        self._clock = clock
        self._log = log
        self._api = RuntimeApi()
        self._process: asyncio.subprocess.Process | None = None
        self._watches: list[asyncio.Task[None]] = []

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process and wait until it asks for work. Raises FunctionError if its module fails."""
        address = await self._api.open()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # without this option the modules of this package would shadow those of the functions
            str(_BOOTSTRAP),
            f"{self.name}.handler",
            str(os.getpid()),
            str(self._clock.file),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self._folders[0],
            env=self._variables(address),
            start_new_session=True,  # Ctrl-C must reach only the parent, which stops its workers in order
        )
        self._watches = [asyncio.create_task(self._listen()), asyncio.create_task(self._wait_for_end())]
        try:
            await asyncio.wait_for(asyncio.shield(self._api.ready), _INIT_SECONDS)
        except TimeoutError:
            raise FunctionTimeout("Sandbox.Timedout", f"Not ready after {_INIT_SECONDS} seconds") from None

    async def invoke(self, event: Mapping[str, Any]) -> Any:
        """Return the handler's answer to `event`.

        Raises FunctionError; after a FunctionTimeout the worker is unusable.
        """
        invocation = self._invocation(event)
        self.busy = True
        self._api.submit(invocation)
        if not self.alive:
            self._api.fail(FunctionError("Runtime.ExitError", "the worker is gone"))
        try:
            result = await asyncio.wait_for(invocation.answer, self._function.timeout)
        except TimeoutError:
            limit = f"{self._function.timeout:.2f} seconds"
            raise FunctionTimeout("Sandbox.Timedout", f"RequestId: {invocation.id} timed out after {limit}") from None
        except FunctionError:
            self.busy = False
            raise
        self.busy = False
        return result

    async def stop(self) -> None:
        """Kill the process, and wait until every part of it has ended."""
        if self._process is not None:
            if self.alive:
                self._process.kill()
            await self._process.wait()
        await asyncio.gather(*self._watches)
        await self._api.close()
        self.gone.set()

    def _invocation(self, event: Mapping[str, Any]) -> Invocation:
        request_id = str(uuid.uuid4())
        now = time.time() + self._clock.offset
        region = self._environment.get("AWS_REGION", "us-east-1")
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((now + self._function.timeout) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:{region}:000000000000:function:{self.name}",
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(now):08x}-{secrets.token_hex(12)};Sampled=0",
        }
        body = json.dumps(event, separators=(",", ":")).encode()
        return Invocation(request_id, headers, body, asyncio.get_running_loop().create_future())

    def _variables(self, address: str) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return (
            inherited
            | _isolation()
            | self._lambda_variables()
            | dict(self._environment)
            | {
                "AWS_LAMBDA_RUNTIME_API": address,
                "PYTHONPATH": os.pathsep.join(map(str, self._folders)),
            }
        )

    def _lambda_variables(self) -> dict[str, str]:
        return {
            "_HANDLER": f"{self.name}.handler",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self._function.memory),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"local/[$LATEST]{secrets.token_hex(16)}",
            "LAMBDA_TASK_ROOT": str(self._folders[0]),
            "LAMBDA_RUNTIME_DIR": str(self._folders[0]),
            "TZ": "UTC",
        }

    async def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        rest = b""
        while chunk := await self._process.stdout.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._say(line)
        self._say(rest)

    def _say(self, raw: bytes) -> None:
        # The runtime client writes a stack trace as one record: \r between lines, no-break spaces before them.
        for line in raw.decode(errors="replace").replace("\xa0", " ").splitlines():
            if line.strip():
                self._log(self.name, line)

    async def _wait_for_end(self) -> None:
        assert self._process is not None
        code = await self._process.wait()
        self._api.fail(FunctionError("Runtime.ExitError", f"the process ended with exit code {code}"))


def _isolation() -> dict[str, str]:
    """Hide the developer's own AWS account, and make text encoding the same on every machine."""
    return {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUTF8": "1",
    }
