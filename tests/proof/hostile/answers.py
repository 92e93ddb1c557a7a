"""Asks every route a valid question. `make contracts` records the answers as examples."""

import json
from collections.abc import Iterator
from typing import Any

from infra.contracts.examples import ANSWERS
from infra.local.events import Answer
from infra.local.routing import route_for
from infra.topology import PREFIX, ROUTES, Route
from tests.integration.messages import HOST, MAI, PRICE, PROPERTY
from tests.proof.hostile.attacked import LAST, LATEST, Backend, request
from tests.proof.simulation.system import simulation

UNRECORDED = "POST /payment/zalopay/callback"  # it has no valid MAC here, so ZaloPay would not get this answer


def asked(backend: Backend) -> list[tuple[str, str, Any]]:
    """Send a valid request to every route, as Mai or as the host."""
    known, calendar = backend.known, f"/properties/{PROPERTY['id']}/calendar"
    return [
        ("GET", "/health", None),
        ("POST", "/payment/zalopay/create", {"auctionId": 1003, "selectedNights": list(LATEST), "amount": PRICE}),
        ("POST", "/payment/zalopay/callback", {}),
        ("GET", f"/payment/zalopay/status/{known.paid_order}", None),
        ("GET", f"/payment/zalopay/status/{known.live_order}", None),
        ("GET", f"/payment/sessions/{known.paid}", None),
        ("GET", f"/payment/sessions/{known.live}", None),
        ("GET", f"/payment/transactions/{known.transaction_id}", None),
        ("POST", f"/payment/{known.paid}/booking", None),
        ("GET", f"/payment/{known.paid}/booking", None),
        ("POST", "/bookings", {"auctionId": "1003", "selectedNights": list(LATEST)}),
        ("GET", "/user/bookings", None),
        ("DELETE", f"/bookings/{known.paid}", None),
        ("POST", f"/bookings/{known.paid}/update-calendar", {}),
        ("POST", f"/bookings/{known.paid}/conversation", {}),
        ("POST", f"/bookings/{known.paid}/send-confirmation", {}),
        ("GET", "/auctions/winners/me", None),
        ("GET", "/auctions/winners/1001", None),
        ("GET", "/auctions/winners/1003", None),
        ("POST", "/auctions/winners/1003/accept", None),
        ("POST", "/auctions/winners/1003/decline", {"reason": "no time", "why": 5}),
        ("GET", "/auctions/offers/second-chance/me", None),
        ("GET", "/auctions/offers/second-chance/5001", None),
        ("POST", "/auctions/offers/second-chance/5001/accept", {"selectedNights": [LAST[0]]}),
        ("POST", "/auctions/offers/second-chance/5001/decline", None),
        ("POST", "/auctions/offers/5001/accept", {}),
        ("POST", "/auctions/offers/1003/decline", {"reason": None}),
        ("POST", "/auctions/analytics/decline", {"offerId": 5001, "reason": "no time", "type": "second_chance"}),
        ("POST", "/users/auth0-sync", {"email": "mai@example.com", "name": "Mai", "locale": "vi"}),
        ("GET", calendar, None),
        ("POST", f"{calendar}/feed", None),
        ("DELETE", f"{calendar}/feed", None),
        ("GET", f"/calendars/{known.feed}", None),
    ]


def answers(backend: Backend) -> Iterator[tuple[Route, Answer]]:
    """Yield each route with its answer, some routes twice."""
    for method, path, body in asked(backend):
        sent = request(method, path, b"" if body is None else json.dumps(body).encode())
        found = route_for(ROUTES, method, sent.path)
        assert found
        yield found[0], backend.http(sent, found, {"sub": HOST if path.startswith("/properties") else MAI}).answer


def recorded(backend: Backend) -> dict[str, Any]:
    """Return the first JSON answer of each route, and of a list its first element."""
    found: dict[str, Any] = {}
    for route, answer in answers(backend):
        name = f"{route.method} {route.path.removeprefix(PREFIX)}"
        if name != UNRECORDED and dict(answer.headers)["content-type"].startswith("application/json"):
            said = json.loads(answer.body)
            found.setdefault(name, said[:1] if isinstance(said, list) else said)
    return found


if __name__ == "__main__":
    with simulation() as system:
        ANSWERS.write_text(json.dumps(recorded(Backend(system)), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
