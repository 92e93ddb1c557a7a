"""Erasure: a person is taken out of what is stored. The books keep amounts, dates, ids of orders and transactions.

An alias stands for the person from then on: one for each erasure, random, and in no record once the erasure is done.
"""

import json
import re
from datetime import datetime

from stays.domain.award import PAYABLE, Award, AwardStatus, Correction
from stays.domain.booking import check_out
from stays.domain.mail import Mail
from stays.domain.payment import OWING, Contact, Fulfilment, PaymentSession
from stays.domain.stray import Stray
from stays.domain.values import STAY_ID, app_user, timestamp, today

_PREFIX = "erased:"
Stored = PaymentSession | Award | Mail | Stray


def alias(random_id: str) -> str:
    """The name that stands for an erased person. `random_id` is made like a stay's id."""
    return f"{_PREFIX}{random_id}"


def is_erased(user_id: str) -> bool:
    """Whether this is an alias. No issuer makes such ids."""
    return user_id.startswith(_PREFIX) and re.fullmatch(STAY_ID, user_id.removeprefix(_PREFIX)) is not None


def open_matter(item: Stored, now: datetime) -> str | None:
    """Why nothing of its user can be erased yet, in one clause; None if the item is at rest."""
    match item:
        case PaymentSession():
            return _of_session(item, now)
        case Award():
            return _of_award(item)
        case Mail():
            about = item.stay_id or f"auction {item.auction_id}"
            is_over = item.is_done or item.due_at is None  # without a time it was given up
            return None if is_over else f"the {item.mail_kind} of {about} is not out yet"
    return None if item.is_settled else f"the stray money {item.transaction_id} is not paid back"


def _of_session(session: PaymentSession, now: datetime) -> str | None:
    if session.is_live:
        return f"the payment {session.id} is open"
    if session.fulfilment in OWING:
        return f"a refund of {session.id} is on its way"
    if session.unresolved or session.fulfilment in (Fulfilment.REVIEW, Fulfilment.REFUND_MANUAL):
        return f"{session.id} waits for an operator: `review` lists it"
    if session.fulfilment is Fulfilment.BOOKED and check_out(session.nights) >= today(now):
        return f"the stay {session.id} lies ahead, until {check_out(session.nights)}"
    if session.due_at:
        return f"money may still come for {session.id}: the clock asks ZaloPay at {timestamp(session.due_at)}"
    return None


def _of_award(award: Award) -> str | None:
    if award.status in PAYABLE:
        return f"the award {award.award_id} of auction {award.auction_id} can be paid or answered"
    if award.due_at or award.correction:
        return f"the nights of the award {award.award_id} of auction {award.auction_id} are being passed on"
    return None


def erased_session(session: PaymentSession, name: str, now: datetime) -> PaymentSession:
    """The session without its person. A decision that read it before has to read it again."""
    return session.but(user_id=name, contact=Contact(), order_url=None, changed_at=now)


def erased_award(award: Award, name: str, now: datetime) -> Award:
    """The award of an erased person: withdrawn, so that money that still comes for it is refunded."""
    return without(award, award.user_id, name).but(
        user_id=name,
        status=AwardStatus.WITHDRAWN,
        original_bid_id=None,
        decline_reason=None,
        ended_at=award.ended_at or now,
        changed_at=now,
    )


def without(award: Award, user_id: str, name: str) -> Award:
    """An award whose lists of runners-up, and whose chain, do not name the person."""
    waiting = award.correction
    begun = f"{user_id} "
    chain = award.chain
    if chain and chain.startswith(begun):
        chain = f"{name} {chain.removeprefix(begun)}"
    kept = tuple(each for each in award.runners_up if each.user_id != user_id)
    return award.but(runners_up=kept, chain=chain, correction=waiting and _corrected(waiting, user_id, name))


def _corrected(waiting: Correction, user_id: str, name: str) -> Correction:
    return waiting.but(award=waiting.award and without(waiting.award, user_id, name))


def is_named(text: str, user_id: str) -> bool:
    """Whether a JSON text names the user: as a text, as a number, or as ZaloPay knows users."""
    spelled = {json.dumps(user_id), json.dumps(user_id, ensure_ascii=False), app_user(user_id)}
    number = user_id.isdecimal() and re.search(rf'(?<![\w".-]){user_id}(?![\w".])', text)
    return bool(number) or any(each in text for each in spelled)
