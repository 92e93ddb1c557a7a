"""The command line of the local run, its environment for functions, and its terminal output."""

from pathlib import Path

import pytest

from infra.local.environment import Addresses, environments
from infra.local.settings import Settings, read_settings
from infra.local.terminal import banner, readable
from infra.topology import FUNCTIONS

ADDRESSES = Addresses("http://localhost:1", "ws://localhost:2", "http://localhost:3", "http://127.0.0.1:4")


def test_without_options_the_defaults_are_used() -> None:
    assert read_settings([], {}) == Settings()


def test_ports_come_from_the_environment_and_options_win() -> None:
    environment = {"HTTP_PORT": "9000", "WEBSOCKET_PORT": "9080", "SIMULATOR_PORT": ""}
    settings = read_settings(["--websocket-port", "0"], environment)
    assert (settings.http_port, settings.websocket_port, settings.simulator_port) == (9000, 0, 8001)


def test_the_legacy_backend_comes_from_the_environment_and_the_option_wins() -> None:
    environment = {"LEGACY_API_URL": "https://old.example/api/v1/"}
    assert read_settings([], environment).legacy == "https://old.example/api/v1"
    assert read_settings(["--legacy", "http://localhost:9999"], environment).legacy == "http://localhost:9999"
    assert read_settings([], {"LEGACY_API_URL": ""}).legacy is None


@pytest.mark.parametrize(
    "url", ["old.example", "ftp://old.example", "http://", "http://old.example/api/v1?x=1", "/api"]
)
def test_what_is_no_address_of_a_backend_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    for options, environment in ((["--legacy", url], {}), ([], {"LEGACY_API_URL": url})):
        with pytest.raises(SystemExit):
            read_settings(options, environment)
        assert f"{url} is no address of a backend" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://localhost:8000/api/v1", "8000"),
        ("http://127.0.0.1:9000", "9000"),
        ("http://[::1]:8000", "8000"),
        ("http://localhost/api/v1", "80"),
    ],
)
def test_the_run_itself_is_no_legacy_backend(url: str, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_settings(["--legacy", url, "--http-port", port], {})
    assert f"--legacy {url} is the address of this run" in capsys.readouterr().err


def test_every_option_is_understood() -> None:
    options = (
        "--identity open --frontend http://a.example/ --frontend http://b.example --issuer https://x.example "
        "--audience me --legacy http://old.example/api/v1 --schedule 5 --state kept --no-seed --quiet "
        "--addresses where.json"
    )
    assert read_settings(options.split(), {}) == Settings(
        identity="open",
        frontends=("http://a.example", "http://b.example"),
        issuer="https://x.example/",
        audience="me",
        legacy="http://old.example/api/v1",
        schedule=5,
        state=Path("kept"),
        seed=False,
        quiet=True,
        addresses=Path("where.json"),
    )


@pytest.mark.parametrize(
    "options", [["--http-port", "70000"], ["--http-port", "x"], ["--schedule", "0"], ["--identity", "none"]]
)
def test_nonsense_is_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_settings(options, {})
    assert options[0] in capsys.readouterr().err


def test_a_function_gets_the_settings_of_the_topology_and_no_others() -> None:
    variables = environments(Settings(), ADDRESSES)
    assert variables.keys() == FUNCTIONS.keys()
    assert variables["notifier"]["WEBSOCKET_ENDPOINT"] == "http://localhost:2/payment-notifications"
    assert "ZALOPAY_ENDPOINT" not in variables["notifier"]
    assert variables["payments"]["CALLBACK_URL"] == "http://localhost:1/api/v1/payment/zalopay/callback"
    assert variables["connections"]["JWT_ISSUER"] == "http://localhost:1/"


def test_a_real_issuer_is_handed_on() -> None:
    variables = environments(Settings(issuer="https://x.example/"), ADDRESSES)
    assert variables["connections"]["JWT_ISSUER"] == "https://x.example/"


def test_the_banner_names_every_address() -> None:
    text = banner(ADDRESSES, None)
    assert "http://localhost:1/api/v1" in text
    assert "ws://localhost:2/payment-notifications" in text
    assert "http://localhost:3" in text
    assert "Token" not in text
    assert "Legacy" not in text
    assert "http://old.example/api/v1" in banner(ADDRESSES, None, "http://old.example/api/v1")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain text", "plain text"),
        (
            '{"level": "INFO", "message": "paid", "service": "x", "session": "S1", "empty": null}',
            "INFO paid session=S1",
        ),
        ('{"_aws": {}, "paid": 1}', None),
        ("{not json", "{not json"),
    ],
)
def test_log_lines_are_made_readable(line: str, shown: str | None) -> None:
    assert readable(line) == shown
