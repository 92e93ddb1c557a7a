"""The promises: safety after every invocation, and liveness when all has come to rest.

The numbers are those of the promises: I1 no night twice, I2 PAID is absorbing, and so on. Outside the system, ZaloPay's
ledger and the browsers' frames are the truth. The stream's history is the truth about every commit.

Release 1.3.0 changed some. `holds`: an order that its own user replaced belongs to no user. I5: money that the system
could not learn of. I6: bounded by the owed amount. I8: the reasons of the table of money. I12 with I13: signed messages
are kept. I16: money that moved may turn out not to. L3: orders end.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from typing import Any

from infra.zalopay_simulator.ledger import Order
from stays.domain.booking import booking_of
from stays.domain.erasure import is_erased
from stays.domain.mail import HOST_MAILS, PERSISTENCE, Mail
from stays.domain.payment import (
    FULFILMENT_SOURCES,
    HOLD_MARGIN,
    QUERY_INTERVAL,
    SILENCE_TIME,
    Fulfilment,
    PaymentSession,
)
from stays.domain.values import VIETNAM, timestamp, today
from stays.edge.connections import MOST_CONNECTIONS
from tests.proof.simulation.chains import Chains
from tests.proof.simulation.system import EVENT_TRIES, System, stay_of

Item = dict[str, Any]
RANK = {"INITIATED": 0, "PROCESSING": 1, "FAILED": 2, "COMPLETED": 3}
KEYS = ("PK", "SK", "kind", "userSort", "dueShard", "createdAt", "checkIn", "checkOut", "queriedAt", "dueAt")
# the value that an item of an earlier release means if it lacks the attribute
ABSENT: Item = {"cancellationPolicy": []}
QUERY_SECONDS = 4.9  # five seconds, less the system's own time from claim to question
AT_ONCE = timedelta(seconds=5)  # a mail that was being written when its fact ended
REMINDED = timedelta(minutes=20)
SEVEN, EIGHT, TEN = time(7), time(8), time(22)
UNPAID = ("PAYMENT_EXPIRED", "PAYMENT_CANCELLED", "PAYMENT_CREATION_FAILED", "CANCELLED_BY_OPERATOR")
FOR_PEOPLE = ("REVIEW", "REFUND_MANUAL")
MAILS = 2
EARLIER_MAILS = ("confirmation", "cancellation", "refund")  # of releases up to 1.4.0
LAST_QUESTION, ANSWERED = 47 * 3_600_000, 48 * 3_600_000  # milliseconds
HALF_AN_HOUR = timedelta(minutes=30)
A_MINUTE = 60  # seconds after its end at which an unpaid order is over
OPEN_STATUSES = ("CREATED", "PENDING")
EVER = "1970-01-01T00:00:00Z"
ODD_QUERIES = ("query_down", "query_processing", "payment_moving", "flaky")
TOLD_AGAIN = timedelta(minutes=15)  # after a change, a new subscriber still gets its message


class Violated(AssertionError):
    """The system broke a promise."""


def demand(holds: bool, promise: str, *details: object) -> None:
    """Raise Violated unless it holds."""
    if not holds:
        raise Violated(f"{promise}: {' '.join(map(str, details))}")


class Invariants:
    """Checks the promises during one run of a system."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._read = 0
        self._answered = 0
        self._rounds = 0
        self._denied = 0
        self._heard: Counter[str] = Counter()
        self._rank: dict[tuple[str, str], str] = {}
        self._confirmed: dict[str, Item] = {}
        self._known: dict[str, str] = {}
        self._award_mails: set[tuple[str, str]] = set()
        self._never_told: set[str] = set()  # mails that an earlier release did not know, or gave up without a word
        self._wanted: dict[str, list[tuple[str, str]]] = {}
        self._plain = system.database.plain
        self.chains = Chains(demand, self._plain)
        system.check = self.after_invocation

    def learn(self) -> None:
        """Accept the history so far without checks. A restored world needs this."""
        for record in self._system.history[self._read :]:
            for look_at in (self._look_at, self.chains.look_at):
                with suppress(Violated):
                    look_at(record)
        self._read = len(self._system.history)

    def learn_of_an_earlier_release(self) -> None:
        """The same for a world that an earlier release made. It wrote mail of three kinds."""
        self.learn()
        for session in self._system.database.items(kind="SESSION"):
            kinds = [kind for kind, holds in _facts_of(session).items() if holds]
            self._never_told |= {f"{session['id']}.{kind}" for kind in kinds if kind not in EARLIER_MAILS}
        for mail in self._system.database.items(kind="MAIL", state="UNDELIVERABLE"):
            self._never_told.add(f"{mail['stayId']}.{mail['letter']}")  # it did not say why it gave a mail up

    # After every invocation

    def after_invocation(self) -> None:
        """Check safety, for new records and frames only."""
        history = self._system.history
        while self._read < len(history):
            self._look_at(history[self._read])
            self._expect_mail(history[self._read])
            self.chains.look_at(history[self._read])
            self._read += 1
        self._nights()
        self._payable()
        self._acknowledged()
        self._after_rounds()
        for connection_id, frames in self._system.browsers.frames.items():
            for frame in frames[self._heard[connection_id] :]:
                self._frame(connection_id, frame)
            self._heard[connection_id] = len(frames)

    def _after_rounds(self) -> None:
        """L3: no session is open two days after its order's end, once the clock has made an undisturbed round.

        Half an hour is the limit if ZaloPay works and says that the order is unpaid. If ZaloPay says so during the
        round, after the order's end, the session must be over.
        """
        for order_id, asked in self._system.denied[self._denied :]:
            session = self._plain(self._system.database.find(f"STAY#{order_id[7:]}", "SESSION"))
            late = asked - datetime.fromisoformat(session["expiresAt"]).timestamp() > A_MINUTE
            demand(
                not late or session["status"] not in OPEN_STATUSES, "L3", order_id, "is open, though nobody has paid"
            )
        self._denied = len(self._system.denied)
        rounds, self._rounds = self._system.rounds[self._rounds :], len(self._system.rounds)
        if not rounds:
            return
        at = datetime.fromtimestamp(rounds[-1] / 1000, UTC)
        for session in self._system.database.items(kind="SESSION"):
            asked = "attemptedAt" in session and session["status"] in OPEN_STATUSES
            question = self._plain(self._system.database.find(session["PK"], "NOTES"))
            just_asked = datetime.fromisoformat(question.get("queriedAt", EVER)) > at - QUERY_INTERVAL
            if not asked or just_asked or datetime.fromisoformat(session.get("dueAt", EVER)) > at:
                continue  # after its end it is due every 15 minutes only, and is asked about at most every five seconds
            longest = HALF_AN_HOUR if self._is_unpaid(session) else SILENCE_TIME
            over = datetime.fromisoformat(session["expiresAt"]) + longest
            demand(
                at < over, "L3", session["id"], "is open after a round of the clock, though it should have ended", over
            )

    def _is_unpaid(self, session: Item) -> bool:
        """Say whether ZaloPay answers and says that the order is unpaid."""
        zalopay, order = self._system.zalopay, self._order(session["appTransId"])
        odd = any(zalopay.simulator.faults.find(name, session["appTransId"]) for name in ODD_QUERIES)
        paid = order is not None and order.ended == "PAID"
        return not (odd or paid or zalopay.mute or session["appTransId"] in zalopay.claimed)

    def _acknowledged(self) -> None:
        """I12: each callback that was answered with 1 is on record."""
        for trans_id, transaction in self._system.acknowledged[self._answered :]:
            session = self._system.database.find(f"STAY#{trans_id[7:]}", "SESSION")
            money = self._system.database.find(f"TRANSACTION#{transaction}", "TRANSACTION")
            reviewed = session is not None and session["fulfilment"] == {"S": "REVIEW"}
            kept = money is not None or reviewed or bool(self._system.database.items(kind="REFUSED"))
            demand(kept, "I12", trans_id, transaction, "was answered with 1 and is", session and session["status"])
        self._answered = len(self._system.acknowledged)

    def _look_at(self, record: Mapping[str, Any]) -> None:
        images = record["dynamodb"]
        new = images.get("NewImage")
        kind = (new or images["OldImage"]).get("kind", {}).get("S")
        if kind == "SESSION" and new:
            self._session(self._plain(images.get("OldImage")), self._plain(new))
        elif kind == "BOOKING" and new:
            self._booking(self._plain(new))

    def _session(self, old: Item, new: Item) -> None:
        stay = new["id"]
        if not old:
            self._wanted[stay] = [(new["propertyId"], night) for night in new["nights"]]
            demand(new["amount"] == self._price(new), "I7", stay, "has another price than was awarded")
            self._not_moving(new)
            self._only_one(new)
        demand(old.get("status") != "PAID" or new["status"] == "PAID", "I2", stay, "left PAID")
        for name in ("userId", "propertyId", "amount", "nights"):
            erased = name == "userId" and is_erased(new[name])
            demand(not old or old[name] == new[name] or erased, "S1", stay, name, "changed")
        if old.get("status") == "PAID":
            demand(old["transactionId"] == new["transactionId"], "I4", stay, "got another transaction")
        if old and old["fulfilment"] != new["fulfilment"]:
            sources = FULFILMENT_SOURCES[Fulfilment(new["fulfilment"])]
            demand(old["fulfilment"] in sources, "transitions", stay, old["fulfilment"], new["fulfilment"])
        owing = new["fulfilment"] == "REFUND_DUE" and old.get("fulfilment") != "REFUND_DUE"
        if owing and new["reason"] in REASONS:
            demand(REASONS[new["reason"]](self, new), "I8", stay, "gives money back without its reason", new["reason"])
        demand(new["fulfilment"] != "BOOKED" or "dueAt" not in new, "L3", stay, "is booked and woken up")
        if new["status"] == "PAID":
            self._paid(new)

    def _only_one(self, session: Item) -> None:
        """An award has at most one open order or reservation.

        Release 1.2.1 allowed more; its sessions have no `left`.
        """
        same = {name: session[name] for name in ("userId", "auctionId", "awardId")}
        others = self._system.database.items(kind="SESSION", **same)
        before = [each for each in others if each["createdAt"] < session["createdAt"] and "left" in each]
        live = [each["id"] for each in before if each["status"] in OPEN_STATUSES]
        demand(not live, "one order", session["id"], "is opened beside", *live)

    def _not_moving(self, session: Item) -> None:
        """No order is opened for a night while money moves for the same user's other order for it."""
        for other in self._system.database.items(kind="SESSION", userId=session["userId"], processing=True):
            live = other["id"] != session["id"] and other["status"] in OPEN_STATUSES
            shared = other["propertyId"] == session["propertyId"] and set(other["nights"]) & set(session["nights"])
            demand(not live or not shared, "moving", session["id"], "is opened while money moves for", other["id"])

    def _price(self, session: Item) -> int:
        award = self._system.database.find(
            f"AUCTION#{session['auctionId']}", f"AWARD#{session['userId']}#{session['awardId']}"
        )
        demand(award is not None, "I7", session["id"], "has no award")
        prices = {night["date"]: night["price"] for night in self._plain(award)["nights"]}
        return sum(prices.get(night, -1) for night in session["nights"])

    def _is_taken(self, session: Item) -> bool:
        """Say whether another stay held one of the nights at any time before this record."""
        others = {
            (image["PK"], image["SK"])
            for record in self._system.history
            for image in [self._plain(record["dynamodb"].get("NewImage") or record["dynamodb"]["OldImage"])]
            if image.get("kind") == "NIGHT" and image["stayId"] != session["id"]
        }
        return any((f"PROPERTY#{session['propertyId']}", f"NIGHT#{night}") in others for night in session["nights"])

    def _is_past(self, session: Item) -> bool:
        """Say whether the system learned of the money late, when one of the nights was over."""
        now = datetime.fromisoformat(session["changedAt"])
        late = now > datetime.fromisoformat(session["expiresAt"]) + HOLD_MARGIN
        return late and min(session["nights"]) < today(now).isoformat()

    def _is_paid_by_another(self, session: Item) -> bool:
        award = self._award(session)
        return award["status"] == "PAID" and award["paymentId"] != session["id"]

    def _is_withdrawn(self, session: Item) -> bool:
        """Say whether the auction system withdrew the award, or a night of it."""
        award = self._award(session)
        return award["status"] == "WITHDRAWN" or not set(session["nights"]) <= {
            each["date"] for each in award["nights"]
        }

    def _award(self, session: Item) -> Item:
        key = f"AUCTION#{session['auctionId']}", f"AWARD#{session['userId']}#{session['awardId']}"
        return self._plain(self._system.database.find(*key))

    def _paid(self, session: Item) -> None:
        order = self._order(session["appTransId"])
        demand(order is not None and order.ended == "PAID", "I3", session["id"], "is PAID without money")
        assert order
        demand(order.amount == session["amount"], "I7", session["id"], "another amount was paid")
        transaction = session["transactionId"]
        paid = transaction in {str(each.zp_trans_id) for each in order.payments}
        demand(paid, "I4", session["id"], "names another transaction")
        owner = self._known.setdefault(transaction, session["id"])
        demand(owner == session["id"], "I4", transaction, "paid two sessions")

    def _order(self, app_trans_id: str) -> Order | None:
        return self._system.zalopay.simulator.ledger.orders.get(app_trans_id)

    def _booking(self, booking: Item) -> None:
        if booking["status"] == "CONFIRMED":
            self._confirmed[booking["id"]] = booking
        else:
            self._confirmed.pop(booking["id"], None)

    def _nights(self) -> None:
        owner: dict[tuple[str, str], str] = {}
        for stay, booking in self._confirmed.items():
            for night in booking["nights"]:
                place = booking["propertyId"], night
                demand(place not in owner, "I1", *place, "is booked by", stay, "and", owner.get(place))
                owner[place] = stay
                item = self._system.database.find(f"PROPERTY#{place[0]}", f"NIGHT#{night}")
                demand(item is not None, "I1", *place, "is booked and not blocked")
                demand((item["stayId"], item["state"]) == ({"S": stay}, {"S": "BOOKED"}), "I1", *place, "is", item)

    def _payable(self) -> None:
        """Two users never hold payable orders for one night. No session ends while its order can be paid."""
        simulator = self._system.zalopay.simulator
        now, owner = simulator.now(), dict[tuple[str, str], str]()
        for order in simulator.ledger.orders.values():
            nights = self._wanted.get(stay_of(order))
            if nights is None or order.state(now) != "OPEN" or order.app_trans_id not in self._system.payable:
                continue
            if order.app_trans_id in self._system.zalopay.claimed:
                continue  # ZaloPay has given a false answer about it
            session = self._system.database.find(f"STAY#{stay_of(order)}", "SESSION")
            status = session and session["status"]["S"]
            if session and session.get("reason") == {"S": "SUPERSEDED"}:
                continue  # its own user has chosen other nights
            demand(status in OPEN_STATUSES, "L3", order.app_trans_id, "can be paid, and its session is", status)
            for place in nights:
                other = owner.setdefault(place, order.app_trans_id)
                demand(other == order.app_trans_id, "holds", *place, "can be paid in", other, "and", order.app_trans_id)

    def _frame(self, connection_id: str, frame: Item) -> None:
        owner = self._system.browsers.owner[connection_id]
        demand(frame.get("userId", owner) == owner, "I14", owner, "received", frame)
        if frame["type"] != "ERROR":
            until = self._system.browsers.until[connection_id]
            demand(timestamp(self._system.now) <= until, "S5", connection_id, "is told after its token ran out", frame)
        if frame["type"] != "PAYMENT_STATUS":
            return
        key = connection_id, frame["paymentId"]
        before, status = self._rank.get(key, "INITIATED"), frame["status"]
        reviewed = before == "FAILED" and frame.get("reason") == "PAYMENT_UNDER_REVIEW"
        reviewed = reviewed or (before, status) == ("PROCESSING", "INITIATED")  # the money did not move after all
        demand(reviewed or RANK[status] >= RANK[before], "I16", *key, "fell from", before, "to", status)
        self._rank[key] = status

    # When all has come to rest

    def at_rest(self) -> None:
        """Check that every đồng, night, mail and message is where it belongs."""
        system = self._system
        self.after_invocation()
        demand(len(system.dead) * EVENT_TRIES <= system.gate.broken, "L4", "dead letters:", len(system.dead))
        items = system.database.items()
        by_kind: dict[str, list[Item]] = defaultdict(list)
        for item in items:
            by_kind[item.get("kind", "")].append(item)
        sessions = {item["id"]: item for item in by_kind["SESSION"]}
        for order in system.zalopay.orders:
            system.zalopay.simulator.settle(order)
        for order in system.zalopay.orders:
            self._money(order, sessions.get(stay_of(order)), by_kind)
        for session in sessions.values():
            self._ended(session)
        self._holds(by_kind["NIGHT"], sessions)
        self._mails(sessions, [*by_kind["MAIL"], *by_kind["NOTICE"]])
        self._copies(by_kind, sessions)
        self._hosts(by_kind)
        self._asked()
        self._listed()
        self._told(sessions)
        self.chains.at_rest(today(system.now).isoformat())
        self._published()

    def _money(self, order: Order, session: Item | None, by_kind: Mapping[str, list[Item]]) -> None:
        paid_by = int((session or {}).get("transactionId") or order.zp_trans_id)
        refunds = [each for each in order.refunds if not each.refused and (each.zp_trans_id or paid_by) == paid_by]
        returned = sum(each.amount for each in refunds if each.settled)
        promised = sum(each.amount for each in refunds)
        demand(promised <= order.amount, "I6", order.app_trans_id, "gives back more than was paid:", promised)
        if order.ended != "PAID" or (session and session["status"] != "PAID" and self._was_silent(order)):
            return
        if session is None:
            self._stray(order, returned, by_kind["STRAY"])
            return
        owed = session.get("refund", {}).get("amount", 0)
        demand(promised <= owed, "I6", session["id"], "owes", owed, "and gives back", promised)
        booked = session["id"] in self._confirmed
        people = session["fulfilment"] in FOR_PEOPLE
        if session.get("reason") == "CANCELLED_BY_TRAVELLER" and "bookedAt" in session:
            demand(people or returned == owed, "I5", session["id"], "owes", owed, "and returned", returned)
            return
        ends = [booked, returned == owed > 0, people]
        demand(sum(ends) == 1, "I5", session["id"], "booked, refunded, for people:", *ends, session["status"])
        demand(not (booked and returned), "I6", session["id"], "is booked and refunded")

    def _stray(self, order: Order, returned: int, strays: list[Item]) -> None:
        """Money for an unknown order is on record. If its record says REFUNDED, the money is back."""
        key = f"TRANSACTION#{order.zp_trans_id}"
        kept = [each for each in strays if each["PK"] == key]
        demand(len(kept) == 1, "I5", order.app_trans_id, "was paid and is unknown")
        expected = order.amount if kept[0].get("status") == "REFUNDED" else 0
        people = kept[0].get("status") == "REFUND_MANUAL"
        demand(people or returned == expected, "I5", order.app_trans_id, "owes", expected, "and returned", returned)

    def _was_silent(self, order: Order) -> bool:
        """Say whether the system could not learn of this money.

        That is so if no callback came, and the clock made no round while ZaloPay answered. ZaloPay answers about an
        order for 48 hours. The last question is asked 47 hours after the order's end.
        """
        if order.app_trans_id in dict(self._system.acknowledged):
            return False
        if order.app_trans_id in self._system.zalopay.claimed:
            return True
        last_question, answered_until = order.expires_at + LAST_QUESTION, order.app_time + ANSWERED
        if order.paid_at < last_question and self._system.now.timestamp() * 1000 < last_question:
            return False  # all is at rest, and a question was still to come
        since = max(order.paid_at, last_question)
        return not any(since <= at < answered_until for at in self._system.rounds)

    def _ended(self, session: Item) -> None:
        demand(session["status"] not in OPEN_STATUSES, "L3", session["id"], "is still", session["status"])
        demand(session["fulfilment"] not in ("REFUND_DUE", "REFUNDING"), "L3", session["id"], session["fulfilment"])
        if session["status"] == "PAID" and session["fulfilment"] == "BOOKED":
            demand(session["id"] in self._confirmed, "L2", session["id"], "is paid and has no booking")

    def _holds(self, nights: list[Item], sessions: Mapping[str, Item]) -> None:
        for night in nights:
            demand(night["state"] == "BOOKED", "holds", night["SK"], "is held by", night["stayId"], "for ever")
            demand(night["stayId"] in self._confirmed, "I1", night["SK"], "is blocked and not booked")

    def _mails(self, sessions: Mapping[str, Item], owed: list[Item]) -> None:
        """Each fact is told once, and only to the user whom it concerns; none is told after it was overtaken.

        A mail that is not sent says why, and the reason is true. No mail goes to an address after mail came back.
        """
        sent = Counter(self._system.mail.sent)
        about = {f"{Mail.model_validate(mail).about}.{mail['letter']}": mail for mail in owed}
        for name, mail in about.items():
            rests = self._rests(mail)
            demand(rests or mail["state"] in ("SENT", "UNDELIVERABLE"), "I17", name, mail["state"])
            demand(rests or mail.get("dueAt", "~") > timestamp(self._system.now), "L3", name, "is left to the clock")
            unsent = mail.get("unsent")
            demand(unsent is None or sent[name] == 0 or self._tried_twice(mail), "I17", name, "is out, and", unsent)
            demand(
                unsent is None or self._is_so(mail, unsent, sessions), "I17", name, "is not out, and it is not", unsent
            )
            least = 0 if unsent or rests or name in self._never_told or self._given_up(mail) else 1
            most = MAILS if self._system.gate.broken or self._system.mail.silent else 1
            demand(least <= sent[name] <= most, "I17", name, "was sent", sent[name], "times")
        demand(set(sent) <= set(about), "I17", "a mail that nobody owed:", sent)
        for name, to in self._system.mail.addressed:
            demand(to == _address_of(about[name], sessions), "I17", name, "went to a stranger:", to)
        demand(
            not self._system.mail.unwelcome, "I17", "mail came back, and more went out:", *self._system.mail.unwelcome
        )
        for session in sessions.values():
            self._facts_told(session, about)
        untold = self._award_mails - {(mail["PK"], mail["SK"]) for mail in owed}
        demand(not untold, "I17", "an award of which no mail tells:", *untold)
        for name, mail in about.items():
            if mail["state"] == "SENT":
                self._in_time(name, mail, sessions)

    def _expect_mail(self, record: Mapping[str, Any]) -> None:
        """A new award that can be paid owes a mail under its own key. So does one that was lost until now."""
        award, old = (self._plain(record["dynamodb"].get(image)) for image in ("NewImage", "OldImage"))
        if award.get("kind") not in ("AWARD", "OFFER") or award["status"] not in ("PENDING_PAYMENT", "WAITING"):
            return
        if old.get("status", "LOST") != "LOST":
            return
        received = datetime.fromisoformat(award["receivedAt"])
        late = award["deadline"] <= award["receivedAt"] or award["nights"][0]["date"] < today(received).isoformat()
        if not late:
            kind = "win" if award["kind"] == "AWARD" else "offer"
            self._award_mails.add((award["PK"], f"{award['SK'].replace('AWARD', 'MAIL', 1)}#{kind}"))

    def _in_time(self, name: str, mail: Item, sessions: Mapping[str, Item]) -> None:
        """A mail went out while it was true; a reminder well before the deadline, and by day."""
        sent = datetime.fromisoformat(mail["sentAt"])
        session = sessions.get(mail.get("stayId", ""))
        if session is None:
            key = mail["PK"], mail["SK"].replace("MAIL", "AWARD", 1).rpartition("#")[0]
            award = self._plain(self._system.database.find(*key))
            deadline = datetime.fromisoformat(award.get("payUntil", award["deadline"]))
            over = award.get("endedAt") or sessions.get(award.get("paymentId", ""), {}).get("bookedAt")
            demand(sent < deadline, "I17", name, "was sent after the deadline")
            if mail["letter"] == "reminder":
                local = sent.astimezone(VIETNAM)
                early = deadline.astimezone(VIETNAM).time() < EIGHT and deadline - sent < timedelta(hours=10)
                demand(sent <= deadline - REMINDED, "I17", name, "was sent too late")
                demand(early or SEVEN <= local.time() < TEN, "I17", name, "was sent at night:", local)
        else:
            over = {
                "confirmation": session.get("cancelledAt"),
                "host_confirmation": session.get("cancelledAt"),
                "failed": session.get("bookedAt"),
                "review": session.get("bookedAt"),
            }.get(mail["letter"])
        demand(over is None or sent <= datetime.fromisoformat(over) + AT_ONCE, "I17", name, "was overtaken")

    def _facts_told(self, session: Item, about: Mapping[str, Item]) -> None:
        """A session's present state has the mails that tell of it."""
        for kind, holds in _facts_of(session).items():
            name = f"{session['id']}.{kind}"
            demand(not holds or name in about or name in self._never_told, "I17", session["id"], "owes no", kind)

    def _is_so(self, mail: Item, unsent: str, sessions: Mapping[str, Item]) -> bool:
        """Say whether the reason for which a mail was not sent is true."""
        session, to = sessions.get(mail.get("stayId", "")), _address_of(mail, sessions)
        if unsent == "SUPPRESSED":
            return to in self._system.mail.stopped
        if unsent == "NO_ADDRESS":
            profile = self._plain(self._system.database.find(f"USER#auth0|{to.partition('@')[0]}", "PROFILE"))
            known = bool(profile.get("email")) and profile["createdAt"] < mail["requestedAt"]
            own = session is not None and mail["letter"] not in HOST_MAILS and session.get("contact", {}).get("email")
            return not known and not own
        return unsent == "OVERTAKEN" and self._is_overtaken(mail, session, sessions)

    def _is_overtaken(self, mail: Item, session: Item | None, sessions: Mapping[str, Item]) -> bool:
        """Say whether something has happened that makes a mail wrong. At rest it is still to be seen."""
        kind = mail["letter"]
        if session is None:
            key = mail["PK"], mail["SK"].replace("MAIL", "AWARD", 1).rpartition("#")[0]
            award = self._plain(self._system.database.find(*key))
            early = REMINDED if kind == "reminder" else timedelta(0)
            over = self._system.now >= datetime.fromisoformat(award.get("payUntil", award["deadline"])) - early
            past = award["nights"][0]["date"] < today(self._system.now).isoformat()
            answered = award["status"] not in ("PENDING_PAYMENT", "WAITING") or "checkoutId" in award
            return over or past or answered
        others = [each for each in sessions.values() if each is not session and _same_award(each, session)]
        tried = any(each["createdAt"] > session["createdAt"] for each in others) or any(
            "paidAt" in each for each in others
        )
        return {
            "confirmation": session["fulfilment"] != "BOOKED",
            "host_confirmation": session["fulfilment"] != "BOOKED",
            "failed": tried or not _facts_of(session)["failed"],
            "review": not _facts_of(session)["review"],
            "refund": session["fulfilment"] == "REFUNDED",
        }.get(kind, False)

    def _tried_twice(self, mail: Item) -> bool:
        """Say whether an earlier attempt may have got through before the mail was dropped."""
        return int(mail["attempts"]) > 0

    def _rests(self, mail: Item) -> bool:
        """Say whether SES refused the mail for two days. If so, a metric has reported it."""
        tried = "dueAt" not in mail and self._system.now - datetime.fromisoformat(mail["requestedAt"]) > PERSISTENCE
        refused = "mail send" in self._system.gate.hit and self._system.counted["MailFailed"] > 0
        return bool(mail["state"] == "WAITING" and tried and refused)

    def _given_up(self, mail: Item) -> bool:
        """Say whether two attempts died between the claim and SES, so that the mail may have gone out twice.

        A metric must have reported it.
        """
        broken = self._system.gate.broken
        unsure = mail.get("unsure", mail["attempts"])  # the count of releases before 1.4.0
        given_up = mail["state"] == "UNDELIVERABLE" and broken >= unsure == MAILS
        demand(not given_up or broken > MAILS or self._system.counted["MailFailed"] > 0, "I17", "in silence")
        return given_up

    def _copies(self, by_kind: Mapping[str, list[Item]], sessions: Mapping[str, Item]) -> None:
        """Two copies of the same facts agree."""
        copies = [*by_kind["BOOKING"], *by_kind["TRANSACTION"]]
        for item in copies:
            session = sessions[item["id"]]
            shown = booking_of(PaymentSession.model_validate(session))
            whole = shown.dump() if item["kind"] == "BOOKING" and shown else session
            differing = [name for name in item if name not in KEYS and item[name] != whole.get(name, ABSENT.get(name))]
            demand(not differing, "copies", item["kind"], item["id"], "differs in", *differing)
        for stay in self._confirmed:
            session = sessions[stay]
            award = self._system.database.find(
                f"AUCTION#{session['auctionId']}", f"AWARD#{session['userId']}#{session['awardId']}"
            )
            paying = [
                each["id"] for each in sessions.values() if _same_award(each, session) and each["status"] == "PAID"
            ]
            known = self._plain(award)
            named = known.get("status") == "PAID" and known["paymentId"] in paying
            demand(named, "copies", stay, "is booked and its award is not PAID")

    def _hosts(self, by_kind: Mapping[str, list[Item]]) -> None:
        """Every property of an award has a calendar."""
        kept = {item["propertyId"] for item in by_kind["CALENDAR"]}
        for award in (*by_kind["AWARD"], *by_kind["OFFER"]):
            demand(award["property"]["id"] in kept, "hosts", award["property"]["id"], "is nobody's")

    def _asked(self) -> None:
        """The system asks ZaloPay about an order at most once in five seconds, and for a refund once."""
        last: dict[str, float] = {}
        for path, what, at, serving in self._system.zalopay.asked:
            if path == "/v2/query" and not serving.endswith("/create"):
                demand(at - last.get(what, 0) >= QUERY_SECONDS, "polls", what, "was asked about twice at once")
                last[what] = at
        refunds = Counter(what for path, what, _, _ in self._system.zalopay.asked if path == "/v2/refund")
        twice = [what for what, times in refunds.items() if times > 1]
        demand(self._system.gate.broken > 0 or not twice, "polls", "refunds asked for twice:", *twice)

    def _listed(self) -> None:
        """No user has more than ten connections that subscribed.

        A fault may leave one more, until the next browser subscribes. One without channels has only connected.
        """
        listed = Counter(
            item["PK"]
            for item in self._system.database.items("connections")
            if item["SK"].startswith("CONNECTION#") and item["channels"]
        )
        most = listed.most_common(1)
        demand(
            not most or most[0][1] <= MOST_CONNECTIONS + self._system.gate.broken, "S5", "connections listed:", *most
        )

    def _told(self, sessions: Mapping[str, Item]) -> None:
        """I15: a browser that listens knows the outcome, unless that came long before."""
        browsers = self._system.browsers
        for connection_id, since in browsers.since.items():
            if connection_id in browsers.gone:
                continue
            owner, earliest = browsers.owner[connection_id], timestamp(since - TOLD_AGAIN)
            self.chains.told(browsers.frames[connection_id], owner, browsers.until[connection_id])
            for session in sessions.values():
                if session["userId"] == owner and earliest <= session["changedAt"] < browsers.until[connection_id]:
                    self._knows(browsers.frames[connection_id], session)

    def _knows(self, frames: list[Item], session: Item) -> None:
        last = [each["status"] for each in frames if each.get("paymentId") == session["id"] and "status" in each][-1:]
        wanted = final_status(session)
        demand(last == [wanted], "I15", session["id"], "was last told", last, "and is", wanted)
        if session["id"] in self._confirmed:
            confirmed = [each for each in frames if each["type"] == "BOOKING_CONFIRMED"]
            told = any(each["bookingId"] == session["id"] for each in confirmed)
            demand(told, "I15", session["id"], "is booked and nobody was told")

    def _published(self) -> None:
        """The published events are those that happened, with the same text each time.

        Without faults each event is published once per delivery.
        """
        handed: Counter[str] = Counter()
        for record in self._system.history:
            images = record["dynamodb"]
            for event_id in happened(self._plain(images.get("OldImage")), self._plain(images.get("NewImage"))):
                handed[event_id] += self._system.handed[images["SequenceNumber"]]
        heard: Counter[str] = Counter()
        words: dict[str, str] = {}
        for entry in self._system.bus.published:
            event_id = json.loads(entry["Detail"])["eventId"]
            heard[event_id] += 1
            said = words.setdefault(event_id, entry["Detail"])
            demand(said == entry["Detail"], "published", event_id, "says one time", said, "and then", entry["Detail"])
            named = event_id.rstrip("0123456789").rstrip("/")
            demand(named.endswith(f"/{entry['DetailType']}"), "published", event_id, "as", entry["DetailType"])
            demand("example.com" not in said, "published", event_id, "names somebody")
        demand(heard.keys() == handed.keys(), "published", "is not what happened:", *(heard.keys() ^ handed.keys()))
        disturbed = self._system.gate.broken > 0
        demand(
            disturbed or heard == handed, "published", "more or less than once:", *(heard - handed), *(handed - heard)
        )


