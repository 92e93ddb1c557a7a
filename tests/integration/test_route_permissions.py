"""Permissions: every HTTP route with every kind of caller."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from infra.topology import ANSWERED, PREFIX, ROUTES, SERVED, Route
from stays.domain.calendar import new_token
from tests.integration.bad_tokens import DEFECTS
from tests.integration.http_gateway import HttpGateway
from tests.integration.messages import BINH, HOST, MAI, NIGHTS, PRICE, PROPERTY
from tests.integration.world import World

STAY = "01MFZGFMWRBDQ204A12RVMHVS6"
UNKNOWN = {
    "appTransId": f"270301_{STAY}",
    "sessionId": STAY,
    "transactionId": "270301000000999",
    "paymentId": STAY,
    "bookingId": STAY,
    "propertyId": "house-nobody-has",
    "feed": f"{new_token('house-nobody-has', bytes(24))}.ics",
    "auctionId": "9999",
    "offerId": "9999",
}
CREATE = {"auctionId": "1001", "selectedNights": list(NIGHTS), "amount": 3 * PRICE}


class Row(NamedTuple):
    """The answers of a route about Mai's paid stay or her offer, by caller with a valid token."""

    stranger: int
    host: int
    owner: int
    body: Mapping[str, Any] | None = None


# Another user's resources return 404, as if they did not exist.
ROWS = {
    "GET /health": Row(200, 200, 200),
    "POST /payment/zalopay/create": Row(404, 404, 409, CREATE),
    "POST /payment/zalopay/callback": Row(200, 200, 200, {"data": "{}", "mac": "0" * 64, "type": 1}),
    "GET /payment/zalopay/status/{appTransId}": Row(404, 404, 200),
    "GET /payment/sessions/{sessionId}": Row(404, 404, 200),
    "GET /payment/transactions/{transactionId}": Row(404, 404, 200),
    "POST /payment/{paymentId}/booking": Row(404, 404, 200),
    "GET /payment/{paymentId}/booking": Row(404, 404, 200),
    "POST /bookings": Row(404, 404, 409, {"auctionId": "1001", "selectedNights": list(NIGHTS)}),
    "GET /user/bookings": Row(200, 200, 200),
    "POST /bookings/{bookingId}/update-calendar": Row(404, 200, 200),
    "POST /bookings/{bookingId}/conversation": Row(404, 200, 200),
    "POST /bookings/{bookingId}/send-confirmation": Row(404, 200, 200),
    "POST /users/auth0-sync": Row(200, 200, 200, {"locale": "vi"}),
    "GET /auctions/winners/me": Row(200, 200, 200),
    "GET /auctions/winners/{auctionId}": Row(404, 404, 200),
    "POST /auctions/winners/{auctionId}/accept": Row(404, 404, 409),
    "POST /auctions/winners/{auctionId}/decline": Row(404, 404, 409),
    "GET /auctions/offers/second-chance/me": Row(200, 200, 200),
    "GET /auctions/offers/second-chance/{offerId}": Row(404, 404, 200),
    "POST /auctions/offers/{offerId}/accept": Row(404, 404, 200),
    "POST /auctions/offers/second-chance/{offerId}/accept": Row(404, 404, 200),
    "POST /auctions/offers/{offerId}/decline": Row(404, 404, 200),
    "POST /auctions/offers/second-chance/{offerId}/decline": Row(404, 404, 200),
    "POST /auctions/analytics/decline": Row(404, 404, 200, {"offerId": "5001", "reason": "too late"}),
    "DELETE /bookings/{bookingId}": Row(404, 404, 200),
    "GET /properties/{propertyId}/calendar": Row(404, 200, 404),
    "POST /properties/{propertyId}/calendar/feed": Row(404, 200, 404),
    "DELETE /properties/{propertyId}/calendar/feed": Row(404, 200, 404),
    "GET /calendars/{feed}": Row(404, 404, 404),  # the address itself is the permission: test_calendars.py
}
# These routes only return the caller's own resources.
OWN = {
    *("GET /user/bookings", "POST /users/auth0-sync"),
    *("GET /auctions/winners/me", "GET /auctions/offers/second-chance/me"),
}


def name(route: Route) -> str:
    return f"{route.method} {route.path.removeprefix(PREFIX)}"


PUBLIC = {name(route) for route in SERVED if route.public}
PROTECTED = [each for each in ROWS if each not in PUBLIC]


@pytest.fixture
def stay(world: World) -> dict[str, str]:
    """The path parameters of Mai's paid stay and of her offer."""
    paid = world.paid()
    world.offer(userId=MAI, nights=["2027-04-01"])
    world.deliver()
    world.clock.shift(120)  # so that a second mail may be requested
    return {
        "appTransId": paid["appTransId"],
        "sessionId": paid["id"],
        "transactionId": paid["transactionId"],
        "paymentId": paid["id"],
        "bookingId": paid["id"],
        "propertyId": PROPERTY["id"],
        "feed": UNKNOWN["feed"],
        "auctionId": "1001",
        "offerId": "5001",
    }


def ask(http_api: HttpGateway, row: str, named: Mapping[str, str], token: str | None = None, **headers: str) -> Any:
    method, path = row.split(" ")
    return http_api.ask(method, path.format(**named), token, ROWS[row].body, **headers)


