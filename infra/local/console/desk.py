"""The operator's commands for the console: the same words as on the command line in, its lines out."""

import asyncio
import contextlib
import io
import shlex
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

READS = frozenset({"find", "show", "due", "review"})


class Desk:
    """Runs commands of `infra.operator` in one environment, one after the other.

    With `reads_only` nothing is asked of ZaloPay and nothing is written: an action returns only its line to paste.
    """

    def __init__(self, environment: Sequence[str], *, reads_only: bool = False) -> None:
        """Use the environment that these options of the command line name."""
        self._environment = list(environment)
        self.reads_only = reads_only
        # The operator's clients belong to one thread.
        self._thread = ThreadPoolExecutor(1, "operator")

    async def run(self, words: Sequence[str], *, really: bool) -> dict[str, Any]:
        """Return `lines`, or `error` with one sentence, and `paste`: what to type for the same in a terminal."""
        paste = self._paste([*words, "--yes"] if words[:1] and words[0] not in READS else words)
        if self.reads_only and (really or words[0] not in READS):
            return {"lines": [], "paste": paste}
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, words, really) | {"paste": paste}

    def _run(self, words: Sequence[str], really: bool) -> dict[str, Any]:
        # A slow import, and most runs of the system never need it.
        from infra.operator import __main__ as operator  # noqa: PLC0415

        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                chosen = operator.parser().parse_args([*self._environment, *words, *(["--yes"] if really else [])])
        except SystemExit:
            return {"error": said.getvalue().strip().rpartition("error: ")[2]}
        try:
            return {"lines": list(operator.run(chosen))}
        except operator.FAILURES as error:
            return {"error": str(error) or "There is nothing with this name."}

    def _paste(self, words: Sequence[str]) -> str:
        return f"make operator ARGS={shlex.quote(shlex.join([*self._environment, *words]))}"
