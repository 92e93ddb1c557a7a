"""Unusual clients: failing sockets, changed choices, ids and headers of any form."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.e2e.browser import AGENT, ApiError, Browser, SilentPage, Socket, named_in
from tests.e2e.local import VIETNAM, Award, Local, ZaloPay, eventually, new_number

Travel = Callable[..., Browser]
MINUTES = 60


@pytest.fixture
def anyone(local: Local) -> Iterator[Callable[[str], Browser]]:
    browsers: list[Browser] = []

    def come(user_id: str) -> Browser:
        browsers.append(local.browser_as(user_id, "anyone@stays.example", "Anyone"))
        return browsers[-1]

    yield come
    for browser in browsers:
        browser.close()


def offer(local: Local, browser: Browser, nights: list[str], price: int = 500_000, **more: Any) -> str:
    """Announce an offer of nights of a new property. Returns the offer's id."""
    detail = {
        "offerId": new_number(),
        "auctionId": new_number(),
        "userId": browser.user_id,
        "property": {"id": new_number(), "name": "Nhà Đèn Lồng", "hostId": "auth0|host-lan"},
        "offeredNights": [{"date": night, "price": price} for night in nights],
        "responseDeadline": local.in_seconds(86_400),
        **more,
    }
    assert local.announce("SecondChanceOffer", detail)["accepted"]
    return str(detail["offerId"])


def status_of(browser: Browser, order: dict[str, Any]) -> tuple[str, str | None]:
    session = browser.get(f"/payment/sessions/{order['sessionId']}")
    return session["status"], session.get("reason")


# C24 and C26: the page that has no socket, after the callback


def full_win(local: Local, an: Browser) -> tuple[str, list[str]]:
    award = local.award(an)
    return award.auction_id, award.nights


def week_that_loses_a_night(local: Local, an: Browser) -> tuple[str, list[str]]:
    award = local.award(an, local.nights(40, 7), price=142_857)
    return award.auction_id, award.nights


def partial_win_in_a_row(local: Local, an: Browser) -> tuple[str, list[str]]:
    award = local.partial_win(an)
    return award.auction_id, award.nights


def partial_win_with_gaps(local: Local, an: Browser) -> tuple[str, list[str]]:
    nights = local.nights(50, 7)
    award = local.award(an, [nights[0], *nights[2:4], nights[6]], result="PARTIAL_WIN")
    return award.auction_id, award.nights


def partial_win_chosen_in_part(local: Local, an: Browser) -> tuple[str, list[str]]:
    award = local.partial_win(an)
    chosen = [award.nights[0], award.nights[3]]
    assert an.post(f"/auctions/offers/{award.auction_id}/accept", {"selectedNights": chosen}) == {}
    return award.auction_id, chosen


def offer_accepted(local: Local, an: Browser) -> tuple[str, list[str]]:
    nights = local.nights(60, 3)
    name = offer(local, an, nights)
    assert an.post(f"/auctions/offers/second-chance/{name}/accept", {}) == {}
    return name, nights


def offer_with_a_gap_accepted_in_part(local: Local, an: Browser) -> tuple[str, list[str]]:
    nights = local.nights(60, 6)
    offered = [*nights[:2], *nights[3:]]
    name = offer(local, an, offered)
    chosen = [offered[0], offered[4]]
    assert an.post(f"/auctions/offers/{name}/accept", {"selectedNights": chosen}) == {}
    return name, chosen


def win_beside_an_offer(local: Local, an: Browser) -> tuple[str, list[str]]:
    """Two awards in one auction with partly the same nights and prices."""
    award = local.award(an, local.nights(30, 2), price=600_000)
    nights = local.nights(31, 3)
    name = offer(local, an, nights, 400_000, auctionId=award.auction_id)
    assert an.post(f"/auctions/offers/second-chance/{name}/accept", {}) == {}
    return name, nights


