"""Calls to ZaloPay: the requests, and that silence and unreadable answers are UNKNOWN."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import boto3
import httpx
import pytest
import time_machine

from stays.aws.client import SecretsManager
from stays.domain.decision import Evidence, Outcome
from stays.domain.refund import RefundEvidence, RefundOutcome
from stays.zalopay import (
    Created,
    cancel_request,
    create_request,
    query_refund_request,
    query_request,
    refund_request,
)
from stays.zalopay.client import LONGEST, TIMEOUT, Client, client
from stays.zalopay.keys import Keys, NoKey
from stays.zalopay.signing import sign
from tests.conftest import KEY1
from tests.samples import APP_ID, NOW, ORDER_URL, STAY, opened, pending, refunding

ENDPOINT = "https://zalopay.example"
Answer = Callable[[httpx.Request], httpx.Response]


OTHER_KEY = "the key that came after it"


class Wire(httpx.BaseTransport):
    """Replaces ZaloPay's server: gives the prepared answers and keeps the requests."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)


@pytest.fixture
def secrets(aws: None) -> Any:
    return boto3.client("secretsmanager")


@pytest.fixture
def keys(aws: None) -> Keys:
    return Keys(SecretsManager())


@contextmanager
def speaking(wire: Wire) -> Iterator[Client]:
    with httpx.Client(base_url=ENDPOINT, transport=wire, timeout=TIMEOUT) as http:
        yield Client(http, APP_ID, lambda *, fresh=False: OTHER_KEY if fresh else KEY1)


def says(content: Any, status: int = 200) -> Answer:
    return lambda _: httpx.Response(status, json=content)


def writes(text: str | bytes, status: int = 200) -> Answer:
    return lambda _: httpx.Response(status, content=text)


def fails(error: type[httpx.RequestError]) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error("no", request=request)

    return answer


def everything(zalopay: Client) -> tuple[Any, ...]:
    return (
        zalopay.create_order(opened(), "r", "c"),
        zalopay.query(pending(), "poll"),
        zalopay.refund(refunding(), NOW),
        zalopay.query_refund(refunding(), NOW),
        zalopay.cancel_order(pending()),
    )


# The evidence of silence and of unreadable answers.
NOTHING = (
    Evidence(source="create", outcome=Outcome.UNKNOWN),
    Evidence(source="poll", outcome=Outcome.UNKNOWN),
    RefundEvidence(RefundOutcome.UNKNOWN),
    RefundEvidence(RefundOutcome.UNKNOWN),
    False,
)


def test_the_five_calls_are_sent_as_json_to_their_paths() -> None:
    wire = Wire(says({}))
    with speaking(wire) as zalopay:
        everything(zalopay)
    sent = [(each.method, str(each.url), json.loads(each.content)) for each in wire.requests]
    assert sent == [
        ("POST", f"{ENDPOINT}/v2/create", create_request(APP_ID, KEY1, opened(), "r", "c")),
        ("POST", f"{ENDPOINT}/v2/query", query_request(APP_ID, KEY1, pending().app_trans_id)),
        ("POST", f"{ENDPOINT}/v2/refund", refund_request(APP_ID, KEY1, refunding(), NOW)),
        ("POST", f"{ENDPOINT}/v2/query_refund", query_refund_request(APP_ID, KEY1, refunding(), NOW)),
        ("POST", f"{ENDPOINT}/v2/cancel", cancel_request(APP_ID, KEY1, pending().app_trans_id)),
    ]
    assert {each.headers["content-type"] for each in wire.requests} == {"application/json"}


def test_each_answer_is_read_by_the_tables_of_its_own_call() -> None:
    answers = {
        "/v2/create": {"return_code": 1, "order_url": ORDER_URL},
        "/v2/query": {"return_code": 2, "sub_return_code": -101},
        "/v2/refund": {"return_code": 2, "sub_return_code": -101},
        "/v2/query_refund": {"return_code": 2, "sub_return_code": -101},
        "/v2/cancel": {"return_code": 1, "sub_return_code": 1},
    }
    with speaking(Wire(lambda request: httpx.Response(200, json=answers[request.url.path]))) as zalopay:
        assert everything(zalopay) == (
            Created(ORDER_URL),
            Evidence(source="poll", outcome=Outcome.NOT_FOUND, code=-101),
            RefundEvidence(RefundOutcome.REFUSED, -101),
            RefundEvidence(RefundOutcome.NOT_FOUND, -101),
            True,
        )


