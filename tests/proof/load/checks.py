"""The promises at the end of a load, one function each. Each function returns the violations it sees. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from tests.proof.load.evidence import Account, Document, Evidence
from tests.proof.load.listener import Frame, Line
from tests.proof.load.plan import Plan

Check = Callable[[Evidence], Iterator[str]]

_RANKS = {"INITIATED": 0, "PROCESSING": 1, "COMPLETED": 2, "FAILED": 2}
_ENDED = frozenset({"PAID", "FAILED", "CANCELLED", "EXPIRED"})
_REPLAYED = timedelta(minutes=14)  # after a change, a new subscriber still gets its message
_KINDS = {
    "Booking confirmed": "confirmation",
    "Booking cancelled": "cancellation",
    "Your refund": "refund",
    "Refund completed": "refunded",
    "Payment not completed": "failed",
    "We are checking your payment": "review",
    "You won the auction": "win",
    "The deadline is near": "reminder",
}
_ALARMING = ("| ERROR", "[FAILED]", "Traceback", "CRITICAL")


def violations(evidence: Evidence) -> list[str]:
    """Return every broken promise."""
    return [f"{check.__name__}: {what}" for check in CHECKS for what in check(evidence)]


class Money(NamedTuple):
    """Sums over the whole ledger, in đồng."""

    paid: int = 0
    booked: int = 0
    refunded: int = 0
    kept: int = 0  # from cancelled bookings, by policy
    in_flight: int = 0


def stay_of(order: Document) -> str:
    """Return the session of an order."""
    return str(order["app_trans_id"]).partition("_")[2]


def refunded(order: Document) -> int:
    """Return the amount that ZaloPay has refunded."""
    return sum(each["amount"] for each in order["refunds"] if each["settled"] and each["outcome"] == 1)


def money(evidence: Evidence) -> Money:
    """Return the sums of the money, by ZaloPay's ledger and the users' bookings."""
    bookings = {booking["id"]: booking for account in evidence.accounts for booking in account.bookings}
    plans = {stay: account.plan for account in evidence.accounts for stay in account.sessions}
    paid = [order for order in evidence.orders if order["zp_trans_id"]]
    confirmed = [order for order in paid if bookings.get(stay_of(order), {}).get("status") == "CONFIRMED"]
    cancelled = [order for order in paid if bookings.get(stay_of(order), {}).get("status") == "CANCELLED"]
    running = [refund for order in paid for refund in order["refunds"] if not refund["settled"]]
    return Money(
        paid=sum(order["amount"] for order in paid),
        booked=sum(order["amount"] for order in confirmed),
        refunded=sum(map(refunded, paid)),
        kept=sum(order["amount"] - _owed(order, plans[stay_of(order)]) for order in cancelled),
        in_flight=sum(refund["amount"] for refund in running),
    )


def _owed(order: Document, plan: Plan) -> int:
    return int(order["amount"] * plan.given_back // 100)


def came_to_rest(evidence: Evidence) -> Iterator[str]:
    """No work is left over."""
    yield from evidence.troubles
    for account in evidence.accounts:
        for session in account.sessions.values():
            if session["status"] not in _ENDED:
                yield f"session {session['id']} is still {session['status']}"
            if session.get("refund", {}).get("status", "REFUNDED") != "REFUNDED":
                yield f"the refund of session {session['id']} is {session['refund']['status']}"


def money_is_conserved(evidence: Evidence) -> Iterator[str]:
    """All paid money is booked, refunded, or kept by policy."""
    sums = money(evidence)
    if sums.in_flight or sums.paid != sums.booked + sums.refunded + sums.kept:
        yield f"{sums}"


def the_report_equals_the_ledger(evidence: Evidence) -> Iterator[str]:
    """The operator's report has ZaloPay's money, order by order, and nothing that does not add up or still waits."""
    rows = {str(row["order"]): row for row in evidence.report}
    for order in (each for each in evidence.orders if each["zp_trans_id"]):
        row = rows.get(str(order["app_trans_id"]), {})
        if (row.get("paid"), row.get("refunded")) != (order["amount"], refunded(order)):
            yield f"order {order['app_trans_id']} is reported as {row}"
    yield from (f"order {name}: {row['difference']}" for name, row in rows.items() if row["difference"])
    sums, said = money(evidence), {name: sum(row[name] for row in rows.values()) for name in _REPORTED}
    if said != {"paid": sums.paid, "booked": sums.booked, "kept": sums.kept, "open": 0, "review": 0}:
        yield f"{said}, by the ledger {sums}"


_REPORTED = ("paid", "booked", "kept", "open", "review")


def every_payment_ends_in_one_way(evidence: Evidence) -> Iterator[str]:
    """Each payment ends in exactly one booking or refund, of exactly its amount."""
    for account in evidence.accounts:
        bookings = {booking["id"]: booking for booking in account.bookings}
        for order in (order for order in evidence.orders if stay_of(order) in account.sessions):
            status = bookings.get(stay_of(order), {}).get("status")
            due = {"CONFIRMED": 0, "CANCELLED": _owed(order, account.plan)}.get(str(status), order["amount"])
            wanted = due if order["zp_trans_id"] else 0
            if refunded(order) != wanted or len(order["refunds"]) > 1:
                name, refunds = f"{_called(account, order)}, booking {status}", order["refunds"]
                yield f"{name}: {wanted} to be refunded, refunds {refunds}"
            if status == "CONFIRMED" and not order["zp_trans_id"]:
                yield f"{_called(account, order)} is booked and not paid"


def _called(account: Account, order: Document) -> str:
    plan, session = account.plan, account.sessions[stay_of(order)]
    return f"order {order['app_trans_id']} ({plan.story}, callback {plan.callback}), session {session['status']}"


def every_paid_order_is_somebodys(evidence: Evidence) -> Iterator[str]:
    """Every paid order belongs to a session that its user sees."""
    known = {stay for account in evidence.accounts for stay in account.sessions}
    for order in evidence.orders:
        if order["zp_trans_id"] and stay_of(order) not in known:
            yield f"order {order['app_trans_id']} is paid and unknown"


def sessions_and_bookings_agree(evidence: Evidence) -> Iterator[str]:
    """Each paid session says so, with ZaloPay's transaction. Each booking has its own session."""
    transactions = {stay_of(order): str(order["zp_trans_id"] or "") for order in evidence.orders}
    for account in evidence.accounts:
        bookings = {booking["id"]: booking["status"] for booking in account.bookings}
        if len(bookings) < len(account.bookings):
            yield f"{account.plan.name} sees a booking twice"
        for stay, session in account.sessions.items():
            if session.get("transactionId", "") != transactions.get(stay, ""):
                yield f"session {stay} names {session.get('transactionId')}, ZaloPay {transactions.get(stay)}"
            if (session["status"] == "PAID") != (bookings.get(stay) == "CONFIRMED" or "cancelledAt" in session):
                yield f"session {stay} is {session['status']}, its booking {bookings.get(stay)}"


