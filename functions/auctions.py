"""HTTP: a user's wins and offers, and the answers to them."""

import os
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field

from stays.answers import Answers
from stays.aws.client import DynamoDB, SecretsManager
from stays.aws.store import Store
from stays.domain.award import WIN, Award, AwardStatus
from stays.domain.errors import NotFound
from stays.domain.values import ID, MAXIMUM_NIGHTS, Id, Model, Night, new_stay_id
from stays.domain.winners import is_offer, is_winner, offer_of, winner_of
from stays.edge import http
from stays.edge.connections import Connections, Presence, fingerprint
from stays.metrics import milestone, pass_over, presence_failed
from stays.settlement import Settlement
from stays.table.awards import Awards
from stays.table.sessions import Sessions
from stays.zalopay.client import Client, client
from stays.zalopay.keys import Keys

ENDPOINT = os.environ["ZALOPAY_ENDPOINT"]
APP_ID = int(os.environ["ZALOPAY_APP_ID"])
KEY1_SECRET = os.environ["ZALOPAY_KEY1_SECRET"]
PARTIAL_PAGE = os.environ["PARTIAL_WIN_PAGE"] == "true"


def clock() -> datetime:
    return datetime.now(UTC)


def new_id(now: datetime) -> str:
    return new_stay_id(now, os.urandom(10))


def zalopay() -> Client:
    return zalopay_client


keys = Keys(SecretsManager())
zalopay_client = client(ENDPOINT, APP_ID, partial(keys.signing, KEY1_SECRET))
dynamodb = DynamoDB()
store = Store(dynamodb, os.environ["STAYS_TABLE"])
awards = Awards(store, pass_over)
settlement = Settlement(Sessions(store, milestone, pass_over), zalopay, clock)
answers = Answers(awards, settlement, new_id)
presence = Presence(Connections(Store(dynamodb, os.environ["CONNECTIONS_TABLE"])), presence_failed)
logger = Logger()
app = http.resolver()

Name = Annotated[str, Path(pattern=ID)]
Kind = Callable[[Award], bool]
Look = Callable[[str, str], Award | None]


class AcceptRequest(Model):
    """The selected nights of a partial win or an offer. None selected means all."""

    selected_nights: Annotated[tuple[Night, ...], Field(max_length=MAXIMUM_NIGHTS)] = ()


class DeclineRequest(Model):
    """The reason for declining."""

    reason: Annotated[str, Field(max_length=1000)] | None = None


class DeclineReport(Model):
    """The reason for declining, sent after the answer. The page that sends it is not stored."""

    offer_id: Id
    reason: Annotated[str, Field(max_length=1000)] | None = None


def note_caller(now: datetime) -> str:
    """The calling user. The call is recorded by address: it proves the user of the socket that follows."""
    who = http.caller(app)
    presence.note(who.user_id, fingerprint(who.address, who.agent), now)
    return who.user_id


def best(kind: Kind, found: Iterable[Award]) -> Award | None:
    """The award that is meant if a user has several in an auction: a payable one first, then the win."""
    now = clock()
    return max(filter(kind, found), key=lambda each: (each.is_payable(now), each.award_id == WIN), default=None)


def is_something(award: Award) -> bool:
    """Whether it can be accepted or declined."""
    return award.status is not AwardStatus.LOST


def find_win(name: str, user_id: str) -> Award | None:
    """On the winners page, an id names an auction, or else an offer that was accepted."""
    return best(is_winner, awards.load_for(name, user_id)) or best(is_winner, awards.find_by_id(name, user_id))


def find_offer(name: str, user_id: str) -> Award | None:
    """On the page of offers, an id names an offer, or else an auction."""
    return best(is_offer, awards.find_by_id(name, user_id)) or best(is_offer, awards.load_for(name, user_id))


def find_win_or_offer(name: str, user_id: str) -> Award | None:
    """For calls of both pages, an id names an offer, or else an auction."""
    return best(is_something, awards.find_by_id(name, user_id)) or best(is_something, awards.load_for(name, user_id))


def find_award(look: Look, name: str, now: datetime) -> Award:
    award = look(name, note_caller(now))
    if award is None:
        raise NotFound
    return award


def show_winners(wins: list[Award], now: datetime) -> list[dict[str, Any]]:
    open_until = awards.load_deadlines(wins)
    return [winner_of(award, now, open_until.get(award.checkout_id or ""), partial_page=PARTIAL_PAGE) for award in wins]


@app.get("/auctions/winners/me")
def winners() -> list[dict[str, Any]]:
    now = clock()
    return show_winners([award for award in awards.load_all_of(note_caller(now)) if is_winner(award)], now)


@app.get("/auctions/winners/<auction_id>")
def winner(auction_id: Name) -> dict[str, Any]:
    now = clock()
    return show_winners([find_award(find_win, auction_id, now)], now)[0]


@app.post("/auctions/winners/<auction_id>/accept")
def accept_win(auction_id: Name, request: AcceptRequest) -> dict[str, Any]:
    return accept(find_win, auction_id, request.selected_nights)


@app.post("/auctions/winners/<auction_id>/decline")
def decline_win(auction_id: Name, request: DeclineRequest) -> dict[str, Any]:
    return decline(find_win, auction_id, request.reason)


@app.post("/auctions/offers/<offer_id>/accept")
def accept_any(offer_id: Name, request: AcceptRequest) -> dict[str, Any]:
    return accept(find_win_or_offer, offer_id, request.selected_nights)


@app.post("/auctions/offers/<offer_id>/decline")
def decline_any(offer_id: Name, request: DeclineRequest) -> dict[str, Any]:
    return decline(find_win_or_offer, offer_id, request.reason)


@app.get("/auctions/offers/second-chance/me")
def offers() -> list[dict[str, Any]]:
    now = clock()
    return [offer_of(award, now) for award in awards.load_all_of(note_caller(now)) if is_offer(award)]


@app.get("/auctions/offers/second-chance/<offer_id>")
def offer(offer_id: Name) -> dict[str, Any]:
    now = clock()
    return offer_of(find_award(find_offer, offer_id, now), now)


@app.post("/auctions/offers/second-chance/<offer_id>/accept")
def accept_offer(offer_id: Name, request: AcceptRequest) -> dict[str, Any]:
    return accept(find_offer, offer_id, request.selected_nights)


@app.post("/auctions/offers/second-chance/<offer_id>/decline")
def decline_offer(offer_id: Name, request: DeclineRequest) -> dict[str, Any]:
    return decline(find_offer, offer_id, request.reason)


@app.post("/auctions/analytics/decline")
def report_decline(report: DeclineReport) -> dict[str, Any]:
    now = clock()
    award = find_award(find_win_or_offer, report.offer_id, now)
    logger.info("declined", extra={"auctionId": award.auction_id, "awardId": award.award_id})
    if report.reason:
        awards.note_reason(award, report.reason)
    return {}


def answer_award(look: Look, name: str, answer: Callable[[Award, datetime], None]) -> dict[str, Any]:
    now = clock()
    award = find_award(look, name, now)
    answer(award, now)
    logger.info("answered", extra={"auctionId": award.auction_id, "awardId": award.award_id})
    return {}


def accept(look: Look, name: str, selected: tuple[date, ...]) -> dict[str, Any]:
    return answer_award(look, name, lambda award, now: answers.accept(award, selected, now))


def decline(look: Look, name: str, reason: str | None) -> dict[str, Any]:
    return answer_award(look, name, lambda award, now: answers.decline(award, reason, now))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.answer(app, event, context)
