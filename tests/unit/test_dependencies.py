"""The allowed imports between the parts of the project, checked in the source."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from infra.topology import FUNCTIONS

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "shared" / "python"
PACKAGE = sorted((LAYER / "stays").rglob("*.py"))
HANDLERS = sorted((ROOT / "functions").glob("*.py"))
INFRASTRUCTURE = sorted((ROOT / "infra").rglob("*.py"))
SIMULATOR = sorted((ROOT / "infra" / "zalopay_simulator").glob("*.py"))
EDGES = {
    "connections",
    "http",
    "mail",
    "bus",
    "calendar_feed",
    "legacy",
    "frames",
    "tokens",
    "responses",
    "error_details",
    "stream",
    "viewer",
}
SIBLINGS = {"table", "zalopay", "metrics", *EDGES}
# The other parts that each part of `infra` may import, beside the topology, which all may import.
READS = {
    "aws": set[str](),
    "contracts": set[str](),
    "delivery": {"aws", "doctor"},
    "doctor": {"aws"},
    "local": {"operator", "zalopay_simulator"},
    "operator": {"aws"},
    "restore": {"aws", "operator"},
    "zalopay_simulator": set[str](),
}
# The repositories and clients that a workflow of several functions uses.
USE_CASES = {
    "settlement": {"settlement", "table", "zalopay", "metrics"},
    "checkout": {"settlement", "table", "zalopay", "metrics"},
    "answers": {"checkout", "settlement", "table"},
    "auction_events": {"table"},
    "refunds": {"table", "zalopay"},
    "subscription": {"connections", "frames", "tokens", "table"},
}
SPEAKS_TO_ZALOPAY = {"payments", "bookings", "auctions", "reconciliation"}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, also inside functions. Relative imports get their full name."""
    return tuple(named_in(path))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


def named_in(path: Path) -> Iterator[str]:
    package = path.relative_to(LAYER if LAYER in path.parents else ROOT).parts[:-1]
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{each.name}" for each in node.names)


