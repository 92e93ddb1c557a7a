"""Sessions in the table: one test per access pattern and per failing condition."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from stays.aws.attributes import to_attributes
from stays.aws.client import AwsError
from stays.aws.store import Conflicted, Store
from stays.domain.award import AwardStatus
from stays.domain.booking import booking_of, cancel
from stays.domain.decision import Decision, Evidence, Outcome, order_made
from stays.domain.errors import Busy, NotFound, Refused
from stays.domain.payment import (
    CHECK_INTERVAL,
    HOLD_MARGIN,
    LATE_CHECKS,
    MOST_OPENED,
    PAYMENT_TIME,
    QUERY_INTERVAL,
    Fulfilment,
    PaymentSession,
    Status,
    attempt_order,
)
from stays.domain.refund import RefundEvidence, RefundOutcome, decide_refund, request_refund
from stays.domain.values import timestamp
from stays.table.keys import award_item, shard
from stays.table.sessions import Changed, NightsTaken, Sessions, Unsettled
from tests.integration.tables import Failing, Noting, Overtaken, begin, contents, dynamodb, hand_in
from tests.samples import (
    APP_ID,
    HOST,
    NIGHTS,
    NOW,
    ORDER_URL,
    OTHER_STAY,
    POLICY,
    STAY,
    STRANGER,
    TRANSACTION,
    TRAVELLER,
    booked,
    money,
    offer,
    opened,
    priced,
    reserved,
    said,
    win,
)

FOURTH = NIGHTS[-1] + timedelta(days=1)
SOON = NOW + timedelta(seconds=10)
OVER = NOW + PAYMENT_TIME + HOLD_MARGIN
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def sessions(aws: None) -> Sessions:
    """An empty table with two awards for the same nights: the user's and a stranger's."""
    hand_in(win(), win(user_id=STRANGER))
    return over(dynamodb())


def over(client: Any) -> Sessions:
    return Sessions(Store(client, "stays"))


def put(item: dict[str, Any]) -> None:
    dynamodb().put_item(TableName="stays", Item=to_attributes(item))


def began(sessions: Sessions) -> PaymentSession:
    """A stored session whose order can be paid."""
    session = opened()
    begin(sessions, session, NOW)
    return sessions.settle(session, lambda current, _: order_made(current, ORDER_URL, NOW), NOW)


def stranger() -> PaymentSession:
    """Another user's session for the same nights."""
    return opened(OTHER_STAY, win(user_id=STRANGER))


def night(day: int) -> tuple[str, str]:
    return "PROPERTY#501", f"NIGHT#2026-12-{day:02}"


def states() -> dict[str, tuple[str, str]]:
    """The held and booked nights, with their stays."""
    return {item["SK"]: (item["state"], item["stayId"]) for item in contents().values() if item["kind"] == "NIGHT"}


def kept(state: str, stay_id: str = STAY) -> dict[str, tuple[str, str]]:
    return {f"NIGHT#{each}": (state, stay_id) for each in NIGHTS}


def timeline(stay_id: str = STAY) -> list[str]:
    found = contents().values()
    return [item["what"] for item in found if item["kind"] == "EVENT" and item["PK"] == f"STAY#{stay_id}"]


def test_opening_writes_the_session_its_nights_and_the_timeline(sessions: Sessions) -> None:
    before = contents()
    begin(sessions, opened(), NOW)
    until = timestamp(opened().hold_until)
    mine, theirs = before
    end = {"keptUntil": int((NOW + timedelta(days=1)).timestamp())}
    opened_once = {"PK": "USER#auth0|an", "SK": "OPENED#2026-11-22T03", "kind": "OPENED", "times": 1, **end}
    held = {"kind": "NIGHT", "state": "HELD", "stayId": STAY, "userId": TRAVELLER, "heldUntil": until}
    assert contents() == {
        mine: before[mine] | {"checkoutId": STAY, "changedAt": timestamp(NOW)},
        theirs: before[theirs],
        (f"STAY#{STAY}", "SESSION"): opened().dump()
        | {
            "PK": f"STAY#{STAY}",
            "SK": "SESSION",
            "kind": "SESSION",
            "userSort": "SESSION#2026-11-22T03:00:00.000Z",
            "dueShard": shard(STAY),
        },
        ("USER#auth0|an", "OPENED#2026-11-22T03"): opened_once,
        **{night(day): {"PK": night(day)[0], "SK": night(day)[1], **held} for day in (1, 2, 3)},
        (f"STAY#{STAY}", "EVENT#2026-11-22T03:00:00.000000+00:00#OPENED"): {
            "PK": f"STAY#{STAY}",
            "SK": "EVENT#2026-11-22T03:00:00.000000+00:00#OPENED",
            "kind": "EVENT",
            "what": "OPENED",
            "at": "2026-11-22T03:00:00.000Z",
        },
    }


