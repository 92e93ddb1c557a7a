"""The messages of each user's WebSockets."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.browser import AGENT, Browser, SessionPage, Socket
from tests.e2e.local import Local, ZaloPay

Travel = Callable[..., Browser]


def test_all_ten_sockets_of_a_user_are_told(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    order = an.press_pay(local.award(an))
    sockets = [an.listen() for _ in range(10)]
    zalopay.pay(order["appTransId"])
    for socket in sockets:
        socket.expect("PAYMENT_STATUS", paymentId=order["sessionId"], status="COMPLETED")
        socket.expect("BOOKING_CONFIRMED", bookingId=order["sessionId"])
        assert socket.dropped == []


def test_a_socket_that_broke_is_told_on_its_return(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    order = an.press_pay(local.award(an))
    broken = an.listen()
    broken.close()
    zalopay.pay(order["appTransId"])
    again = an.listen()
    again.expect("PAYMENT_STATUS", paymentId=order["sessionId"], status="COMPLETED")
    again.expect("BOOKING_CONFIRMED", bookingId=order["sessionId"])


def test_a_subscribe_for_another_user_gets_an_error_and_nothing_else(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an, stranger = traveller("an"), traveller("stranger")
    order = an.press_pay(local.award(an))
    stranger.get("/user/bookings")
    by_query = stranger.open_socket(query=f"?token={stranger.token}", user_id=an.user_id)
    by_frame = stranger.open_socket(user_id=an.user_id, token=stranger.token)
    for socket in (by_query, by_frame):
        assert socket.expect_unknown("ERROR")["code"] == "FORBIDDEN"
    zalopay.pay(order["appTransId"])
    own = an.listen()
    own.expect("BOOKING_CONFIRMED", bookingId=order["sessionId"])
    for socket in (by_query, by_frame):
        socket.ping()
        assert (socket.accepted, socket.dropped, socket.unknown) == ([], [], [])


def test_a_subscribe_without_a_token_is_accepted_after_a_call_from_the_same_address(
    local: Local, traveller: Travel
) -> None:
    an = traveller()
    award = local.award(an)
    assert an.open_socket().expect_unknown("ERROR")["code"] == "FORBIDDEN"
    an.press_pay(award)
    an.open_socket().expect_unknown("SUBSCRIBED")
    said = {"type": "SUBSCRIBE", "userId": an.user_id, "channels": ["payment_status"]}
    elsewhere = Socket(f"{local.websocket_url}/payment-notifications", said, "Another browser")
    assert elsewhere.expect_unknown("ERROR")["code"] == "FORBIDDEN"
    elsewhere.close()
    local.later(16 * 60)
    assert an.open_socket().expect_unknown("ERROR")["code"] == "FORBIDDEN"


def test_a_page_that_returns_in_the_last_minute_to_pay_subscribes_without_waiting(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    order = an.press_pay(local.award(an))
    local.later(14 * 60)
    zalopay.pay(order["appTransId"])
    page = SessionPage(an, order["sessionId"])
    page.socket.expect("PAYMENT_STATUS", paymentId=order["sessionId"], status="COMPLETED")
    assert page.follow().is_paid


@pytest.mark.parametrize("way", ["token", "access_token", "cookie", "frame"])
def test_a_token_proves_the_user_wherever_it_is_sent(way: str, local: Local, traveller: Travel) -> None:
    an = traveller()
    said = {"type": "SUBSCRIBE", "userId": an.user_id, "channels": ["payment_status"]}
    query = f"?{way}={an.token}" if way.endswith("token") else ""
    cookie = {"Cookie": f"auth_token={an.token}"} if way == "cookie" else {}
    said |= {"token": an.token} if way == "frame" else {}
    socket = Socket(f"{local.websocket_url}/payment-notifications{query}", said, AGENT, **cookie)
    assert socket.expect_unknown("SUBSCRIBED")["channels"] == ["payment_status"]
    socket.close()


def test_a_wrong_token_in_the_address_is_refused_at_connect(local: Local) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        Socket(f"{local.websocket_url}/payment-notifications?token=nonsense", None)
    assert refusal.value.response.status_code == 401


def test_a_page_of_another_origin_is_refused_at_connect_and_ours_is_not(local: Local, traveller: Travel) -> None:
    address = f"{local.websocket_url}/payment-notifications?token={traveller().token}"
    with pytest.raises(InvalidStatus) as refusal:
        Socket(address, None, origin="https://evil.example")
    assert refusal.value.response.status_code == 403
    Socket(address, None).close()


def test_a_winners_page_that_subscribes_without_a_user_gets_an_error_and_stays_connected(
    local: Local, traveller: Travel
) -> None:
    an = traveller()
    an.get("/user/bookings")
    socket = an.open_socket(user_id="current-user-id")
    assert socket.expect_unknown("ERROR")["code"] == "FORBIDDEN"
    socket.ping()


def test_only_subscribed_channels_are_heard(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    order = an.press_pay(local.award(an))
    socket = an.open_socket(channels=["booking_confirmations"])
    zalopay.pay(order["appTransId"])
    socket.expect("BOOKING_CONFIRMED", bookingId=order["sessionId"])
    socket.ping()
    assert {message["type"] for message in socket.accepted} == {"BOOKING_CONFIRMED"}


def test_awards_and_offers_are_told_as_they_come_in_and_offers_again_on_subscribing(
    local: Local, traveller: Travel
) -> None:
    an = traveller()
    socket = an.open_socket(token=an.token)
    socket.expect_unknown("SUBSCRIBED")
    award = local.award(an)
    told = socket.expect("AUCTION_RESULT", auctionId=award.auction_id)
    assert (told["result"], told["awardedNights"], told["amount"]) == ("FULL_WIN", award.nights, award.amount)
    offer = {
        "offerId": f"9{award.auction_id}",
        "auctionId": award.auction_id,
        "userId": an.user_id,
        "property": {"id": award.property_id, "name": "Nhà Đèn Lồng", "hostId": "auth0|host-lan"},
        "offeredNights": [{"date": night, "price": 300_000} for night in local.nights(30, 2)],
        "responseDeadline": (local.now() + timedelta(days=1)).isoformat(),
    }
    assert local.announce("SecondChanceOffer", offer)["accepted"]
    for listener in (socket, an.open_socket(token=an.token)):
        told = listener.expect("SECOND_CHANCE_OFFER", offerId=offer["offerId"])
        assert (told["offeredNights"], told["amount"]) == (local.nights(30, 2), 600_000)
        assert listener.dropped == []