UNPAID = ("FAILED", "CANCELLED", "EXPIRED")


def happened(old: Item, new: Item) -> Iterator[str]:
    """Return the ids of the events of a change."""
    if new.get("kind") == "SESSION":
        yield from (f"{new['id']}/{name}" for name, is_so in of_session(old, new).items() if is_so)
    if new.get("kind") in ("AWARD", "OFFER"):
        about = f"{new['auctionId']}/{new['userId']}/{new['awardId']}"
        yield from (f"{about}/{name}" for name in of_award(old, new))


def of_session(old: Item, new: Item) -> dict[str, bool]:
    """Say which events a change of a session causes."""
    fresh = {name for name in new if name not in old}
    ended = old.get("status") in OPEN_STATUSES and new["status"] in UNPAID
    return {
        "PaymentCompleted": old.get("status") != new["status"] == "PAID",
        "PaymentFailed": ended and new["fulfilment"] != "REVIEW",
        "BookingConfirmed": "bookedAt" in fresh,
        "BookingCancelled": "bookedAt" in old and "cancelledAt" in fresh,
        "RefundCompleted": old.get("fulfilment") != new["fulfilment"] == "REFUNDED",
    }


def of_award(old: Item, new: Item) -> Iterator[str]:
    """Return the events that a change of an award causes."""
    if new["kind"] == "OFFER" and old.get("status") != new["status"] == "EXPIRED":
        yield "OfferExpired"
    before, after = (len(each.get("releases") or ([1] if each.get("releasedNights") else [])) for each in (old, new))
    yield from (
        "NightsReleased" if number == 1 else f"NightsReleased/{number}" for number in range(before + 1, after + 1)
    )


