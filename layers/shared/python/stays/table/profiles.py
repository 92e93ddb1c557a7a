"""The details that users gave us: `USER#… PROFILE`."""

from stays.aws.store import Store
from stays.domain.mail import Profile
from stays.table.keys import profile_key


class Profiles:
    """One profile for each user who gave us details."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, profile: Profile) -> Profile:
        """Save the details that a user gave. The last value of each field counts; absent fields stay: one write.

        Returns the profile after that, with the time when it was first saved.
        """
        said = profile.dump() | {"kind": "PROFILE"}
        first = {"createdAt": said.pop("createdAt")}
        return Profile.model_validate(self._store.merge(profile_key(profile.user_id), said, first))

    def load(self, user_id: str) -> Profile | None:
        """The profile of a user, consistent: one read."""
        item = self._store.get(profile_key(user_id))
        return Profile.model_validate(item) if item else None
