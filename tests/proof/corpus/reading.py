"""The reads of all users at a moment: every GET route, and the messages after SUBSCRIBE."""

import json
from collections.abc import Iterator
from typing import Any

from tests.proof.corpus.world import Item, RecordedState, load
from tests.proof.simulation.system import System

Question = tuple[str | None, str]  # the user, and the path


def questions(system: System) -> Iterator[Question]:
    """Return the GET routes for all items: those of a session's owner, an award's owner and a host."""
    database = system.database
    for item in database.items(kind="SESSION"):
        yield item["userId"], f"/payment/sessions/{item['id']}"
    for item in database.items(kind="SESSION"):
        yield item["userId"], f"/payment/zalopay/status/{item['appTransId']}"
        yield item["userId"], f"/payment/{item['id']}/booking"
        if "transactionId" in item:
            yield item["userId"], f"/payment/transactions/{item['transactionId']}"
    for item in (*database.items(kind="AWARD"), *database.items(kind="OFFER")):
        yield item["userId"], f"/auctions/winners/{item['auctionId']}"
        yield item["userId"], f"/auctions/offers/second-chance/{item['auctionId']}"
        if item["kind"] == "OFFER":
            yield item["userId"], f"/auctions/offers/second-chance/{item['awardId']}"
    for sub in users(system):
        yield from ((sub, path) for path in ("/user/bookings", *(f"/auctions/{page}/me" for page in PAGES)))
    for item in database.items(kind="CALENDAR"):
        yield item["hostId"], f"/properties/{item['propertyId']}/calendar"


PAGES = ("winners", "offers/second-chance")


def users(system: System) -> list[str]:
    """Return every user that an item belongs to."""
    return sorted({item["userId"] for item in system.database.items() if "userId" in item})


def asked(system: System, question: Question) -> dict[str, Any]:
    """Return one question and its answer."""
    sub, path = question
    reply = system.http("GET", path, sub=sub)
    return {"sub": sub, "path": path, "status": reply.status, "body": reply.body}


def messages(system: System, sub: str) -> list[Item]:
    """Return the messages to a browser that subscribes now."""
    socket = system.listen(sub)
    assert socket
    return system.browsers.frames[socket]


def said(system: System, kept: RecordedState, wanted: list[Question], subs: list[str]) -> dict[str, Any]:
    """Return all answers, in a fixed order, because some questions make the backend ask ZaloPay."""
    load(system, kept)
    told = {sub: messages(system, sub) for sub in subs}
    load(system, kept)
    answers = [asked(system, question) for question in wanted]
    return json.loads(json.dumps({"answers": answers, "messages": told}))
