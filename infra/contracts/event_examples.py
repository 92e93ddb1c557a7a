"""The sources of the examples in the schemas: incoming events, and items in their final state."""

from typing import Any

from stays.domain.announcement import Announced, facts
from stays.domain.award import Award
from stays.domain.payment import PaymentSession

_COMMON = {"auctionId": "7203451890374592001", "userId": "auth0|traveller-an", "guestCount": 2}
_STAY = _COMMON | {
    "awardId": "WIN",
    "propertyId": "7203451890374591001",
    "propertyName": "Nhà gỗ Đồi Thông",
    "hostId": "auth0|host-lan",
    "nights": ["2026-12-20", "2026-12-21"],
    "amount": 2_400_000,
    "createdAt": "2026-11-24T03:00:00.000Z",
    "expiresAt": "2026-11-24T03:15:00.000Z",
}
_CANCELLED = _STAY | {
    "id": "01KAT3XEY8QZ4M7V2N9W5R6T1C",
    "appTransId": "261124_01KAT3XEY8QZ4M7V2N9W5R6T1C",
    "status": "PAID",
    "fulfilment": "REFUNDED",
    "reason": "CANCELLED_BY_TRAVELLER",
    "transactionId": "261124000000175",
    "refund": {"amount": 2_400_000, "status": "REFUNDED", "refundedAt": "2026-11-26T02:01:30.000Z"},
    "paidAt": "2026-11-24T03:04:10.000Z",
    "bookedAt": "2026-11-24T03:04:11.250Z",
    "cancelledAt": "2026-11-26T02:00:00.000Z",
    "changedAt": "2026-11-26T02:01:30.000Z",
}
_EXPIRED = _STAY | {
    "id": "01KAT3XEY8M3P6T9W2Z5C8F1J4",
    "appTransId": "261124_01KAT3XEY8M3P6T9W2Z5C8F1J4",
    "status": "EXPIRED",
    "reason": "PAYMENT_EXPIRED",
    "changedAt": "2026-11-24T03:16:20.000Z",
}
_OFFER = _COMMON | {
    "awardId": "7203451890374593001",
    "property": {"id": "7203451890374591001", "name": "Nhà gỗ Đồi Thông", "hostId": "auth0|host-lan"},
    "nights": [{"date": "2026-12-20", "price": 1_200_000}, {"date": "2026-12-21", "price": 1_200_000}],
    "deadline": "2026-11-25T03:00:00.000Z",
    "status": "EXPIRED",
    "receivedAt": "2026-11-24T03:00:00.000Z",
    "changedAt": "2026-11-25T03:00:40.000Z",
    "passedOn": False,
    "releases": [["2026-12-20", "2026-12-21"]],
}
_RECEIVED = {name: _COMMON[name] for name in ("auctionId", "userId")} | {"revision": 1}
_TERMS = _RECEIVED | {"property": _OFFER["property"], "guestCount": 2}
# One example of each incoming event, by its detail-type
RECEIVED: dict[str, dict[str, Any]] = {
    "AuctionResult": _TERMS
    | {
        "result": "FULL_WIN",
        "awardedNights": _OFFER["nights"],
        "bidAmount": 2_400_000,
        "paymentDeadline": "2026-11-25T03:00:00.000Z",
        "runnersUp": [{"userId": "auth0|traveller-binh", "bidId": "7203451890374594001", "nights": _OFFER["nights"]}],
        "offerMinutes": 120,
    },
    "SecondChanceOffer": _TERMS
    | {
        "offerId": _OFFER["awardId"],
        "originalBidId": "7203451890374595001",
        "offeredNights": _OFFER["nights"],
        "responseDeadline": _OFFER["deadline"],
    },
    "AuctionWithdrawn": _RECEIVED | {"revision": 2},
}
ITEMS: tuple[Announced, ...] = (
    PaymentSession.model_validate(_CANCELLED),
    PaymentSession.model_validate(_EXPIRED),
    Award.model_validate(_OFFER),
)


def examples() -> dict[str, dict[str, Any]]:
    """Return one example of each outgoing event, by its detail-type."""
    return {type(each).__name__: each.dump() for item in ITEMS for each in facts(item)}