@pytest.mark.parametrize(
    "bring",
    [
        full_win,
        week_that_loses_a_night,
        partial_win_in_a_row,
        partial_win_with_gaps,
        partial_win_chosen_in_part,
        offer_accepted,
        offer_with_a_gap_accepted_in_part,
        win_beside_an_offer,
    ],
)
def test_the_pages_lead_to_the_booking_with_all_sockets_refused_and_the_callback_first(
    bring: Callable[[Local, Browser], tuple[str, list[str]]], local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    name, nights = bring(local, an)
    order = an.pay_as_shown(name)
    redirect = zalopay.pay(order["appTransId"])
    assert an.get("/user/bookings")[0]["status"] == "CONFIRMED", "the callback was first"
    said = {"type": "SUBSCRIBE", "userId": an.user_id}
    elsewhere = Socket(f"{local.websocket_url}/payment-notifications", said, "Leaves from another address")

    page = SilentPage(an, named_in(redirect))
    assert page.session["fulfilment"] == "NONE"
    assert page.session.keys().isdisjoint({"transactionId", "paidAt", "bookedAt"})
    outcome = page.follow()
    assert outcome.is_paid
    found = an.confirmation_page(outcome)
    assert (found.looks, found.booking["nights"], found.booking["totalAmount"]) == (1, nights, order["amount"])
    assert elsewhere.expect_unknown("ERROR")["code"] == "FORBIDDEN"
    elsewhere.close()


@pytest.mark.parametrize("lost", ["status", "status twice", "status, then the page is loaded anew", "transaction"])
def test_a_lost_answer_does_not_keep_the_page_from_the_booking(
    lost: str, local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    order = an.pay_as_shown(local.award(an).auction_id)
    zalopay.pay(order["appTransId"])
    page = SilentPage(an, order["sessionId"])
    for _ in range(2 if lost == "status twice" else 1):
        page.poll()  # and no message tells it
    if "anew" in lost:
        page.reload()
    outcome = page.follow()
    if lost == "transaction":
        an.get(f"/payment/transactions/{outcome.transaction_id}")
    assert an.confirmation_page(outcome).booking["status"] == "CONFIRMED"


def test_only_an_answer_to_the_owner_ends_pending_of_the_session_page(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    order = an.pay_as_shown(local.award(an).auction_id)
    zalopay.pay(order["appTransId"])
    session, status = f"/payment/sessions/{order['sessionId']}", f"/payment/zalopay/status/{order['appTransId']}"
    changed = local.story(order["sessionId"])["SESSION"][0]["changedAt"]
    told = an.get(status)
    head(local, an, f"/payment/transactions/{told['transactionId']}")
    with pytest.raises(ApiError, match="404"):
        traveller("stranger").get(f"/payment/transactions/{told['transactionId']}")
    assert [told["status"], an.get(status)["status"], an.get(session)["status"]] == ["PAID", "PAID", "PENDING"]
    assert an.get("/user/bookings")[0]["status"] == "CONFIRMED"
    assert an.get(f"/payment/{order['sessionId']}/booking")["status"] == "CONFIRMED"
    shown = an.get(session)
    assert (shown["status"], shown["fulfilment"], shown["transactionId"]) == ("PAID", "BOOKED", told["transactionId"])
    assert local.story(order["sessionId"])["SESSION"][0]["changedAt"] == changed


# C25 and 1.4: deadlines


def winner(browser: Browser, award: Award) -> tuple[str, datetime]:
    shown = browser.get(f"/auctions/winners/{award.auction_id}")
    return shown["status"], datetime.fromisoformat(shown["paymentDeadline"])


def test_a_live_order_or_reservation_outlives_the_deadline_of_its_award(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an, soon = traveller(), local.in_seconds(4 * MINUTES)
    ordered, reserved, both = (local.partial_win(an, paymentDeadline=soon) for _ in range(3))
    order, half = an.press_pay(ordered, 0, 4), an.press_pay(both, 0, 2)
    booking = an.post("/bookings", {"auctionId": reserved.auction_id, "selectedNights": reserved.nights})
    local.later(6 * MINUTES)
    for award, expires_at in ((ordered, order["expiresAt"]), (both, half["expiresAt"])):
        assert winner(an, award) == ("PENDING_PAYMENT", datetime.fromisoformat(expires_at))
    assert winner(an, reserved)[1] > local.now()

    assert an.press_pay(ordered, 0, 4) == order
    for wish in (lambda: an.press_pay(both, 2, 4), lambda: reserve(an, both, 2, 4)):
        with pytest.raises(ApiError, match="409 INVALID_AUCTION_STATE") as refusal:
            wish()
        assert refusal.value.details["sessionId"] == half["sessionId"]
    assert an.press_pay(both, 0, 2) == half

    paid_by = an.press_pay(reserved, 0, 4)
    assert paid_by["sessionId"] == booking["id"]
    for each in (order, half, paid_by):
        zalopay.pay(each["appTransId"])
        assert an.get(f"/payment/{each['sessionId']}/booking")["status"] == "CONFIRMED"


def test_the_deadline_on_the_winners_page_fits_the_status(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an, over = traveller(), local.now().replace(microsecond=0) - timedelta(minutes=10)
    paid, cancelled, declined, withdrawn = (local.award(an) for _ in range(4))
    expired = local.award(an, paymentDeadline=over.isoformat())
    assert winner(an, expired) == ("EXPIRED", over)
    for award in (paid, cancelled):
        zalopay.pay(an.pay_as_shown(award.auction_id)["appTransId"])
    before = local.now() - timedelta(milliseconds=1)
    an.call("DELETE", f"/bookings/{an.get('/user/bookings')[0]['id']}")
    an.post(f"/auctions/winners/{declined.auction_id}/decline", {})
    local.withdraw(an, withdrawn)
    local.round()
    morning = datetime.fromisoformat(f"{paid.nights[-1]}T12:00:00+07:00") + timedelta(days=1)
    assert winner(an, paid) == ("PAID", morning)
    for award in (cancelled, declined, withdrawn, expired):
        status, ended_at = winner(an, award)
        assert (status, before <= ended_at <= local.now()) == ("EXPIRED", True), award


# 1.3: another choice


def reserve(browser: Browser, award: Award, first: int, end: int) -> dict[str, Any]:
    booking: dict[str, Any] = browser.post(
        "/bookings", {"auctionId": award.auction_id, "selectedNights": award.nights[first:end]}
    )
    return booking | {"sessionId": booking["id"]}


def decline(browser: Browser, award: Award) -> None:
    assert browser.post(f"/auctions/winners/{award.auction_id}/decline", {"reason": "too far"}) == {}


Change = Callable[[Browser, Award, dict[str, Any]], dict[str, Any] | None]
CHANGES: dict[str, Change] = {
    "other nights": lambda an, award, _: an.press_pay(award, 2, 4),
    "overlapping nights": lambda an, award, _: an.press_pay(award, 1, 3),
    "all nights": lambda an, award, _: an.press_pay(award, 0, 4),
    "a reservation of other nights": lambda an, award, _: reserve(an, award, 2, 4),
    "a reservation of overlapping nights": lambda an, award, _: reserve(an, award, 1, 4),
    "a decline": lambda an, award, _: decline(an, award),
    "a decline where both pages ask": lambda an, award, _: an.post(f"/auctions/offers/{award.auction_id}/decline", {}),
    "a booking given back": lambda an, _, order: an.call("DELETE", f"/bookings/{order['sessionId']}") and None,
}
change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())


def begin(browser: Browser, award: Award, change: Change) -> dict[str, Any]:
    """Open an order for the first two nights. For a cancellation, of a reservation."""
    if change is CHANGES["a booking given back"]:
        reserve(browser, award, 0, 2)
    return browser.press_pay(award, 0, 2)


@change
def test_a_changed_mind_replaces_the_unpaid_order(
    change: Change, local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an, binh = traveller("an"), traveller("binh")
    award = local.partial_win(an)
    before = begin(an, award, change)
    after = change(an, award, before)
    assert status_of(an, before) == ("CANCELLED", "SUPERSEDED")
    assert zalopay.order(before["appTransId"])["state"] == "CANCELLED"
    assert local.published(before["sessionId"]) == [] or local.published(before["sessionId"]) == ["PaymentFailed"]
    if after is None or "appTransId" not in after:
        theirs = local.award(binh, award.nights[:1], property_id=award.property_id)
        assert binh.pay_as_shown(theirs.auction_id)["orderUrl"]
    if after:
        after = after if "appTransId" in after else an.press_pay(award, award.nights.index(after["nights"][0]), 4)
        zalopay.pay(after["appTransId"])
        assert an.get(f"/payment/{after['sessionId']}/booking")["status"] == "CONFIRMED"


@pytest.mark.parametrize("state", ["moving", "silent", "paid"])
@pytest.mark.parametrize(
    "change",
    [CHANGES[name] for name in ("other nights", "a reservation of other nights", "a decline", "a booking given back")],
)
def test_an_order_that_may_be_paid_is_not_replaced(
    state: str, change: Change, local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    award = local.partial_win(an)
    order = begin(an, award, change)
    if state == "paid":
        zalopay.switch("callback_lost", app_trans_id=order["appTransId"])
        zalopay.pay(order["appTransId"])
    else:
        fault = {"moving": "payment_moving", "silent": "query_down"}[state]
        zalopay.switch(fault, app_trans_id=order["appTransId"])
    creates = change is CHANGES["other nights"]
    silence = "502 PAYMENT_CREATION_FAILED" if creates else "409 INVALID_AUCTION_STATE"
    said = {"moving": "409 PAYMENT_PROCESSING", "silent": silence, "paid": "409 INVALID_AUCTION_STATE"}[state]
    with pytest.raises(ApiError, match=said) as refusal:
        change(an, award, order)
    assert refusal.value.details["sessionId"] == order["sessionId"]
    assert an.get(f"/payment/sessions/{order['sessionId']}")["status"] == "PENDING"
    if state != "paid":
        assert zalopay.order(order["appTransId"])["state"] == "OPEN"
        zalopay.pay(order["appTransId"])
    assert an.get(f"/payment/{order['sessionId']}/booking")["nights"] == award.nights[:2]


def test_of_two_clicks_that_change_the_mind_both_get_the_one_new_order(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    award = local.partial_win(an)
    before = an.press_pay(award, 0, 2)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: an.press_pay(award, 2, 4), range(2))
    assert first == second
    assert [each["state"] for each in zalopay.orders() if each["app_trans_id"] == before["appTransId"]] == ["CANCELLED"]


def test_a_full_win_is_sold_whole(local: Local, traveller: Travel) -> None:
    an = traveller()
    award = local.award(an)
    for amount in (500_000, 1, 1_000_001):
        with pytest.raises(ApiError, match="400 INVALID_AMOUNT") as refusal:
            an.create_payment(award.auction_id, award.nights[:1], amount)
        assert refusal.value.details["expectedAmount"] == award.amount
    reserved = reserve(an, award, 0, 1)
    assert (reserved["nights"], reserved["totalAmount"]) == (award.nights, award.amount)


# 1.6: ids, HEAD, cookies and spellings


@pytest.mark.parametrize(
    "user_id",
    [
        "auth0|an+tag@example.com",
        "samlp|Công ty|an bình",
        "oidc|corp/an=1\\x?y&z",
        "100%25#WIN'\"<>",
        "🙂" * 40,
        "x" * 128,
    ],
)
def test_a_user_of_any_id_wins_pays_listens_and_is_offered(
    user_id: str, local: Local, zalopay: ZaloPay, anyone: Callable[[str], Browser], traveller: Travel
) -> None:
    an = anyone(user_id)
    award = local.award(an)
    order = an.pay_as_shown(award.auction_id)
    socket = an.listen()
    zalopay.pay(order["appTransId"])
    socket.expect("PAYMENT_STATUS", paymentId=order["sessionId"], status="COMPLETED", userId=user_id)
    socket.expect("BOOKING_CONFIRMED", bookingId=order["sessionId"])
    assert socket.dropped == []
    outcome = SilentPage(an, order["sessionId"]).follow()
    assert an.confirmation_page(outcome).booking["userId"] == user_id

    next_in_line = {"userId": user_id, "nights": [{"date": night, "price": 400_000} for night in award.nights]}
    host = traveller("host")
    lost = local.award(host, award.nights, runnersUp=[next_in_line])
    decline(host, lost)
    told = socket.expect("SECOND_CHANCE_OFFER", auctionId=lost.auction_id)
    assert an.get(f"/auctions/offers/second-chance/{told['offerId']}")["userId"] == user_id
    assert an.post(f"/auctions/offers/{told['offerId']}/decline", {}) == {}
    released = eventually(lambda: local.published_of(lost.auction_id, "NightsReleased"))
    assert [each["userId"] for each in released] == [user_id]
    assert re.fullmatch(r"[A-Za-z0-9_.:|@%-]+(/[A-Za-z0-9_.:|@%-]+){3}", released[0]["eventId"])


def test_users_whose_ids_look_alike_are_different_users(local: Local, anyone: Callable[[str], Browser]) -> None:
    ids = ["an b", "an%20b", "an+b", "an%2520b", "AN B", "an b ", "an%20b#WIN"]
    stamp = f"{local.now().timestamp()}"
    browsers = [anyone(f"{stamp}{each}") for each in ids]
    won = [local.award(browser).auction_id for browser in browsers]
    assert [[each["auctionId"] for each in browser.get("/auctions/winners/me")] for browser in browsers] == [
        [auction] for auction in won
    ]


def head(local: Local, browser: Browser, path: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {browser.token}", "user-agent": AGENT}
    answer = httpx.head(f"{local.http_url}/api/v1{path}", headers=headers, trust_env=False, timeout=30)
    assert answer.content == b""
    return answer


def test_head_works_wherever_get_does(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an, host = traveller(), local.browser_of("host-lan")
    award = local.award(an)
    order = an.pay_as_shown(award.auction_id)
    zalopay.pay(order["appTransId"])
    outcome = SilentPage(an, order["sessionId"]).follow()
    name = offer(local, an, local.nights(60, 1))
    feed = host.post(f"/properties/{award.property_id}/calendar/feed", {})["url"]
    paths = [
        "/health",
        f"/payment/zalopay/status/{order['appTransId']}",
        f"/payment/sessions/{order['sessionId']}",
        f"/payment/transactions/{outcome.transaction_id}",
        f"/payment/{order['sessionId']}/booking",
        "/user/bookings",
        "/auctions/winners/me",
        f"/auctions/winners/{award.auction_id}",
        "/auctions/offers/second-chance/me",
        f"/auctions/offers/second-chance/{name}",
        feed.partition("/api/v1")[2],
    ]
    assert [(path, head(local, an, path).status_code) for path in paths] == [(path, 200) for path in paths]
    assert head(local, host, f"/properties/{award.property_id}/calendar").status_code == 200
    unserved = {"/payment/zalopay/create": 405, "/payment/sessions/unknown": 400, "/nothing": 404}
    assert {path: head(local, an, path).status_code for path in unserved} == unserved
    host.close()


@pytest.mark.parametrize(
    "before",
    ['prefs={"a": [1, 2], "b": "c"}', "a b=c d", "name=Nguyễn", "nameless", "=nameless", 'q="x', "a=b=c", "", "€=1, 2"],
)
def test_an_odd_cookie_does_not_hide_the_token(before: str, local: Local, traveller: Travel) -> None:
    an = traveller()
    said = {"type": "SUBSCRIBE", "userId": an.user_id}
    odd = before.encode().decode("latin-1")  # bytes, as a browser sends them
    cookie = f"{odd}; auth_token={an.token}; after={odd}"
    socket = Socket(f"{local.websocket_url}/payment-notifications", said, "Never seen before", Cookie=cookie)
    assert socket.expect_unknown("SUBSCRIBED")
    socket.close()


def test_what_cannot_be_read_of_a_profile_loses_nothing_beside_it(local: Local, traveller: Travel) -> None:
    an = traveller()
    for locale in ("es-419", "en_US.UTF-8", "", " ", "vi-VN-u-ca-buddhist", "x" * 500, None, 7, ["vi"], {}):
        email = f"{len(str(locale))}@stays.example"
        saved = an.post("/users/auth0-sync", {"email": email, "name": "An", "locale": locale, "picture": locale})
        assert (saved["id"], saved["auth0UserId"]) == (an.user_id, an.user_id)
        assert (saved["email"], saved["name"]) == (email, "An")
    assert an.post("/users/auth0-sync", {"locale": "vi_VN"})["language"] == "vi"


def test_a_whole_number_may_be_written_as_a_float(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    nights = [{"date": night, "price": 500_000.0} for night in local.nights(10, 2)]
    award = local.award(an, guestCount=2.0, bidAmount=1e6, revision=3.0, awardedNights=nights, offerMinutes=60.0)
    order = an.create_payment(award.auction_id, award.nights, 1e6)  # type: ignore[arg-type]
    zalopay.pay(order["appTransId"])
    shown = an.get(f"/payment/{order['sessionId']}/booking")
    assert json.dumps([shown["totalAmount"], shown["guestCount"]]) == "[1000000, 2]"


# 1.7: lists and midnight


def test_lost_auctions_and_what_cannot_be_read_hide_no_win_and_no_offer(local: Local, traveller: Travel) -> None:
    an = traveller()
    win, broken = local.award(an), local.award(an)
    name = offer(local, an, local.nights(60, 1))
    late = local.in_seconds(40 * 86_400)
    losses = [
        {
            "auctionId": f"{win.auction_id}{number}",
            "userId": an.user_id,
            "result": "LOST",
            "property": {"id": win.property_id, "name": "Nhà", "hostId": "auth0|host-lan"},
            "paymentDeadline": late,
        }
        for number in range(120)
    ]
    local.dev("POST", "/events", [{"detail-type": "AuctionResult", "detail": each} for each in losses])
    local.spoil(f"AUCTION#{broken.auction_id}", f"AWARD#{an.user_id}#WIN", nights="of old")
    assert [each["auctionId"] for each in an.get("/auctions/winners/me")] == [win.auction_id]
    assert [each["id"] for each in an.get("/auctions/offers/second-chance/me")] == [name]
    assert an.get(f"/auctions/offers/second-chance/{name}")["status"] == "WAITING"
    assert an.get(f"/auctions/winners/{win.auction_id}")["status"] == "PENDING_PAYMENT"
    socket = an.listen()
    socket.expect("AUCTION_RESULT", auctionId=win.auction_id, result="FULL_WIN")
    socket.expect("SECOND_CHANCE_OFFER", offerId=name)
    socket.ping()


def test_after_midnight_an_offer_shows_accepts_and_charges_what_can_still_be_slept(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an, binh = traveller("an"), traveller("binh")
    nights = local.nights(0, 4)
    later = local.in_seconds(3 * 86_400)
    name, gone = offer(local, an, nights, responseDeadline=later), offer(local, an, nights[:1], responseDeadline=later)
    win = local.award(binh, nights, result="PARTIAL_WIN", paymentDeadline=later)
    whole = local.award(binh, nights, paymentDeadline=later)
    local.later(seconds_to_midnight(local) + MINUTES)
    an, binh = local.again(an), local.again(binh)

    shown = an.get(f"/auctions/offers/second-chance/{name}")
    assert (shown["offeredNights"], shown["amount"]) == (nights[1:], 1_500_000)
    assert an.get(f"/auctions/offers/second-chance/{gone}")["status"] == "EXPIRED"
    for refused in (nights, nights[:1]):
        with pytest.raises(ApiError, match="400 VALIDATION_ERROR"):
            an.post(f"/auctions/offers/{name}/accept", {"selectedNights": refused})
    assert an.post(f"/auctions/offers/{name}/accept", {"selectedNights": nights[1:3]}) == {}
    with pytest.raises(ApiError, match="400 VALIDATION_ERROR"):
        an.create_payment(shown["auctionId"], nights, 2_000_000)  # as the page showed it before midnight
    for browser, award, bought in ((an, name, nights[1:3]), (binh, win.auction_id, nights[1:])):
        order = browser.pay_as_shown(award)
        zalopay.pay(order["appTransId"])
        assert browser.get(f"/payment/{order['sessionId']}/booking")["nights"] == bought
    with pytest.raises(ApiError, match="409 INVALID_AUCTION_STATE"):
        binh.create_payment(whole.auction_id, nights, whole.amount)
    assert binh.get(f"/auctions/winners/{whole.auction_id}")["status"] == "EXPIRED"
    an.close()
    binh.close()


def seconds_to_midnight(local: Local) -> int:
    """Seconds until midnight in Vietnam."""
    now = local.now().astimezone(VIETNAM)
    return int((datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), VIETNAM) - now).total_seconds())
