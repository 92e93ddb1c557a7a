"""The effects of a booking: mail and the host's thread, each claimed before it is done."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from stays.aws.store import Condition, Item, Store, Written, both
from stays.domain.booking import Booking
from stays.domain.errors import NotFound
from stays.domain.mail import (
    Mail,
    MailState,
    Thread,
    claimed,
    due_or_finished,
    retry_at,
)
from stays.domain.payment import PaymentSession
from stays.table.keys import mail_item, mail_key, stay_key


class SessionMail(NamedTuple):
    """A mail with its session, which has the details of the stay."""

    session: PaymentSession
    mail: Mail | None


class Effects:
    """MAIL# and THREAD of a stay."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load_mail(self, stay_id: str, kind: str) -> SessionMail:
        """The session and one of its mails as they are now, consistent: one read. Raises NotFound without a session."""
        keys = [stay_key(stay_id, "SESSION"), mail_key(stay_id, kind)]
        items = {item["kind"]: item for item in self._store.get_many(keys)}
        if "SESSION" not in items:
            raise NotFound
        mail = Mail.model_validate(items["MAIL"]) if "MAIL" in items else None
        return SessionMail(PaymentSession.model_validate(items["SESSION"]), mail)

    def claim(self, mail: Mail, now: datetime) -> Mail | None:
        """Take a mail that is due; None if another call took it. If it gets stuck, the clock looks at it again."""
        due = both(
            Condition("#state = :due", due=MailState.DUE.value),
            Condition("attempts = :attempts", attempts=mail.attempts),
        )
        taken = claimed(mail, now)
        return taken if self._move(taken, due) else None

    def note_sent(self, mail: Mail, message_id: str, now: datetime) -> None:
        """Record that the mail is out."""
        self._finish(mail.but(state=MailState.SENT, sent_at=now, message_id=message_id, due_at=None))

    def note_undeliverable(self, mail: Mail) -> None:
        """Record that there is no usable address. No other effect fails because of it."""
        self._finish(mail.but(state=MailState.UNDELIVERABLE, due_at=None))

    def note_failure(self, mail: Mail, now: datetime) -> None:
        """Record that the mail is certainly not out. The clock makes it due again."""
        self._finish(mail.but(state=MailState.WAITING, due_at=retry_at(mail, now)))

    def _finish(self, mail: Mail) -> None:
        ours = both(
            Condition("#state = :sending", sending=MailState.SENDING.value),
            Condition("attempts = :attempts", attempts=mail.attempts),
        )
        self._move(mail, ours)

    def retry_or_finish(self, mail: Mail, now: datetime) -> Mail:
        """Make a mail due again, so that the stream brings it, or finish it.

        If it has moved on meanwhile, nothing is written and the mail is returned as it was.
        """
        read = mail.dump()
        same = "dueAt = :dueAt AND #state = :state AND attempts = :attempts"
        waited = Condition(same, dueAt=read.get("dueAt"), state=read["state"], attempts=mail.attempts)
        after = due_or_finished(mail, now)
        return after if self._move(after, waited) else mail

    def request(self, mail: Mail, decide: Callable[[Mail], Mail]) -> None:
        """One more mail, if `decide` allows it. If the mail changed meanwhile, decide again. Raises as `decide`."""
        written = Written(done=False, existing=mail.dump())
        while not written.done:
            after = decide(Mail.model_validate(written.existing))
            written = self._store.put(mail_item(after), _unchanged(written.existing))

    def _move(self, mail: Mail, condition: Condition) -> bool:
        return self._store.put(mail_item(mail), condition).done

    def open_thread(self, booking: Booking, now: datetime) -> Thread:
        """The one thread of a booking; made if it does not exist."""
        thread = Thread(
            thread_id=booking.id,
            stay_id=booking.id,
            traveller_id=booking.user_id,
            host_id=booking.host_id,
            created_at=now,
        )
        item = thread.dump() | stay_key(booking.id, "THREAD") | {"kind": "THREAD"}
        written = self._store.put(item, Condition("attribute_not_exists(PK)"))
        return thread if written.done else Thread.model_validate(written.existing)


def _unchanged(read: Item) -> Condition:
    """The condition that a mail is as it was read, or absent."""
    values = {name: read[name] for name in ("state", "attempts", "requestedAt", "askedAt") if name in read}
    asked = "askedAt = :askedAt" if "askedAt" in read else "attribute_not_exists(askedAt)"
    same = f"#state = :state AND attempts = :attempts AND requestedAt = :requestedAt AND {asked}"
    return Condition(f"attribute_not_exists(PK) OR ({same})", **values)
