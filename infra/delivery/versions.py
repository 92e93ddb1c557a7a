"""The published versions of a stage's functions, and the aliases that all callers use."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from infra.aws.stage import ALIAS, Stage
from infra.topology import EDGE_SECRET, FUNCTIONS

Versions = Mapping[str, int]  # the number of a version for each function of the topology


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

    def fit_edge(self, versions: Versions) -> bool:
        """Say whether these versions ask for the edge's secret exactly if the stage has an edge now.

        Others would serve calls around the edge and take CloudFront's address for that of each viewer, or refuse all.
        """
        gated = [name for name in versions if EDGE_SECRET in FUNCTIONS[name].optional]
        asking = {EDGE_SECRET in _settings(self._all(name)[versions[name]]) for name in gated}
        return asking <= {self._stage.edge is not None}

    def newest(self) -> dict[str, int]:
        """Return the versions of the last deployment. Only deployments publish, and a failed one takes its back."""
        return {name: max(self.times(name)) for name in self.live()}

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

    def _live(self, name: str) -> int | None:
        try:
            alias = self._functions.get_alias(FunctionName=self._stage.function_name(name), Name=ALIAS)
        except self._functions.exceptions.ResourceNotFoundException:
            return None
        return int(alias["FunctionVersion"])


def _settings(version: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = version.get("Environment", {}).get("Variables", {})
    return found


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
