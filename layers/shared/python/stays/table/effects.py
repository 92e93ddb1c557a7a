"""The effects of a booking: mail and the host's thread, each claimed before it is done."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from stays.aws.store import Condition, Conflicted, Item, Key, Store, Written, both
from stays.domain.award import Award
from stays.domain.booking import Booking
from stays.domain.errors import NotFound
from stays.domain.mail import (
    HOST_MAILS,
    CameBack,
    Mail,
    MailState,
    Profile,
    Thread,
    Unsent,
    claimed,
    done,
    due_or_finished,
    put_off,
    retry_at,
)
from stays.domain.owed_mail import Attempts, next_reminder, reminder_after
from stays.domain.payment import Contact, PaymentSession
from stays.table.keys import about_key, award_key, mail_item, mail_key, stay_key
from stays.table.operations import unchanged


class SessionMail(NamedTuple):
    """A mail with its session, which has the details of the stay."""

    session: PaymentSession
    mail: Mail | None


class OwedMail(NamedTuple):
    """A mail that is due, with the present state of what it is about: a session, or an award."""

    mail: Mail
    session: PaymentSession | None
    attempts: Attempts

    @property
    def recipient(self) -> str:
        """The user whom it goes to."""
        if self.session is None:
            assert self.mail.user_id, "it is about an award"
            return self.mail.user_id
        return self.session.host_id if self.mail.mail_kind in HOST_MAILS else self.session.user_id

    def address(self, profile: Profile | None) -> str | None:
        """The address that was checked before, or else that of the token, or else that of the profile."""
        is_own = self.session is not None and self.mail.mail_kind not in HOST_MAILS
        contact = self.session.contact if self.session and is_own else Contact()
        return self.mail.to or contact.address(profile)


class Effects:
    """MAIL# of stays and awards, and THREAD of a stay."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load_mail(self, stay_id: str, kind: str) -> SessionMail:
        """The session and one of its mails as they are now, consistent: one read. Raises NotFound without a session."""
        items = self._load(stay_key(stay_id, f"MAIL#{kind}"))
        mail = Mail.model_validate(items["MAIL"]) if "MAIL" in items else None
        return SessionMail(PaymentSession.model_validate(items["SESSION"]), mail)

    def _load(self, mail_key: Key) -> dict[str, Item]:
        """A mail with what it is about, by the first words of their sort keys. Raises NotFound without its session."""
        items = {item["SK"].partition("#")[0]: item for item in self._store.get_many([mail_key, about_key(mail_key)])}
        if mail_key["PK"].startswith("STAY#") and "SESSION" not in items:
            raise NotFound
        return items

    def load_owed(self, mail_key: Key) -> OwedMail | None:
        """A mail that is due, with all that it is about, consistent: one to three reads. None if it is not due.

        Raises NotFound if its stay is gone.
        """
        items = self._load(mail_key)
        mail = Mail.model_validate(items["MAIL"]) if "MAIL" in items else None
        if mail is None or mail.state is not MailState.DUE:
            return None
        session = PaymentSession.model_validate(items["SESSION"]) if "SESSION" in items else None
        return OwedMail(mail, session, self._load_attempts(mail, session, items.get("AWARD")))

    def _load_attempts(self, mail: Mail, session: PaymentSession | None, award_item: Item | None) -> Attempts:
        """The award, if the mail names its details, and its last session, if that decides whether the mail is sent."""
        if session is not None:
            if mail.mail_kind not in ("confirmation", "failed"):
                return Attempts()
            award_item = self._store.get(award_key(session.auction_id, session.user_id, session.award_id))
        award = _read_award(award_item, mail)
        if award is None or award.checkout_id is None or mail.mail_kind not in ("failed", "reminder"):
            return Attempts(award)
        last = self._store.get(stay_key(award.checkout_id, "SESSION"))
        return Attempts(award, PaymentSession.model_validate(last) if last else None)

    def drop(self, mail: Mail, why: Unsent, now: datetime) -> None:
        """Record that a mail that is due is not sent."""
        self._move(done(mail, MailState.UNDELIVERABLE, now, unsent=why), _as_due(mail))

    def put_off(self, mail: Mail, until: datetime) -> None:
        """Let a mail that is due wait for its time."""
        self._move(put_off(mail, until), _as_due(mail))

    def claim(self, mail: Mail, now: datetime) -> Mail | None:
        """Take a mail that is due; None if another call took it. If it gets stuck, the clock looks at it again."""
        taken = claimed(mail, now)
        return taken if self._move(taken, _as_due(mail)) else None

    def note_sent(self, mail: Mail, message_id: str, now: datetime) -> None:
        """Record that the mail is out."""
        self._finish(done(mail, MailState.SENT, now, sent_at=now, message_id=message_id))

    def note_undeliverable(self, mail: Mail, why: Unsent) -> None:
        """Record that a claimed mail cannot go out. No other effect fails because of it."""
        self._finish(mail.but(state=MailState.UNDELIVERABLE, unsent=why, due_at=None))

    def note_failure(self, mail: Mail, now: datetime) -> None:
        """Record that the mail is certainly not out. The clock makes it due again."""
        self._finish(mail.but(state=MailState.WAITING, due_at=retry_at(mail, now)))

    def note_came_back(self, stay_id: str, kind: str, word: CameBack) -> None:
        """Show on the stay that a mail came back, or that its reader complained."""
        key = stay_key(stay_id, f"MAIL#{kind}")
        self._store.update(key, {"cameBack": word}, Condition("attribute_exists(PK)"))

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
        after = due_or_finished(mail, now)
        return after if self._move(after, _as_waiting(mail)) else mail

    def remind(self, first: Mail, now: datetime) -> None:
        """Owe the reminder of an award whose first mail is done, or look again when it is time. One or two reads.

        If another call has looked meanwhile, nothing is written.
        """
        reminder = reminder_after(first, now)
        attempts = self._load_attempts(reminder, None, self._store.get(about_key(mail_key(reminder))))
        at = next_reminder(attempts, now)
        if attempts.award is None or at is None or at > now:
            self._move(first.but(due_at=at, remind_at=at), _as_waiting(first))
            return
        operations = {
            "award": self._store.check_operation(about_key(mail_key(reminder)), unchanged(attempts.award)),
            "first": self._store.put_operation(mail_item(first.but(due_at=None, remind_at=None)), _as_waiting(first)),
            "reminder": self._store.put_operation(mail_item(reminder)),
        }
        with suppress(Conflicted):
            self._store.transact(operations)

    def request(self, mail: Mail, decide: Callable[[Mail], Mail]) -> None:
        """One more mail, if `decide` allows it. If the mail changed meanwhile, decide again. Raises as `decide`."""
        written = Written(done=False, existing=mail.dump())
        while not written.done:
            after = decide(Mail.model_validate(written.existing))
            written = self._store.put(mail_item(after), _unchanged(written.existing))

    def _move(self, mail: Mail, condition: Condition) -> bool:
        """Write a mail. A stay keeps no address of its host, because the stay outlives the host's account."""
        kept = mail.but(to=None, message_id=None) if mail.mail_kind in HOST_MAILS else mail
        return self._store.put(mail_item(kept), condition).done

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


