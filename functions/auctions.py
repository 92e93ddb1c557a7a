"""HTTP: what a traveller won or is offered, and their answers."""

import os
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field

from stays import http
from stays.connections import Connections, Presence, fingerprint
from stays.domain.award import WIN, Award, AwardStatus, check_payable
from stays.domain.cascade import accept
from stays.domain.errors import NotFound, Refused, StaysError
from stays.domain.values import ID, MAXIMUM_NIGHTS, Id, Model, Night, new_stay_id
from stays.domain.winners import is_offer, is_winner, offer_of, winner_of
from stays.table.awards import Awards
from stays.table.sessions import Sessions
from stays.table.store import PATIENCE, Store

ATTEMPTS = 3  # at an answer, while the award changes under it

dynamodb = boto3.client("dynamodb", config=PATIENCE)
store = Store(dynamodb, os.environ["STAYS_TABLE"])
awards = Awards(store)
sessions = Sessions(store)
presence = Presence(Connections(dynamodb, os.environ["CONNECTIONS_TABLE"]))
logger = Logger()
app = http.resolver()

Name = Annotated[str, Path(pattern=ID)]


class AcceptRequest(Model):
    """The nights that are wanted of what was won in part, or offered; none named: all."""

    selected_nights: Annotated[tuple[Night, ...], Field(max_length=MAXIMUM_NIGHTS)] = ()


class DeclineRequest(Model):
    """Why it is not wanted."""

    reason: Annotated[str, Field(max_length=1000)] | None = None


class DeclineReport(Model):
    """Why something was declined, told after the fact. Which page says so is not kept."""

    offer_id: Id
    reason: Annotated[str, Field(max_length=1000)] | None = None


def caller(now: datetime) -> str:
    """Who calls. That they called from here is remembered: it vouches for the socket that follows."""
    who = http.caller(app)
    presence.note(who.user_id, fingerprint(who.address, who.agent), now)
    return who.user_id


def best(found: Iterable[Award]) -> Award:
    """The one that is meant where an auction gave its user several: what can be paid first, then the win."""
    now = datetime.now(UTC)
    meant = max(found, key=lambda each: (each.is_payable(now), each.award_id == WIN), default=None)
    if meant is None:
        raise NotFound
    return meant


@app.get("/auctions/winners/me")
def winners() -> list[dict[str, Any]]:
    return [winner_of(award) for award in awards.all_of(caller(datetime.now(UTC))) if is_winner(award)]


@app.get("/auctions/winners/<auction_id>")
def winner(auction_id: Name) -> dict[str, Any]:
    found = awards.named(caller(datetime.now(UTC)), auction_id)
    return winner_of(best(filter(is_winner, found)))


@app.post("/auctions/winners/<auction_id>/accept")
def accept_win(auction_id: Name, request: AcceptRequest) -> dict[str, Any]:
    return accepted(auction_id, is_winner, request.selected_nights)


@app.post("/auctions/winners/<auction_id>/decline")
def decline_win(auction_id: Name, request: DeclineRequest) -> dict[str, Any]:
    return declined(auction_id, is_winner, request.reason)


@app.post("/auctions/offers/<offer_id>/accept")
def accept_any(offer_id: Name, request: AcceptRequest) -> dict[str, Any]:
    return accepted(offer_id, is_something, request.selected_nights)


@app.post("/auctions/offers/<offer_id>/decline")
def decline_any(offer_id: Name, request: DeclineRequest) -> dict[str, Any]:
    return declined(offer_id, is_something, request.reason)


@app.get("/auctions/offers/second-chance/me")
def offers() -> list[dict[str, Any]]:
    return [offer_of(award) for award in awards.all_of(caller(datetime.now(UTC))) if is_offer(award)]


@app.get("/auctions/offers/second-chance/<offer_id>")
def offer(offer_id: Name) -> dict[str, Any]:
    found = awards.named(caller(datetime.now(UTC)), offer_id)
    return offer_of(best(filter(is_offer, found)))


@app.post("/auctions/offers/second-chance/<offer_id>/accept")
def accept_offer(offer_id: Name, request: AcceptRequest) -> dict[str, Any]:
    return accepted(offer_id, is_offer, request.selected_nights)


@app.post("/auctions/offers/second-chance/<offer_id>/decline")
def decline_offer(offer_id: Name, request: DeclineRequest) -> dict[str, Any]:
    return declined(offer_id, is_offer, request.reason)


@app.post("/auctions/analytics/decline")
def report_decline(report: DeclineReport) -> dict[str, Any]:
    award = best(filter(is_something, awards.named(caller(datetime.now(UTC)), report.offer_id)))
    logger.info("declined", extra={"auctionId": award.auction_id, "awardId": award.award_id})
    if report.reason:
        awards.note_reason(award, report.reason)
    return {}


def is_something(award: Award) -> bool:
    """Whether there is something to accept or to decline."""
    return award.status is not AwardStatus.LOST


Answering = Callable[[Award, datetime], bool]


def answered(name: str, kind: Callable[[Award], bool], answering: Answering) -> dict[str, Any]:
    """Answer an award as it stands; where it changes meanwhile, look again."""
    now = datetime.now(UTC)
    user_id = caller(now)
    award = best(filter(kind, awards.named(user_id, name)))
    for _ in range(ATTEMPTS):
        if answering(award, now):
            logger.info("answered", extra={"auctionId": award.auction_id, "awardId": award.award_id})
            return {}
        award = awards.find(award)
    raise StaysError("INTERNAL_ERROR", "It kept changing; please try again.")


def accepted(name: str, kind: Callable[[Award], bool], selected: tuple[date, ...]) -> dict[str, Any]:
    def accepting(award: Award, now: datetime) -> bool:
        after = accept(award, selected, now)
        return after == award or awards.accept(award, after, now)

    return answered(name, kind, accepting)


def declined(name: str, kind: Callable[[Award], bool], reason: str | None) -> dict[str, Any]:
    """Nobody can pay for it any more, and the next is asked. While an order is open its user may still pay."""

    def declining(award: Award, now: datetime) -> bool:
        if award.status is AwardStatus.DECLINED:
            return True
        check_payable(award, now)
        check_no_payment(award)
        explained = award.but(decline_reason=reason or award.decline_reason)
        return awards.end(explained, AwardStatus.DECLINED, now, new_stay_id(now, os.urandom(10))) is not None

    return answered(name, kind, declining)


def check_no_payment(award: Award) -> None:
    session = sessions.find(award.checkout_id) if award.checkout_id else None
    if session and session.is_live:
        raise Refused(
            "INVALID_AUCTION_STATE",
            "A payment is under way; it ends by itself.",
            sessionId=session.id,
            expiresAt=session.dump()["expiresAt"],
        )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.answer(app, event, context)