def _same_award(one: Item, other: Item) -> bool:
    """Say whether two sessions pay for one award: users may pay in parts, if both began before the first was paid."""
    return all(one[name] == other[name] for name in ("auctionId", "userId", "awardId"))


def final_status(session: Item) -> str:
    """Return the last status that the browser should have received."""
    if session["fulfilment"] == "REVIEW":
        return "PROCESSING"
    return "COMPLETED" if session["status"] == "PAID" and "bookedAt" in session else "FAILED"


REASONS: dict[str, Callable[[Invariants, Item], bool]] = {
    "NIGHTS_TAKEN": Invariants._is_taken,
    "NIGHTS_PAST": Invariants._is_past,
    "ALREADY_PAID": Invariants._is_paid_by_another,
    "AWARD_WITHDRAWN": Invariants._is_withdrawn,
}


def _address_of(mail: Item, sessions: Mapping[str, Item]) -> str | None:
    """Return the address of the user whom a mail concerns. Every user's address is made from the user's id."""
    session = sessions.get(mail.get("stayId", ""))
    if session is None:
        user_id = mail["userId"]
    else:
        user_id = session["hostId"] if mail["letter"] in HOST_MAILS else session["userId"]
    return f"{user_id[6:]}@example.com"


def _facts_of(session: Item) -> dict[str, bool]:
    """What a session tells by mail, and whether it is so."""
    cancelled = "bookedAt" in session and "cancelledAt" in session
    unpaid = session.get("reason") in UNPAID and session["fulfilment"] == "NONE"
    return {
        "confirmation": "bookedAt" in session,
        "host_confirmation": "bookedAt" in session,
        "cancellation": cancelled,
        "host_cancellation": cancelled,
        "refunded": session["fulfilment"] == "REFUNDED",
        "refund": "refund" in session and "bookedAt" not in session,
        "failed": unpaid and "unresolved" not in session,
        "review": session["fulfilment"] == "REVIEW" or "unresolved" in session,
    }
