"""docs/performance.md and its two pictures."""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from os import cpu_count
from typing import NamedTuple

from infra import prices
from tests.proof.bench import cost
from tests.proof.bench.end_to_end import TOLD, Times, percentile
from tests.proof.bench.pictures import latency_picture, start_picture
from tests.proof.bench.programs import ROOT
from tests.proof.bench.rows import Row, table

PAGE = ROOT / "docs" / "performance.md"
START = ROOT / "docs" / "performance-start.svg"
LATENCY = ROOT / "docs" / "performance-latency.svg"
_DRAWN = ("create", "status, asks ZaloPay", TOLD, "bookings of the user", "health")

_BEFORE = """# Performance

`make bench` measured this page on commit {commit}, {date}: {cores} cores, CPython {python}, {minutes} minutes. It takes
about ten minutes on two idle cores, and writes this page and its pictures. `make bench ARGS=--gate` also ends with 1 if
a goal is missed. `make bench ARGS="--rounds 3"` is a short look and writes nothing.

Times depend on the machine: read the ratios. Product and peer take turns (A B A B …). A ratio is the median of the
ratios of all turns; the middle half of them stands in brackets.

- **Peer**: `tests/proof/bench/peers`. A FastAPI application with Mangum, boto3's resources and httpx; for sockets and
  messages AWS's sample of a chat, which posts to one connection after the other.
- **Bare limit**: a function that does nothing; for messages the same bytes over plain sockets; from end to end the
  route `health`.
- **Surroundings**: all tables in memory in another process, with no delay; ZaloPay's simulator. Bytecode is compiled.
- **CPU share**: Lambda gives 512 MB 0.29 of a CPU. A control group does the same here, after INIT. A row without a
  figure says that none could be written.
"""

_AFTER = """
## Where a start goes

![Where a start goes](performance-start.svg)

## Latency against stays in the table

![Latency against stays in the table](performance-latency.svg)

## How it is counted

- Money: prices of {prices} in `infra/prices.py`, added up by `tests/proof/bench/cost.py`; arm64, no free tier, no mail,
  one socket open for {open_minutes} minutes. Assumed: DynamoDB answers in {table_ms:.0f} ms, ZaloPay in
  {zalopay_ms:.0f} ms. "With polls" adds {polls} polls; every other one asks ZaloPay.
- The peer has no clock, mail, timeline or calendar, so it writes and costs less: its ratios compare CPU time only.
- Units: from the items before and after each write, with all indexes; a transaction counts twice.
- What breaks first: `tests/proof/bench/capacity.py`. A fifth of a day's payments come in its busiest hour, evenly.
  "Last waits": until the last payment of the load is served. "Refused, last in": the client tries again until it gets
  in.
"""


class Section(NamedTuple):
    """A heading with its rows, and a text below them."""

    title: str
    rows: Sequence[Row]
    text: str = ""

    def __str__(self) -> str:
        """Return it as Markdown."""
        parts = [f"## {self.title}", *([table(self.rows)] if self.rows else []), *([self.text] if self.text else [])]
        return "\n\n".join(parts)


def page(sections: Sequence[Section], seconds: float) -> str:
    """Return the page."""
    before = _BEFORE.format(
        commit=_commit(),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        cores=cpu_count(),
        python=platform.python_version(),
        minutes=round(seconds / 60),
    )
    after = _AFTER.format(
        prices=prices.REGION,
        open_minutes=cost.MINUTES,
        table_ms=cost.TABLE_MS,
        zalopay_ms=cost.ZALOPAY_MS,
        polls=cost.POLLS,
    )
    return "\n".join([before, "\n\n".join(map(str, sections)), after])


def write(text: str, parts: Mapping[str, Mapping[str, float]], latency: Mapping[int, Times]) -> None:
    """Write the page and the pictures."""
    PAGE.write_text(text, encoding="utf-8")
    START.write_text(start_picture(parts), encoding="utf-8")
    lines = {name: [(stays, percentile(times[name], 50)) for stays, times in latency.items()] for name in _DRAWN}
    LATENCY.write_text(latency_picture(lines), encoding="utf-8")


def _commit() -> str:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip() or "unknown"
