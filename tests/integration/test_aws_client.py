"""The client of AWS over a real wire: signatures, deadlines, retries, errors, connections. botocore is the oracle."""

import json
import ssl
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import certifi
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials
from botocore.exceptions import ClientError, ParamValidationError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import stays.aws.curl
from stays.aws.client import AT_ONCE, S3, AwsError, DynamoDB, Management, SecretsManager, Timeouts
from stays.aws.curl import Credentials
from tests.integration.aws_server import Received, Reply, Server, serving
from tests.proof.simulation.random_requests import request_of

QUICK = Timeouts(connecting=0.3, attempt=0.4, whole=1.0)
LAMBDA = Credentials("AKIDEXAMPLE", "wJalr/XUtnFEMI+K7MDENG", "a/token+of=Lambda")
KEY = {"PK": {"S": "a"}, "SK": {"S": "b"}}
OPERATIONS = {
    "get_item": "GetItem",
    "batch_get_item": "BatchGetItem",
    "query": "Query",
    "scan": "Scan",
    "put_item": "PutItem",
    "update_item": "UpdateItem",
    "delete_item": "DeleteItem",
    "transact_write_items": "TransactWriteItems",
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as running:
        yield running


@pytest.fixture
def dynamodb(server: Server, monkeypatch: pytest.MonkeyPatch) -> DynamoDB:
    monkeypatch.setenv(DynamoDB.variable, server.url)
    return DynamoDB(QUICK, LAMBDA)


def read(client: DynamoDB) -> Any:
    return client.get_item(TableName="stays", Key=KEY)


def refusal(code: str, status: int = 400, **more: Any) -> Reply:
    return Reply(status, json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", **more}).encode())


# The wire


def signature_of(got: Received, service: str, url: str) -> str:
    """The Authorization header that botocore computes for what arrived."""
    names = got.headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    sent = {
        name: value for name, value in got.headers.items() if name.lower() in names and name.lower() != "x-amz-date"
    }
    request = AWSRequest(got.method, url + got.path, sent, got.body)
    request.context["timestamp"] = got.headers["X-Amz-Date"]
    signer = SigV4Auth(BotoCredentials(*LAMBDA), service, "ap-southeast-1")
    request.headers["X-Amz-Date"] = got.headers["X-Amz-Date"]
    text = signer.canonical_request(request)
    scope = signer.credential_scope(request)
    signed = signer.signature(signer.string_to_sign(request, text), request)
    return f"AWS4-HMAC-SHA256 Credential={LAMBDA.key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={signed}"


def test_objects_are_signed_as_botocore_signs_them(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    for name, value in zip(("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"), LAMBDA, strict=True):
        monkeypatch.setenv(f"AWS_{name}", value)
    S3("stays-dev-records-1").put("aside/notifier/2026-11-27T00.00.00-1-2.json", b"{}")
    (got,) = server.received
    assert (got.method, got.path) == ("PUT", "/stays-dev-records-1/aside/notifier/2026-11-27T00.00.00-1-2.json")
    assert got.headers["x-amz-content-sha256"] == sha256(b"{}").hexdigest()
    assert got.headers["Authorization"] == signature_of(got, "s3", server.url)


def test_requests_are_signed_as_botocore_signs_them(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DynamoDB.variable, server.url)
    monkeypatch.setenv(SecretsManager.variable, server.url)
    for name, value in zip(("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"), LAMBDA, strict=True):
        monkeypatch.setenv(f"AWS_{name}", value)
    read(DynamoDB())
    SecretsManager().get_secret_value(SecretId="zalopay-key1")
    browsers = Management(f"{server.url}/prod")
    browsers.post("L0SM9cOFvHcCIhw=", "Nhà Gỗ".encode())
    browsers.delete("a+b/c==")
    services = ("dynamodb", "secretsmanager", "execute-api", "execute-api")
    for got, service in zip(server.received, services, strict=True):
        assert got.headers["Authorization"] == signature_of(got, service, server.url)
        assert got.headers["x-amz-security-token"] == LAMBDA.token
    assert [(got.method, got.path) for got in server.received] == [
        ("POST", "/"),
        ("POST", "/"),
        ("POST", "/prod/@connections/L0SM9cOFvHcCIhw%3D"),
        ("DELETE", "/prod/@connections/a%2Bb%2Fc%3D%3D"),
    ]
    assert [got.body for got in server.received[1:]] == [b'{"SecretId": "zalopay-key1"}', "Nhà Gỗ".encode(), b""]


def test_every_operation_asks_what_botocore_asks_and_reads_its_answers_alike() -> None:
    """1,000 random requests of each operation through both, up to the wire, with answers and errors of all kinds."""
    done: Counter[str] = Counter()
    ours, theirs = DynamoDB(), Theirs()
    for number in range(100_000):
        method, request = request_of(number)
        operation = OPERATIONS.get(method)
        if operation is None or done[operation] >= 1000:
            continue
        try:
            wanted = theirs.ask(method, request, number)
        except ParamValidationError:
            continue
        assert asked(ours, method, request, number) == wanted
        done[operation] += 1
        if min(done[each] for each in OPERATIONS.values()) == 1000:
            break
    assert done == dict.fromkeys(OPERATIONS.values(), 1000)


ANSWERS = (
    Reply(200, json.dumps({"Item": {**KEY, "n": {"N": "1.50"}, "l": {"L": [{"NULL": True}]}}, "Count": 1}).encode()),
    Reply(200, b"{}"),
    refusal("ConditionalCheckFailedException", message="The conditional request failed", Item=KEY),
    refusal(
        "TransactionCanceledException",
        Message="cancelled",
        CancellationReasons=[{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": KEY, "Message": "no"}],
    ),
    refusal("ResourceNotFoundException", message="no such table"),
    Reply(400, b'{"__type":"AccessDeniedException"}'),
    Reply(403, b"<html>"),
    Reply(413, b""),
)
SHOWN = ("Item", "Items", "Responses", "UnprocessedKeys", "Attributes", "Count", "LastEvaluatedKey")


class Theirs:
    """boto3's client, whose requests end before they are sent."""

    def __init__(self) -> None:
        once = Config(retries={"total_max_attempts": 1}, account_id_endpoint_mode="disabled")
        self._client = boto3.client("dynamodb", config=once)
        self._client.meta.events.register_first("before-send", self._answer)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        self.wire = (target.decode(), request.headers["Content-Type"].decode(), json.loads(request.body))
        raw = type("Raw", (), {"stream": lambda _: iter([self.reply.body])})()
        return AWSResponse(request.url, self.reply.status, self.reply.headers, raw)

    def ask(self, method: str, request: Any, number: int) -> Any:
        self.reply = ANSWERS[number % len(ANSWERS)]
        try:
            answer = getattr(self._client, method)(**request)
        except ClientError as error:
            return without_token(self.wire), said(error.response["Error"]["Code"], error.response)
        return without_token(self.wire), {name: answer[name] for name in SHOWN if name in answer}


def asked(client: DynamoDB, method: str, request: Any, number: int) -> Any:
    """What our client sends, and makes of the answer."""
    reply, wires = ANSWERS[number % len(ANSWERS)], []

    def send(attempt: Any) -> stays.aws.curl.Answer:
        headers = dict(line.split(": ", 1) for line in attempt.headers if ": " in line)
        wires.append((headers["X-Amz-Target"], headers["Content-Type"], json.loads(attempt.body)))
        lines = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        return stays.aws.curl.Answer(reply.status, lines.encode(), reply.body)

    client._wire.send = send  # type: ignore[method-assign]
    try:
        answer = getattr(client, method)(**request)
    except AwsError as error:
        return without_token(wires[0]), said(error.code, error.answer)
    shown = OUTPUTS[method]
    return without_token(wires[0]), {name: answer[name] for name in SHOWN if name in answer and name in shown}


OUTPUTS = {
    method: set(boto3.client("dynamodb").meta.service_model.operation_model(operation).output_shape.members)
    for method, operation in OPERATIONS.items()
}


def without_token(wire: tuple[str, str, Any]) -> Any:
    """A transaction has an id of its own each time, with both clients."""
    token = wire[2].pop("ClientRequestToken", None)
    return (*wire, token is not None)


def said(code: str, answer: Any) -> Any:
    """The parts of an error that we read."""
    return code, answer.get("Item"), answer.get("CancellationReasons")


# Errors and retries


@pytest.mark.parametrize(
    "passing",
    [
        refusal("ProvisionedThroughputExceededException"),
        refusal("ThrottlingException"),
        refusal("TransactionInProgressException"),
        refusal("RequestLimitExceeded"),
        Reply(429),
        Reply(500),
        Reply(503, b"<html>busy"),
        Reply(seconds=0.6),
        Reply(body=b"{}" * 50, trickling=0.02),
    ],
    ids=str,
)
def test_a_passing_error_is_tried_again(server: Server, dynamodb: DynamoDB, passing: Reply) -> None:
    server.replies.extend([passing, Reply(body=b'{"Item": {}}')])
    assert read(dynamodb) == {"Item": {}}
    assert len({got.body for got in server.received}) == 1
    assert len(server.received) == 2


@pytest.mark.parametrize("code", ["ValidationException", "ConditionalCheckFailedException", "AccessDeniedException"])
def test_a_lasting_error_is_raised_at_once(server: Server, dynamodb: DynamoDB, code: str) -> None:
    server.replies.append(refusal(code, Item=KEY))
    with pytest.raises(AwsError, match=code) as raised:
        read(dynamodb)
    assert (raised.value.status, raised.value.answer["Item"], len(server.received)) == (400, KEY, 1)


def test_three_attempts_are_all(server: Server, dynamodb: DynamoDB) -> None:
    server.replies.extend([Reply(500)] * 9)
    with pytest.raises(AwsError, match="500"):
        read(dynamodb)
    assert len(server.received) == 3


def test_a_transaction_that_is_sent_again_has_the_same_token_and_the_next_another(
    server: Server, dynamodb: DynamoDB
) -> None:
    server.replies.append(Reply(500))
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[])
    tokens = [json.loads(got.body)["ClientRequestToken"] for got in server.received]
    assert tokens[0] == tokens[1] != tokens[2]
    assert len(tokens[0]) <= 36


@pytest.mark.parametrize(
    "silent", [Reply(seconds=30), Reply(body=b"{}" * 99, trickling=0.1)], ids=["hangs", "trickles"]
)
def test_a_whole_call_has_an_end(server: Server, dynamodb: DynamoDB, silent: Reply) -> None:
    server.decide = lambda _: silent
    began = time.monotonic()
    with pytest.raises(AwsError, match="libcurl 28") as raised:
        read(dynamodb)
    assert raised.value.status == 0
    assert time.monotonic() - began < QUICK.whole + 0.3
    assert 2 <= len(server.received) <= 3


def test_a_refused_connection_is_an_error_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DynamoDB.variable, "http://127.0.0.1:9")
    with pytest.raises(AwsError) as raised:
        read(DynamoDB(QUICK))
    assert (str(raised.value), raised.value.status, raised.value.answer) == ("libcurl 7", 0, {})


def test_calls_with_other_time_limits_use_the_same_connection(server: Server, dynamodb: DynamoDB) -> None:
    hurried = dynamodb.with_timeouts(Timeouts(attempt=0.1, whole=0.2, attempts=1))
    read(dynamodb)
    server.replies.append(Reply(seconds=0.3))
    with pytest.raises(AwsError):
        read(hurried)
    assert len({got.connection for got in server.received}) == 1


# Connections


def test_connections_are_kept(server: Server, dynamodb: DynamoDB) -> None:
    for _ in range(5):
        read(dynamodb)
    assert len({got.connection for got in server.received}) == 1


def test_after_a_thaw_a_closed_connection_is_replaced_by_one_request(server: Server, dynamodb: DynamoDB) -> None:
    read(dynamodb)
    server.hang_up()
    assert read(dynamodb) == {}
    assert len(server.received) == 2
    browsers = Management(server.url)
    browsers.post_all([("a=", [b"1"]), ("b=", [b"2"])], 8)
    server.hang_up()
    assert browsers.post_all([("a=", [b"3"]), ("b=", [b"4"])], 8) == [None, None]
    assert sorted(got.body for got in server.received[2:]) == [b"1", b"2", b"3", b"4"]


def test_threads_get_their_own_answers(server: Server, dynamodb: DynamoDB) -> None:
    server.decide = lambda got: Reply(body=got.body, seconds=0.001)

    def ask(number: int) -> int:
        return int(dynamodb.ask("GetItem", {"number": number})["number"])

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(500))) == list(range(500))
    assert len({got.connection for got in server.received}) <= 16


def test_an_answer_is_read_before_another_thread_gets_the_handle(server: Server, dynamodb: DynamoDB) -> None:
    others: list[Any] = []

    class Free(deque[Any]):
        def append(self, handle: Any) -> None:
            super().append(handle)
            if not others:
                others.append("asks")
                with pytest.raises(AwsError):
                    read(dynamodb)

    dynamodb._wire._free = Free()
    server.replies.extend([Reply(body=b'{"Item": {}}'), refusal("ValidationException")])
    assert read(dynamodb) == {"Item": {}}
    assert len({got.connection for got in server.received}) == 1


# TLS


@pytest.fixture
def secure(tmp_path: Path, server: Server) -> Path:
    """The server speaks TLS; its certificate has no other issuer than itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (tmp_path / "key.pem").write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, form, plain))
    (tmp_path / "roots.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return tmp_path / "roots.pem"


def test_only_a_server_that_a_known_root_vouches_for_is_asked(
    secure: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DynamoDB.variable, f"https://localhost:{server.server_port}")
    with pytest.raises(AwsError, match="libcurl 60"):
        read(DynamoDB(QUICK))
    assert server.received == []
    monkeypatch.setenv("AWS_CA_BUNDLE", str(secure))
    assert read(DynamoDB(QUICK)) == {}


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # that of Starfield is 0
def test_the_roots_are_amazons_and_still_trusted() -> None:
    ours = x509.load_pem_x509_certificates(Path(stays.aws.curl.ROOTS).read_bytes())
    trusted = {each.strip() for each in Path(certifi.where()).read_text().split("-----END CERTIFICATE-----")}
    for each in ours:
        pem = each.public_bytes(serialization.Encoding.PEM).decode().partition("-----END")[0].strip()
        assert any(block.endswith(pem) for block in trusted), each.subject
        assert each.not_valid_after_utc > datetime(2035, 1, 1, tzinfo=UTC)
    names = sorted(each.subject.rfc4514_string().split(",")[0] for each in ours)
    assert names == [
        *(f"CN=Amazon Root CA {number}" for number in range(1, 5)),
        "CN=Starfield Services Root Certificate Authority - G2",
    ]


# Many at once


def test_each_connection_gets_its_frames_in_order_and_a_slow_one_delays_no_other(server: Server) -> None:
    server.decide = lambda got: Reply(seconds=0.5 if got.path.endswith("slow") else 0.01)
    names = ["slow", *(f"c{number}" for number in range(99))]
    began = time.monotonic()
    errors = Management(server.url).post_all([(name, [b"1", b"2", b"3"]) for name in names], 20)
    assert errors == [None] * 100
    took = time.monotonic() - began
    for name in names:
        assert [got.body for got in server.received if got.path.endswith(f"/{name}")] == [b"1", b"2", b"3"]
    assert 10 < server.most_open <= 20
    assert took < 3
    last = max(position for position, got in enumerate(server.received) if not got.path.endswith("slow"))
    assert sum(got.path.endswith("slow") for got in server.received[last:]) >= 1


def test_a_queue_ends_at_its_first_error_and_the_others_go_on(server: Server) -> None:
    def decide(got: Received) -> Reply:
        if got.path.endswith("gone") and got.body == b"2":
            return Reply(410, b'{"message": "gone"}', {"X-Amzn-Errortype": "GoneException"})
        return Reply(403 if got.path.endswith("forbidden") else 200)

    server.decide = decide
    queues = [(name, [b"1", b"2", b"3"]) for name in ("gone", "good", "forbidden")]
    gone, good, forbidden = Management(server.url).post_all(queues, 2)
    assert gone
    assert forbidden
    assert (gone.code, gone.status, good, forbidden.code) == ("GoneException", 410, None, "403")
    assert Counter(got.path.rpartition("/")[2] for got in server.received) == {"gone": 2, "good": 3, "forbidden": 1}


def test_pauses_before_further_attempts_delay_no_other_call(server: Server) -> None:
    tried: Counter[str] = Counter()

    def decide(got: Received) -> Reply:
        tried[got.path] += 1
        return Reply(429 if tried[got.path] < 3 else 200)

    server.decide = decide
    assert Management(server.url).post_all([(f"c{number}", [b"1"]) for number in range(200)], 64) == [None] * 200
    assert set(tried.values()) == {3}


def test_a_connection_that_hangs_is_given_up_after_the_time_of_a_post(server: Server) -> None:
    server.decide = lambda got: Reply(seconds=30 if got.path.endswith("hangs") else 0)
    browsers = Management(server.url, Timeouts(attempt=0.2, whole=0.5))
    began = time.monotonic()
    hangs, good = browsers.post_all([("hangs", [b"1", b"2"]), ("good", [b"1"])], 8)
    assert hangs
    assert (hangs.status, good) == (0, None)
    assert time.monotonic() - began < 1


def test_without_messages_no_call_is_made_to_the_gateway() -> None:
    assert Management("http://127.0.0.1:9").post_all([], 8) == []
    assert Management("http://127.0.0.1:9").post_all([("a", [])], 8) == [None]


def test_many_questions_are_asked_together_and_answered_in_order(server: Server, dynamodb: DynamoDB) -> None:
    server.decide = lambda got: Reply(body=got.body, seconds=0.02)
    numbers = list(range(200))
    assert [each["number"] for each in dynamodb.query_many([{"number": number} for number in numbers])] == numbers
    assert 1 < server.most_open <= AT_ONCE


def test_one_error_among_many_answers_is_raised(server: Server, dynamodb: DynamoDB) -> None:
    server.decide = lambda got: refusal("ResourceNotFoundException") if b"7" in got.body else Reply()
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        dynamodb.query_many([{"number": number} for number in range(10)])
    assert len(server.received) == 10


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"Item":', b"\xff"])
def test_an_answer_that_is_no_json_object_is_an_error(server: Server, dynamodb: DynamoDB, body: bytes) -> None:
    server.replies.append(Reply(body=body))
    with pytest.raises(AwsError, match="UnreadableAnswer") as raised:
        read(dynamodb)
    assert (raised.value.status, len(server.received)) == (200, 1)
