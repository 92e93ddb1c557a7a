"""The published versions of a stage's functions, and the aliases that all callers use."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from infra.aws.stage import ALIAS, Stage
from infra.topology import FUNCTIONS

_TOLD = "payments"  # its settings stand for those of all functions

Versions = Mapping[str, int]  # the number of a version for each function of the topology


class WrongTable(Exception):
    """Functions would use another table than now, or would be open although a restore has closed them."""


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
        pages = self._functions.get_paginator("list_versions_by_function").paginate(
            FunctionName=self._stage.function_name(name)
        )
        found = [each for page in pages for each in page["Versions"] if each["Version"] != "$LATEST"]
        return {int(each["Version"]): _time(each["LastModified"]) for each in found}

    def newest(self) -> dict[str, int]:
        """Return the versions of the last deployment. Only deployments publish, and a failed one takes its back."""
        return {name: max(self.times(name)) for name in self.live()}

    def check_table(self) -> None:
        """Raise WrongTable if the stage's settings name another table than the functions use, or would open them."""
        live = self.live([_TOLD])
        used = self._settings(_TOLD, str(live[_TOLD])) if live else {}
        name = self._stage.table_name("stays")
        if used.get("STAYS_TABLE", name) != name:
            raise WrongTable(
                f"{self._stage.name} uses the table {used['STAYS_TABLE']}, and cdk.json names {name}: take the setting "
                "`tables` of the last restore, or deploy with SWITCH=yes."
            )
        if "MAINTENANCE" in used and not self._stage.maintenance:
            raise WrongTable(f"{self._stage.name} is closed: `make restore` opens it, or a deployment with SWITCH=yes.")

    def check_same_table(self, live: Versions, wanted: Versions) -> None:
        """Raise WrongTable if a version uses another table than the one that is live, or refuses orders."""
        for name, version in wanted.items():
            now, then = (self._settings(name, str(each)) for each in (live[name], version))
            if _table(now) != _table(then):
                raise WrongTable(
                    f"Version {version} of {name} is from before a restore: it uses {_table(then)}. Deploy instead."
                )

    def _settings(self, name: str, version: str) -> Mapping[str, str]:
        asked = self._functions.get_function_configuration(
            FunctionName=self._stage.function_name(name), Qualifier=version
        )
        found: Mapping[str, str] = asked.get("Environment", {}).get("Variables", {})
        return found

    def point(self, wanted: Versions) -> None:
        """Point aliases at these versions. The next call of a function gets it."""
        for name, version in wanted.items():
            self._functions.update_alias(
                FunctionName=self._stage.function_name(name), Name=ALIAS, FunctionVersion=str(version)
            )

    def _live(self, name: str) -> int | None:
        try:
            alias = self._functions.get_alias(FunctionName=self._stage.function_name(name), Name=ALIAS)
        except self._functions.exceptions.ResourceNotFoundException:
            return None
        return int(alias["FunctionVersion"])


def _table(settings: Mapping[str, str]) -> str:
    """Return the table of a function, and whether the function is closed."""
    return " ".join((settings.get("STAYS_TABLE", "no table"), *(["closed"] if "MAINTENANCE" in settings else [])))


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