def test_opening_a_reservation_writes_its_booking_too(sessions: Sessions) -> None:
    begin(sessions, reserved(), NOW)
    booking = booking_of(reserved())
    assert booking is not None
    assert sessions.load_booking(STAY, TRAVELLER) == booking


@pytest.mark.parametrize(
    "there",
    [
        {"status": AwardStatus.EXPIRED},
        {"status": AwardStatus.DECLINED},
        {"status": AwardStatus.WITHDRAWN},
        {"status": AwardStatus.PAID, "payment_id": OTHER_STAY},
        {"changed_at": SOON},
    ],
    ids=["expired", "declined", "withdrawn", "paid", "changed since it was read"],
)
def test_nothing_is_opened_for_an_award_that_is_not_as_it_was_read(sessions: Sessions, there: dict[str, Any]) -> None:
    put(award_item(win(**there)))
    before = contents()
    with pytest.raises(Changed):
        sessions.open(opened(), win(), NOW)
    assert contents() == before


@pytest.mark.parametrize("taken", [1, 2, 3])
def test_a_night_that_is_held_refuses_with_its_owner_and_nothing_is_written(sessions: Sessions, taken: int) -> None:
    only_one = win(user_id=STRANGER, nights=priced(NIGHTS[taken - 1]))
    begin(sessions, opened(OTHER_STAY, only_one), NOW)
    before = contents()
    with pytest.raises(NightsTaken) as refused:
        begin(sessions, opened(), NOW)
    found = refused.value
    assert (found.night, found.stay_id, found.user_id) == (NIGHTS[taken - 1], OTHER_STAY, STRANGER)
    assert str(found) == "a night is taken"
    assert contents() == before


def test_a_hold_is_over_a_moment_after_its_time(sessions: Sessions) -> None:
    begin(sessions, stranger(), NOW)
    with pytest.raises(NightsTaken):
        begin(sessions, opened(now=OVER), OVER)
    begin(sessions, opened(now=OVER), OVER + MOMENT)
    assert states() == kept("HELD")


def test_a_booked_night_is_never_taken_over_even_if_it_once_had_a_hold(sessions: Sessions) -> None:
    begin(sessions, stranger(), NOW)
    sessions.record(stranger(), money(), NOW)
    for day in (1, 2, 3):
        put(contents()[night(day)] | {"heldUntil": timestamp(NOW)})
    with pytest.raises(NightsTaken):
        begin(sessions, opened(now=OVER), OVER + timedelta(days=1))
    assert states() == kept("BOOKED", OTHER_STAY)


def test_a_stay_is_opened_once_even_if_its_nights_are_its_own(sessions: Sessions) -> None:
    begin(sessions, opened(), NOW)
    before = contents()
    with pytest.raises(Changed):
        begin(sessions, opened(), SOON)
    assert contents() == before


def test_a_session_is_found_by_its_owner_only(sessions: Sessions) -> None:
    begin(sessions, opened(), NOW)
    assert sessions.find(STAY) == sessions.find(STAY, TRAVELLER) == opened()
    for stay_id, owner in ((STAY, STRANGER), (OTHER_STAY, TRAVELLER), (OTHER_STAY, None)):
        with pytest.raises(NotFound):
            sessions.find(stay_id, owner)


