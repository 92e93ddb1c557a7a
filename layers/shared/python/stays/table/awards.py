"""Awards and offers coming in, events that were refused, and profiles."""

from datetime import datetime

from stays.domain.award import WIN, Award
from stays.domain.mailing import Profile
from stays.domain.values import timestamp
from stays.table.keys import award_key, profile_key
from stays.table.store import Condition, Store

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
        kind = "AWARD" if award.award_id == WIN else "OFFER"
        item = award.dump() | award_key(award.auction_id, award.user_id, award.award_id)
        item |= {"kind": kind, "userSort": f"{kind}#{timestamp(award.deadline)}#{award.award_id}"}
        standing = self._store.put(item, Condition("attribute_not_exists(PK)"))
        return award if standing is None else Award.model_validate(standing)

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

    def save_profile(self, profile: Profile) -> None:
        """Remember what a user told us; the last word counts, and what was not said again stays."""
        self._store.update(profile_key(profile.user_id), profile.dump() | {"kind": "PROFILE"})

    def profile(self, user_id: str) -> Profile | None:
        """What a user told us, consistent: one read."""
        item = self._store.get(profile_key(user_id))
        return Profile.model_validate(item) if item else None
