"""Busy, slow or missing services: calls that only need the table `stays` still work, and none returns 500."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import boto3
import pytest

from stays.aws.client import AwsError, SecretsManager
from stays.zalopay.keys import AGAIN, KEY_AGE, Keys, NoKey
from tests.integration.messages import BINH, NIGHTS, auction_result
from tests.integration.product import Failures, failing, fault
from tests.integration.world import World

CONFLICT = "TransactionConflictException"
SIGNING = ("payments", "bookings", "auctions", "reconciliation")
SINGLE_WRITES = ("PutItem", "UpdateItem")


@contextmanager
def all_failing(world: World, *operations: str, code: str, times: float = math.inf) -> Iterator[list[Failures]]:
    """These operations fail for all functions that browsers and the bus call."""
    with ExitStack() as open_:
        yield [
            open_.enter_context(failing(world.functions[name], operation, fault(code), times=times, table="stays"))
            for name in ("payments", "bookings", "auctions", "awards", "calendars")
            for operation in operations
        ]


@pytest.mark.parametrize("times", [1, 5])
def test_a_single_write_that_meets_a_transaction_is_tried_again(world: World, times: int):
    with all_failing(world, *SINGLE_WRITES, code=CONFLICT, times=times) as faults:
        made = world.created()
        assert world.status(made["appTransId"])["status"] == "PENDING"
        assert world.http("POST", "/users/auth0-sync", {"email": "mai@example.com"}).status == 200
    assert {each.failed for each in faults} == {0, times}
    assert world.item(kind="NOTES")["PK"] == f"STAY#{made['sessionId']}"


Request = Callable[[World, dict[str, Any]], Any]
PENDING: dict[str, Request] = {
    "create": lambda world, _: world.create(NIGHTS, auction_id="1002", sub=BINH),
    "reserve": lambda world, _: world.http(
        "POST", "/bookings", {"auctionId": "1002", "selectedNights": list(NIGHTS)}, sub=BINH
    ),
    "decline": lambda world, _: world.http("POST", "/auctions/winners/1002/decline", sub=BINH),
    "profile": lambda world, _: world.http("POST", "/users/auth0-sync", {"email": "mai@example.com"}),
}
PAID: dict[str, Request] = {
    "give back": lambda world, paid: world.http("DELETE", f"/bookings/{paid['id']}"),
    "mail": lambda world, paid: world.http("POST", f"/bookings/{paid['id']}/send-confirmation"),
    "conversation": lambda world, paid: world.http("POST", f"/bookings/{paid['id']}/conversation"),
}
EVERY_WRITE = (*SINGLE_WRITES, "TransactWriteItems")


@pytest.mark.parametrize("what", [*PENDING, *PAID])
def test_a_user_who_meets_others_all_the_time_is_asked_to_come_again_and_can(world: World, what: str):
    paid = world.paid() if what in PAID else {}
    world.announce(auction_result(userId=BINH, auctionId="1002"), number=2)
    before = world.items()
    send = (PAID if what in PAID else PENDING)[what]
    with all_failing(world, *SINGLE_WRITES, code=CONFLICT), conflicting(world):
        reply = send(world, paid)
    assert (reply.status, reply.code, reply.details) == (429, "RATE_LIMIT", {"retryAfter": 1})
    assert world.items() == before
    assert send(world, paid).status == 200


@contextmanager
def conflicting(world: World) -> Iterator[None]:
    """Every transaction of the functions that browsers call meets another one."""
    error = fault("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}])
    with ExitStack() as open_:
        for name in ("payments", "bookings", "auctions"):
            open_.enter_context(failing(world.functions[name], "TransactWriteItems", error))
        yield


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException", CONFLICT])
def test_what_was_read_is_answered_also_where_nothing_can_be_written(world: World, code: str):
    world.announce(auction_result())
    made = world.create().body
    world.zalopay.pay(made["appTransId"])
    with all_failing(world, *SINGLE_WRITES, code=code), conflicting(world):
        session_id, paid = made["sessionId"], world.standing(made["sessionId"])
        assert world.status(made["appTransId"])["status"] == "PAID"
        assert world.session(session_id)["status"] == "PENDING"  # until its owner has read it (C24)
        assert world.http("GET", f"/payment/transactions/{paid['transactionId']}").body["status"] == "PAID"
        for method in ("GET", "POST"):
            assert world.http(method, f"/payment/{session_id}/booking").body["status"] == "CONFIRMED"
        assert [each["id"] for each in world.http("GET", "/user/bookings").body] == [session_id]
        assert world.http("GET", "/auctions/winners/1001").body["status"] == "PAID"
    assert world.items(kind="NOTES") == []


@pytest.mark.parametrize("code", ["ThrottlingException", CONFLICT])
def test_an_open_order_is_answered_as_it_was_read(world: World, code: str):
    made = world.created()
    with all_failing(world, *SINGLE_WRITES, code=code), conflicting(world):
        assert world.status(made["appTransId"])["status"] == "PENDING"
        world.clock.shift(1000)
        assert world.session(made["sessionId"])["status"] == "PENDING"


@pytest.mark.parametrize("code", ["ThrottlingException", "RequestLimitExceeded"])
def test_a_table_that_is_asked_too_much_is_busy_and_not_broken(world: World, code: str):
    made = world.created()
    with all_failing(world, "GetItem", "BatchGetItem", "Query", code=code):
        for path in (f"/payment/sessions/{made['sessionId']}", "/user/bookings", "/auctions/winners/1001"):
            reply = world.http("GET", path)
            assert (reply.status, reply.code) == (429, "RATE_LIMIT")


# Presence is optional


@pytest.mark.parametrize(
    "error",
    [
        fault("ResourceNotFoundException"),
        fault("ProvisionedThroughputExceededException"),
        fault("AccessDeniedException"),
        AwsError("libcurl 7"),
    ],
    ids=str,
)
def test_every_page_is_answered_where_presence_cannot_be_noted(
    world: World, error: Exception, capsys: pytest.CaptureFixture[str]
):
    world.announce(auction_result())
    with noting(world, error) as failed:
        made = world.buy()
        paid = world.standing(made["sessionId"])
        for path in (
            f"/payment/zalopay/status/{made['appTransId']}",
            f"/payment/sessions/{made['sessionId']}",
            f"/payment/transactions/{paid['transactionId']}",
            f"/payment/{made['sessionId']}/booking",
            "/auctions/winners/me",
            "/auctions/winners/1001",
            "/user/bookings",
        ):
            assert world.http("GET", path).status == 200, path
        assert [each.failed for each in failed] == [1, 1]  # of each function: not at every call
        world.clock.shift(60)
        assert world.status(made["appTransId"])["status"] == "PAID"
        assert failed[0].failed == 2
    assert capsys.readouterr().out.count('"PresenceNotNoted"') >= 3
    assert world.socket().subscribe()[0]["code"] == "FORBIDDEN"
    world.clock.shift(60)
    world.status(made["appTransId"])
    assert world.socket().subscribe()[0]["type"] == "SUBSCRIBED"


@contextmanager
def noting(world: World, error: Exception) -> Iterator[list[Failures]]:
    """The table of connections fails where presence is noted, and no other table does."""
    with ExitStack() as open_:
        yield [
            open_.enter_context(failing(world.functions[name], "PutItem", error, table="connections"))
            for name in ("payments", "auctions")
        ]


# A key that cannot be read


@contextmanager
def no_secrets(world: World, error: Exception) -> Iterator[list[Failures]]:
    """Secrets Manager fails for all functions; they have known their keys until then."""
    with ExitStack() as open_:
        failures = []
        for function, secret in (*((name, "zalopay-key1") for name in SIGNING), ("zalopay_callback", "zalopay-key2")):
            keys = world.functions[function].keys
            assert keys.accepted(secret)
            failures.append(open_.enter_context(failing(keys._secrets, "GetSecretValue", error)))
        yield failures


UNREAD = [
    fault("ResourceNotFoundException"),
    fault("AccessDeniedException"),
    AwsError("libcurl 7"),
]


@pytest.mark.parametrize("error", UNREAD, ids=str)
def test_the_key_that_was_known_last_signs_and_believes_while_its_secret_cannot_be_read(world: World, error: Exception):
    made = world.created()
    with no_secrets(world, error) as failed:
        for _ in range(2):
            world.clock.shift(KEY_AGE + 1)
            assert world.status(made["appTransId"])["status"] == "PENDING"
        assert [each["state"] for each in world.zalopay.orders()] == ["OPEN"]
        assert sum(each.failed for each in failed) == 2
        world.clock.shift(AGAIN - 10)
        world.status(made["appTransId"])
        assert sum(each.failed for each in failed) == 2
        (answer,) = world.zalopay.pay(made["appTransId"], late=True)["callbacks"]
        assert answer["verdict"] == "accepted"
    assert world.standing(made["sessionId"])["status"] == "PAID"


@pytest.mark.parametrize("error", UNREAD, ids=str)
def test_without_any_key_pages_are_answered_from_the_table_and_no_order_is_made(world: World, error: Exception):
    made = world.created()
    world.announce(auction_result(userId=BINH, auctionId="1002", nights=["2027-05-01"]), number=2)
    with no_secrets(world, error):
        for function in (*SIGNING, "zalopay_callback"):
            world.functions[function].keys.known.clear()
        assert world.status(made["appTransId"])["status"] == "PENDING"
        assert world.session(made["sessionId"])["status"] == "PENDING"
        refused = world.create(["2027-05-01"], auction_id="1002", sub=BINH)
        assert (refused.status, refused.code) == (502, "PAYMENT_CREATION_FAILED")
        (answer,) = world.zalopay.pay(made["appTransId"])["callbacks"]
        assert answer["answer"]["return_code"] == 0  # ZaloPay repeats its callback
        world.clock.shift(1000)
        assert world.session(made["sessionId"])["status"] == "PENDING"
    world.clock.shift(10)
    assert world.status(made["appTransId"])["status"] == "PAID"


def test_a_profile_is_saved_without_the_key_of_addresses_and_its_address_is_indexed_later(world: World):
    keys = world.functions["bookings"].keys
    with failing(keys._secrets, "GetSecretValue", UNREAD[0]):
        keys.known.clear()
        assert world.http("POST", "/users/auth0-sync", {"email": "mai@example.com"}).status == 200
    assert [each["kind"] for each in world.items()] == ["PROFILE"]
    assert world.http("POST", "/users/auth0-sync", {"email": "mai@example.com"}).status == 200
    assert {each["kind"] for each in world.items()} == {"EMAIL", "PROFILE"}


@pytest.mark.parametrize("content", ["the key alone", '["key"]', "5", '{"current": 5}', "{}"])
def test_a_secret_of_another_shape_is_no_key_and_breaks_nothing(world: World, content: str):
    made = world.created()
    world.clock.shift(KEY_AGE + 1)
    boto3.client("secretsmanager").put_secret_value(SecretId="zalopay-key1", SecretString=content)
    assert world.status(made["appTransId"])["status"] == "PENDING"


def test_who_looks_for_a_new_key_is_not_given_an_old_one(aws: None):
    keys = Keys(SecretsManager())
    assert keys.accepted("zalopay-key1")
    with failing(keys._secrets, "GetSecretValue", UNREAD[0]), pytest.raises(NoKey):
        keys.accepted("zalopay-key1", fresh=True)
