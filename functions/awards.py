"""Event bus: receives auction results, second-chance offers, and their corrections and withdrawals."""

import json
import os
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from stays.auction_events import AuctionEvents
from stays.aws.client import DynamoDB, SecretsManager
from stays.aws.store import Store
from stays.domain.auction import AuctionWithdrawn, read_event
from stays.domain.calendar import sent_at
from stays.metrics import count, count_unreadable
from stays.table.awards import Awards
from stays.table.calendars import Calendars
from stays.table.erasures import Erasures
from stays.table.refused import RefusedEvents
from stays.zalopay.keys import Keys

EMAIL_KEY_SECRET = os.environ["EMAIL_KEY_SECRET"]

keys = Keys(SecretsManager())
store = Store(DynamoDB(), os.environ["STAYS_TABLE"])
erasures = Erasures(store, partial(keys.accepted, EMAIL_KEY_SECRET))
auction_events = AuctionEvents(Awards(store, count_unreadable), Calendars(store), erasures.find)
refusals = RefusedEvents(store)
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


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    try:
        said = read_event(event.get("detail-type", ""), event.get("detail", {}), now)
    except ValidationError as error:
        return refuse(event, explain(error), now)
    except KeyError:
        return refuse(event, "unknown detail-type", now)
    if isinstance(said, AuctionWithdrawn):
        answer = auction_events.withdraw(said, event_id(event), now)
    else:
        answer = auction_events.receive(said, event_id(event), sent_at(event.get("time"), now))
    if answer.reason:
        return refuse(event, answer.reason, now)
    logger.info("event taken", extra={"auctionId": said.auction_id, "awardId": said.award_id, "as": answer.reception})
    return {"accepted": True, "as": answer.reception, "auctionId": said.auction_id, "awardId": said.award_id}
