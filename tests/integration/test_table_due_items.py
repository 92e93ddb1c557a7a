"""Reads of many items: changed, recent and due ones."""

import time
from datetime import timedelta
from typing import Any

import pytest

from stays.aws.attributes import to_attributes
from stays.aws.client import AwsError
from stays.aws.store import Condition, Store, Written
from stays.domain.award import Award, AwardStatus, Result
from stays.domain.decision import Outcome
from stays.domain.errors import Busy
from stays.domain.mail import new_mail
from stays.domain.payment import PaymentSession, Status
from stays.domain.values import timestamp
from stays.table.awards import Awards
from stays.table.due_items import RECENT, DueItems, Unreadable, changed, newly_booked, newly_paid
from stays.table.keys import award_item, award_key, mail_item, shard, stay_key, stray_item, transaction_key
from stays.table.sessions import Sessions
from stays.table.strays import Strays
from tests.integration.tables import begin, contents, dynamodb, hand_in
from tests.samples import (
    NIGHTS,
    NOW,
    STAY,
    STRANGER,
    TRAVELLER,
    money,
    offer,
    opened,
    priced,
    said,
    stray_due,
    win,
)

MOMENT = timedelta(milliseconds=1)
IDS = [f"{STAY[:-1]}{end}" for end in "0123456789ABC"]


@pytest.fixture
def store(aws: None) -> Store:
    return Store(dynamodb(), "stays")


@pytest.fixture
def due_items(store: Store) -> DueItems:
    return DueItems(store)


def begun(store: Store, stay_id: str, user_id: str = TRAVELLER, minutes: int = 0) -> PaymentSession:
    """A session for a new property, of an award that expires now."""
    rented_property = win().rented_property.but(id=f"P{stay_id}")
    at = NOW + timedelta(minutes=minutes)
    award = win(
        user_id=user_id,
        rented_property=rented_property,
        nights=priced(NIGHTS[0]),
        auction_id=stay_id,
        deadline=NOW,
        due_at=None,
    )
    hand_in(award)
    session = opened(stay_id, award, at)
    begin(Sessions(store), session, at)
    return session


class Stingy:
    """DynamoDB that reads one key of a batch at a time, as DynamoDB may, and no more than so many in all."""

    def __init__(self, most: int = 100) -> None:
        self.batches: list[int] = []
        self.most = most

    def batch_get_item(self, **request: Any) -> Any:
        ((table, wanted),) = request["RequestItems"].items()
        self.batches.append(len(wanted["Keys"]))
        if len(self.batches) > self.most:
            return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}
        first, rest = wanted["Keys"][:1], wanted["Keys"][1:]
        answer = dynamodb().batch_get_item(RequestItems={table: {**wanted, "Keys": first}})
        left = {table: {**wanted, "Keys": rest}} if rest else {}
        return answer | {"UnprocessedKeys": left}


def test_many_items_are_read_until_none_is_left(store: Store) -> None:
    sessions = [begun(store, stay_id) for stay_id in IDS[:3]]
    stingy = Stingy()
    keys = [{"PK": f"STAY#{stay_id}", "SK": "SESSION"} for stay_id in IDS[:4]]
    found = Store(stingy, "stays").get_many(keys)
    assert sorted(item["id"] for item in found) == [session.id for session in sessions]
    assert stingy.batches == [4, 3, 2, 1]


def test_what_is_left_out_is_asked_for_more_and_more_slowly_and_not_for_ever(aws: None) -> None:
    stingy, began = Stingy(most=2), time.monotonic()
    with pytest.raises(Busy):
        Store(stingy, "stays").get_many([{"PK": stay_id, "SK": "SESSION"} for stay_id in IDS[:4]])
    assert stingy.batches == [4, 3, *[2] * 5]
    assert time.monotonic() - began < 2


def test_a_fault_is_raised_and_never_taken_for_a_failed_condition(aws: None) -> None:
    nowhere = Store(dynamodb(), "no-such-table")
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        nowhere.put({"PK": "x", "SK": "x"}, Condition("attribute_not_exists(PK)"))