def no_night_is_booked_twice(evidence: Evidence) -> Iterator[str]:
    """A night of a property belongs to one booking."""
    booked = [each for account in evidence.accounts for each in account.bookings if each["status"] == "CONFIRMED"]
    nights = Counter((each["propertyId"], night) for each in booked for night in each["nights"])
    yield from (f"{night} of {place}: {count} times" for (place, night), count in nights.items() if count > 1)


def amounts_are_those_of_the_awards(evidence: Evidence) -> Iterator[str]:
    """Orders and bookings have the award's nights at the award's price."""
    for account in evidence.accounts:
        plan = account.plan
        for order in (order for order in evidence.orders if stay_of(order) in account.sessions):
            if order["amount"] != plan.amount:
                yield f"order {order['app_trans_id']} is for {order['amount']}, the award for {plan.amount}"
        for booking in account.bookings:
            said = booking["propertyId"], tuple(booking["nights"]), booking["totalAmount"], booking["userId"]
            if said != (plan.property_id, plan.nights, plan.amount, plan.user_id):
                yield f"booking {booking['id']} is {said}"


def nobody_hears_of_others(evidence: Evidence) -> Iterator[str]:
    """Each frame concerns its reader and the reader's own stays, and is of a known kind."""
    owners = {
        name: account.plan.user_id
        for account in evidence.accounts
        for name in (account.plan.auction_id, *account.sessions)
    }
    for account in evidence.accounts:
        for frame in _frames(account):
            about = {frame.get("userId", account.plan.user_id)}
            about |= {owners.get(frame[name], account.plan.user_id) for name in _NAMES if name in frame}
            if about != {account.plan.user_id} or frame.get("type") not in _TYPES:
                yield f"{account.plan.name} got {frame}"


