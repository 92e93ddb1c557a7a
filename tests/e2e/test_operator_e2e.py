"""The operator's commands against the local run, as they are typed."""

import subprocess
import sys
from typing import Any


def test_a_lost_callback_is_found_asked_about_and_told_of(local: Any, zalopay: Any, traveller: Any) -> None:
    def operate(*typed: str, ends: int = 0) -> str:
        command = [sys.executable, "-m", "infra.operator", "--local", "--at", local.http_url, *typed, "--as", "linh"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own words
        assert ran.returncode == ends, ran.stderr
        return ran.stdout + ran.stderr

    an = traveller()
    award = local.award(an)
    zalopay.switch("callback_lost", next=True)
    made = an.create_payment(award.auction_id, award.nights, award.amount)
    zalopay.pay(made["appTransId"])
    assert made["sessionId"] in operate("due")
    assert "would become PAID / BOOKED" in operate("ask", made["appTransId"])
    assert "is now PAID / BOOKED" in operate("ask", made["appTransId"], "--yes")
    story = operate("show", made["sessionId"])
    assert "paid, and the nights are booked (operator said PAID" in story and "by linh" in story
    assert operate("redrive") == ""
    assert f"{made['sessionId']}/BookingConfirmed is published" in operate("publish", "--since", "2026-01-01", "--yes")
    assert operate("show", "1", ends=1) == "There is nothing here.\n"
