"""A run that keeps its state: after a restart everything is still there, and nothing happens twice."""

from contextlib import closing
from pathlib import Path

from tests.e2e.browser import Browser
from tests.e2e.local import Local

NEVER = "86400"  # seconds


def start(folder: Path) -> Local:
    return Local(folder, "--state", str(folder / "state"), "--schedule", NEVER, "--no-seed")


def test_bookings_tokens_orders_and_mail_outlive_a_restart_and_no_mail_goes_out_twice(tmp_path: Path) -> None:
    first = start(tmp_path)
    with closing(first.browser("an")) as an:
        award = first.award(an)
        paid = an.press_pay(award)
        first.zalopay.pay(paid["appTransId"])
        (mail,) = first.wait_for_mails(an.email, 1)
        assert an.get(f"/payment/{paid['sessionId']}/booking")["status"] == "CONFIRMED"
        session = an.get(f"/payment/sessions/{paid['sessionId']}")
        bookings = an.get("/user/bookings")
        other = first.award(an)
        unpaid = an.press_pay(other)
        person = (an.user_id, an.token, an.email)
    assert first.stop() == 0

    second = start(tmp_path)
    user_id, _, email = person
    with closing(Browser(second.http_url, second.websocket_url, user_id, second.token(user_id), email)) as an:
        assert an.get(f"/payment/sessions/{paid['sessionId']}") == session
        assert an.get("/user/bookings") == bookings
        assert an.get(f"/payment/transactions/{session['transactionId']}") == session
        assert len(second.dev("GET", "/mail")) == 1

        socket = an.listen()
        socket.expect("BOOKING_CONFIRMED", bookingId=paid["sessionId"])
        second.zalopay.pay(unpaid["appTransId"])
        second.round(after=60)
        socket.expect("BOOKING_CONFIRMED", bookingId=unpaid["sessionId"])
        mails = second.wait_for_mails(email, 2)
        assert mails[-1] == mail
        assert len(mails) == 2
    assert second.stop() == 0