_NAMES = ("paymentId", "bookingId", "auctionId")
_TYPES = frozenset({"SUBSCRIBED", "PAYMENT_STATUS", "BOOKING_CONFIRMED", "AUCTION_RESULT"})


def _frames(account: Account) -> Iterator[Frame]:
    return (frame for line in account.lines for frame in line.frames)


def messages_never_go_back(evidence: Evidence) -> Iterator[str]:
    """On each socket the rank of a payment's messages never falls, and COMPLETED stays."""
    for account in evidence.accounts:
        for line in account.lines:
            for stay in account.sessions:
                told = _told(line, stay)
                if any(_RANKS[one] > _RANKS[next_] or (one, next_) == _UNDONE for one, next_ in pairwise(told)):
                    yield f"{account.plan.name} was told {' '.join(told)} of {stay} on one socket"


_UNDONE = ("COMPLETED", "FAILED")


def _told(line: Line, stay: str) -> list[str]:
    return [frame["status"] for frame in line.frames if frame.get("paymentId") == stay and "status" in frame]


def whoever_listens_is_told(evidence: Evidence) -> Iterator[str]:
    """Every socket that is open at the end, and connected in time, has received the end of each booking."""
    for account in evidence.accounts:
        for booking in (each for each in account.bookings if account.sessions[each["id"]]["status"] == "PAID"):
            stay, until = booking["id"], datetime.fromisoformat(booking["createdAt"]) + _REPLAYED
            listening = [line for line in account.lines if line.is_open and _in_time(line, until)]
            if account.plan.proofs and not listening:
                yield f"{account.plan.name} has no socket any more"
            yield from (
                f"{account.plan.name}, {stay}: {what}" for line in listening for what in _unheard(line, booking)
            )


def _in_time(line: Line, until: datetime) -> bool:
    return line.subscribed_at is not None and line.subscribed_at <= until


def _unheard(line: Line, booking: Document) -> Iterator[str]:
    told = _told(line, booking["id"])
    if not told or told[-1] != "COMPLETED":
        yield f"told {told or 'nothing'}"
    # A booking that is cancelled at once needs no BOOKING_CONFIRMED message.
    confirmed = any(frame.get("bookingId") == booking["id"] for frame in line.frames)
    if not confirmed and booking["status"] == "CONFIRMED":
        yield f"told {told}, but not of the booking"


def mail_goes_out_once(evidence: Evidence) -> Iterator[str]:
    """Each user gets one mail of each kind that is due, and a second one only on request."""
    sent = Counter((str(mail["to"]), _kind(mail), _reference(mail)) for mail in evidence.mail)
    for account in evidence.accounts:
        for mail, (least, most) in _mails(account).items():
            count = sent.pop((str([account.plan.email]), *mail), 0)
            if not least <= count <= most:
                yield f"{account.plan.name} got {count} mails of {mail}, not {least} to {most}"
    yield from (f"{mail} was sent to {to}, {count} times" for (to, *mail), count in sent.items())


