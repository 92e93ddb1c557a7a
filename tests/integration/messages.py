"""Incoming events: awards, and callbacks with their MAC."""

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

START = datetime(2027, 3, 1, 3, 0, tzinfo=UTC)  # ten in the morning in Vietnam
KEY2 = "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz"
MAI, BINH, HOST = "auth0|mai", "auth0|binh", "auth0|host"
AGENT = "Mozilla/5.0 (tests)"
HOME = "203.0.113.7"
NIGHTS = ("2027-03-20", "2027-03-21", "2027-03-22")
PRICE = 400_000
PROPERTY = {"id": "777", "name": "Nhà Trên Đồi", "hostId": HOST, "city": "Đà Lạt", "maxGuests": 4}


def in_seconds(seconds: float) -> str:
    """The time this many seconds from now, as in events."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def auction_result(**changes: Any) -> dict[str, Any]:
    """The detail of an AuctionResult: three nights in a row for Mai, payable for a day."""
    nights = changes.pop("nights", NIGHTS)
    return {
        "auctionId": "1001",
        "userId": MAI,
        "property": PROPERTY,
        "guestCount": 2,
        "result": "FULL_WIN",
        "awardedNights": [{"date": night, "price": PRICE} for night in nights],
        "bidAmount": PRICE * len(nights),
        "paymentDeadline": in_seconds(86_400),
        **changes,
    }


def second_chance(**changes: Any) -> dict[str, Any]:
    """The detail of a SecondChanceOffer for Binh."""
    nights = changes.pop("nights", NIGHTS)
    return {
        "offerId": "5001",
        "auctionId": "1001",
        "originalBidId": "88",
        "userId": BINH,
        "property": PROPERTY,
        "guestCount": 2,
        "offeredNights": [{"date": night, "price": PRICE} for night in nights],
        "responseDeadline": in_seconds(86_400),
        **changes,
    }


def runner_up(user_id: str, *nights: str, price: int = 300_000, **more: Any) -> dict[str, Any]:
    """One of the `runnersUp` of an AuctionResult."""
    return {"userId": user_id, "nights": [{"date": night, "price": price} for night in nights or NIGHTS], **more}


def order_data(app_trans_id: str, amount: int = PRICE * 3, **changes: Any) -> dict[str, Any]:
    """The `data` of a callback in ZaloPay's form."""
    return {
        "app_id": 2553,
        "app_trans_id": app_trans_id,
        "app_time": int(datetime.now(UTC).timestamp() * 1000),
        "app_user": "someone",
        "amount": amount,
        "embed_data": "{}",
        "item": "[]",
        "zp_trans_id": 270301000000123,
        "server_time": int(datetime.now(UTC).timestamp() * 1000),
        "channel": 38,
        "merchant_user_id": "x",
        "user_fee_amount": 0,
        "discount_amount": 0,
        **changes,
    }


def signed(data: Mapping[str, Any] | str, key: str = KEY2, **changes: Any) -> str:
    """The body of a callback with its MAC."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    mac = hmac.new(key.encode(), text.encode(), sha256).hexdigest()
    return json.dumps({"data": text, "mac": mac, "type": 1, **changes})
