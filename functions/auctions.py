"""HTTP: a user's wins and offers, and the answers to them."""

import os
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from pydantic import Field

from stays.answers import Answers
from stays.aws.client import DynamoDB, SecretsManager
from stays.aws.store import Store
from stays.domain.award import WIN, Award, AwardStatus
from stays.domain.errors import NotFound
from stays.domain.values import MAXIMUM_NIGHTS, Id, Model, Night, new_stay_id
from stays.domain.winners import is_offer, is_winner
from stays.edge import http
from stays.edge.connections import PRESENCE_TIMEOUTS, Connections, Presence, fingerprint
from stays.edge.responses.auctions import Offer, Winner
from stays.edge.viewer import Edge
from stays.metrics import count_decision, count_failed_presence, count_unreadable
from stays.settlement import Settlement
from stays.table.awards import Awards
from stays.table.sessions import Sessions
from stays.zalopay.client import Client, client
from stays.zalopay.keys import Keys

ENDPOINT = os.environ["ZALOPAY_ENDPOINT"]
APP_ID = int(os.environ["ZALOPAY_APP_ID"])
KEY1_SECRET = os.environ["ZALOPAY_KEY1_SECRET"]
PARTIAL_PAGE = os.environ["PARTIAL_WIN_PAGE"] == "true"
CLOSED = bool(os.environ.get("MAINTENANCE"))  # nothing may be written


def clock() -> datetime:
    return datetime.now(UTC)


def new_id(now: datetime) -> str:
    return new_stay_id(now, os.urandom(10))


def zalopay() -> Client:
    return zalopay_client


keys = Keys(SecretsManager())
zalopay_client = client(ENDPOINT, APP_ID, partial(keys.signing, KEY1_SECRET))
dynamodb = DynamoDB()
store = Store(dynamodb, os.environ["STAYS_TABLE"], closed=CLOSED)
awards = Awards(store, count_unreadable)
settlement = Settlement(Sessions(store, count_decision, count_unreadable), zalopay, clock)
answers = Answers(awards, settlement, new_id)
presence_store = Store(dynamodb.with_timeouts(PRESENCE_TIMEOUTS), os.environ["CONNECTIONS_TABLE"])
presence = Presence(Connections(presence_store), count_failed_presence)
logger = Logger()
edge = Edge(keys.readable, os.environ.get("EDGE_SECRET"))
app = http.Api(edge.admit)

Kind = Callable[[Award], bool]
Look = Callable[[str, str], Award | None]
OVER = ("NOT_FOUND", "INVALID_AUCTION_STATE", "OFFER_EXPIRED")  # the errors of an award that cannot be had any more


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


def is_not_lost(award: Award) -> bool:
    """Whether it is a win or an offer: a loss cannot be accepted or declined."""
    return award.status is not AwardStatus.LOST


def find_win(name: str, user_id: str) -> Award | None:
    """On the winners page, an id names an auction, or else an offer that was accepted."""
    return best(is_winner, awards.load_for(name, user_id)) or best(is_winner, awards.find_by_id(name, user_id))


def find_offer(name: str, user_id: str) -> Award | None:
    """On the page of offers, an id names an offer, or else an auction."""
    return best(is_offer, awards.find_by_id(name, user_id)) or best(is_offer, awards.load_for(name, user_id))


def find_win_or_offer(name: str, user_id: str) -> Award | None:
    """For calls of both pages, an id names an offer, or else an auction."""
    return best(is_not_lost, awards.find_by_id(name, user_id)) or best(is_not_lost, awards.load_for(name, user_id))


def find_award(look: Look, name: str, now: datetime) -> Award:
    award = look(name, note_caller(now))
    if award is None:
        raise NotFound
    return award


def show_winners(wins: list[Award], now: datetime) -> list[Winner]:
    open_until = awards.load_deadlines(wins)
    return [Winner.of(award, now, open_until.get(award.checkout_id or ""), partial_page=PARTIAL_PAGE) for award in wins]