def said(response: Any) -> Any:
    """The answer without the request's id."""
    return {name: value for name, value in response.json().items() if name != "requestId"}


def test_every_route_has_a_row():
    assert set(ROWS) == {name(route) for route in SERVED}
    assert PUBLIC == {"GET /health", "POST /payment/zalopay/callback", "GET /calendars/{feed}"}


def test_no_defect_of_a_token_opens_a_route(world: World, http_api: HttpGateway, stay: dict[str, str]):
    before = world.items(), world.items("connections")
    tokens = {defect: make(world.neighbour.issuer) for defect, make in DEFECTS.items()}
    answers = {
        (row, defect): (answer.status_code, answer.json())
        for row in PROTECTED
        for defect, token in [*tokens.items(), ("none", None), ("nothing in it", "")]
        for answer in [ask(http_api, row, stay, token)]
    }
    unauthorized = (401, {"message": "Unauthorized"})
    assert {case: answer for case, answer in answers.items() if answer != unauthorized} == {}
    assert len(answers) == 27 * (len(DEFECTS) + 2)
    assert http_api.invoked == []
    assert (world.items(), world.items("connections")) == before


def test_a_token_is_taken_from_nowhere_but_its_header(world: World, http_api: HttpGateway, stay: dict[str, str]):
    token = world.token()
    path = f"/payment/sessions/{stay['sessionId']}"
    assert http_api.ask("GET", f"{path}?token={token}&access_token={token}").status_code == 401
    assert http_api.ask("GET", path, Cookie=f"auth_token={token}").status_code == 401
    assert http_api.ask("GET", path, token).status_code == 200


def test_public_routes_heed_no_token(world: World, http_api: HttpGateway, stay: dict[str, str]):
    tokens = [None, world.token(), *(make(world.neighbour.issuer) for make in DEFECTS.values())]
    for row in PUBLIC:
        answers = {json.dumps(said(ask(http_api, row, stay, token))) for token in tokens}
        assert len(answers) == 1, row
    assert ask(http_api, "POST /payment/zalopay/callback", stay, world.token()).json()["return_code"] == -1


def test_wrong_methods_and_unknown_paths_ask_for_a_token_too(http_api: HttpGateway):
    public = {(route.method, route.path) for route in ANSWERED if route.public}
    rest = [route for route in ROUTES if (route.method, route.path) not in public]
    for route in rest:
        path = route.path.removeprefix(PREFIX).replace("{proxy+}", "elsewhere").format(**UNKNOWN)
        assert http_api.ask(route.method, path).status_code == 401, route
    assert len(rest) == len(ROUTES) - len(public)
    assert http_api.invoked == []


def test_a_protected_route_without_a_caller_is_401_and_writes_nothing(world: World, stay: dict[str, str]):
    before = world.items()
    for row in PROTECTED:
        method, path = row.split(" ")
        reply = world.http(method, path.format(**stay), ROWS[row].body, sub=None)
        assert (reply.status, reply.code) == (401, "AUTH_REQUIRED"), row
    assert world.items() == before


def test_strangers_get_what_they_would_get_if_there_were_nothing(
    world: World, http_api: HttpGateway, stay: dict[str, str]
):
    kinds = ("SESSION", "BOOKING", "NIGHT", "AWARD", "OFFER")
    before = [world.items(kind=kind) for kind in kinds]
    token = world.token(BINH)
    answers = {row: ask(http_api, row, stay, token) for row in ROWS}
    assert {row: answer.status_code for row, answer in answers.items()} == {row: ROWS[row].stranger for row in ROWS}
    assert [world.items(kind=kind) for kind in kinds] == before
    for row in PROTECTED:
        assert not [
            each for each in (stay["paymentId"], stay["transactionId"], MAI, "Nhà", "mai@") if each in answers[row].text
        ], row
    for row in set(PROTECTED) - OWN:
        assert said(answers[row]) == said(ask(http_api, row, UNKNOWN, token)), row


def test_hosts_may_do_what_follows_a_booking_of_theirs_and_nothing_else(
    world: World, http_api: HttpGateway, stay: dict[str, str]
):
    token = world.token(HOST)
    answers = {row: ask(http_api, row, stay, token).status_code for row in ROWS}
    assert answers == {row: ROWS[row].host for row in ROWS}
    assert world.item(kind="SESSION")["fulfilment"] == "BOOKED"


def test_hosts_may_do_nothing_about_the_bookings_of_other_hosts(
    world: World, http_api: HttpGateway, stay: dict[str, str]
):
    token = world.token("auth0|another-host")
    assert {row: ask(http_api, row, stay, token).status_code for row in ROWS} == {
        row: ROWS[row].stranger for row in ROWS
    }


def test_travellers_may_do_everything_with_what_is_theirs(world: World, http_api: HttpGateway, stay: dict[str, str]):
    token = world.token()
    answers = {row: ask(http_api, row, stay, token).status_code for row in ROWS}
    assert answers == {row: ROWS[row].owner for row in ROWS}
    assert world.item(kind="SESSION")["fulfilment"] == "REFUND_DUE"