def test_c10_a_session_is_found_by_its_transaction_the_moment_it_is_paid(sessions: Sessions) -> None:
    paid = sessions.record(began(sessions), money(), SOON)
    assert sessions.find_paid_by(TRANSACTION, TRAVELLER) == sessions.find(STAY) == paid
    for transaction_id, owner in ((TRANSACTION, STRANGER), ("999", TRAVELLER)):
        with pytest.raises(NotFound):
            sessions.find_paid_by(transaction_id, owner)


def test_a_booking_is_shown_to_its_traveller_and_where_allowed_to_its_host(sessions: Sessions) -> None:
    sessions.record(began(sessions), money(), NOW)
    booking = booking_of(booked())
    assert sessions.load_booking(STAY, TRAVELLER) == sessions.load_booking(STAY, HOST, host=True) == booking
    for user, host in ((HOST, False), (STRANGER, True), (STRANGER, False)):
        with pytest.raises(NotFound):
            sessions.load_booking(STAY, user, host=host)
    with pytest.raises(NotFound):
        sessions.load_booking(STAY, HOST)
    with pytest.raises(NotFound):
        sessions.load_booking(OTHER_STAY, TRAVELLER, host=True)


def test_a_users_bookings_come_newest_first_and_only_theirs(sessions: Sessions) -> None:
    for position in range(3):
        begin(
            sessions, reserved(f"{STAY[:-1]}{position}", win(nights=priced(NIGHTS[position]))), NOW + MOMENT * position
        )
    at = NOW + MOMENT * 3
    begin(
        sessions, reserved(OTHER_STAY, win(user_id=STRANGER, rented_property=win().rented_property.but(id="502"))), at
    )
    for position in range(3):
        settled = sessions.find(f"{STAY[:-1]}{position}")
        sessions.record(settled, money(300_000, f"{position}"), NOW + timedelta(minutes=position))
    assert [each.id[-1] for each in sessions.load_bookings(TRAVELLER)] == ["2", "1", "0"]
    assert [each.id[-1] for each in sessions.load_bookings(TRAVELLER, limit=1)] == ["2"]


def test_a_reservations_order_keeps_its_nights_as_long_as_it_can_be_paid(sessions: Sessions) -> None:
    begin(sessions, reserved(), NOW)
    later = NOW + timedelta(minutes=14)
    attempted = attempt_order(reserved(), later)
    sessions.attempt(reserved(), attempted, later)
    assert sessions.find(STAY) == attempted
    assert contents()[night(1)]["heldUntil"] == timestamp(attempted.hold_until) == timestamp(later + (OVER - NOW))
    assert timeline() == ["OPENED", "ORDER_ATTEMPTED"]


def test_a_reservations_order_is_attempted_once(sessions: Sessions) -> None:
    begin(sessions, reserved(), NOW)
    sessions.attempt(reserved(), attempt_order(reserved(), SOON), SOON)
    with pytest.raises(Conflicted):
        sessions.attempt(reserved(), attempt_order(reserved(), SOON + MOMENT), SOON + MOMENT)
    assert sessions.find(STAY).attempted_at == SOON


def test_no_order_is_attempted_for_a_reservation_that_has_ended(sessions: Sessions) -> None:
    begin(sessions, reserved(), NOW)
    sessions.settle(reserved(), lambda current, _: cancel(current, POLICY, SOON), SOON)
    with pytest.raises(Conflicted):
        sessions.attempt(reserved(), attempt_order(reserved(), SOON), SOON)
    assert states() == {}


def test_no_order_is_attempted_for_nights_that_somebody_else_has_got(sessions: Sessions) -> None:
    begin(sessions, reserved(), NOW)
    begin(sessions, stranger().but(expires_at=OVER + PAYMENT_TIME), OVER + MOMENT)
    with pytest.raises(NightsTaken) as taken:
        sessions.attempt(reserved(), attempt_order(reserved(), OVER + MOMENT), OVER + MOMENT)
    assert taken.value.stay_id == OTHER_STAY
    assert states() == kept("HELD", OTHER_STAY)