@app.operation("GET /auctions/winners/me", "The caller's wins and accepted offers")
def winners() -> list[Winner]:
    now = clock()
    return show_winners([award for award in awards.load_all_of(note_caller(now)) if is_winner(award)], now)


@app.operation("GET /auctions/winners/<auction_id>", "The caller's win at an auction", errors=("NOT_FOUND",))
def winner(auction_id: http.PathId) -> Winner:
    now = clock()
    return show_winners([find_award(find_win, auction_id, now)], now)[0]


@app.operation("POST /auctions/winners/<auction_id>/accept", "Accept a win, or nights of it", errors=OVER)
def accept_win(auction_id: http.PathId, request: AcceptRequest) -> http.Nothing:
    """Accepting a partial win keeps only the selected nights, and `bidAmount` becomes their price."""
    return accept(find_win, auction_id, request.selected_nights)


@app.operation("POST /auctions/winners/<auction_id>/decline", "Decline a win", errors=(*OVER, "PAYMENT_PROCESSING"))
def decline_win(auction_id: http.PathId, request: DeclineRequest) -> http.Nothing:
    """A decline ends an unpaid order, and the next bidder gets an offer."""
    return decline(find_win, auction_id, request.reason)


@app.operation("POST /auctions/offers/<offer_id>/accept", "Accept an offer or a win", errors=OVER)
def accept_any(offer_id: http.PathId, request: AcceptRequest) -> http.Nothing:
    """The id may be an auction's."""
    return accept(find_win_or_offer, offer_id, request.selected_nights)


@app.operation(
    "POST /auctions/offers/<offer_id>/decline", "Decline an offer or a win", errors=(*OVER, "PAYMENT_PROCESSING")
)
def decline_any(offer_id: http.PathId, request: DeclineRequest) -> http.Nothing:
    """The id may be an auction's."""
    return decline(find_win_or_offer, offer_id, request.reason)


@app.operation("GET /auctions/offers/second-chance/me", "The caller's second-chance offers")
def offers() -> list[Offer]:
    now = clock()
    return [Offer.of(award, now) for award in awards.load_all_of(note_caller(now)) if is_offer(award)]


@app.operation("GET /auctions/offers/second-chance/<offer_id>", "A second-chance offer", errors=("NOT_FOUND",))
def offer(offer_id: http.PathId) -> Offer:
    now = clock()
    return Offer.of(find_award(find_offer, offer_id, now), now)


@app.operation("POST /auctions/offers/second-chance/<offer_id>/accept", "Accept an offer, or nights of it", errors=OVER)
def accept_offer(offer_id: http.PathId, request: AcceptRequest) -> http.Nothing:
    """An accepted offer can be paid like a win."""
    return accept(find_offer, offer_id, request.selected_nights)


@app.operation(
    "POST /auctions/offers/second-chance/<offer_id>/decline", "Decline an offer", errors=(*OVER, "PAYMENT_PROCESSING")
)
def decline_offer(offer_id: http.PathId, request: DeclineRequest) -> http.Nothing:
    return decline(find_offer, offer_id, request.reason)


@app.operation("POST /auctions/analytics/decline", "The reason why an offer was declined", errors=("NOT_FOUND",))
def report_decline(report: DeclineReport) -> http.Nothing:
    now = clock()
    award = find_award(find_win_or_offer, report.offer_id, now)
    logger.info("declined", extra={"auctionId": award.auction_id, "awardId": award.award_id})
    if report.reason:
        awards.note_reason(award, report.reason)
    return http.Nothing()


def answer_award(look: Look, name: str, answer: Callable[[Award, datetime], None]) -> http.Nothing:
    now = clock()
    award = find_award(look, name, now)
    answer(award, now)
    logger.info("answered", extra={"auctionId": award.auction_id, "awardId": award.award_id})
    return http.Nothing()


def accept(look: Look, name: str, selected: tuple[date, ...]) -> http.Nothing:
    return answer_award(look, name, lambda award, now: answers.accept(award, selected, now))


def decline(look: Look, name: str, reason: str | None) -> http.Nothing:
    return answer_award(look, name, lambda award, now: answers.decline(award, reason, now))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.answer(app, event, context)
