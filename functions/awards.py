"""Event bus: receives auction results, second-chance offers, and their corrections and withdrawals."""

import json
import os
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from stays.aws.client import DynamoDB
from stays.aws.store import Store
from stays.domain.auction import AuctionWithdrawn, read_event
from stays.domain.award import Award, AwardStatus, Correction
from stays.domain.calendar import sent_at
from stays.metrics import count, pass_over
from stays.table.awards import Awards, Received, Reception
from stays.table.calendars import Calendars
from stays.table.refused import RefusedEvents

store = Store(DynamoDB(), os.environ["STAYS_TABLE"])
awards = Awards(store, pass_over)
refusals = RefusedEvents(store)
calendars = Calendars(store)
logger = Logger()


def refuse(event: dict[str, Any], reason: str, now: datetime) -> dict[str, Any]:
    """A bad event is not retried, but kept with the reason."""
    refusals.keep(event_id(event), reason, json.dumps(event, ensure_ascii=False, default=str), now)
    count("RejectedEvents")
    logger.error("event refused", extra={"eventId": event_id(event)})
    return {"accepted": False, "reason": reason}


def event_id(event: dict[str, Any]) -> str:
    return str(event.get("id", "without-id"))


def explain(error: ValidationError) -> str:
    found = ({"field": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in error.errors())
    return "; ".join(f"{each['field'] or 'event'}: {each['message']}" for each in found)


def receive(event: dict[str, Any], award: Award, now: datetime) -> Received:
    """Write the award first, so that a refused one changes no host. An event that comes again writes the host again.

    The property's details in an event count from its first arrival, however late the event comes again.
    """
    sent = sent_at(event.get("time"), award.received_at)
    earlier = sent if sent < award.received_at else None
    answer = awards.receive(award.but(announced_at=earlier), event_id(event))
    if answer.reception is not Reception.REFUSED and answer.award:
        said = latest_terms(answer.award)
        calendars.save_property(said.rented_property, min(sent, said.announced_at or said.received_at))
    return answer


def latest_terms(award: Award) -> Award:
    """The latest terms of the award: those of a correction that waits for the end of a payment, if there is one."""
    waiting = award.correction.award if award.correction else None
    return waiting or award


def take_back(event: dict[str, Any], said: AuctionWithdrawn, now: datetime) -> Received:
    """Withdraw the award, then the offers that follow from it, until none is left: each once, in any order.

    If the award itself is paid, its withdrawal is refused. The offers of its unsold nights are withdrawn all the same.
    """
    correction = Correction(revision=said.revision, event_id=event_id(event))
    answer = awards.take_back(said.auction_id, said.user_id, said.award_id, correction, now)
    gone = answer.award if is_gone(answer) else None
    while gone and (offers := awards.load_chain(gone)):
        for offer in offers:
            last = offer.correction or offer
            after = correction.but(revision=max(said.revision, last.revision))
            awards.take_back(offer.auction_id, offer.user_id, offer.award_id, after, now)
    return answer


def is_gone(answer: Received) -> bool:
    """Whether none of its nights can be sold any more: it is withdrawn, or paid."""
    withdrawn = answer.award is not None and answer.award.status is AwardStatus.WITHDRAWN
    return withdrawn or answer.reception is Reception.REFUSED


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    try:
        said = read_event(event.get("detail-type", ""), event.get("detail", {}), now)
    except ValidationError as error:
        return refuse(event, explain(error), now)
    except KeyError:
        return refuse(event, "unknown detail-type", now)
    answer = take_back(event, said, now) if isinstance(said, AuctionWithdrawn) else receive(event, said, now)
    if answer.reason:
        return refuse(event, answer.reason, now)
    logger.info("event taken", extra={"auctionId": said.auction_id, "awardId": said.award_id, "as": answer.reception})
    return {"accepted": True, "as": answer.reception, "auctionId": said.auction_id, "awardId": said.award_id}
