"""The details that users gave us: `USER#… PROFILE`, and `EMAIL#…`, which leads from an address to its users."""

from stays.aws.store import Store
from stays.domain.mail import Profile
from stays.table.keys import email_item, profile_key


class Profiles:
    """One profile for each user who gave us details."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, profile: Profile, email_key: str | None = None) -> Profile:
        """Save the details that a user gave. The last value of each field counts; absent fields stay: one write.

        With `email_key` and an address, a write before that lets the operator find the user by the address. Returns the
        profile after that, with the time when it was first saved.
        """
        if email_key and profile.email:
            self._store.put(email_item(profile.email, profile.user_id, email_key))
        said = profile.dump() | {"kind": "PROFILE"}
        first = {"createdAt": said.pop("createdAt")}
        return Profile.model_validate(self._store.merge(profile_key(profile.user_id), said, first))

    def load(self, user_id: str) -> Profile | None:
        """The profile of a user, consistent: one read."""
        item = self._store.get(profile_key(user_id))
        return Profile.model_validate(item) if item else None
