"""Settings of a stage are written into cdk.json, and nothing else in it changes."""

import json
import shutil
from pathlib import Path

import pytest

from infra.aws.stage import CDK_JSON, BadStage, NamedTable
from infra.restore.__main__ import open_restore, parser
from infra.restore.cloud import NotRestored
from infra.restore.stage_file import StageFile

TABLES = {"stays": {"name": "stays-prod-20261127T080000Z", "stream": "2026-11-27T09:00:00.000"}}
WRITTEN = f'        "tables": {json.dumps(TABLES)},\n'


@pytest.fixture
def file(tmp_path: Path) -> StageFile:
    shutil.copy(CDK_JSON, tmp_path / "cdk.json")
    return StageFile(tmp_path / "cdk.json", "prod")


def settled(file: StageFile) -> StageFile:
    account = file.path.read_text().replace("000000000000", "111111111111")
    file.path.write_text(account)
    return file


def test_settings_stand_at_the_start_of_their_stage_and_are_read_from_there(file: StageFile) -> None:
    before = file.path.read_text()
    file.write(maintenance=True, tables=TABLES)
    stage = settled(file).stage()
    assert (stage.maintenance, stage.table_name("stays")) == (True, TABLES["stays"]["name"])
    assert (stage.table_name("connections"), stage.tables["stays"]) == (
        "stays-prod-connections",
        NamedTable(**TABLES["stays"]),
    )
    file = settled(file)
    file.write(maintenance=None)
    assert file.path.read_text().replace(WRITTEN, "").replace("111111111111", "000000000000") == before
    file.write(tables=TABLES)
    assert file.path.read_text().count(WRITTEN) == 1


def test_a_file_that_is_written_in_another_way_is_left_as_it_is(file: StageFile) -> None:
    text = json.dumps(json.loads(file.path.read_text()))
    file.path.write_text(text)
    with pytest.raises(BadStage, match="Stage prod: write these settings into "):
        file.write(maintenance=True)
    assert file.path.read_text() == text


def test_a_time_that_is_not_over_is_refused() -> None:
    with pytest.raises(NotRestored, match="not over yet"):
        open_restore(parser().parse_args(["--stage", "dev", "--to", "2999-01-01T00:00", "--", "cdk"]))
