"""Every command in a document is accepted by its tool: make, our tools, and AWS by botocore's description."""

import argparse
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.model import ServiceModel
from botocore.session import Session

import infra.doctor.__main__
import infra.local.console.__main__
import infra.operator.__main__
import infra.restore.__main__
import tests.proof.bench.__main__
import tests.proof.load.__main__
from infra.local.settings import read_settings
from tests.proof.mutation.core import TESTS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *ROOT.glob("CONTRIBUTING.md"), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
TOOL = re.compile(
    r"(?:^|(?<=[|;&(]))\s*(?P<command>(?:make|aws|git|npx|npm|python3?|\.venv/bin/python)\s)", re.MULTILINE
)
FENCED = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
HERE_DOCUMENT = re.compile(r"<<'EOF'.*?\n\s*EOF\n", re.DOTALL)
PLACEHOLDER = re.compile(r"\$\(.*?\)|<[^<>]*>|\$[a-zA-Z_{}]+|…")
OTHERS = {"curl", "read", "echo", "printf", "for", "done", "kill", "sleep", ')"'}  # and assignments

# Commands of the AWS CLI that are not calls of a service, with the options that the documents use.
STANDS_FOR = {"$STAGE": "dev", "since TIME": "since 2026-11-24T08:00:00Z"}
OWN = {("logs", "tail"): {"since", "filter-pattern", "follow"}, ("sso", "login"): set[str]()}
EVERYWHERE = {"query", "output", "region", "profile", "max-items", "cli-binary-format"}
RUN = ("SWITCH", "PYTHON", "STATE", "HTTP_PORT", "WEBSOCKET_PORT", "SIMULATOR_PORT", "LEGACY_API_URL")


def parsed_by(parser: Callable[[], argparse.ArgumentParser]) -> Callable[[Sequence[str], Mapping[str, str]], object]:
    return lambda arguments, _: parser().parse_args(arguments)


PARSERS: Mapping[str, Callable[[Sequence[str], Mapping[str, str]], object]] = {
    "bench": parsed_by(tests.proof.bench.__main__.parser),
    "console": lambda arguments, settings: infra.local.console.__main__.parser().parse_args(
        ["--stage", settings["STAGE"], *arguments]
    ),
    "doctor": parsed_by(infra.doctor.__main__.parser),
    "load": parsed_by(tests.proof.load.__main__.parser),
    "mutate": lambda modules, _: {name: TESTS[name] for name in modules},
    "restore": lambda arguments, settings: infra.restore.__main__.parser().parse_args(
        ["--stage", "dev", "--to", settings.get("TO", "X").replace("X", "2026-11-27"), *arguments, "--", "cdk"]
    ),
    "prove": parsed_by(lambda: import_module("tests.proof.simulation.prove").parser()),  # slow to import
    "run": read_settings,
}


def plain(block: str) -> str:
    """A shell block without comments and here documents, each command on one line."""
    block = HERE_DOCUMENT.sub("\n", block).replace("\\\n", " ")
    return re.sub(r"(^|\s)#.*$", "", block, flags=re.MULTILINE)


def up_to_its_end(text: str) -> str:
    """The command at the start of a text: everything up to a pipe or a line's end outside quotes."""
    quote, depth = "", 0
    for position, letter in enumerate(text):
        if letter in {"'", '"'} and quote in {"", letter}:
            quote = "" if quote else letter
        depth += (letter == "(") - (letter == ")")
        if depth < 0 or (letter in "|;&\n" and not quote and not depth):
            return text[:position]
    return text