def test_c12_zalopay_may_be_asked_once_in_five_seconds(sessions: Sessions) -> None:
    session = began(sessions)
    assert sessions.find_with_notes(STAY) == session
    assert sessions.claim_query(session, SOON)
    assert sessions.find_with_notes(STAY) == session.but(queried_at=SOON)
    for known in (session, sessions.find_with_notes(STAY)):
        assert not sessions.claim_query(known, SOON + timedelta(seconds=5) - MOMENT)
    for known in (session, sessions.find_with_notes(STAY)):
        at = SOON + timedelta(seconds=5) if known is session else SOON + timedelta(seconds=10)
        assert sessions.claim_query(known, at)


def test_the_clock_moves_a_session_to_its_next_round_while_it_asks(sessions: Sessions) -> None:
    session = began(sessions)
    assert sessions.claim_check(session, SOON, SOON + CHECK_INTERVAL)
    assert sessions.find(STAY).due_at == SOON + CHECK_INTERVAL


def test_after_its_last_check_a_session_is_not_due_any_more(sessions: Sessions) -> None:
    assert sessions.claim_check(began(sessions), SOON, None)
    assert sessions.find(STAY).due_at is None


def test_the_clock_asks_nothing_about_a_session_that_has_finished_meanwhile(sessions: Sessions) -> None:
    session = began(sessions)
    paid = sessions.record(session, money(), SOON)
    assert not sessions.claim_check(session, SOON, SOON + CHECK_INTERVAL)
    assert sessions.find(STAY) == paid


def test_nobody_asks_about_a_session_that_is_not_there(sessions: Sessions) -> None:
    with pytest.raises(NotFound):
        sessions.find_with_notes(STAY)
    assert not sessions.claim_check(opened(), NOW, SOON)
    assert (f"STAY#{STAY}", "SESSION") not in contents()


def test_money_books_everything_in_one_transaction(sessions: Sessions) -> None:
    session = began(sessions)
    paid = sessions.record(session, money(), SOON)
    found = contents()
    assert (paid.status, paid.fulfilment) == (Status.PAID, Fulfilment.BOOKED)
    assert sessions.find(STAY) == paid
    assert "dueAt" not in found[f"STAY#{STAY}", "SESSION"]
    assert states() == kept("BOOKED")
    assert all("heldUntil" not in found[night(day)] for day in (1, 2, 3))
    assert found[f"TRANSACTION#{TRANSACTION}", "TRANSACTION"] == paid.dump() | {
        "PK": f"TRANSACTION#{TRANSACTION}",
        "SK": "TRANSACTION",
        "kind": "TRANSACTION",
    }
    assert sessions.load_booking(STAY, TRAVELLER) == booking_of(paid)
    assert found[f"STAY#{STAY}", "BOOKING"]["userSort"] == "BOOKING#2026-11-22T03:00:10.000Z"
    award = found["AUCTION#1001", f"AWARD#{TRAVELLER}#WIN"]
    assert (award["status"], award["paymentId"], award["changedAt"]) == ("PAID", STAY, timestamp(SOON))
    assert "dueAt" not in award
    mail = found[f"STAY#{STAY}", "MAIL#confirmation"]
    assert (mail["state"], mail["letter"], mail["dueShard"]) == ("DUE", "confirmation", shard(STAY))
    event = found[f"STAY#{STAY}", "EVENT#2026-11-22T03:00:10.000000+00:00#PAID_AND_BOOKED"]
    assert event["evidence"] == money().but(equation="amount").dump()


@pytest.mark.parametrize(
    ("at_stake", "unsold", "due"),
    [
        ((), None, None),
        (NIGHTS, None, None),
        ((*NIGHTS, FOURTH), ["2026-12-04"], timestamp(SOON)),
    ],
    ids=["all", "all that was at stake", "less than was at stake"],
)
def test_what_a_paid_offer_leaves_over_of_what_was_at_stake_is_due_at_once(
    sessions: Sessions, at_stake: tuple[date, ...], unsold: list[str] | None, due: str | None
) -> None:
    chance = offer(at_stake=at_stake)
    hand_in(chance)
    session = opened(award=chance)
    begin(sessions, session, NOW)
    sessions.record(session, money(), SOON)
    award = contents()["AUCTION#1001", f"AWARD#{TRAVELLER}#offer-7"]
    assert (award["status"], award.get("unsold"), award.get("dueAt")) == ("PAID", unsold, due)