def _as_due(mail: Mail) -> Condition:
    """The condition that a mail is due, and was not tried since it was read."""
    return both(
        Condition("#state = :due", due=MailState.DUE.value),
        Condition("attempts = :attempts", attempts=mail.attempts),
    )


def _as_waiting(mail: Mail) -> Condition:
    """The condition that a mail is as the clock has read it."""
    read = mail.dump()
    same = "dueAt = :dueAt AND #state = :state AND attempts = :attempts"
    return Condition(same, dueAt=read.get("dueAt"), state=read["state"], attempts=mail.attempts)


def _read_award(item: Item | None, mail: Mail) -> Award | None:
    """The award, or None if it is gone. Raises ValidationError if it cannot be read.

    A confirmation goes out without the details of an award that cannot be read.
    """
    try:
        return Award.model_validate(item) if item else None
    except ValidationError:
        if mail.mail_kind != "confirmation":
            raise
        return None


def _unchanged(read: Item) -> Condition:
    """The condition that a mail is as it was read, or absent."""
    values = {name: read[name] for name in ("state", "attempts", "requestedAt", "askedAt") if name in read}
    asked = "askedAt = :askedAt" if "askedAt" in read else "attribute_not_exists(askedAt)"
    same = f"#state = :state AND attempts = :attempts AND requestedAt = :requestedAt AND {asked}"
    return Condition(f"attribute_not_exists(PK) OR ({same})", **values)
