"""The steps of a restore. Each looks whether it is done, so a run that died goes on where it stopped."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

from infra.operator.commands import Tools
from infra.restore.agreeing import Agreement, write_from_copies
from infra.restore.cloud import Cloud, NotRestored
from infra.restore.copying import copy_later
from infra.restore.evidence import Recovery, gather
from infra.restore.stage_file import StageFile
from infra.topology import TABLES
from stays.aws.store import Store
from stays.domain.announcement import Announced, facts
from stays.table.sessions import Sessions

_TABLE = "stays"  # connections are made anew by browsers

Lines = Iterator[str]


class Step(NamedTuple):
    """One step: what it does in words, whether it is done, and how it is done. Data steps are done at every run."""

    says: str
    is_done: Callable[[], bool]
    do: Callable[[], Lines]


class Plan(NamedTuple):
    """What was asked for. `ignore_old`: the old table is damaged, so nothing is copied from it."""

    to: datetime
    by: str
    ignore_old: bool = False


class Restore:
    """One restore of one stage. `cdk` runs `cdk deploy` with more options and returns its exit code.

    `open_tools` returns the operator's tools for a table, `open_store` a table.
    """

    def __init__(
        self,
        plan: Plan,
        file: StageFile,
        cloud: Cloud,
        *,
        cdk: Callable[..., int],
        open_store: Callable[[str], Store],
        open_tools: Callable[[str], Tools],
    ) -> None:
        self._plan = plan
        self._file = file
        self._cloud = cloud
        self._cdk = cdk
        self._open_store = open_store
        self._open_tools = open_tools
        stage = file.stage()
        self._stacks = {name: f"Stays-{stage.name}-{name}" for name in ("Data", "Backend")}
        self.target = f"{stage.slug}-{plan.to.astimezone(UTC):%Y%m%dT%H%M%SZ}"

    def run(self, *, really: bool) -> Lines:
        """Go through the steps; without `really` only say what is left. Raises NotRestored."""
        live = self._cloud.live()
        if live.table == self.target and not live.closed:
            yield f"{self._file.name} works with {self.target} already."
            return
        for number, step in enumerate(self._steps(), 1):
            done = step.is_done()
            yield f"{number}. {'done: ' if done else ''}{step.says}"
            if really and not done:
                yield from (f"   {line}" for line in step.do())

    def _steps(self) -> Iterator[Step]:
        """Return the steps in their order. Each is looked at when those before it are done."""
        target, cloud = self.target, self._cloud
        yield Step("close: refuse new orders and callbacks, stop the clock", lambda: cloud.live().closed, self._close)
        yield Step(
            f"restore {self._source} as it was at {self._plan.to:%Y-%m-%d %H:%M:%S %Z} into {target}; wait",
            lambda: cloud.is_active(target),
            self._restore,
        )
        yield Step(f"give {target} its stream, TTL, recovery, protection and tags", self._is_complete, self._complete)
        yield Step(f"point the functions at {target}", lambda: cloud.live().table == target, self._point)
        yield Step(f"take {target} into the data stack; the old table is kept", _never, self._adopt)
        yield Step(self._says_recover(), _never, self._recover)
        yield Step("make nights and bookings agree with the sessions", _never, self._agree)
        yield Step("publish again what happened since then", _never, self._publish)
        yield Step("let the auction events of that time through again", _never, self._hear)
        yield Step("open: take orders and callbacks, start the clock", lambda: not cloud.live().closed, self._open)

    @cached_property
    def _source(self) -> str:
        """The table that is lost or damaged. Once the functions use the new one, that one knows it."""
        live = self._cloud.live().table
        return self._cloud.source_of(self.target) if live == self.target else live

    @cached_property
    def _reads_old(self) -> bool:
        return not self._plan.ignore_old and self._cloud.is_readable(self._source)

    def _says_recover(self) -> str:
        copied = f"copy what came later from {self._source}; " if self._reads_old else ""
        return f"{copied}block the nights of archived bookings; ask ZaloPay about orders of logs and archive"

    # Settings of the stage

    def _close(self) -> Lines:
        self._file.write(maintenance=True)
        yield from self._deploy("Backend")

    def _point(self) -> Lines:
        self._file.write(maintenance=True, tables=self._tables())
        yield from self._deploy("Backend")

    def _tables(self) -> dict[str, dict[str, Any]]:
        tables = self._file.stage().tables
        kept = {name: each.model_dump(by_alias=True, exclude_none=True) for name, each in tables.items()}
        return kept | {_TABLE: {"name": self.target, "stream": self._cloud.stream_of(self.target)}}

    def _adopt(self) -> Lines:
        self._file.write(maintenance=True, tables=self._tables())
        yield from self._deploy("Data", "--import-existing-resources")

    def _open(self) -> Lines:
        self._file.write(maintenance=None, tables=self._tables())
        yield from self._deploy("Backend")
        yield f"Commit {self._file.path.name}: without its setting `tables` a deployment would use the old table."

    def _deploy(self, stack: str, *more: str) -> Lines:
        """Deploy one stack alone: the other one could not change what this one still uses."""
        if code := self._cdk(self._stacks[stack], "--exclusively", *more):
            raise NotRestored(f"The CDK ended with {code}. Repair the cause, and run this again: it goes on here.")
        yield f"{self._stacks[stack]} is deployed"

    # The table

    def _restore(self) -> Lines:
        self._cloud.restore(self._source, self.target, self._plan.to)
        self._cloud.wait_for(self.target)
        yield f"{self.target} is there"

    def _is_complete(self) -> bool:
        return self._cloud.is_active(self.target) and not self._cloud.missing(self.target, TABLES[_TABLE])

    def _complete(self) -> Lines:
        for name, provide in self._cloud.missing(self.target, TABLES[_TABLE]).items():
            provide()
            self._cloud.wait_for(self.target)
            yield f"{name} is set"

    # The data

    def _recover(self) -> Lines:
        new = self._open_store(self.target)
        if self._reads_old:
            yield from copy_later(self._open_store(self._source), new)
        yield from write_from_copies(new)
        now = datetime.now(UTC)
        known = gather(self._cloud, self._plan.to, now)
        sessions = Sessions(new, by=self._plan.by, told=known.sent)
        yield from Recovery(self._open_tools(self.target)._replace(sessions=sessions), new, known, now).run()

    def _agree(self) -> Lines:
        new = self._open_store(self.target)
        yield from Agreement(new, self._plan.by, self._plan.to, datetime.now(UTC)).run()

    def _publish(self) -> Lines:
        tools, since = self._open_tools(self.target), self._plan.to
        changed: list[Announced] = [*tools.queries.find_changed_since(since), *tools.queries.find_over_since(since)]
        happened = [each for item in changed for each in facts(item)]
        tools.publish(happened)
        yield f"{len(happened)} events are published again"

    def _hear(self) -> Lines:
        rule = self._cloud.open_rule()
        yield "the archive has the last events in ten minutes; wait"
        self._cloud.wait_for_archive()
        self._cloud.replay(rule, "hear", self._plan.to, datetime.now(UTC))
        yield "the auction events are replayed"


def _never() -> bool:
    return False
