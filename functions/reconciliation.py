"""Schedule: every due item is asked about, ended, refunded or made due again."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from typing import Any

from aws_lambda_powertools import Logger

from stays.answers import Answers
from stays.aws.client import AwsError, DynamoDB, SecretsManager
from stays.aws.store import Store
from stays.domain.award import Award
from stays.domain.errors import Busy
from stays.domain.mail import Mail
from stays.domain.overdue import is_late
from stays.domain.payment import OWING, PaymentSession
from stays.domain.refund import Owing, RefundOutcome
from stays.domain.stray import Stray
from stays.domain.values import new_stay_id
from stays.metrics import count, count_decision, count_unreadable
from stays.refunds import Records, follow_refund
from stays.settlement import Settlement
from stays.table.awards import Awards
from stays.table.due_items import Due, DueItems, Unreadable
from stays.table.effects import Effects
from stays.table.keys import SHARDS
from stays.table.sessions import Sessions
from stays.table.strays import Strays
from stays.zalopay.client import Client, client
from stays.zalopay.keys import Keys

ENDPOINT = os.environ["ZALOPAY_ENDPOINT"]
APP_ID = int(os.environ["ZALOPAY_APP_ID"])
KEY1_SECRET = os.environ["ZALOPAY_KEY1_SECRET"]
AT_ONCE = 16  # items; ZaloPay takes most of the time of each
ASIDE = timedelta(minutes=15)  # until the next attempt at an item that cannot be read or fails
TABLE_FAULTS = (AwsError, Busy)  # faults of the table, not of an item
RESERVE = 15_000  # milliseconds: the slowest item that was begun must still finish


def clock() -> datetime:
    return datetime.now(UTC)


def new_id(now: datetime) -> str:
    return new_stay_id(now, os.urandom(10))


def zalopay() -> Client:
    return zalopay_client


keys = Keys(SecretsManager())
zalopay_client = client(ENDPOINT, APP_ID, partial(keys.signing, KEY1_SECRET))
store = Store(DynamoDB(), os.environ["STAYS_TABLE"])
sessions = Sessions(store, count_decision, count_unreadable)
strays = Strays(store, count_decision)
effects = Effects(store)
awards = Awards(store)
due_items = DueItems(store, count_unreadable)
settlement = Settlement(sessions, zalopay, clock)
answers = Answers(awards, settlement, new_id)
logger = Logger()


def check_award(award: Award, now: datetime) -> None:
    """End an award whose time is over. One log line says where its nights went."""
    passed = answers.expire(award, now)
    if passed:
        offered = passed.offer and passed.offer.award_id
        logger.info("nights passed on", extra={"auctionId": award.auction_id, "to": offered})


def check_refund(owing: Owing, records: Records[Owing], now: datetime) -> None:
    """Take the refund of a session or of stray money one step further."""
    settled, evidence = follow_refund(records, owing, zalopay(), now, clock)
    if evidence is not None:
        if evidence.outcome is RefundOutcome.UNKNOWN:
            count("ZaloPaySilent")
        state = settled.refund and settled.refund.status
        logger.info("refund", extra={"sessionId": settled.id, "fulfilment": state, "code": evidence.code})


def check_mail(mail: Mail, now: datetime) -> None:
    """Make a mail due once more, or look whether an award needs a reminder. The operator hears of a mail given up."""
    if mail.is_done:
        effects.remind(mail, now)
    elif effects.retry_or_finish(mail, now).due_at is None:
        count("MailFailed")
        logger.error("mail given up", extra=mail.log_fields)


def attend(item: Due, now: datetime) -> None:
    """Attend to one due item, by its kind. Raises every error of the item."""
    if isinstance(item, Unreadable):
        raise LookupError(f"{item.partition} {item.sort} cannot be read")
    if isinstance(item, Mail):
        check_mail(item, now)
    elif isinstance(item, Award):
        check_award(item, now)
    elif isinstance(item, Stray):
        check_refund(item, strays, now)
    elif item.fulfilment in OWING:
        check_refund(item, sessions, now)
    else:
        settlement.check(item, now)


def attend_or_set_aside(item: Due, now: datetime) -> bool:
    """Whether it went well. A failed item stays due, and does not hold up the others."""
    try:
        attend(item, now)
    except Exception as error:  # the outermost edge of each item
        logger.exception("still due", extra={"sessionId": id_of(item)})
        if not isinstance(error, TABLE_FAULTS):
            set_aside(item, now)
        return False
    return True


def set_aside(item: Due, now: datetime) -> None:
    """Postpone an item that fails by its own fault, so that it takes no place in a round. It needs the operator."""
    with suppress(*TABLE_FAULTS):
        due_items.set_aside(item, now + ASIDE)


def id_of(item: Due) -> str:
    match item:
        case PaymentSession():
            return item.id
        case Mail():
            return item.stay_id or item.award_id or item.about
        case Award():
            return item.award_id
        case Stray():
            return item.id
    return item.partition


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """A round over the shards of the event, or over all. Each worker takes the next item until the time is over."""
    now = datetime.now(UTC)
    due = due_items.find_due(now, event.get("shards", SHARDS))
    turn, late = Lock(), list[bool]()

    def take_next() -> Due | None:
        with turn:
            item = next(due, None)
            if item is not None:
                late.append(isinstance(item, Unreadable) or is_late(item, now))
            return item if context.get_remaining_time_in_millis() > RESERVE else None

    def work(_: int) -> int:
        done = 0
        while (item := take_next()) is not None:
            done += attend_or_set_aside(item, datetime.now(UTC))
        return done

    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = sum(pool.map(work, range(AT_ONCE)))
    count("Due", len(late))
    count("Overdue", sum(late))
    logger.info("round", extra={"due": len(late), "attended": done})
    return {"due": len(late), "attended": done}
