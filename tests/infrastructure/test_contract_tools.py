"""The contracts in the hands of their own tools: AsyncAPI's parser, and the TypeScript compiler."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from infra.contracts import asyncapi
from infra.contracts.functions import ROOT
from infra.contracts.typescript import NODE, TYPES, text

CONTRACTS = TYPES.parent
COMPILER = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
WRONG = {
    "a field that no answer has": ("win?.status", "win?.state"),
    "a status that no payment has": ('message.status === "FAILED"', 'message.status === "LOST"'),
    "details that the error does not have": ("error.details.expectedAmount", "error.details.price"),
    "a message that no browser sends": ('type: "SUBSCRIBE"', 'type: "JOIN"'),
    "a request without its amount": ("selectedNights, amount: win.bidAmount }", "selectedNights }"),
}


def node(script: Path, *arguments: str, given: str = "") -> str:
    """Run a script by the pinned Node. Returns its output."""
    command = [str(NODE), str(script), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, cwd=ROOT).stdout  # noqa: S603


def problems(document: str) -> list[str]:
    return json.loads(node(ROOT / "tests" / "infrastructure" / "asyncapi_problems.mjs", given=document))  # type: ignore[no-any-return]


def test_the_parser_of_asyncapi_finds_nothing_in_the_document_and_sees_a_planted_error():
    document = asyncapi.DOCUMENT.read_text(encoding="utf-8")
    assert problems(document) == []
    assert any("operations" in each for each in problems(document.replace('"action": "send"', '"action": "shout"', 1)))


def test_the_types_are_those_of_the_code():
    assert TYPES.read_text(encoding="utf-8") == text(), "make contracts writes it anew"


def test_the_example_compiles_and_a_mistake_in_it_does_not(tmp_path: Path):
    assert node(COMPILER, "-p", str(CONTRACTS)) == ""
    files = {each.name: each for each in CONTRACTS.iterdir() if each.is_file()}
    for name in ("stays.ts", "tsconfig.json"):
        shutil.copy(files[name], tmp_path)
    example = files["pay.ts"].read_text(encoding="utf-8")
    for number, (right, wrong) in enumerate(WRONG.values()):
        assert example.count(right) == 1, right
        (tmp_path / f"wrong{number}.ts").write_text(example.replace(right, wrong), encoding="utf-8")
    refused = set(re.findall(r"^.*wrong(\d+)\.ts\(", node(COMPILER, "-p", str(tmp_path)), re.MULTILINE))
    assert refused == {str(number) for number in range(len(WRONG))}