def test_a_signature_that_is_not_known_is_made_again_with_a_fresh_key() -> None:
    def knows_the_new_key(request: httpx.Request) -> httpx.Response:
        form = json.loads(request.content)
        signed = sign(OTHER_KEY, APP_ID, form["app_trans_id"], OTHER_KEY) == form["mac"]
        return httpx.Response(200, json={"return_code": 3 if signed else 2, "sub_return_code": 3 if signed else -402})

    with speaking(wire := Wire(knows_the_new_key)) as zalopay:
        assert zalopay.query(pending(), "poll").outcome is Outcome.UNPAID
    assert len(wire.requests) == 2


def test_money_is_recognised_through_the_whole_client() -> None:
    answer = {"return_code": 1, "amount": 900_000, "zp_trans_id": 261122000000175, "server_time": 1795316400000}
    with speaking(Wire(says(answer))) as zalopay:
        assert zalopay.query(pending(), "schedule") == Evidence(
            source="schedule",
            outcome=Outcome.PAID,
            transaction_id="261122000000175",
            amount=900_000,
            paid_at=datetime(2026, 11, 22, 3, 0, tzinfo=UTC),
        )


@pytest.mark.parametrize(
    "answer",
    [
        fails(httpx.ConnectError),
        fails(httpx.ConnectTimeout),
        fails(httpx.ReadTimeout),
        fails(httpx.WriteError),
        fails(httpx.RemoteProtocolError),
        fails(httpx.DecodingError),
        says({"return_code": 1, "order_url": ORDER_URL, "amount": 1, "zp_trans_id": 1}, 500),
        says({"return_code": 1, "order_url": ORDER_URL, "amount": 1, "zp_trans_id": 1}, 201),
        says({"return_code": 2, "sub_return_code": -54}, 403),
        writes("", 302),
        writes(""),
        writes("<html><body>502 Bad Gateway</body></html>"),
        writes('{"return_code": 1'),
        writes(b"\xff\xfe\xfd"),
        writes("[" * 200_000),
        writes('{"return_code": ' + "1" * 5000 + "}"),
        writes('{"return_code": Infinity}'),
        says([{"return_code": 1}]),
        says("return_code"),
        says(1),
        says(None),
        says({}),
    ],
)
def test_silence_and_nonsense_are_unknown_and_never_a_failure(answer: Answer) -> None:
    with speaking(Wire(answer)) as zalopay:
        assert everything(zalopay) == NOTHING


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\r\n "])
def test_an_answer_may_begin_with_a_byte_order_mark(mark: bytes) -> None:
    answer = mark + json.dumps({"return_code": "1", "order_url": ORDER_URL}).encode()
    with speaking(Wire(writes(answer))) as zalopay:
        assert zalopay.create_order(opened(), "r", "c") == Created(ORDER_URL)


class Lost:
    """A key that cannot be read: never, or not when a fresh one is needed."""

    def __init__(self, key: str | None = None) -> None:
        self.key = key

    def __call__(self, *, fresh: bool = False) -> str:
        if fresh or self.key is None:
            raise NoKey("zalopay-key1")
        return self.key


@pytest.mark.parametrize("key", [None, KEY1])
def test_without_a_key_nothing_is_said(key: str | None) -> None:
    wire = Wire(says({"return_code": -402}))
    with httpx.Client(base_url=ENDPOINT, transport=wire) as http:
        assert everything(Client(http, APP_ID, Lost(key))) == NOTHING
    assert len(wire.requests) == (5 if key else 0)


def test_a_call_takes_no_longer_than_the_function_can_wait_for_three() -> None:
    assert [TIMEOUT.connect, TIMEOUT.read, TIMEOUT.write, TIMEOUT.pool] == [2.0, 4.0, 4.0, 4.0]
    assert LONGEST == 6.0


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    names = ("path", "httpStatus", "trouble", "returnCode", "subReturnCode", "appTransId", "refundId")
    lines = [vars(record) for record in caplog.records]
    return [{name: line[name] for name in names if line.get(name) is not None} for line in lines]


ORDER = {"appTransId": pending().app_trans_id}
REFUND = {"refundId": f"261122_2553_{STAY}"}
SAID_NOTHING = [
    (says({"return_code": 2, "sub_return_code": -500}), {"httpStatus": 200, "returnCode": 2, "subReturnCode": -500}),
    (says({"return_code": "-429"}), {"httpStatus": 200, "returnCode": -429}),
    (says({"return_code": "no " * 99}), {"httpStatus": 200, "returnCode": "no no no no no no no"}),
    (says({"return_code": {"x": [1]}}), {"httpStatus": 200, "returnCode": "dict"}),
    (says({"mac": "m", "other": 1}), {"httpStatus": 200}),
    (says({"return_code": 1}, 502), {"httpStatus": 502}),
    (writes("<html>"), {"httpStatus": 200, "trouble": "no JSON"}),
    (fails(httpx.ReadTimeout), {"trouble": "ReadTimeout"}),
]