def test_a_failed_condition_answers_what_stands_there(store: Store) -> None:
    key, first = {"PK": "x", "SK": "x"}, Condition("attribute_not_exists(PK)")
    assert store.put(key | {"amount": 5}, first) == Written(True, {})
    assert store.put(key | {"amount": 6}, first) == Written(False, key | {"amount": 5})
    assert store.update({"PK": "y", "SK": "y"}, {"amount": 6}, Condition("attribute_exists(PK)")) == Written(False, {})


def test_an_update_sets_removes_or_does_both(store: Store) -> None:
    key = {"PK": "x", "SK": "x"}
    for changes in ({"status": "a", "b": 2}, {"status": None, "c": [3]}, {"b": None}):
        store.update(key, changes)
    assert store.get(key) == key | {"c": [3]}


def test_an_item_is_deleted_with_or_without_a_condition(store: Store) -> None:
    key = {"PK": "x", "SK": "x"}
    for condition in (None, Condition("amount = :amount", amount=5)):
        store.put(key | {"amount": 5})
        store.transact({"it": store.delete_operation(key, condition)})
        assert store.get(key) is None


def test_what_changed_is_read_as_it_is_now_and_once(store: Store, due_items: DueItems) -> None:
    session = begun(store, IDS[0])
    hand_in(win(), offer())
    keys = [
        (f"STAY#{IDS[0]}", "SESSION"),
        ("AUCTION#1001", f"AWARD#{TRAVELLER}#WIN"),
        ("AUCTION#1001", f"AWARD#{TRAVELLER}#offer-7"),
    ]
    assert due_items.load_present([*keys, *keys, ("STAY#gone", "SESSION")]) == dict(
        zip(keys, (session, win(), offer()), strict=True)
    )


def test_where_nothing_changed_nothing_is_read() -> None:
    assert DueItems(Store(None, "stays")).load_present([]) == {}


def test_c6_unfinished_sessions_and_those_that_just_ended_are_recent(store: Store, due_items: DueItems) -> None:
    sessions = Sessions(store)
    old, alive, ended, theirs = (
        begun(store, IDS[0]),
        begun(store, IDS[1], minutes=1),
        begun(store, IDS[2], minutes=2),
        begun(store, IDS[3], STRANGER),
    )
    sessions.record(old, said(Outcome.EXPIRED), NOW + timedelta(minutes=20))
    ended = sessions.record(ended, said(Outcome.CANCELLED), NOW + timedelta(minutes=20) + MOMENT)
    now = NOW + timedelta(minutes=20) + MOMENT + RECENT
    assert due_items.load_recent(TRAVELLER, now) == [alive, ended]
    assert due_items.load_recent(STRANGER, now) == [theirs]
    assert due_items.load_recent("nobody", now) == []


def test_only_the_newest_ten_sessions_are_recent_oldest_first(store: Store, due_items: DueItems) -> None:
    sessions = [begun(store, stay_id, minutes=position) for position, stay_id in enumerate(IDS)]
    assert due_items.load_recent(TRAVELLER, NOW) == sessions[-10:]


def test_what_was_won_or_offered_and_can_still_be_paid_or_answered_is_recent(store: Store, due_items: DueItems) -> None:
    over = NOW + timedelta(days=1)
    told = [win(deadline=over + MOMENT), offer(award_id="1", deadline=over + MOMENT, received_at=NOW + MOMENT)]
    ignored = [
        win(auction_id="1002", deadline=over),
        offer(award_id="2", deadline=over),
        *(
            offer(award_id=status.value, deadline=over + MOMENT, status=status)
            for status in (AwardStatus.ACCEPTED, AwardStatus.DECLINED, AwardStatus.PAID, AwardStatus.EXPIRED)
        ),
        offer(award_id="4", deadline=over + MOMENT, user_id=STRANGER),
    ]
    hand_in(*ignored, *reversed(told))
    assert due_items.load_recent(TRAVELLER, over) == told


def test_what_was_lost_is_recent_for_a_quarter_of_an_hour(store: Store, due_items: DueItems) -> None:
    lost = win(status=AwardStatus.LOST, result=Result.LOST, nights=())
    hand_in(lost)
    assert due_items.load_recent(TRAVELLER, NOW + RECENT) == [lost]
    assert due_items.load_recent(TRAVELLER, NOW + RECENT + MOMENT) == []


