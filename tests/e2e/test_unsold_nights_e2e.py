"""No night is lost: it is offered to the next runner-up or released, also after corrections."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.e2e.browser import ApiError, Browser
from tests.e2e.local import Award, Local, ZaloPay, eventually, new_number

Travel = Callable[..., Browser]
MINUTES = 60
DAY = 86_400


def in_line(browser: Browser, nights: list[str], price: int = 400_000) -> dict[str, Any]:
    return {"userId": browser.user_id, "nights": [{"date": night, "price": price} for night in nights]}


def buy(zalopay: ZaloPay, browser: Browser, award: Award, first: int, end: int) -> str:
    """Pay for some of the nights. Returns the booking's id."""
    order = browser.press_pay(award, first, end)
    zalopay.pay(order["appTransId"])
    assert browser.get(f"/payment/{order['sessionId']}/booking")["status"] == "CONFIRMED"
    return str(order["sessionId"])


def offers(browser: Browser, award: Award) -> list[tuple[list[str], str]]:
    """The offers that follow from an award: the nights and the status of each."""
    found = browser.get("/auctions/offers/second-chance/me")
    return [(each["offeredNights"], each["status"]) for each in found if each["auctionId"] == award.auction_id]


def released(local: Local, award: Award, times: int) -> list[tuple[list[str], str]]:
    """The nights that an award released, with the end of each event's id."""
    look = partial(local.published_of, award.auction_id, "NightsReleased")
    found = eventually(lambda: said if len(said := look()) >= times else [])
    assert len(found) == times
    return [(each["releasedNights"], each["eventId"].partition("/NightsReleased")[2]) for each in found]


def revise(local: Local, winner: Browser, award: Award, revision: float, price: int, **more: Any) -> Any:
    """Announce a correction with another price for each night."""
    detail = {
        "auctionId": award.auction_id,
        "userId": winner.user_id,
        "result": "PARTIAL_WIN",
        "revision": revision,
        "property": {"id": award.property_id, "name": "Nhà gỗ Đồi Thông", "hostId": "auth0|host-lan"},
        "awardedNights": [{"date": night, "price": price} for night in award.nights],
        "paymentDeadline": local.in_seconds(DAY),
        **more,
    }
    return local.announce("AuctionResult", detail)


def shown(browser: Browser, award: Award) -> tuple[str, int]:
    found = browser.get(f"/auctions/winners/{award.auction_id}")
    return found["status"], found["bidAmount"]


