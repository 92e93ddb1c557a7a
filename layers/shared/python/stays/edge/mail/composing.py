"""The content of each mail, from the present state of the stay or the award."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from stays.domain.award import Award
from stays.domain.booking import check_out, reference_number, share
from stays.domain.mail import HOST_MAILS, LANGUAGES, Language, Mail, Profile
from stays.domain.payment import Contact, PaymentSession, Reason, Terms, terms_of
from stays.edge.mail.content import MailContent

DONE = 1  # ZaloPay's code of a refund that arrived; a refund by hand keeps the code of its refusal


class Letterhead(NamedTuple):
    """What a mail needs besides its subject: pages, the terms of sales that have none of their own, the time."""

    frontend_url: str
    pages: Mapping[str, str]
    terms: Terms
    now: datetime

    def link(self, page: str, **ids: str) -> str:
        """The address of one page of the frontend."""
        return self.frontend_url + self.pages[page].format_map(ids)


def languages(profile: Profile | None, contact: Contact | None = None) -> tuple[Language, ...]:
    """The profile's language, or else the token's at the start of the payment. All languages if neither is known."""
    language = (profile and profile.language) or (contact and contact.language)
    return tuple(each for each in LANGUAGES if language in (each, None))


def stay_content(
    mail: Mail,
    session: PaymentSession,
    award: Award | None,
    profile: Profile | None,
    letterhead: Letterhead,
) -> MailContent:
    """A mail about a stay, to its traveller or its host. `award` is the stay's award, if the mail names its details."""
    about = MailContent(
        kind=mail.mail_kind,
        to=mail.to or "",
        about=mail.about,
        name=profile.name if profile else None,
        languages=languages(profile),
        reference=reference_number(session.id),
        property_name=session.property_name,
        city=session.city,
        check_in=session.nights[0],
        check_out=check_out(session.nights),
        nights=session.nights,
        guest_count=session.guest_count,
        link=letterhead.link("host" if mail.mail_kind in HOST_MAILS else "booking", stayId=session.id),
        attempt=mail.attempts,
    )
    if mail.mail_kind in HOST_MAILS:
        return about
    own = replace(
        about,
        name=session.contact.name or about.name,
        languages=languages(profile, session.contact),
        amount=session.amount,
        transaction_id=session.transaction_id,
        why=session.reason,
    )
    match mail.mail_kind:
        case "confirmation":
            return _with_arrival(own, session, award, letterhead.terms)
        case "cancellation":
            return _with_rule(own, session, letterhead.terms)
        case "failed":
            return _with_next_step(own, session, award, letterhead)
        case "review":
            return replace(own, received=session.received, link=letterhead.link("payment", stayId=session.id))
    return _with_refund(own, session)


def _with_arrival(own: MailContent, session: PaymentSession, award: Award | None, terms: Terms) -> MailContent:
    """With what the traveller needs for the journey, and for a receipt."""
    said = replace(own, paid_at=session.paid_at, terms=terms_of(session.cancellation_policy, terms))
    return _with_property(said, award) if award else said


def _with_property(content: MailContent, award: Award) -> MailContent:
    place = award.rented_property
    parts = (place.address_line1, place.city, place.state)
    return replace(
        content,
        address=", ".join(filter(None, parts)) if place.address_line1 else None,
        check_in_time=place.check_in_time,
        check_out_time=place.check_out_time,
    )


def _with_rule(own: MailContent, session: PaymentSession, terms: Terms) -> MailContent:
    """With what comes back. The sale's terms decided it only if the traveller cancelled."""
    refund, cancelled_at = session.refund.amount if session.refund else 0, session.cancelled_at
    if session.reason is not Reason.CANCELLED_BY_TRAVELLER or cancelled_at is None:
        return replace(own, refund_amount=refund)
    percent = share(terms_of(session.cancellation_policy, terms), own.check_in, cancelled_at)
    return replace(own, refund_amount=refund, percent=percent)


def _with_next_step(
    own: MailContent, session: PaymentSession, award: Award | None, letterhead: Letterhead
) -> MailContent:
    """With the deadline, if the user can still pay."""
    deadline = award.payment_deadline if award and award.is_payable(letterhead.now) else None
    return replace(own, deadline=deadline, link=letterhead.link("payment", stayId=session.id))


def _with_refund(own: MailContent, session: PaymentSession) -> MailContent:
    refund = session.refund
    assert refund, "the mail is about it"
    by_hand = refund.refunded_at is not None and refund.code not in (None, DONE)
    return replace(own, refund_amount=refund.amount, refunded_at=refund.refunded_at, by_hand=by_hand)


def award_content(mail: Mail, award: Award, profile: Profile | None, letterhead: Letterhead) -> MailContent:
    """A mail about an award that can still be paid."""
    nights = tuple(night.date for night in award.chosen(letterhead.now))
    page = "win" if award.is_win else "offer"
    content = MailContent(
        kind=mail.mail_kind,
        to=mail.to or "",
        about=mail.about,
        name=profile.name if profile else None,
        languages=languages(profile),
        property_name=award.rented_property.name,
        city=award.rented_property.city,
        check_in=nights[0],
        check_out=check_out(nights),
        nights=nights,
        guest_count=award.guest_count,
        amount=award.amount(letterhead.now),
        deadline=award.payment_deadline,
        link=letterhead.link(page, auctionId=award.auction_id, offerId=award.award_id),
        attempt=mail.attempts,
    )
    return _with_property(content, award)
