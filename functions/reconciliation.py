"""Schedule: everything whose time has come is asked about, ended, refunded or made due again."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from stays.domain.award import PAYABLE, Award, AwardStatus
from stays.domain.decision import Evidence, Outcome
from stays.domain.errors import Busy
from stays.domain.mailing import Mailing
from stays.domain.overdue import is_late
from stays.domain.payment import CHECK_INTERVAL, OWING, PaymentSession, next_check, next_late_check
from stays.domain.refund import Owing, RefundEvidence, RefundOutcome
from stays.domain.second_chances import Passing, end, is_overdue
from stays.domain.stray import Stray
from stays.domain.values import new_stay_id
from stays.metrics import count, milestone, pass_over
from stays.refunds import Records, follow_refund
from stays.table.awards import Awards
from stays.table.due_items import Due, DueItems, Unreadable
from stays.table.effects import Effects
from stays.table.sessions import Sessions
from stays.table.store import PATIENCE, Store
from stays.table.strays import Strays
from stays.zalopay.client import Client, client

ENDPOINT = os.environ["ZALOPAY_ENDPOINT"]
APP_ID = int(os.environ["ZALOPAY_APP_ID"])
KEY1_SECRET = os.environ["ZALOPAY_KEY1_SECRET"]
AT_ONCE = 8
LIMIT = 250  # of each shard in one round; the rest stays due
ASIDE = timedelta(minutes=15)  # until an item is looked at again that cannot be read or attended
PASSING = (BotoCoreError, ClientError, Busy)  # trouble of the table, not of an item
RESERVE = 15_000  # milliseconds: the slowest item that was begun must still end

store = Store(
    boto3.client("dynamodb", config=PATIENCE.merge(Config(max_pool_connections=AT_ONCE))), os.environ["STAYS_TABLE"]
)
sessions = Sessions(store, milestone, pass_over)
strays = Strays(store, milestone)
effects = Effects(store)
awards = Awards(store)
due_items = DueItems(store, pass_over)
logger = Logger()


def zalopay() -> Client:
    return client(ENDPOINT, APP_ID, KEY1_SECRET)


Heard = TypeVar("Heard", Evidence, RefundEvidence)


def heard(evidence: Heard) -> Heard:
    """What ZaloPay said; its silence is counted."""
    if evidence.outcome in (Outcome.UNKNOWN, RefundOutcome.UNKNOWN):
        count("ZaloPaySilent")
    return evidence


def check_payment(session: PaymentSession, now: datetime) -> PaymentSession:
    """Ask ZaloPay before anything is given up, and a few times after. What never had an order needs no question."""
    if session.attempted_at is None:
        return sessions.record(session, Evidence(source="schedule", outcome=Outcome.NOT_FOUND), now)
    later = next_check(session, now) if session.is_live else next_late_check(session, now)
    if sessions.claim_check(session, now, later):
        return sessions.record(session, heard(zalopay().query(session, "schedule")), now)
    return session


def check_award(award: Award, now: datetime) -> None:
    """What was not paid or answered in time ends, and its unsold nights go to the next.

    Not while its user can still pay for it.
    """
    if award.checkout_id and award.status in PAYABLE:
        session = sessions.find(award.checkout_id)
        if session.is_live and check_payment(session, now).is_live:
            awards.postpone(award, now + CHECK_INTERVAL)
            return
        award = awards.find(award)  # the end of its session may have changed it
    if award.status in PAYABLE:
        over = end(award, AwardStatus.EXPIRED, now)
        if not is_overdue(award, now) or not awards.end(award, over, now):
            return
        award = over
    if award.due_at is not None:
        tell(award, awards.pass_on(award, now, new_stay_id(now, os.urandom(10))))


def tell(award: Award, passing: Passing | None) -> None:
    """One line for what became of an award's nights."""
    offered = passing.offer.award_id if passing and passing.offer else None
    logger.info("nights passed on", extra={"auctionId": award.auction_id, "done": passing is not None, "to": offered})


def check_refund(owing: Owing, records: Records[Owing], now: datetime) -> None:
    """Money of a session, or stray money, goes one step further on its way back."""
    settled, evidence = follow_refund(records, owing, zalopay(), now, lambda: datetime.now(UTC))
    if evidence is not None:
        state = settled.refund and settled.refund.status
        logger.info("refund", extra={"sessionId": settled.id, "fulfilment": state, "code": heard(evidence).code})


def check_mail(mailing: Mailing, now: datetime) -> None:
    """Due once more; where it is given up, somebody hears of it."""
    if effects.rearm(mailing, now).due_at is None:
        count("MailFailed")
        logger.error("mail given up", extra={"sessionId": mailing.stay_id, "letter": mailing.letter})


def attend(item: Due, now: datetime) -> None:
    """One due item, by what it is. Raises whatever goes wrong with it."""
    if isinstance(item, Unreadable):
        raise LookupError(f"{item.partition} {item.sort} cannot be read")
    if isinstance(item, Mailing):
        check_mail(item, now)
    elif isinstance(item, Award):
        check_award(item, now)
    elif isinstance(item, Stray):
        check_refund(item, strays, now)
    elif item.fulfilment in OWING:
        check_refund(item, sessions, now)
    else:
        check_payment(item, now)


def attended(item: Due, now: datetime) -> bool:
    """Whether it went well. Whatever went wrong, the item stays due and the others are not held up."""
    try:
        attend(item, now)
    except Exception as error:  # the outermost edge of each item
        logger.exception("still due", extra={"sessionId": id_of(item)})
        if not isinstance(error, PASSING):
            set_aside(item, now)
        return False
    return True


def set_aside(item: Due, now: datetime) -> None:
    """Its own fault, and for people: it is due again in a while, and until then takes no place in a round."""
    with suppress(*PASSING):
        due_items.set_aside(item, now + ASIDE)


def id_of(item: Due) -> str:
    match item:
        case PaymentSession():
            return item.id
        case Mailing():
            return item.stay_id
        case Award():
            return item.award_id
        case Stray():
            return item.id
    return item.partition


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    now = datetime.now(UTC)
    due = due_items.find_due(now, LIMIT)

    def in_time(item: Due) -> bool:
        return context.get_remaining_time_in_millis() > RESERVE and attended(item, datetime.now(UTC))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = sum(pool.map(in_time, due))
    count("Due", len(due))
    count("Overdue", sum(isinstance(item, Unreadable) or is_late(item, now) for item in due))
    logger.info("round", extra={"due": len(due), "attended": done})
    return {"due": len(due), "attended": done}