def prose(path: Path) -> str:
    """A document without its code blocks."""
    return FENCED.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub makes for the headings of a document."""
    titles = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(prose(path)))
    return {title.strip().replace(" ", "-") for title in titles}


@cache
def pieces() -> tuple[str, ...]:
    found = list[str]()
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        found += [plain(block) for block in BLOCK.findall(text)]
        found += [span for span in SPAN.findall(BLOCK.sub("", text)) if TOOL.match(span)]
    return tuple(found)


def commands() -> list[str]:
    begun = {up_to_its_end(piece[match.start("command") :]) for piece in pieces() for match in TOOL.finditer(piece)}
    return sorted(each.strip() for each in begun)


def of(tool: str) -> list[str]:
    return [each for each in commands() if each.startswith(f"{tool} ")]


def words(command: str) -> list[str]:
    for name, value in STANDS_FOR.items():
        command = command.replace(name, value)
    return shlex.split(PLACEHOLDER.sub("X", command))


def test_every_command_begins_with_a_known_tool() -> None:
    lines = [line.strip() for piece in pieces() for line in piece.splitlines() if line.strip()]
    first = {re.split(r"[ (]", line)[0] for line in lines if not TOOL.match(line) and not re.match(r"[A-Za-z]+=", line)}
    assert first <= OTHERS
    assert (len(of("make")) > 30, len(of("aws")) > 20) == (True, True)


@pytest.mark.parametrize("command", of("make"))
def test_make_takes_it_and_so_does_the_tool_behind_it(command: str) -> None:
    target, *more = [word for word in words(command)[1:] if "=" not in word]
    settings = dict(word.split("=", 1) for word in words(command)[1:] if "=" in word)
    make = ["make", "--dry-run", target, *more, *(f"{name}={value}" for name, value in settings.items())]
    said = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603
    for name, value in settings.items():
        assert value in said or name in RUN, name
    if target in PARSERS:
        PARSERS[target](shlex.split(settings.get("ARGS", "")), settings)


@pytest.mark.parametrize("command", of("aws"))
def test_aws_has_such_a_call_with_such_options(command: str) -> None:
    service, operation, *rest = words(command)[1:]
    given = {word[2:] for word in rest if word.startswith("--")}
    if (service, operation) in OWN:
        assert given <= OWN[service, operation]
        return
    input_shape, calls = shape_of(service, operation)
    members: Mapping[str, Any] = input_shape.members if input_shape else {}
    named = {xform_name(name, "-"): shape for name, shape in members.items()}
    assert {each.removeprefix("no-") for each in given} <= {*named, *EVERYWHERE}, calls
    if rest:
        assert {xform_name(each, "-") for each in (input_shape.required_members if input_shape else ())} <= given
    raw = any(named[each].type_name == "blob" for each in given & set(named))
    assert not raw or "cli-binary-format" in given, "a payload is taken for base64"


@cache
def shape_of(service: str, operation: str) -> tuple[Any, str]:
    """The parameters of a call, from botocore's description of the service."""
    data = Session().get_component("data_loader").load_service_model(service, "service-2")
    model = ServiceModel(data, service)
    calls = {xform_name(each, "-"): each for each in model.operation_names}
    return model.operation_model(calls[operation]).input_shape, operation


@pytest.mark.parametrize("command", [*of("python"), *of(".venv/bin/python")])
def test_every_module_that_a_document_runs_exists(command: str) -> None:
    found = re.search(r" -m (\S+)", command)
    if found and found[1] == "pytest":
        assert all((ROOT / word).exists() for word in words(command) if word.startswith("tests/"))
        return
    assert found is None or any((ROOT / found[1].replace(".", "/")).with_suffix(end).exists() for end in ("", ".py"))


def test_going_back_needs_no_other_version_of_the_tree() -> None:
    assert of("git") == []


def test_make_help_shows_one_line_for_every_target() -> None:
    make = ["make", "--no-print-directory", "help"]
    said = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603
    (targets,) = re.findall(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.findall(r"^make (\w+) +\w", said, re.MULTILINE) == targets.split()


def test_the_readme_has_at_most_150_lines() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_leads_to_a_file_and_to_a_heading_that_are_there(path: Path) -> None:
    links = [link for link in LINK.findall(prose(path)) if not re.match(r"\w+:", link)]
    for link in links:
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
