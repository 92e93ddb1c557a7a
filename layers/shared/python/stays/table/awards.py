"""Awards and offers coming in, events that were refused, and profiles."""

from datetime import date, datetime

from stays.domain.award import AWARD_SOURCES, WIN, Award, AwardStatus, being_paid, over
from stays.domain.cascade import Ending, end
from stays.domain.mailing import Profile
from stays.domain.values import timestamp
from stays.table.keys import award_item, award_key, night_key, profile_key
from stays.table.store import Condition, Conflicted, Item, Operation, Store, any_of, both

_ATTEMPTS = 6
_MOST_AWARDS = 100  # of one user, on one page
_LONGEST_EVENT = 100_000  # characters of a refused event that are kept


class Awards:
    """Everything under AUCTION#, REFUSED and USER#."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, auction_id: str, user_id: str) -> list[Award]:
        """All awards and offers of a user in an auction, consistent: one read."""
        key = award_key(auction_id, user_id, "")
        items = self._store.query(
            "PK = :auction AND begins_with(SK, :user)",
            {":auction": key["PK"], ":user": key["SK"]},
            ConsistentRead=True,
        )
        return [Award.model_validate(item) for item in items]

    def receive(self, award: Award) -> Award:
        """Write an award once. The award that stands there is answered: the first one said wins."""
        standing = self._store.put(award_item(award), Condition("attribute_not_exists(PK)"))
        return award if standing is None else Award.model_validate(standing)

    def with_id(self, offer_id: str, user_id: str) -> list[Award]:
        """The user's offers with this id, one at most as a rule: found by an index, and read consistently."""
        return [self.find(award) for award in self.all_of(user_id) if award.award_id == offer_id != WIN]

    def all_of(self, user_id: str) -> list[Award]:
        """The user's awards and offers, those with the latest deadline first: one (eventually consistent) read."""
        items = self._store.query(
            "userId = :user AND begins_with(userSort, :kind)",
            {":user": user_id, ":kind": "AWARD#"},
            IndexName="by_user",
            ScanIndexForward=False,
            Limit=_MOST_AWARDS,
        )
        return [Award.model_validate(item) for item in items]

    def find(self, award: Award) -> Award:
        """The same award as it is now, consistent: one read."""
        item = self._store.get(award_key(award.auction_id, award.user_id, award.award_id))
        return Award.model_validate(item)

    def accept(self, before: Award, after: Award, now: datetime) -> bool:
        """Write an answer where nothing has changed; False if something has.

        Raises Refused where an offered night is somebody else's by now.
        """
        nights = after.chosen if before.status is AwardStatus.WAITING else ()
        checks = [self._still_free(after, night.date, now, mine=True) for night in nights]
        try:
            self._store.transact([*checks, self._moving(before, after)])
        except Conflicted as conflict:
            if any(position < len(checks) for position in conflict.items):
                raise over(before) from None
            return False
        return True

    def end(self, award: Award, status: AwardStatus, now: datetime, offer_id: str) -> Ending | None:
        """Decline or expire an award, or close an offer that was paid, and offer what is left on, in one transaction.

        None where it has changed meanwhile: whoever comes must look again. A night that was taken
        between looking and writing is not offered. Raises Refused while a night is held for its own user,
        who can still pay.
        """
        for _ in range(_ATTEMPTS):
            ending = end(award, status, self._free_nights(award, now), now, offer_id)
            if ending is None:
                return None
            offer = ending.offer
            checks = [self._still_free(offer, night.date, now) for night in offer.nights] if offer else []
            made = [self._store.putting(award_item(offer), Condition("attribute_not_exists(PK)"))] if offer else []
            try:
                self._store.transact([*checks, self._moving(award, ending.award), *made])
            except Conflicted as conflict:
                if len(checks) in conflict.items:
                    return None
            else:
                return ending
        return None

    def postpone(self, award: Award, until: datetime) -> None:
        """Look at it again later, if it still waits for the time it was read with."""
        waited = Condition("dueAt = :dueAt", dueAt=award.dump().get("dueAt"))
        key = award_key(award.auction_id, award.user_id, award.award_id)
        self._store.update(key, {"dueAt": timestamp(until)}, waited)

    def note_reason(self, award: Award, reason: str, now: datetime) -> None:
        """Keep why its user does not want it. An answer that is on its way looks again, and keeps it too."""
        key = award_key(award.auction_id, award.user_id, award.award_id)
        noted = {"declineReason": reason, "changedAt": timestamp(now)}
        self._store.update(key, noted, Condition("attribute_exists(PK)"))

    def _free_nights(self, award: Award, now: datetime) -> set[date]:
        """Of the nights at stake, those that nobody holds or has booked, consistent: one read."""
        nights = award.at_stake or tuple(night.date for night in award.nights)
        found = self._store.get_many([night_key(award.place.id, night) for night in nights])
        kept = [item for item in found if _kept(item, now)]
        for item in kept:
            if item["state"] == "HELD" and item["userId"] == award.user_id:
                raise being_paid(item["stayId"])
        return set(nights) - {date.fromisoformat(item["SK"].removeprefix("NIGHT#")) for item in kept}

    def _still_free(self, award: Award, night: date, now: datetime, *, mine: bool = False) -> Operation:
        own = "userId = :userId OR " if mine else ""
        values = {"userId": award.user_id} if mine else {}
        free = Condition(
            f"attribute_not_exists(PK) OR {own}(#state = :held AND heldUntil < :now)",
            held="HELD",
            now=timestamp(now),
            **values,
        )
        return self._store.checking(night_key(award.place.id, night), free)

    def _moving(self, before: Award, after: Award) -> Operation:
        """Written over what was read and nothing newer, by the inverse of the table of transitions."""
        sources = AWARD_SOURCES[after.status] if after.status is not before.status else {before.status}
        # What was written before release 1.2, and never changed since, has no such time.
        unchanged = Condition(
            "attribute_not_exists(changedAt) OR changedAt = :changedAt", changedAt=timestamp(before.changed_at)
        )
        return self._store.putting(award_item(after), both(any_of("status", sources), unchanged))

    def refuse(self, event_id: str, reason: str, raw: str, now: datetime) -> None:
        """Keep something that could not be accepted, with the reason, for people to look at."""
        item = {
            "PK": "REFUSED",
            "SK": f"{timestamp(now)}#{event_id}",
            "kind": "REFUSED",
            "reason": reason,
            "raw": raw[:_LONGEST_EVENT],
        }
        self._store.put(item)

    def save_profile(self, profile: Profile) -> Profile:
        """Remember what a user told us; the last word counts, and what was not said again stays: one write.

        The profile is answered as it is then, with the time at which it was saved first.
        """
        said = profile.dump() | {"kind": "PROFILE"}
        first = {"createdAt": said.pop("createdAt")}
        return Profile.model_validate(self._store.merge(profile_key(profile.user_id), said, first))

    def profile(self, user_id: str) -> Profile | None:
        """What a user told us, consistent: one read."""
        item = self._store.get(profile_key(user_id))
        return Profile.model_validate(item) if item else None


def _kept(night: Item, now: datetime) -> bool:
    """Whether a night is booked, or held by somebody who can still pay."""
    return bool(night["state"] != "HELD" or night["heldUntil"] >= timestamp(now))