@pytest.mark.parametrize(("answer", "codes"), SAID_NOTHING)
def test_what_says_nothing_is_logged_with_its_codes_and_nothing_else(
    caplog: pytest.LogCaptureFixture, answer: Answer, codes: dict[str, Any]
) -> None:
    with speaking(Wire(answer)) as zalopay:
        everything(zalopay)
    assert logged(caplog) == [
        {"path": "/v2/create", **ORDER, **codes},
        {"path": "/v2/query", **ORDER, **codes},
        {"path": "/v2/refund", **REFUND, **codes},
        {"path": "/v2/query_refund", **REFUND, **codes},
        {"path": "/v2/cancel", **ORDER, **codes},
    ]
    assert {(record.levelno, record.getMessage()) for record in caplog.records} == {
        (logging.WARNING, "ZaloPay says nothing")
    }


def test_what_says_something_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer = {"return_code": 1, "order_url": ORDER_URL, "amount": 1, "zp_trans_id": 1}
    with speaking(Wire(says(answer))) as zalopay:
        everything(zalopay)
    assert logged(caplog) == []


def test_the_one_client_of_a_function_signs_with_the_key_in_its_secret(aws: None) -> None:
    zalopay = client(ENDPOINT, APP_ID, partial(Keys(SecretsManager()).signing, "zalopay-key1"))
    assert zalopay.app_id == APP_ID
    wire = Wire(says({}))
    with httpx.Client(base_url=ENDPOINT, transport=wire) as http:
        Client(http, APP_ID, zalopay._key1).query(pending(), "poll")
    assert json.loads(wire.requests[0].content) == query_request(APP_ID, KEY1, pending().app_trans_id)


@pytest.mark.parametrize(
    ("secret", "found"),
    [
        ({"current": "new"}, ["new"]),
        ({"previous": "old", "current": "new"}, ["new", "old"]),
        ({"current": "new", "previous": ""}, ["new"]),
        ({"current": "new", "note": "x"}, ["new"]),
    ],
)
def test_the_current_key_comes_first_and_the_previous_one_is_accepted_too(
    secrets: Any, keys: Keys, secret: dict[str, str], found: list[str]
) -> None:
    secrets.put_secret_value(SecretId="zalopay-key1", SecretString=json.dumps(secret))
    assert keys.accepted("zalopay-key1") == found
    assert keys.signing("zalopay-key1") == "new"


def test_a_key_is_kept_for_a_while_unless_it_is_wanted_fresh(secrets: Any, keys: Keys) -> None:
    assert keys.accepted("zalopay-key1") == [KEY1]
    secrets.put_secret_value(SecretId="zalopay-key1", SecretString='{"current": "new"}')
    assert keys.accepted("zalopay-key1") == [KEY1]
    assert keys.accepted("zalopay-key1", fresh=True) == ["new"]
    assert keys.accepted("zalopay-key1") == ["new"]


def test_a_signing_key_is_kept_as_long_as_any_other(secrets: Any, keys: Keys) -> None:
    assert keys.signing("zalopay-key1") == KEY1
    secrets.put_secret_value(SecretId="zalopay-key1", SecretString='{"current": "new"}')
    assert keys.signing("zalopay-key1") == KEY1
    assert keys.signing("zalopay-key1", fresh=True) == "new"


def test_a_key_is_kept_for_five_minutes(secrets: Any, keys: Keys) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        assert keys.signing("zalopay-key1") == KEY1
        secrets.put_secret_value(SecretId="zalopay-key1", SecretString='{"current": "new"}')
        clock.shift(300)
        assert keys.signing("zalopay-key1") == KEY1
        clock.shift(1)
        assert keys.signing("zalopay-key1") == "new"


@pytest.mark.parametrize("text", ["no JSON", "{}", '{"current": ""}', '{"note": "x"}'])
def test_a_secret_without_a_key_signs_nothing(secrets: Any, keys: Keys, text: str) -> None:
    secrets.put_secret_value(SecretId="zalopay-key1", SecretString=text)
    with pytest.raises(NoKey):
        keys.signing("zalopay-key1")


def test_a_secret_that_is_not_there_holds_no_key(keys: Keys) -> None:
    for read in (keys.accepted, keys.signing):
        with pytest.raises(NoKey, match="zalopay-key3"):
            read("zalopay-key3")