@pytest.mark.parametrize("evidence", [money(), said(Outcome.EXPIRED), said(Outcome.UNKNOWN)])
def test_evidence_that_comes_again_changes_nothing(sessions: Sessions, evidence: Evidence) -> None:
    once = sessions.record(began(sessions), evidence, SOON)
    before = contents()
    assert sessions.record(once, evidence, SOON + MOMENT) == once
    assert contents() == before


@pytest.mark.parametrize("evidence", [money(), said(Outcome.EXPIRED), said(Outcome.PROCESSING), money(amount=1)])
def test_evidence_that_two_bring_at_once_is_recorded_by_one(sessions: Sessions, evidence: Evidence) -> None:
    session = began(sessions)
    once = sessions.record(session, evidence, SOON)
    before = contents()
    assert sessions.record(session, evidence, SOON + MOMENT) == once
    assert contents() == before


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        (said(Outcome.EXPIRED), Status.EXPIRED),
        (said(Outcome.CANCELLED), Status.CANCELLED),
        (said(Outcome.REFUSED), Status.FAILED),
    ],
)
def test_an_end_frees_the_nights_and_is_looked_at_much_later_if_at_all(
    sessions: Sessions, evidence: Evidence, status: Status
) -> None:
    ended = sessions.record(began(sessions), evidence, SOON)
    assert (ended.status, sessions.find(STAY)) == (status, ended)
    assert states() == {}
    due = contents()[f"STAY#{STAY}", "SESSION"].get("dueAt")
    assert due == (None if status is Status.FAILED else timestamp(ended.expires_at + LATE_CHECKS[0]))
    assert timeline() == ["OPENED", "ORDER_MADE", status.value]


def test_an_end_leaves_the_nights_that_have_become_somebody_elses(sessions: Sessions) -> None:
    session = began(sessions)
    theirs = win(user_id=STRANGER, nights=priced(NIGHTS[1]))
    begin(sessions, opened(OTHER_STAY, theirs, OVER + MOMENT), OVER + MOMENT)
    ended = sessions.record(session, said(Outcome.EXPIRED), OVER + MOMENT)
    assert ended.status is Status.EXPIRED
    assert states() == {f"NIGHT#{NIGHTS[1]}": ("HELD", OTHER_STAY)}


def test_nights_that_are_free_already_are_in_nobodys_way(sessions: Sessions) -> None:
    session = began(sessions)
    begin(sessions, stranger(), OVER + MOMENT)
    sessions.record(stranger(), said(Outcome.REFUSED), OVER + MOMENT)
    counting = Failing()
    assert over(counting).record(session, said(Outcome.EXPIRED), OVER + MOMENT).status is Status.EXPIRED
    assert (counting.transactions, states()) == (1, {})


def test_late_money_is_honoured_if_the_nights_are_free(sessions: Sessions) -> None:
    ended = sessions.record(began(sessions), said(Outcome.EXPIRED), OVER)
    paid = sessions.record(ended, money(), OVER + timedelta(hours=1))
    assert (paid.fulfilment, paid.reason) == (Fulfilment.BOOKED, None)
    assert states() == kept("BOOKED")


def test_late_money_is_honoured_if_only_an_old_hold_is_in_its_way(sessions: Sessions) -> None:
    sessions.record(began(sessions), said(Outcome.EXPIRED), NOW)
    begin(sessions, stranger(), NOW)
    paid = sessions.record(sessions.find(STAY), money(), OVER + MOMENT)
    assert paid.fulfilment is Fulfilment.BOOKED
    assert states() == kept("BOOKED")