def _kind(mail: Document) -> str:
    return next((kind for words, kind in _KINDS.items() if words in mail["subject"]), "unknown")


def _reference(mail: Document) -> str:
    found = re.search(r"\((\w{5}-\w{5})\)$", mail["subject"])
    return found[1] if found else ""


def _mails(account: Account) -> dict[tuple[str, str], tuple[int, int]]:
    """Return the least and the greatest number of mails, by kind and reference (none for an award).

    A win is told of, unless its user has begun to pay. A payment that failed is told of, unless the user tried again or
    the money came late.
    """
    asked = sum(answer.step == "mail" and answer.status == 200 for answer in account.answers)
    owed: dict[tuple[str, str], tuple[int, int]] = {("win", ""): (0, 1), ("reminder", ""): (0, 1)}
    for stay, session in account.sessions.items():
        reference = f"{stay[-10:-5]}-{stay[-5:]}"
        if "cancelledAt" in session and "transactionId" in session:
            owed["confirmation", reference] = 0, 1 + asked
            owed["cancellation", reference] = 1, 1
        elif session["status"] == "PAID":
            owed["confirmation", reference] = 1, 1 + asked
        elif "refund" in session:
            owed["refund", reference] = 1, 1
        if session.get("refund", {}).get("status") == "REFUNDED":
            owed["refunded", reference] = 1, 1
            # Once the money is back, a mail that it is on its way is not sent any more.
            owed |= {("refund", reference): (0, 1)} if ("refund", reference) in owed else {}
        owed["failed", reference] = 0, 1
    return owed


def nothing_surprises(evidence: Evidence) -> Iterator[str]:
    """Every call was answered by the contract. The only server error was PAYMENT_CREATION_FAILED."""
    for account in evidence.accounts:
        yield from (f"{account.plan.name} ({account.plan.story}): {surprise}" for surprise in account.surprises)
        for answer in account.answers:
            if answer.status >= 500 and answer.code != "PAYMENT_CREATION_FAILED":
                yield f"{answer.step} was answered {answer.status} {answer.code}"


def every_winner_is_served(evidence: Evidence) -> Iterator[str]:
    """Each winner at an auction's end has one confirmed booking, and the page has shown it."""
    for account in (each for each in evidence.accounts if each.plan.tries_again):
        confirmed = [booking["id"] for booking in account.bookings if booking["status"] == "CONFIRMED"]
        if len(confirmed) != 1 or account.waited is None:
            yield f"{account.plan.name} has the bookings {confirmed} and waited {account.waited}"


def callbacks_are_accepted(evidence: Evidence) -> Iterator[str]:
    """No genuine callback is refused, and none crashes the function."""
    for order in evidence.orders:
        for sent in order["callbacks"]:
            if sent["verdict"] == "refused" or sent.get("http_status", 200) != 200:
                yield f"order {order['app_trans_id']}: {sent.get('http_status')} {sent.get('answer')}"


def nothing_was_given_up(evidence: Evidence) -> Iterator[str]:
    """There are no dead letters."""
    yield from (f"{each['function']}: {each['error']}" for each in evidence.dead_letters)


def the_log_is_calm(evidence: Evidence) -> Iterator[str]:
    """No function and no gateway logs an error."""
    yield from (line for line in evidence.log if line.startswith("ERROR ") or any(word in line for word in _ALARMING))


CHECKS: tuple[Check, ...] = (
    came_to_rest,
    money_is_conserved,
    the_report_equals_the_ledger,
    every_payment_ends_in_one_way,
    every_paid_order_is_somebodys,
    sessions_and_bookings_agree,
    no_night_is_booked_twice,
    amounts_are_those_of_the_awards,
    nobody_hears_of_others,
    messages_never_go_back,
    whoever_listens_is_told,
    mail_goes_out_once,
    nothing_surprises,
    every_winner_is_served,
    callbacks_are_accepted,
    nothing_was_given_up,
    the_log_is_calm,
)