def test_what_was_lost_hides_no_win_and_no_offer(store: Store, due_items: DueItems) -> None:
    later = NOW + timedelta(days=40)
    for number in range(60):
        lost = win(auction_id=f"L{number}", result=Result.LOST, nights=(), status=AwardStatus.LOST, deadline=later)
        store.put(award_item(lost))
    for award in (win(), offer(user_id=TRAVELLER)):
        store.put(award_item(award))
    found = [item for item in due_items.load_recent(TRAVELLER, NOW) if isinstance(item, Award)]
    assert len(found) == 50
    assert {item.award_id for item in found if item.status is not AwardStatus.LOST} == {"WIN", offer().award_id}


def test_awards_and_offers_whose_time_has_come_are_due_as_what_they_are(store: Store, due_items: DueItems) -> None:
    later = NOW + timedelta(days=1)
    awards = [win(), offer(due_at=later + MOMENT), win(auction_id="1002", status=AwardStatus.PAID, due_at=None)]
    hand_in(*awards)
    assert [*due_items.find_due(later - MOMENT)] == []
    assert [*due_items.find_due(later)] == awards[:1]
    assert [*due_items.find_due(later + MOMENT)] == awards[:2]


def test_an_award_that_cannot_be_read_is_due_for_people(store: Store, due_items: DueItems) -> None:
    store.put(award_item(win()) | {"status": "BROKEN"})
    due_at = str(win().dump()["dueAt"])
    assert [*due_items.find_due(NOW + timedelta(days=1))] == [
        Unreadable("AUCTION#1001", f"AWARD#{TRAVELLER}#WIN", due_at)
    ]


def test_what_is_set_aside_is_due_again_later_and_only_if_nobody_has_moved_it(store: Store) -> None:
    passed_over: list[str] = []
    due_items = DueItems(store, passed_over.append)
    session = begun(store, IDS[0])
    broken = {"PK": "STAY#broken", "SK": "SESSION", "kind": "SESSION", "dueShard": "0", "dueAt": "2020-01-01T00:00:00Z"}
    for item in (
        award_item(win()),
        mail_item(new_mail(IDS[1], "confirmation", NOW)),
        broken,
        stray_item(stray_due()),
    ):
        store.put(item)
    later = NOW + timedelta(days=1)
    found = [*due_items.find_due(later)]
    assert {type(item).__name__ for item in found} == {"PaymentSession", "Award", "Mail", "Stray", "Unreadable"}
    store.update({"PK": f"STAY#{session.id}", "SK": "SESSION"}, {"dueAt": timestamp(NOW)})
    for item in found:
        due_items.set_aside(item, later + MOMENT)
    assert [getattr(item, "id", None) for item in [*due_items.find_due(later)]] == [session.id]
    assert len([*due_items.find_due(later + MOMENT)]) == len(found) == len(passed_over)


def test_what_has_waited_longest_is_due_first_from_every_shard(store: Store, due_items: DueItems) -> None:
    sessions = [begun(store, stay_id, minutes=-position) for position, stay_id in enumerate(IDS)]
    assert {shard(session.id) for session in sessions} == {"0", "1", "2", "3"}  # all that 1.4 reads
    mail = new_mail(IDS[0], "confirmation", NOW - timedelta(hours=1))
    store.put(mail_item(mail))
    assert [*due_items.find_due(NOW + timedelta(minutes=1))] == [mail, *reversed(sessions)]


def test_what_is_due_in_a_moment_or_never_is_not_due_yet(store: Store, due_items: DueItems) -> None:
    session = begun(store, IDS[0])
    assert session.due_at is not None
    assert [*due_items.find_due(session.due_at - MOMENT)] == []
    assert [*due_items.find_due(session.due_at)] == [session]
    Sessions(store).record(session, money(300_000), NOW)
    found = [*due_items.find_due(NOW + timedelta(seconds=59))]
    assert found == []