def test_late_money_for_nights_that_are_gone_is_owed_back(sessions: Sessions) -> None:
    sessions.record(began(sessions), said(Outcome.EXPIRED), NOW)
    theirs = win(user_id=STRANGER, nights=priced(NIGHTS[2]))
    begin(sessions, opened(OTHER_STAY, theirs), NOW)
    owed = sessions.record(sessions.find(STAY), money(), SOON)
    assert (owed.status, owed.fulfilment, owed.booked_at) == (Status.PAID, Fulfilment.REFUND_DUE, None)
    assert sessions.find(STAY) == sessions.find_paid_by(TRANSACTION, TRAVELLER) == owed
    assert states() == {f"NIGHT#{NIGHTS[2]}": ("HELD", OTHER_STAY)}
    assert contents()[f"STAY#{STAY}", "MAIL#refund"]["state"] == "DUE"
    assert contents()[f"STAY#{STAY}", "SESSION"]["dueAt"] == timestamp(SOON)
    with pytest.raises(NotFound):
        sessions.load_booking(STAY, TRAVELLER)


def test_two_paid_sessions_for_one_night_make_one_booking_and_one_refund(sessions: Sessions) -> None:
    session = began(sessions)
    begin(sessions, stranger(), OVER + MOMENT)
    first = sessions.record(stranger(), money(transaction_id="1"), OVER + MOMENT)
    second = sessions.record(session, money(transaction_id="2"), OVER + MOMENT)
    assert (first.fulfilment, second.fulfilment) == (Fulfilment.BOOKED, Fulfilment.REFUND_DUE)
    assert states() == kept("BOOKED", OTHER_STAY)


def test_a_cancelled_booking_frees_its_nights_and_tells_every_item(sessions: Sessions) -> None:
    paid = sessions.record(began(sessions), money(), NOW)
    given_up = sessions.settle(paid, lambda current, _: cancel(current, POLICY, SOON), SOON)
    assert given_up.fulfilment is Fulfilment.REFUND_DUE
    assert sessions.find(STAY) == sessions.find_paid_by(TRANSACTION, TRAVELLER) == given_up
    assert sessions.load_booking(STAY, TRAVELLER) == booking_of(given_up)
    assert states() == {}
    assert contents()[f"STAY#{STAY}", "MAIL#cancellation"]["state"] == "DUE"


def test_a_refund_is_followed_to_its_end_in_every_item(sessions: Sessions) -> None:
    paid = sessions.record(began(sessions), money(), NOW)
    sessions.settle(paid, lambda current, _: cancel(current, POLICY, SOON), SOON)
    asked = sessions.settle(sessions.find(STAY), lambda current, _: request_refund(current, APP_ID, SOON), SOON)
    done = RefundEvidence(RefundOutcome.DONE, 1)
    refunded = sessions.settle(asked, lambda current, _: decide_refund(current, asked.refund, done, SOON), SOON)
    assert refunded.fulfilment is Fulfilment.REFUNDED
    assert sessions.find(STAY) == sessions.find_paid_by(TRANSACTION, TRAVELLER) == refunded
    assert sessions.load_booking(STAY, TRAVELLER).refund == refunded.refund
    assert "dueAt" not in contents()[f"STAY#{STAY}", "SESSION"]


def test_money_beyond_what_was_owed_is_kept_once_and_shown_to_nobody(sessions: Sessions) -> None:
    paid = sessions.record(began(sessions), money(), NOW)
    second = money(transaction_id="999")
    assert sessions.record(paid, second, SOON) == paid
    before = contents()
    kept = before["TRANSACTION#999", "TRANSACTION"]
    assert (kept["kind"], kept["stayId"], kept["amount"]) == ("STRAY", STAY, 900_000)
    assert timeline()[-1] == "SECOND_TRANSACTION"
    assert sessions.record(paid, second, SOON + MOMENT) == paid
    assert contents() == before
    with pytest.raises(NotFound):
        sessions.find_paid_by("999", TRAVELLER)


def elsewhere(sessions: Sessions) -> PaymentSession:
    """The same user pays for another property, won at another auction."""
    award = win(auction_id="1002", rented_property=win().rented_property.but(id="502"))
    hand_in(award)
    session = opened(OTHER_STAY, award)
    begin(sessions, session, NOW)
    return session


