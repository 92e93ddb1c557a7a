"""docs/data.md names how long each place keeps data: the templates say the same, and no place has no end."""

import re
from pathlib import Path

from infra.aws.stage import read_context
from tests.infrastructure.synthesis import Stack

TEXT = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
DAYS = {place: int(days) for place, days in re.findall(r"^\| ([\w ]+) \| [^|]+ \| (\d+) days \|$", TEXT, re.MULTILINE)}


def test_each_place_forgets_when_the_page_says(stacks: dict[str, Stack], stage_name: str) -> None:
    data, backend = stacks[f"Stays-{stage_name}-Data"], stacks[f"Stays-{stage_name}-Backend"]
    (bucket,) = data.properties("AWS::S3::Bucket")
    assert [each["ExpirationInDays"] for each in bucket["LifecycleConfiguration"]["Rules"]] == [
        DAYS["bucket of records"]
    ]
    assert [each["RetentionDays"] for each in data.properties("AWS::Events::Archive")] == [DAYS["archive of the bus"]]
    queues = [*data.properties("AWS::SQS::Queue"), *backend.properties("AWS::SQS::Queue")]
    assert {each["MessageRetentionPeriod"] for each in queues} == {DAYS["dead letters"] * 86_400}
    (tables,) = {
        replica["PointInTimeRecoverySpecification"]["RecoveryPeriodInDays"]
        for table in data.properties("AWS::DynamoDB::GlobalTable")
        for replica in table["Replicas"]
    }
    assert tables == DAYS["backups"]
    logs = {each["RetentionInDays"] for stack in (data, backend) for each in stack.properties("AWS::Logs::LogGroup")}
    assert logs == {DAYS[f"logs of {stage_name}"]}


def test_the_page_names_the_region_of_every_stage() -> None:
    assert {stage["region"] for stage in read_context()["stages"].values()} == {"ap-southeast-1"}
    assert "`ap-southeast-1` (Singapore)" in TEXT
    assert "91/2025/QH15" in TEXT
