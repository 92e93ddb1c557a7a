"""The settings of a stage in cdk.json, changed in place: `cdk deploy` reads them from there, now and later."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from infra.aws.stage import BadStage, Stage, read_stage


class StageFile(NamedTuple):
    """cdk.json, and one of its stages. `zalopay` replaces the stage's own, as for the CDK."""

    path: Path
    name: str
    zalopay: str | None = None

    def stage(self) -> Stage:
        """Read the stage. Raises BadStage."""
        chosen = {"zalopay": self.zalopay} if self.zalopay else {}
        return read_stage(self.name, json.loads(self.path.read_text())["context"] | chosen)

    def write(self, **settings: Any) -> None:
        """Set settings of the stage, or remove those with None. Nothing else in the file changes. Raises BadStage."""
        before = self.path.read_text()
        after = _changed(before, self.name, settings)
        wanted = json.loads(before)
        stage = wanted["context"]["stages"][self.name]
        stage.update(settings)
        wanted["context"]["stages"][self.name] = {name: each for name, each in stage.items() if each is not None}
        if _read(after) != wanted:
            raise BadStage(f"Stage {self.name}: write these settings into {self.path} by hand: {json.dumps(settings)}")
        self.path.write_text(after)


def _changed(text: str, name: str, settings: dict[str, Any]) -> str:
    """Return the text with one line for each setting, at the start of the stage."""
    found = re.search(rf'"stages": \{{.*?^( *)"{name}": \{{\n', text, re.DOTALL | re.MULTILINE)
    if found is None:
        return text
    end = text.index(f"\n{found[1]}}}", found.end() - 1)
    block = text[found.end() : end]
    for setting in settings:
        block = re.sub(rf'^ *"{setting}": .*,\n', "", block, flags=re.MULTILINE)
    written = [f'{found[1]}  "{key}": {json.dumps(each)},\n' for key, each in settings.items() if each is not None]
    return text[: found.end()] + "".join(written) + block + text[end:]


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
