"""The seed data: a small set of users and won nights, published on the bus as the auctions would do it."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

from infra.local.bus import Bus
from infra.local.database import Database
from infra.topology import TABLES

Event = dict[str, Any]
Forget = Callable[[], Awaitable[None]]

_VIETNAM = timezone(timedelta(hours=7))


class Traveller(NamedTuple):
    """A user that the developer can log in as."""

    sub: str
    name: str
    email: str


AN = Traveller("auth0|traveller-an", "Nguyễn Văn An", "an.nguyen@stays.example")
BINH = Traveller("auth0|traveller-binh", "Trần Thị Bình", "binh.tran@stays.example")
LAN = Traveller("auth0|host-lan", "Lê Thị Lan", "lan.le@stays.example")


class Property(NamedTuple):
    """A property."""

    id: str
    name: str
    city: str
    state: str
    street: str
    guests: int


class Award(NamedTuple):
    """The result of an auction for one user."""

    auction: str
    who: Traveller
    property_: Property
    nights: list[dict[str, Any]]
    until: datetime
    result: str = "FULL_WIN"
    next_in_line: tuple[Traveller, ...] = ()


_PINES = Property("7203451890374591001", "Nhà gỗ Đồi Thông", "Đà Lạt", "Lâm Đồng", "12 Hoa Hồng", 4)
_LANTERN = Property("7203451890374591002", "Nhà Đèn Lồng", "Hội An", "Quảng Nam", "45 Trần Phú", 2)
_BEACH = Property("7203451890374591003", "Căn hộ Biển Xanh", "Nha Trang", "Khánh Hòa", "88 Hùng Vương", 6)
_TERRACE = Property("7203451890374591004", "Homestay Ruộng Bậc Thang", "Sa Pa", "Lào Cai", "Bản Tả Van", 5)


# What the console offers: the users, with their parts, and the properties as an event names them.
USERS = [{**each._asdict(), "role": role} for each, role in ((AN, "traveller"), (BINH, "traveller"), (LAN, "host"))]


def seed_events(now: datetime) -> list[Event]:
    """Return the events of the seed data. Their dates count from today in Vietnam."""
    today = now.astimezone(_VIETNAM).date()
    soon, past = now + timedelta(days=2), now - timedelta(days=1)
    expired = _nights(today + timedelta(days=21), [900_000, 900_000])
    # A total that does not divide evenly: 1,000,000 đồng for seven nights.
    week = _nights(today + timedelta(days=40), [142_857] * 6 + [142_858])
    gap = _nights(today + timedelta(days=14), [750_000] * 4)
    del gap[2]
    full = _nights(today + timedelta(days=7), [1_200_000, 1_200_000, 1_500_000])
    return [
        # If An declines, or the deadline passes, Bình gets the offer.
        _result(Award("7203451890374592001", AN, _PINES, full, soon, next_in_line=(BINH,))),
        _result(Award("7203451890374592001", BINH, _PINES, [], soon, "LOST")),
        _result(Award("7203451890374592002", AN, _LANTERN, gap, soon, "PARTIAL_WIN")),
        _result(Award("7203451890374592003", AN, _BEACH, expired, past)),
        _result(Award("7203451890374592004", AN, _TERRACE, week, soon)),
        _result(Award("7203451890374592005", BINH, _TERRACE, full, soon)),
        # A correction gives Bình another day to pay, and another one withdraws one of her auctions.
        _result(Award("7203451890374592005", BINH, _TERRACE, full, soon + timedelta(days=1)), revision=1),
        _result(Award("7203451890374592006", BINH, _LANTERN, expired, soon)),
        _withdrawal("7203451890374592006", BINH, revision=1),
        # An let this award expire, so Bình gets the offer.
        _offer("7203451890374593001", Award("7203451890374592003", BINH, _BEACH, expired, soon)),
    ]


async def seed(database: Database, bus: Bus, now: datetime, forget: Forget) -> list[Any]:
    """Empty the tables and publish the seed data on the bus. Return the function's answers. Raises as `Bus.put`.

    `forget` runs in between, so that no process remembers items of the emptied tables.
    """
    for table in TABLES:
        empty(database, table)
    await forget()
    return [await bus.put(event) for event in seed_events(now)]


def is_empty(database: Database, table: str) -> bool:
    """Say whether a table has no items."""
    return not database.call("DynamoDB_20120810.Scan", {"TableName": table, "Limit": 1})["Items"]


def empty(database: Database, table: str) -> None:
    """Delete every item of a table."""
    keys = {"TableName": table, "ProjectionExpression": "PK, SK", "Limit": 500}
    while items := database.call("DynamoDB_20120810.Scan", keys)["Items"]:
        for start in range(0, len(items), 25):
            deletes = [{"DeleteRequest": {"Key": item}} for item in items[start : start + 25]]
            database.call("DynamoDB_20120810.BatchWriteItem", {"RequestItems": {table: deletes}})


def _nights(first: date, prices: Sequence[int]) -> list[dict[str, Any]]:
    return [{"date": (first + timedelta(days=day)).isoformat(), "price": price} for day, price in enumerate(prices)]


def _result(award: Award, revision: int = 0) -> Event:
    detail = {
        "auctionId": award.auction,
        "userId": award.who.sub,
        "revision": revision,
        "result": award.result,
        "property": _property(award.property_),
        "awardedNights": award.nights,
        "guestCount": 2,
        "bidAmount": sum(night["price"] for night in award.nights) or 2_000_000,
        "paymentDeadline": _timestamp(award.until),
        "runnersUp": [{"userId": who.sub, "nights": award.nights, "guestCount": 2} for who in award.next_in_line],
    }
    return {"source": "auctions", "detail-type": "AuctionResult", "detail": detail}


def _withdrawal(auction: str, who: Traveller, revision: int) -> Event:
    detail = {"auctionId": auction, "userId": who.sub, "revision": revision}
    return {"source": "auctions", "detail-type": "AuctionWithdrawn", "detail": detail}


def _offer(offer: str, award: Award) -> Event:
    detail = {
        "offerId": offer,
        "auctionId": award.auction,
        "userId": award.who.sub,
        "originalBidId": "7203451890374594001",
        "property": _property(award.property_),
        "offeredNights": award.nights,
        "guestCount": 2,
        "responseDeadline": _timestamp(award.until),
    }
    return {"source": "auctions", "detail-type": "SecondChanceOffer", "detail": detail}


def _property(property_: Property) -> dict[str, Any]:
    return {
        "id": property_.id,
        "name": property_.name,
        "hostId": LAN.sub,
        "city": property_.city,
        "state": property_.state,
        "addressLine1": property_.street,
        "images": [f"https://picsum.photos/seed/{property_.id}/800/600"],
        "maxGuests": property_.guests,
    }


PROPERTIES = [_property(each) for each in (_PINES, _LANTERN, _BEACH, _TERRACE)]


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def main() -> int:
    """Ask the running system, whose addresses are in a file, to seed itself again. Return the exit code."""
    try:
        address = json.loads(Path(sys.argv[1]).read_text())["http"]
        with urllib.request.urlopen(f"{address}/dev/seed", data=b"") as answer:  # noqa: S310
            print(f"{len(json.load(answer))} events published at {address}.")  # noqa: T201
    except urllib.error.HTTPError as error:
        print(f"{address} could not be seeded: {error.read().decode()}", file=sys.stderr)  # noqa: T201
        return 1
    except (FileNotFoundError, urllib.error.URLError):
        print("Nothing runs here: `make run` starts it.", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
