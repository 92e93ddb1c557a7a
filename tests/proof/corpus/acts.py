"""The actions of all users at a moment. Some are impossible, and the backend must still refuse these."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from infra.zalopay_simulator.ledger import Order
from tests.proof.simulation.system import System

Item = dict[str, Any]


class Press(NamedTuple):
    """One request."""

    method: str
    path: str
    body: Any
    sub: str


def sessions(system: System) -> list[Item]:
    return system.database.items(kind="SESSION")


def awards(system: System) -> list[Item]:
    return [*system.database.items(kind="AWARD"), *system.database.items(kind="OFFER")]


def posted(award: Item, path: str, **body: Any) -> Press:
    return Press("POST", path, body, award["userId"])


def pay(system: System) -> Iterator[Press]:
    """Press the pay button, for all nights and for the first one alone."""
    for award in filter(lambda each: each["nights"], awards(system)):
        for nights in (award["nights"], award["nights"][:1]):
            dates, amount = [night["date"] for night in nights], sum(night["price"] for night in nights)
            wanted = {"auctionId": award["auctionId"], "selectedNights": dates, "amount": amount}
            yield posted(award, "/payment/zalopay/create", **wanted)


def reserve(system: System) -> Iterator[Press]:
    """Make a direct booking."""
    for award in filter(lambda each: each["nights"], awards(system)):
        dates = [night["date"] for night in award["nights"]]
        yield posted(award, "/bookings", auctionId=award["auctionId"], selectedNights=dates)


def accept(system: System) -> Iterator[Press]:
    """Accept, on each page with such a button."""
    for award in awards(system):
        for name in names(award):
            yield posted(award, f"/auctions/{name}/accept", selectedNights=[])


def decline(system: System) -> Iterator[Press]:
    """Decline, with a reason."""
    for award in awards(system):
        for name in names(award):
            yield posted(award, f"/auctions/{name}/decline", reason="too far")
        yield posted(award, "/auctions/analytics/decline", offerId=award["auctionId"], reason="too far")


def names(award: Item) -> tuple[str, str, str]:
    """Return the addresses of an award."""
    offer = award["awardId"] if award["kind"] == "OFFER" else award["auctionId"]
    return f"winners/{award['auctionId']}", f"offers/{offer}", f"offers/second-chance/{offer}"


def give_back(system: System) -> Iterator[Press]:
    """Cancel all bookings and reservations."""
    for item in sessions(system):
        yield Press("DELETE", f"/bookings/{item['id']}", None, item["userId"])


def look_after(system: System) -> Iterator[Press]:
    """Send all other requests."""
    for item in sessions(system):
        yield Press("POST", f"/payment/{item['id']}/booking", {}, item["userId"])
        for what in ("conversation", "update-calendar"):
            yield Press("POST", f"/bookings/{item['id']}/{what}", {}, item["userId"])
    for item in system.database.items(kind="CALENDAR"):
        for method in ("POST", "DELETE"):
            yield Press(method, f"/properties/{item['propertyId']}/calendar/feed", None, item["hostId"])
    for sub in sorted({item["userId"] for item in awards(system)}):
        yield Press("POST", "/users/auth0-sync", {"name": "Mai", "locale": "en-GB"}, sub)


def write_again(system: System) -> Iterator[Press]:
    """Ask for one more mail, for each kind of session."""
    for item in sessions(system):
        yield Press("POST", f"/bookings/{item['id']}/send-confirmation", {}, item["userId"])


PRESSES: tuple[Callable[[System], Iterator[Press]], ...] = (
    pay,
    reserve,
    accept,
    decline,
    give_back,
    look_after,
    write_again,
)


def press(system: System, wanted: Press) -> int:
    """Send the request and return the status of the answer."""
    return system.http(wanted.method, wanted.path, wanted.body, sub=wanted.sub).status


def paying(system: System) -> list[Order]:
    """Pay every order that can be paid, or could have been paid."""
    for order in system.zalopay.orders:
        system.pay(order, late=True)
    return system.zalopay.orders


def replayed(system: System) -> Iterator[dict[str, Any]]:
    """Return a stream record for each item, as if it had just been written."""
    for item in system.database.items():
        image = system.database.find(item["PK"], item["SK"])
        yield {
            "eventName": "INSERT",
            "dynamodb": {
                "Keys": {name: image[name] for name in ("PK", "SK")},
                "NewImage": image,
                "SequenceNumber": "1",
            },
        }