def test_cancelled_nights_go_to_those_who_were_not_asked_and_then_are_released(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an, binh = traveller("an"), traveller("binh")
    nights = local.nights(30, 3)
    award = local.award(an, nights, runnersUp=[in_line(binh, nights[:2])])
    alone = local.award(an, nights)
    for each in (award, alone):
        an.call("DELETE", f"/bookings/{buy(zalopay, an, each, 0, 3)}")
    assert offers(binh, award) == [(nights[:2], "WAITING")]
    assert released(local, alone, 1) == [(nights, "")]
    (offer,) = binh.get("/auctions/offers/second-chance/me")
    assert binh.post(f"/auctions/offers/{offer['id']}/accept", {"selectedNights": nights[:1]}) == {}
    order = binh.pay_as_shown(offer["id"])
    zalopay.pay(order["appTransId"])
    local.round()
    assert released(local, award, 1) == [(nights[1:], "")]
    binh.call("DELETE", f"/bookings/{order['sessionId']}")
    assert released(local, award, 2) == [(nights[1:], ""), (nights[:1], "/2")]


@pytest.mark.parametrize("cancels", ["at once", "after the rest was released"])
def test_what_is_not_chosen_of_a_partial_win_and_then_cancelled_is_released_in_two_events(
    cancels: str, local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    award = local.award(an, local.nights(30, 4), result="PARTIAL_WIN")
    booking = buy(zalopay, an, award, 0, 2)
    if cancels == "at once":
        an.call("DELETE", f"/bookings/{booking}")
        local.round()
        found = released(local, award, 1)
        assert sorted(night for nights, _ in found for night in nights) == award.nights
        return
    local.round()
    assert released(local, award, 1) == [(award.nights[2:], "")]
    an.call("DELETE", f"/bookings/{booking}")
    assert released(local, award, 2) == [(award.nights[2:], ""), (award.nights[:2], "/2")]


def test_what_a_winner_and_then_a_runner_up_do_not_choose_goes_on(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an, binh, chi = traveller("an"), traveller("binh"), traveller("chi")
    nights = local.nights(30, 6)
    line = [in_line(binh, nights), in_line(chi, nights)]
    award = local.award(an, nights, result="PARTIAL_WIN", runnersUp=line)
    first = buy(zalopay, an, award, 0, 2)
    local.round()
    assert offers(binh, award) == [(nights[2:], "WAITING")]
    theirs = Award(award.auction_id, award.property_id, nights[2:], 1_600_000)
    buy(zalopay, binh, theirs, 0, 1)
    local.round()
    assert offers(chi, award) == [(nights[3:], "WAITING")]
    an.call("DELETE", f"/bookings/{first}")
    assert released(local, award, 1) == [(nights[:2], "")]
    assert chi.post(f"/auctions/offers/{award.auction_id}/decline", {}) == {}
    assert sorted(released(local, award, 2)) == sorted([(nights[:2], ""), (nights[3:], "")])


def test_a_foreign_hold_at_the_deadline_is_waited_for(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an, binh, stranger = (traveller(name) for name in ("an", "binh", "stranger"))
    nights, over = local.nights(30, 3), local.in_seconds(-1 * MINUTES)
    line = [in_line(binh, nights)]
    freed, sold = (local.award(an, nights, paymentDeadline=over, runnersUp=line) for _ in range(2))
    declined = local.award(an, nights, runnersUp=line)
    orders = [
        stranger.press_pay(local.award(stranger, nights[1:2], property_id=each.property_id), 0, 1)
        for each in (freed, sold, declined)
    ]
    an.post(f"/auctions/winners/{declined.auction_id}/decline", {})
    local.round()
    assert [offers(binh, each) for each in (freed, sold, declined)] == [[], [], []]
    zalopay.pay(orders[1]["appTransId"])
    local.round(after=21 * MINUTES)
    assert [offers(binh, each) for each in (freed, sold, declined)] == [
        [(nights, "WAITING")],
        [([nights[0], nights[2]], "WAITING")],
        [(nights, "WAITING")],
    ]


def test_reports_of_a_decline_keep_no_overdue_award_alive(local: Local, traveller: Travel) -> None:
    an = traveller()
    award = local.award(an, paymentDeadline=local.in_seconds(-1 * MINUTES))
    for number in range(20):
        report = {"offerId": award.auction_id, "reason": f"reason {number}", "type": "winner"}
        assert an.post("/auctions/analytics/decline", report) == {}
    local.round()
    assert released(local, award, 1) == [(award.nights, "")]


def test_an_award_is_corrected_by_a_higher_revision_alone(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    award = local.award(an, result="PARTIAL_WIN")
    assert revise(local, an, award, 2, 450_000)["as"] == "RECEIVED"
    assert shown(an, award) == ("PENDING_PAYMENT", 900_000)
    for revision in (2, 1, 0, 2.0):
        assert revise(local, an, award, revision, 1_000)["as"] == "IGNORED"
    with pytest.raises(ApiError, match="400 INVALID_AMOUNT"):
        an.press_pay(award)
    order = an.pay_as_shown(award.auction_id)
    zalopay.pay(order["appTransId"])
    for said in (revise(local, an, award, 3, 1_000), local.withdraw(an, award, revision=4)):
        assert (said["accepted"], "paid" in said["reason"].lower()) == (False, True)
    assert shown(an, award) == ("PAID", 900_000)
    declined = local.award(an)
    an.post(f"/auctions/winners/{declined.auction_id}/decline", {})
    assert revise(local, an, declined, 1, 1_000)["accepted"] is False


def test_a_correction_waits_for_the_end_of_an_open_order(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    changed, given_up, paid, reserved = (local.award(an, local.nights(30, 4), result="PARTIAL_WIN") for _ in range(4))
    orders = {award.auction_id: an.press_pay(award, 0, 2) for award in (changed, given_up, paid)}
    booking = an.post("/bookings", {"auctionId": reserved.auction_id, "selectedNights": reserved.nights})
    for award in (changed, given_up, paid, reserved):
        assert revise(local, an, award, 1, 300_000)["as"] == "KEPT"
        assert revise(local, an, award, 1, 200_000)["as"] == "IGNORED"
        assert shown(an, award) == ("PENDING_PAYMENT", 2_000_000)
    assert an.press_pay(changed, 0, 2) == orders[changed.auction_id]
    with pytest.raises(ApiError, match="400 INVALID_AMOUNT"):
        an.press_pay(changed, 2, 4)  # at the old price
    zalopay.cancel(orders[given_up.auction_id]["appTransId"])
    assert an.get(f"/payment/zalopay/status/{orders[given_up.auction_id]['appTransId']}")["status"] == "CANCELLED"
    zalopay.pay(orders[paid.auction_id]["appTransId"])
    an.call("DELETE", f"/bookings/{booking['id']}")
    for award in (changed, given_up, reserved):
        assert shown(an, award) == ("PENDING_PAYMENT", 1_200_000), award
    assert shown(an, paid)[0] == "PAID"
    order = an.pay_as_shown(changed.auction_id)
    assert order["amount"] == 1_200_000


def test_a_withdrawal_ends_the_award_and_what_is_on_offer_because_of_it(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an, binh, chi = traveller("an"), traveller("binh"), traveller("chi")
    nights = local.nights(30, 3)
    line = [in_line(binh, nights), in_line(chi, nights)]
    plain, offered, ordered, paid = (local.award(an, nights, runnersUp=line) for _ in range(4))
    for award in (offered, ordered, paid):
        an.post(f"/auctions/winners/{award.auction_id}/decline", {})
    orders = {award.auction_id: binh.press_pay(award._replace(amount=1_200_000), 0, 3) for award in (ordered, paid)}
    socket = an.open_socket(token=an.token)
    socket.expect_unknown("SUBSCRIBED")
    for award in (plain, offered, ordered, paid):
        assert local.withdraw(an, award)["as"] == "RECEIVED"
        assert local.withdraw(an, award)["as"] == "IGNORED"
        assert revise(local, an, award, 1, 400_000)["accepted"] is False
    socket.expect("AUCTION_RESULT", auctionId=plain.auction_id, result="LOST", status="WITHDRAWN")
    assert shown(an, plain)[0] == "EXPIRED"
    with pytest.raises(ApiError, match="409 INVALID_AUCTION_STATE"):
        an.create_payment(plain.auction_id, nights, plain.amount)
    assert offers(binh, offered) == [(nights, "EXPIRED")]
    with pytest.raises(ApiError, match="409 OFFER_EXPIRED"):
        binh.create_payment(offered.auction_id, nights, 1_200_000)

    zalopay.pay(orders[paid.auction_id]["appTransId"])
    assert binh.get(f"/payment/{orders[paid.auction_id]['sessionId']}/booking")["status"] == "CONFIRMED"
    zalopay.cancel(orders[ordered.auction_id]["appTransId"])
    assert binh.get(f"/payment/zalopay/status/{orders[ordered.auction_id]['appTransId']}")["status"] == "CANCELLED"
    assert offers(binh, ordered) == [(nights, "EXPIRED")]
    local.round()
    assert [offers(chi, award) for award in (plain, offered, ordered, paid)] == [[], [], [], []]
    said = [each["detail"] for each in local.dev("GET", "/events") if each["detail-type"] == "NightsReleased"]
    ours = {award.auction_id for award in (plain, offered, ordered)}
    assert [each for each in said if each["auctionId"] in ours] == []


def test_a_withdrawal_of_what_was_not_heard_of_yet_is_kept(local: Local, traveller: Travel) -> None:
    an = traveller()
    model = local.award(an)
    unheard = model._replace(auction_id=f"5{model.auction_id}")
    assert local.withdraw(an, unheard, revision=7)["accepted"]
    for revision in (0, 6, 7):
        revise(local, an, unheard, revision, 400_000)
    assert [each["auctionId"] for each in an.get("/auctions/winners/me")] == [model.auction_id]
    with pytest.raises(ApiError, match="404"):
        an.create_payment(unheard.auction_id, unheard.nights, 800_000)


@pytest.mark.parametrize("times", [(0, 0, 0), (0, 0, None), (-7200, -3600, None), (None, None, None)])
def test_an_old_event_gives_no_calendar_back_to_a_former_host(
    times: tuple[int | None, ...], local: Local, traveller: Travel
) -> None:
    an, place = traveller(), new_number()
    first, second = traveller("first-host"), traveller("second-host")
    began = local.now()

    def say(host: Browser, auction: str, at: int | None) -> None:
        detail = {
            "auctionId": auction,
            "userId": an.user_id,
            "result": "LOST",
            "property": {"id": place, "name": "Nhà", "hostId": host.user_id},
            "paymentDeadline": local.in_seconds(DAY),
        }
        stamp = {} if at is None else {"time": f"{began + timedelta(seconds=at):%Y-%m-%dT%H:%M:%SZ}"}
        assert local.dev("POST", "/events", {"detail-type": "AuctionResult", "detail": detail, **stamp})["accepted"]

    old, new = new_number(), new_number()
    for host, auction, at in zip((first, second, first), (old, new, old), times, strict=True):
        say(host, auction, at)
    calendar = f"/properties/{place}/calendar"
    assert second.get(calendar)["propertyName"] == "Nhà"
    with pytest.raises(ApiError, match="404"):
        first.get(calendar)
