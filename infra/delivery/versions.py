"""The published versions of a stage's functions, and the aliases that all callers use."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from infra.aws.stage import ALIAS, Stage
from infra.topology import EDGE_SECRET, FUNCTIONS

_TOLD = "payments"  # its settings stand for those of all functions
_OF_THE_STAGE = ("STAYS_TABLE", "MAINTENANCE", EDGE_SECRET)

Versions = Mapping[str, int]  # the number of a version for each function of the topology


class Misfit(Exception):
    """Functions would use another table than now, open a stage that a restore has closed, or not fit its edge."""


class Published:
    """Every version stays until its function is deleted, so an alias can point at any of them."""

    def __init__(self, functions: Any, stage: Stage) -> None:
        """`functions` is boto3's client of Lambda."""
        self._functions = functions
        self._stage = stage

    def live(self, names: Iterable[str] = FUNCTIONS) -> dict[str, int]:
        """Return the versions that callers get. A function that does not exist yet is left out."""
        found = {name: self._live(name) for name in names}
        return {name: version for name, version in found.items() if version is not None}

    def times(self, name: str) -> dict[int, datetime]:
        """Return when each version of a function was published, by its number."""
        return {version: _time(each["LastModified"]) for version, each in self._all(name).items()}

    def newest(self) -> dict[str, int]:
        """Return the versions of the last deployment. Only deployments publish, and a failed one takes its back."""
        return {name: max(self.times(name)) for name in self.live()}

    def check_table(self) -> None:
        """Raise Misfit if the stage's settings name another table than the functions use, or would open them."""
        live = self.live([_TOLD])
        used = self._settings(_TOLD, live[_TOLD]) if live else {}
        name = self._stage.table_name("stays")
        if used.get("STAYS_TABLE", name) != name:
            raise Misfit(
                f"{self._stage.name} uses the table {used['STAYS_TABLE']}, and cdk.json names {name}: take the setting "
                "`tables` of the last restore, or deploy with SWITCH=yes."
            )
        if "MAINTENANCE" in used and not self._stage.maintenance:
            raise Misfit(f"{self._stage.name} is closed: `make restore` opens it, or a deployment with SWITCH=yes.")

    def check_fit(self, now: Versions, then: Versions) -> None:
        """Raise Misfit if versions would work in another stage than those of now.

        They would use another table, open a closed stage or close an open one, serve calls around the edge, or refuse
        all calls because there is no edge.
        """
        for name, version in then.items():
            one, other = self._settings(name, now[name]), self._settings(name, version)
            if any(one.get(each) != other.get(each) for each in _OF_THE_STAGE):
                raise Misfit(
                    f"Version {version} of {name} does not fit: since then the stage has changed its table, its "
                    "edge, or whether it is closed. Deploy instead."
                )

    def point(self, wanted: Versions) -> None:
        """Point aliases at these versions. The next call of a function gets it."""
        for name, version in wanted.items():
            self._functions.update_alias(
                FunctionName=self._stage.function_name(name), Name=ALIAS, FunctionVersion=str(version)
            )

    def _all(self, name: str) -> dict[int, Mapping[str, Any]]:
        pages = self._functions.get_paginator("list_versions_by_function").paginate(
            FunctionName=self._stage.function_name(name)
        )
        found = [each for page in pages for each in page["Versions"] if each["Version"] != "$LATEST"]
        return {int(each["Version"]): each for each in found}

    def _settings(self, name: str, version: int) -> Mapping[str, str]:
        found: Mapping[str, str] = self._all(name)[version].get("Environment", {}).get("Variables", {})
        return found

    def _live(self, name: str) -> int | None:
        try:
            alias = self._functions.get_alias(FunctionName=self._stage.function_name(name), Name=ALIAS)
        except self._functions.exceptions.ResourceNotFoundException:
            return None
        return int(alias["FunctionVersion"])


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