def roots(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def sibling(name: str) -> str | None:
    """`table` of `stays.table.keys`, `http` of `stays.edge.http`."""
    parts = [part for part in name.split(".") if part != "edge"]
    return parts[1] if parts[0] == "stays" and len(parts) > 1 else None


def calls(path: Path) -> set[str]:
    return {ast.unparse(node.func) for node in nodes(path) if isinstance(node, ast.Call)}


def test_every_part_of_the_project_has_modules() -> None:
    assert len(PACKAGE) > 15
    assert len(HANDLERS) == len(FUNCTIONS)
    assert len(SIMULATOR) > 5
    modules = {path.parent.name if path.name == "__init__.py" else path.stem for path in PACKAGE}
    assert modules > SIBLINGS | set(USE_CASES)


@pytest.mark.parametrize("path", PACKAGE, ids=named)
def test_siblings_in_stays_never_import_each_other_and_only_use_cases_join_them(path: Path) -> None:
    own = sibling(".".join(path.relative_to(LAYER).with_suffix("").parts))
    others = {sibling(name) for name in imports(path)} & (SIBLINGS | set(USE_CASES))
    assert others <= USE_CASES.get(own, {own})


@pytest.mark.parametrize("path", sorted((LAYER / "stays" / "aws").glob("*.py")), ids=named)
def test_the_client_layer_knows_only_the_domain(path: Path) -> None:
    assert {sibling(name) for name in imports(path)} <= {None, "aws", "domain"}


@pytest.mark.parametrize("path", PACKAGE, ids=named)
def test_stays_imports_neither_functions_nor_infra_nor_tests(path: Path) -> None:
    assert not roots(path) & {"functions", "infra", "tests", *FUNCTIONS}


@pytest.mark.parametrize("path", sorted((LAYER / "stays" / "domain").glob("*.py")), ids=named)
def test_the_domain_is_pure(path: Path) -> None:
    assert roots(path) <= sys.stdlib_module_names | {"pydantic", "stays"}
    assert {sibling(name) for name in imports(path)} <= {None, "domain"}
    assert not roots(path) & {"os", "socket", "time", "random", "secrets", "threading", "subprocess", "urllib", "io"}


@pytest.mark.parametrize("path", PACKAGE, ids=named)
def test_the_environment_the_clock_and_clients_live_in_the_functions(path: Path) -> None:
    if path.parent.name == "aws":
        return  # as every SDK, it reads AWS's own variables, and a write has an id of its own
    assert "os" not in roots(path)
    assert not calls(path) & {"datetime.now", "datetime.utcnow", "date.today", "time.time", "boto3.client", "uuid4"}
    assert "boto3" not in set(imports(path))


@pytest.mark.parametrize("path", PACKAGE, ids=named)
def test_only_the_wires_own_modules_see_the_errors_of_their_libraries(path: Path) -> None:
    inside = path.relative_to(LAYER / "stays").parts
    wires = {("zalopay", "client.py"), ("zalopay", "deadline.py"), ("edge", "legacy.py")}
    assert not roots(path) & {"httpx", "httpcore"} or inside in wires
    assert "botocore" not in roots(path) or inside in {("edge", "bus.py"), ("edge", "mail", "__init__.py")}
    assert "pycurl" not in roots(path) or inside == ("aws", "curl.py")


@pytest.mark.parametrize("path", HANDLERS, ids=named)
def test_functions_never_import_functions_or_infra(path: Path) -> None:
    assert not roots(path) & {"functions", "infra", "tests", *(each.stem for each in HANDLERS)}


@pytest.mark.parametrize("path", HANDLERS, ids=named)
def test_a_function_bears_no_name_of_the_standard_library_and_is_in_the_topology(path: Path) -> None:
    assert path.stem not in sys.stdlib_module_names
    assert path.stem in FUNCTIONS


@pytest.mark.parametrize("path", HANDLERS, ids=named)
def test_a_function_ends_with_its_handler(path: Path) -> None:
    last = ast.parse(path.read_text()).body[-1]
    assert isinstance(last, ast.FunctionDef)
    assert last.name == "handler"
    assert [argument.arg for argument in last.args.args] == ["event", "context"]


@pytest.mark.parametrize("path", HANDLERS, ids=named)
def test_a_function_is_given_the_settings_that_it_reads_and_no_others(path: Path) -> None:
    read = {
        node.slice.value
        for node in nodes(path)
        if isinstance(node, ast.Subscript)
        and ast.unparse(node.value) == "os.environ"
        and isinstance(node.slice, ast.Constant)
    }
    assert read == set(FUNCTIONS[path.stem].environment)
    asked = {
        node.args[0].value
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "os.environ.get"
        and isinstance(node.args[0], ast.Constant)
    }
    assert asked == set(FUNCTIONS[path.stem].optional)


@pytest.mark.parametrize("path", HANDLERS, ids=named)
def test_only_functions_that_speak_to_zalopay_name_its_client(path: Path) -> None:
    clients = ("stays.zalopay.client", "stays.zalopay.deadline", "httpx", "httpcore")
    named_client = any(name.startswith(clients) for name in imports(path))
    assert named_client is (path.stem in SPEAKS_TO_ZALOPAY)


def test_nothing_outside_of_infra_imports_it_but_tests_and_the_app() -> None:
    sources = [path for folder in ("functions", "layers") for path in (ROOT / folder).rglob("*.py")]
    assert sources
    assert [path for path in [*sources, *ROOT.glob("*.py")] if path.name != "app.py" and "infra" in roots(path)] == []


@pytest.mark.parametrize("path", [each for each in INFRASTRUCTURE if each.parent != ROOT / "infra"], ids=named)
def test_the_parts_of_infra_read_the_topology_and_little_of_each_other(path: Path) -> None:
    part = path.relative_to(ROOT / "infra").parts[0]
    read = {name.split(".")[1] for name in imports(path) if name.startswith("infra.")}
    assert read <= {part, "topology", "peak", *READS[part]}


def test_the_topology_is_data_and_imports_only_typing() -> None:
    assert roots(ROOT / "infra" / "topology.py") == {"typing"}


@pytest.mark.parametrize("path", SIMULATOR, ids=named)
def test_the_simulator_shares_nothing_with_stays(path: Path) -> None:
    assert not roots(path) & {"stays", "functions", *FUNCTIONS}


@pytest.mark.parametrize("path", INFRASTRUCTURE, ids=named)
def test_infra_runs_functions_by_name_and_imports_none(path: Path) -> None:
    assert not roots(path) & {"functions", "tests", *FUNCTIONS}
