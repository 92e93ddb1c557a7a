"""The workers of the local run: processes that run functions as Lambda does, one invocation at a time each."""

import asyncio
import json
import os
import signal
import sys
import textwrap
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.local.invoke import FunctionError, FunctionTimeout
from infra.local.runtime_api import Invocation, RuntimeApi
from tests.integration.local_gateway import (
    Gateway,
    until,
    workers_in,
)

pytestmark = pytest.mark.anyio
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere children notice at their next call")


async def test_a_worker_has_its_own_environment_and_path(gateway: Gateway) -> None:
    seen = await gateway.workers.invoke("api", {"do": "look"})
    functions, layer = str(gateway.folder / "functions"), str(gateway.folder / "layer")
    assert seen["shared"] == "layer"
    assert seen["path"][:2] == [functions, layer]
    assert seen["function"] == "api"
    assert seen["arn"].endswith(":function:api")
    assert 500 < seen["remaining"] <= 1000
    environment = seen["environment"]
    assert environment["OWN"] == "1"
    assert environment["TZ"] == "UTC"
    assert environment["LAMBDA_TASK_ROOT"] == functions
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert not {"HOME", "ENDPOINT", "PYTEST_CURRENT_TEST"} & environment.keys()
    assert ("api", "looking round") in gateway.log


async def test_a_worker_is_kept_and_no_two_invocations_share_one(gateway: Gateway) -> None:
    first = await gateway.workers.invoke("api", {"do": "wait"})
    assert await gateway.workers.invoke("api", {"do": "wait"}) == first
    many = await asyncio.gather(*(gateway.workers.invoke("api", {"do": "wait"}) for _ in range(7)))
    assert len(set(many)) == 3  # the limit of workers: the other calls waited


async def test_what_a_handler_raises_is_a_function_error(gateway: Gateway) -> None:
    with pytest.raises(FunctionError) as caught:
        await gateway.workers.invoke("api", {"do": "raise"})
    assert (caught.value.type, caught.value.message) == ("ValueError", "as asked")
    assert any(function == "api" and "line 8, in handler" in line for function, line in gateway.log)


async def test_a_worker_that_dies_is_a_function_error_and_is_replaced(gateway: Gateway) -> None:
    with pytest.raises(FunctionError, match="exit code 3"):
        await gateway.workers.invoke("api", {"do": "exit"})
    assert await gateway.workers.invoke("api", {"do": "wait"})


async def test_a_worker_that_takes_too_long_is_killed(gateway: Gateway) -> None:
    with pytest.raises(FunctionTimeout, match=r"timed out after 1.00 seconds"):
        await gateway.workers.invoke("api", {"do": "hang"})
    assert await gateway.workers.invoke("api", {"do": "wait"})


async def test_an_import_error_says_what_is_missing_each_time(gateway: Gateway) -> None:
    for _ in range(2):
        with pytest.raises(FunctionError, match="No module named 'no_such_module'") as caught:
            await gateway.workers.invoke("broken", {})
        assert caught.value.type == "Runtime.ImportModuleError"


async def test_a_change_to_a_function_is_picked_up(gateway: Gateway) -> None:
    assert await gateway.workers.invoke("edited", {}) == "before"
    (gateway.folder / "functions" / "edited.py").write_text("def handler(event, context): return 'afterwards'")
    await asyncio.sleep(0.35)
    assert await gateway.workers.invoke("edited", {}) == "afterwards"


async def test_time_goes_on_for_living_workers_and_back_for_new_ones_only(gateway: Gateway) -> None:
    before = await gateway.workers.invoke("api", {"do": "look"})
    running = asyncio.create_task(gateway.workers.invoke("api", {"do": "wait"}))
    await asyncio.sleep(0.03)
    for day in (1, 2):
        await gateway.workers.move_clock(day * 86_400)
        assert running.done()
        later = await gateway.workers.invoke("api", {"do": "look"})
        assert abs(later["now"] - time.time() - day * 86_400) < 1
        assert 500 < later["remaining"] <= 1100
        assert later["pid"] == before["pid"]
    await gateway.workers.move_clock(86_400)
    back = await gateway.workers.invoke("api", {"do": "look"})
    assert abs(back["now"] - time.time() - 86_400) < 1
    assert back["pid"] != before["pid"]


async def test_an_idle_worker_is_stopped_and_stop_leaves_none(tmp_path: Path) -> None:
    workers = workers_in(tmp_path, [], {}, idle=0.2)
    await workers.start()
    pid = await workers.invoke("api", {"do": "wait"})
    await until(lambda: not is_running(pid))
    hanging = asyncio.create_task(workers.invoke("api", {"do": "hang"}))
    await asyncio.sleep(0.3)
    await workers.stop()
    with pytest.raises(FunctionError):
        await hanging


@linux_only
async def test_workers_die_with_their_parent_however_it_dies(tmp_path: Path) -> None:
    workers_in(tmp_path, [], {})
    script = tmp_path / "parent.py"
    script.write_text(textwrap.dedent(PARENT).format(folder=str(tmp_path)))
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 10))
    assert is_running(pid)
    parent.send_signal(signal.SIGKILL)
    await parent.communicate()
    await until(lambda: not is_running(pid))


PARENT = """
    import asyncio, pathlib
    from infra.local.clock import FunctionClock
    from infra.local.invoke import Workers
    from infra.topology import Function

    async def main():
        folder = pathlib.Path({folder!r})
        functions = {{"api": Function(60, 128, ())}}
        workers = Workers(functions=folder / "functions", layer=folder / "layer", topology_functions=functions,
                          clock=FunctionClock(folder), environment={{}})
        print(await workers.invoke("api", {{"do": "wait"}}), flush=True)
        await workers.invoke("api", {{"do": "hang"}})

    asyncio.run(main())
"""


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and ") Z " in status.read_text())


async def test_the_portable_worker_does_the_same(tmp_path: Path) -> None:
    workers_in(tmp_path, [], {})
    async with portable_worker(tmp_path, "api") as call:
        seen = await call({"do": "look"})
        assert (seen["function"], seen["shared"]) == ("api", "layer")
        assert 500 < seen["remaining"] <= 1000
        with pytest.raises(FunctionError, match="as asked"):
            await call({"do": "raise"})
        assert (await call({}))["statusCode"] == 200
    with pytest.raises(FunctionError, match="no_such_module"):
        async with portable_worker(tmp_path, "broken"):
            pass


@asynccontextmanager
async def portable_worker(folder: Path, function: str) -> AsyncIterator[Callable[[Any], Any]]:
    api = RuntimeApi()
    environment = {
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "PYTHONPATH": os.pathsep.join((str(folder / "functions"), str(folder / "layer"))),
    }
    client = Path(__file__).parents[2] / "infra" / "local" / "portable_client.py"
    program = f"import runpy; runpy.run_path({str(client)!r})['run']('{function}.handler', {await api.open()!r}, int)"
    command = (sys.executable, "-P", "-c", program)
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.DEVNULL)

    async def call(event: Any) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": (id := str(uuid.uuid4())),
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 1000),
            "Lambda-Runtime-Invoked-Function-Arn": "arn",
        }
        api.submit(Invocation(id, headers, json.dumps(event).encode(), answer))
        return await asyncio.wait_for(answer, 5)

    try:
        await asyncio.wait_for(api.ready, 5)
        yield call
    finally:
        await api.close()
        assert await asyncio.wait_for(process.wait(), 5) == 1  # it ends when its parent is gone
