"""What users told us of themselves: `USER#… PROFILE`."""

from stays.domain.mailing import Profile
from stays.table.keys import profile_key
from stays.table.store import Store


class Profiles:
    """One profile for each user who told us something."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, profile: Profile) -> Profile:
        """Remember what a user told us; the last word counts, and what was not said again stays: one write.

        The profile is answered as it is then, with the time at which it was saved first.
        """
        said = profile.dump() | {"kind": "PROFILE"}
        first = {"createdAt": said.pop("createdAt")}
        return Profile.model_validate(self._store.merge(profile_key(profile.user_id), said, first))

    def load(self, user_id: str) -> Profile | None:
        """What a user told us, consistent: one read."""
        item = self._store.get(profile_key(user_id))
        return Profile.model_validate(item) if item else None
