"""The embedded database: MiniStack as a child process on loopback, with the tables and secrets of the topology."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

import urllib3

from infra.topology import TABLES, Table
from infra.zalopay_simulator.settings import SANDBOX_KEY1, SANDBOX_KEY2

REGION = "ap-southeast-1"
# The functions send these and the engine accepts them, so no credential of a real account is ever read.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

KEY1_SECRET = "zalopay-key1"  # noqa: S105
KEY2_SECRET = "zalopay-key2"  # noqa: S105
EMAIL_KEY_SECRET = "email-key"  # noqa: S105
SECRETS = {
    KEY1_SECRET: {"current": SANDBOX_KEY1},
    KEY2_SECRET: {"current": SANDBOX_KEY2},
    EMAIL_KEY_SECRET: {"current": "addresses of this machine"},
}

_SERVICES = {"DynamoDB": "dynamodb", "DynamoDBStreams": "dynamodb", "secretsmanager": "secretsmanager"}
_START = 300.0  # seconds in which the engine must answer; it reads a kept state of 100,000 stays for a minute
_STOP = 20.0  # seconds in which it must write its data
_ROOT = Path(__file__).resolve().parents[2]


class EngineError(Exception):
    """The engine does not start, or it refuses a call. The message gives the remedy or the engine's code."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Database:
    """A running engine. `endpoint` is the value for AWS_ENDPOINT_URL_DYNAMODB and its siblings."""

    def __init__(self, folder: Path, *, keep: bool) -> None:
        """Start the engine in `folder`; with `keep` the next start finds its data again.

        Raises EngineError if it does not answer.
        """
        self._folder = folder / "engine"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._log = self._folder / "engine.log"
        port = _free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self._http = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=4, timeout=10, retries=False)
        self._process = _spawn(self._log, _environment(self._folder, port, keep=keep))
        self._wait()

    @property
    def pid(self) -> int:
        """The process id of the engine."""
        return self._process.pid

    def running(self) -> bool:
        """Say whether the engine still runs."""
        return self._process.poll() is None

    def call(self, target: str, payload: dict[str, Any]) -> Any:
        """Call an operation ("DynamoDB_20120810.PutItem") with its JSON, exactly as it goes over the wire.

        Raises EngineError with the engine's code if the engine refuses.
        """
        service = _SERVICES[re.split("[_.]", target, maxsplit=1)[0]]
        scope = f"local/20260101/{REGION}/{service}/aws4_request"
        headers = {
            "X-Amz-Target": target,
            "Content-Type": "application/x-amz-json-1.0",
            # The engine reads the region from this header and checks no signature.
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=local",
        }
        try:
            answer = self._http.request("POST", "/", body=json.dumps(payload), headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise EngineError(f"The embedded database does not answer: {error}") from error
        content = json.loads(answer.data or b"{}")
        if answer.status != HTTPStatus.OK:
            code = str(content.get("__type", "")).rpartition("#")[2]
            raise EngineError(f"{target}: {content.get('message') or content}", code)
        return content

    def create(self) -> None:
        """Create the tables and secrets that do not exist yet."""
        for name, table in TABLES.items():
            self._create_table(name, table)
        for name, keys in SECRETS.items():
            self._once("secretsmanager.CreateSecret", {"Name": name, "SecretString": json.dumps(keys)})

    def stop(self) -> None:
        """Stop the engine. With `keep` it has written its data before this returns."""
        self._http.close()
        self._process.terminate()
        try:
            self._process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()

    def _create_table(self, name: str, table: Table) -> None:
        created = self._once("DynamoDB_20120810.CreateTable", table_definition(name, table))
        if created and table.ttl:
            ttl = {"Enabled": True, "AttributeName": table.ttl}
            self.call("DynamoDB_20120810.UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": ttl})

    def _once(self, target: str, payload: dict[str, Any]) -> bool:
        try:
            self.call(target, payload)
        except EngineError as error:
            if error.code not in ("ResourceInUseException", "ResourceExistsException"):
                raise
            return False
        return True

    def _wait(self) -> None:
        deadline = time.monotonic() + _START
        while not self._ready():
            if not self.running() or time.monotonic() > deadline:
                self.stop()
                log = self._log.read_text(errors="replace")[-2000:]
                raise EngineError(f"The embedded database did not start.\n{log}")
            time.sleep(0.02)

    def _ready(self) -> bool:
        try:
            return bool(self._http.request("GET", "/_ministack/ready").status == HTTPStatus.OK)
        except urllib3.exceptions.HTTPError:
            return False


def table_definition(name: str, table: Table) -> dict[str, Any]:
    """Return the CreateTable request of a table of the topology."""
    indexes = {index: list(keys) for index, keys in table.indexes.items()}
    attributes = {"PK", "SK", *(key for keys in indexes.values() for key in keys)}
    definition: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _key_schema(["PK", "SK"]),
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in sorted(attributes)],
    }
    if indexes:
        definition["GlobalSecondaryIndexes"] = [
            {"IndexName": index, "KeySchema": _key_schema(keys), "Projection": {"ProjectionType": "ALL"}}
            for index, keys in indexes.items()
        ]
    if table.stream:
        definition["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    return definition


def _key_schema(keys: list[str]) -> list[dict[str, str]]:
    kinds = zip(keys, ("HASH", "RANGE"), strict=True)
    return [{"AttributeName": key, "KeyType": kind} for key, kind in kinds]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _environment(folder: Path, port: int, *, keep: bool) -> dict[str, str]:
    """Return the engine's whole environment: three services, and nothing of the user's accounts or containers."""
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "dynamodb,dynamodbstreams,secretsmanager",
        "MINISTACK_REGION": REGION,
        "MINISTACK_WORKER_THREADS": "8",
        "PERSIST_STATE": "1" if keep else "0",
        "STATE_DIR": str(folder / "data"),
        "TMPDIR": str(folder),
        "LOG_LEVEL": "WARNING",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # At start the engine would remove its own kind of containers. This address keeps it from finding a daemon.
        "DOCKER_HOST": f"unix://{folder / 'no-docker'}",
        "HOME": str(folder),
        **CREDENTIALS,
    }
    passed = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return passed | settings


def _spawn(log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    python = _engine_python()
    with log.open("wb") as output:
        # The engine gets its own session. Ctrl-C in the terminal then reaches only us, and we stop the engine in order.
        return subprocess.Popen(  # noqa: S603
            [python, "-P", str(Path(__file__).with_name("engine.py"))],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )


def _engine_python() -> str:
    """Find the interpreter of the engine's virtual environment. Raises EngineError if there is none."""
    chosen = os.environ.get("ENGINE_PYTHON")
    places = [Path(chosen)] if chosen else [base / "engine" for base in (Path(sys.prefix), _ROOT / ".venv")]
    for place in places:
        for python in (place, place / "bin" / "python", place / "Scripts" / "python.exe"):
            if python.is_file():
                return str(python)
    raise EngineError("The embedded database is not installed: run `make setup`.")
