"""Starts: the CPU time until a handler can be called, where it goes, and the first invocation with Lambda's CPU."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from infra.topology import FUNCTIONS
from tests.proof.bench.programs import PEERS, PRODUCT, Program, quota
from tests.proof.bench.rows import Goal, Row
from tests.proof.bench.stays import Side, Variables

MEMORY = 512  # MB
DOWNLOAD = 80  # ms: Lambda fetches the code and starts the interpreter
_GOALS = {"zalopay_callback": 0.30, "notifier": 0.32, "payments": 0.45, "connections": 0.40}
_PARTS = {  # packages of a start, by the part that the picture shows
    "boto3, botocore": ("boto3", "botocore", "urllib3", "s3transfer", "jmespath", "dateutil"),
    "FastAPI, Mangum": ("fastapi", "starlette", "mangum", "anyio", "opentelemetry"),
    "pydantic": ("pydantic", "pydantic_core", "annotated_types", "typing_inspection", "typing_extensions"),
    "Powertools": ("aws_lambda_powertools",),
    "httpx": ("httpx", "httpcore", "h11", "certifi", "idna", "click", "rich"),
    "libcurl": ("pycurl",),
    "own code, models, clients": ("stays", "naive", *FUNCTIONS),
}

Event = tuple[str, dict[str, Any]]


def inits(found: Variables, turns: int) -> list[Row]:
    """Return the row of each function: CPU ms until its handler could be called."""
    peers = {"naive": "naive", "bare": "bare"}
    milliseconds: dict[str, list[float]] = defaultdict(list)
    for _ in range(turns):
        for name in [*peers, *FUNCTIONS]:
            with Program(name, found[name], PEERS if name in peers else PRODUCT) as program:
                milliseconds[name].append(program.init)
    return [
        Row(name, milliseconds[name], milliseconds["naive"], milliseconds["bare"], _init_goals(name))
        for name in FUNCTIONS
    ]


def _init_goals(name: str) -> tuple[Goal, ...]:
    return (Goal(_GOALS[name], ratio=True),) if name in _GOALS else ()


def cold_starts(sides: tuple[Side, Side], turns: int) -> list[Row]:
    """Return the rows of whole cold starts with the CPU of 512 MB, and of the first invocation beside the second."""
    rows = [
        Row("callback: 80 + INIT + first invocation, ms", [], goals=(Goal(0.5, ratio=True),)),
        Row("create: 80 + INIT + first invocation, ms", [], goals=(Goal(500),)),
        Row("callback: first ÷ second invocation", [], goals=(Goal(2.5),)),
    ]
    with quota(MEMORY) as slow:
        if slow is None:
            return [row._replace(missing="no control group can be written here") for row in rows]
        found: list[tuple[list[float], list[float]]] = [([], []) for _ in rows]
        limit = [_bare(slow.hold) for _ in range(turns)]
        for _ in range(turns):
            for place, side in enumerate(sides):
                callback = _started(side, slow.hold, lambda side=side: _paid(side))  # type: ignore[misc]
                create = _started(side, slow.hold, lambda side=side: side.create(side.award()))  # type: ignore[misc]
                figures = (callback[0], create[0], callback[1] / callback[2])
                for row, figure in zip(found, figures, strict=True):
                    row[place].append(figure)
    limits = (limit, limit, ())
    return [
        row._replace(product=mine, peer=other, limit=least)
        for row, (mine, other), least in zip(rows, found, limits, strict=True)
    ]


def _bare(hold: Callable[[Program], None]) -> float:
    """Return the milliseconds of the whole start of a function that does nothing."""
    with Program("bare", {}, PEERS) as program:
        hold(program)
        return DOWNLOAD + program.init + program.call({}).wall


def _started(side: Side, hold: Callable[[Program], None], prepare: Callable[[], Event]) -> tuple[float, float, float]:
    """Return the milliseconds of the whole start, and of two invocations. INIT has a whole CPU, as in Lambda."""
    (function, first), (_, second) = prepare(), prepare()
    with side.start(function) as program:
        hold(program)
        once, again = program.call(first), program.call(second)
        assert (once.answer["statusCode"], again.answer["statusCode"]) == (200, 200)
        return DOWNLOAD + program.init + once.wall, once.wall, again.wall


def _paid(side: Side) -> Event:
    """Return the callback of a stay that is paid just now."""
    stay = side.award()
    order = json.loads(side.call(*side.create(stay)).answer["body"])
    function, event, _ = side.pay(stay, order["appTransId"])
    return function, event


def parts_of_a_start(found: Variables) -> dict[str, dict[str, float]]:
    """Return where the start of the callback and of the peer goes: milliseconds of `python -X importtime`, by part.

    The interpreter counts each import; these milliseconds are larger than those of a start without counting.
    """
    return {
        "product: callback": _imports("zalopay_callback", found["zalopay_callback"], PRODUCT),
        "naive peer": _imports("naive", found["naive"], PEERS),
    }


def _imports(module: str, environment: Mapping[str, str], folders: tuple[Any, ...]) -> dict[str, float]:
    command = [sys.executable, "-P", "-X", "importtime", "-c", f"import {module}"]
    paths = {"PYTHONPATH": os.pathsep.join(map(str, folders)), "PATH": os.environ["PATH"]}
    said = subprocess.run(command, env={**environment, **paths}, capture_output=True, text=True, check=True).stderr  # noqa: S603
    milliseconds: dict[str, float] = defaultdict(float)
    for line in said.splitlines()[1:]:
        own, _, name = line.removeprefix("import time:").split("|")
        milliseconds[_part(name.strip())] += int(own) / 1000
    return dict(milliseconds)


def _part(module: str) -> str:
    package = module.partition(".")[0]
    return next((part for part, packages in _PARTS.items() if package in packages), "Python")