@pytest.mark.parametrize("times", [1, 3])
def test_a_transaction_that_paid_one_session_sends_the_other_to_people(sessions: Sessions, times: int) -> None:
    sessions.record(began(sessions), money(), NOW)
    session = elsewhere(sessions)
    for number in range(times):
        session = sessions.record(session, money(), SOON + number * MOMENT)
    assert (session.status, session.fulfilment) == (Status.FAILED, Fulfilment.REVIEW)
    assert (session.transaction_id, session.due_at) == (None, None)
    assert sessions.find(OTHER_STAY) == session
    assert sessions.find_paid_by(TRANSACTION, TRAVELLER).id == STAY
    assert timeline(OTHER_STAY) == ["OPENED", "TRANSACTION_KNOWN"]
    assert set(states().values()) == {("BOOKED", STAY)}


def test_a_transaction_that_is_kept_as_too_much_pays_nothing_else(sessions: Sessions) -> None:
    sessions.record(sessions.record(began(sessions), money(), NOW), money(transaction_id="999"), NOW)
    session = sessions.record(elsewhere(sessions), money(transaction_id="999"), SOON)
    assert session.fulfilment is Fulfilment.REVIEW


def test_a_writer_that_finds_the_session_changed_every_time_is_busy(sessions: Sessions) -> None:
    session = began(sessions)
    failing = Failing(*[["None"] * 3 + ["ConditionalCheckFailed"]] * 8)
    with pytest.raises(Unsettled):
        over(failing).record(session, money(), SOON)
    assert sessions.find(STAY) == session


def test_a_user_opens_so_many_sessions_in_an_hour_and_no_more(sessions: Sessions) -> None:
    def open_one(number: int, now: datetime) -> None:
        rented_property = win().rented_property.but(id=f"house-{number}")
        begin(sessions, opened(STAY[:-2] + f"{number:02}", win(rented_property=rented_property)), now)

    for number in range(MOST_OPENED):
        open_one(number, NOW)
    before = contents()
    with pytest.raises(Refused, match="often") as refused:
        open_one(90, NOW)
    assert (refused.value.code, refused.value.details) == ("RATE_LIMIT", {"retryAfter": 3600})
    assert contents() == before
    begin(sessions, stranger(), NOW)
    open_one(90, NOW + timedelta(hours=1))


def test_a_session_that_was_read_too_early_is_decided_on_as_it_is_now(sessions: Sessions) -> None:
    session = began(sessions)
    sessions.record(session, said(Outcome.EXPIRED), OVER)
    paid = sessions.record(session, money(), OVER + MOMENT)
    assert (paid.status, paid.reason) == (Status.PAID, None)
    assert sessions.find(STAY) == sessions.find_paid_by(TRANSACTION, TRAVELLER) == paid


def test_a_writer_that_is_overtaken_decides_again(sessions: Sessions) -> None:
    session = began(sessions)
    poll = Overtaken(lambda: sessions.record(session, money(), SOON))
    assert over(poll).record(session, said(Outcome.EXPIRED), SOON).status is Status.PAID
    assert states() == kept("BOOKED")


def test_a_payment_that_overtakes_a_poll_is_not_shown_as_still_moving(sessions: Sessions) -> None:
    session = began(sessions)
    callback = Overtaken(lambda: sessions.record(session, said(Outcome.PROCESSING), SOON))
    paid = over(callback).record(session, money(), SOON + MOMENT)
    assert (paid.status, paid.processing) == (Status.PAID, False)
    assert sessions.find(STAY) == paid


def test_a_reservation_whose_order_is_being_made_is_not_cancelled_under_it(sessions: Sessions) -> None:
    begin(sessions, reserved(), NOW)
    attempted = attempt_order(reserved(), SOON)
    overtaken = Overtaken(lambda: sessions.attempt(reserved(), attempted, SOON))
    with pytest.raises(Exception, match="A payment is under way"):
        over(overtaken).settle(reserved(), lambda current, _: cancel(current, POLICY, SOON), SOON)
    assert sessions.find(STAY) == attempted
    assert states() == kept("HELD")


