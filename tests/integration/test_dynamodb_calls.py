"""The number of calls to DynamoDB of each operation, counted at the function's client."""

from datetime import timedelta

from tests.integration.messages import BINH, NIGHTS, auction_result, order_data, signed
from tests.integration.product import Asked, counted
from tests.integration.world import World

PRESENCE = "PutItem connections"


def test_creating_is_one_read_and_two_writes_and_one_call_to_zalopay(world: World):
    world.announce(auction_result())
    payments = world.functions["payments"]
    with counted(payments) as calls, Asked(payments) as paths:
        world.create()
    assert calls == [PRESENCE, "Query stays", "TransactWriteItems stays", "TransactWriteItems stays"]
    assert paths == ["/v2/create"]


def test_presence_is_written_once_in_five_minutes(world: World):
    made = world.created()
    with counted(world.functions["payments"]) as calls:
        for _ in range(3):
            world.session(made["sessionId"])
    assert calls == ["BatchGetItem stays"] * 3


def test_a_callback_is_one_read_and_one_transaction(world: World):
    made = world.created()
    with counted(world.functions["zalopay_callback"]) as calls:
        world.call_back(signed(order_data(made["appTransId"])))
    assert calls == ["GetItem stays", "TransactWriteItems stays"]


def test_a_callback_that_comes_again_is_one_read(world: World):
    made = world.created()
    body = signed(order_data(made["appTransId"]))
    world.call_back(body)
    with counted(world.functions["zalopay_callback"]) as calls:
        world.call_back(body)
    assert calls == ["GetItem stays"]


def test_a_callback_with_a_bad_mac_costs_no_call(world: World):
    made = world.created()
    with counted(world.functions["zalopay_callback"]) as calls:
        world.call_back(signed(order_data(made["appTransId"]), key="wrong"))
    assert calls == []


def test_a_second_click_reads_the_award_and_its_session(world: World):
    world.created()
    payments = world.functions["payments"]
    with counted(payments) as calls, Asked(payments) as paths:
        world.create()
    assert calls == ["Query stays", "GetItem stays"]
    assert paths == []


def test_a_poll_is_one_read_and_the_claim_to_ask(world: World):
    made = world.created()
    payments = world.functions["payments"]
    with counted(payments) as calls, Asked(payments) as paths:
        world.status(made["appTransId"])
    assert (calls, paths) == (["BatchGetItem stays", "UpdateItem stays"], ["/v2/query"])


def test_a_poll_within_five_seconds_of_another_is_one_read(world: World):
    made = world.created()
    world.status(made["appTransId"])
    payments = world.functions["payments"]
    with counted(payments) as calls, Asked(payments) as paths:
        world.status(made["appTransId"])
    assert (calls, paths) == (["BatchGetItem stays"], [])


def test_every_other_read_is_one_call_and_that_of_a_booking_by_its_transaction_is_two(world: World):
    paid = world.paid()
    reads = {
        f"/payment/sessions/{paid['id']}": "BatchGetItem stays",
        f"/payment/zalopay/status/{paid['appTransId']}": "BatchGetItem stays",
        f"/payment/transactions/{paid['transactionId']}": "GetItem stays GetItem stays",
        f"/payment/{paid['id']}/booking": "BatchGetItem stays",
        "/user/bookings": "Query stays",
    }
    for path, read in reads.items():
        with counted(world.functions["bookings" if path == "/user/bookings" else "payments"]) as calls:
            assert world.http("GET", path).status == 200
        assert " ".join(calls) == read, path


def test_what_the_backend_has_done_already_is_one_read_each(world: World):
    paid = world.paid()
    world.deliver()
    with counted(world.functions["bookings"]) as calls:
        world.http("POST", f"/bookings/{paid['id']}/update-calendar", {})
    assert calls == ["GetItem stays"]
    with counted(world.functions["payments"]) as calls:
        world.http("POST", f"/payment/{paid['id']}/booking")
    assert calls == ["BatchGetItem stays"]


def test_a_batch_of_records_is_one_read_and_one_per_user(world: World):
    for number in range(5):
        for user in ("auth0|mai", BINH):
            world.announce(auction_result(userId=user, auctionId=str(number)))
    world.socket(query=f"token={world.token(BINH)}").subscribe(BINH)
    with counted(world.functions["notifier"]) as calls:
        world.deliver()
    assert calls == ["Query connections", "Query connections", "BatchGetItem stays"]


def test_cancelling_is_one_read_and_one_transaction_and_passing_its_nights_on_as_much_again(world: World):
    paid = world.paid()
    with counted(world.functions["bookings"]) as calls:
        world.http("DELETE", f"/bookings/{paid['id']}")
    write = "TransactWriteItems stays"
    assert calls == ["GetItem stays", write, "GetItem stays", "BatchGetItem stays", write]


def test_an_idle_round_of_the_schedule_is_one_query_per_shard(world: World):
    with counted(world.functions["reconciliation"]) as calls:
        world.tick()
    assert calls == ["Query stays"] * 16


def test_a_round_claims_the_question_about_each_due_session_and_moves_the_session_to_its_next_round(world: World):
    world.announce(auction_result())
    world.create(NIGHTS)
    world.clock.shift(timedelta(minutes=1))
    with counted(world.functions["reconciliation"]) as calls:
        world.tick()
    assert calls == ["Query stays"] * 16 + ["UpdateItem stays", "UpdateItem stays"]