def test_a_round_reads_its_shards_to_their_end_page_by_page(store: Store, due_items: DueItems) -> None:
    mails = [new_mail(f"{number:026}", "confirmation", NOW + timedelta(seconds=number)) for number in range(110)]
    for mail in mails:
        store.put(mail_item(mail) | {"dueShard": "15"})
    store.put(mail_item(new_mail(IDS[0], "confirmation", NOW)) | {"dueShard": "14"})
    later = NOW + timedelta(hours=1)
    assert [*due_items.find_due(later, ["15"])] == mails
    assert len([*due_items.find_due(later)]) == 111
    assert [*due_items.find_due(later, [])] == []


def test_the_clock_moves_an_item_of_another_release_to_its_shard(store: Store, due_items: DueItems) -> None:
    session, award, stray = begun(store, IDS[0]), win(), stray_due()
    hand_in(award)
    store.put(stray_item(stray))
    keys = [stay_key(session.id, "SESSION"), award_key("1001", TRAVELLER, "WIN"), transaction_key(stray.transaction_id)]
    for key in keys:
        store.update(key, {"dueShard": "15"})
    assert Sessions(store).claim_check(session, NOW, NOW + MOMENT)
    Awards(store).postpone(award, NOW + MOMENT)
    assert stray.due_at
    assert Strays(store).claim_check(stray, stray.due_at, NOW + MOMENT)
    moved = [shard(session.id), shard("1001"), shard(stray.transaction_id)]
    assert [item["dueShard"] for key in keys if (item := store.get(key))] == moved
    assert len([*due_items.find_due(NOW + MOMENT)]) == 3


def image(model: PaymentSession | Award, **more: Any) -> dict[str, Any]:
    return to_attributes(model.dump() | {"PK": "P", "SK": "S"} | more)


def record(new: PaymentSession | Award, old: PaymentSession | Award | None = None) -> dict[str, Any]:
    before = {} if old is None else {"OldImage": image(old)}
    return {"dynamodb": {"NewImage": image(new), **before}}


PENDING = opened().but(status=Status.PENDING)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": Status.PAID},
        {"fulfilment": "REVIEW"},
        {"processing": True},
        {"reason": "NIGHTS_TAKEN"},
        {"refund": {"amount": 1, "status": "REFUND_DUE"}},
    ],
)
def test_a_change_that_browsers_see_is_a_change(changes: dict[str, Any]) -> None:
    new = PaymentSession.model_validate(PENDING.dump() | changes)
    assert changed(record(new, PENDING)) == ("P", "S")


def test_something_new_is_a_change() -> None:
    assert changed(record(opened())) == ("P", "S")
    assert changed(record(win())) == ("P", "S")


@pytest.mark.parametrize(
    "changes", [{}, {"due_at": NOW}, {"queried_at": NOW}, {"order_url": "x"}, {"attempted_at": NOW}]
)
def test_a_change_that_no_browser_sees_is_none(changes: dict[str, Any]) -> None:
    assert changed(record(PENDING.but(**changes), PENDING)) is None
    assert changed(record(win(payment_id="x"), win())) is None


def test_a_session_is_newly_booked_in_the_record_in_which_it_was_booked(store: Store) -> None:
    session = begun(store, IDS[0])
    paid = Sessions(store).record(session, money(300_000), NOW)
    assert newly_booked(record(paid, session))
    assert newly_booked(record(paid))
    assert not newly_booked(record(paid, paid))
    assert not newly_booked(record(session))
    assert contents()[f"STAY#{IDS[0]}", "SESSION"]["bookedAt"]


def test_a_session_is_newly_paid_in_the_record_in_which_it_was_paid(store: Store) -> None:
    session = begun(store, IDS[0])
    paid = Sessions(store).record(session, money(300_000), NOW)
    kind = {"kind": "SESSION"}
    new, old = image(paid, **kind), image(session, **kind)
    assert newly_paid({"dynamodb": {"NewImage": new, "OldImage": old}}) == NOW
    assert newly_paid({"dynamodb": {"NewImage": new}}) == NOW
    assert newly_paid({"dynamodb": {"NewImage": new, "OldImage": new}}) is None
    assert newly_paid({"dynamodb": {"NewImage": old}}) is None
    assert newly_paid(record(win(status=AwardStatus.PAID))) is None