@pytest.mark.parametrize("there", [{"status": "FAILED"}, {"fulfilment": "REFUNDED"}, {"changedAt": timestamp(SOON)}])
def test_the_table_refuses_a_transition_from_a_status_that_the_session_does_not_have(
    sessions: Sessions, there: dict[str, str]
) -> None:
    session = began(sessions)
    put(contents()[f"STAY#{STAY}", "SESSION"] | there)
    before = contents()
    blind = Decision(session.but(status=Status.EXPIRED, fulfilment=Fulfilment.REVIEW, changed_at=SOON), "MOVED")
    sessions.settle(session, lambda current, _: blind if current is session else None, SOON)
    assert contents() == before


def test_every_decision_that_is_written_is_heard_of_once(sessions: Sessions) -> None:
    heard: list[str] = []
    hearing = Sessions(Store(dynamodb(), "stays"), heard.append)
    session = began(sessions)
    for evidence in (said(Outcome.PROCESSING), money(), money(), money(transaction_id="9"), money(transaction_id="9")):
        session = hearing.record(session, evidence, SOON)
    assert heard == ["PROCESSING", "PAID_AND_BOOKED", "SECOND_TRANSACTION"]


RETRIED = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]


@pytest.mark.parametrize("code", RETRIED)
def test_a_conflict_between_transactions_is_tried_again_and_is_no_taken_night(sessions: Sessions, code: str) -> None:
    session = began(sessions)
    failing = Failing([code, "None"], ["None", code])
    assert over(failing).record(session, money(), SOON).fulfilment is Fulfilment.BOOKED
    assert failing.transactions == 3


def test_a_conflict_beside_a_failed_condition_does_not_hide_it(sessions: Sessions) -> None:
    session = began(sessions)
    failing = Failing(["TransactionConflict", "ConditionalCheckFailed"], stands={"state": "BOOKED"})
    assert over(failing).record(session, money(), SOON).fulfilment is Fulfilment.REFUND_DUE


def test_conflicts_without_an_end_are_busy_and_change_nothing(sessions: Sessions) -> None:
    session = began(sessions)
    before = contents()
    failing = Failing(*[["TransactionConflict"]] * 6)
    with pytest.raises(Busy):
        over(failing).record(session, money(), SOON)
    assert failing.transactions == 6
    assert contents() == before


@pytest.mark.parametrize("codes", [["ValidationError"], ["None"], []])
def test_a_cancellation_for_any_other_reason_is_a_fault_at_once(sessions: Sessions, codes: list[str]) -> None:
    session = began(sessions)
    failing = Failing(codes)
    with pytest.raises(AwsError):
        over(failing).record(session, money(), SOON)
    assert failing.transactions == 1


def test_a_session_that_keeps_changing_raises_unsettled(sessions: Sessions) -> None:
    session = began(sessions)
    before = contents()
    failing = Failing(*[["None", "None", "None", "ConditionalCheckFailed"]] * 8)
    with pytest.raises(Unsettled):
        over(failing).record(session, money(), SOON)
    assert failing.transactions == 8
    assert contents() == before


def test_a_page_of_bookings_is_a_hundred(sessions: Sessions) -> None:
    noting = Noting()
    over(noting).load_bookings(TRAVELLER)
    assert [query["Limit"] for query in noting.queries] == [100]


def test_the_timeline_names_the_person_who_decided(sessions: Sessions) -> None:
    begin(Sessions(Store(dynamodb(), "stays"), by="lan"), opened(), NOW)
    assert [item["by"] for item in contents().values() if item["kind"] == "EVENT"] == ["lan"]


def test_if_zalopay_was_just_asked_the_table_is_not_even_read(sessions: Sessions) -> None:
    asked = began(sessions).but(queried_at=NOW)
    assert over(None).claim_query(asked, NOW + QUERY_INTERVAL - MOMENT) is False
    assert sessions.claim_query(asked, NOW + QUERY_INTERVAL)


def test_an_award_is_paid_by_money_and_by_nothing_else(sessions: Sessions) -> None:
    sessions.record(began(sessions), said(Outcome.CANCELLED), SOON)
    assert contents()["AUCTION#1001", f"AWARD#{TRAVELLER}#WIN"]["status"] == "PENDING_PAYMENT"
