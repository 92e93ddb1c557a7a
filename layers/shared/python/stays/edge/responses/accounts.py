"""The answer about a user's profile."""

from typing import Annotated

from pydantic import Field

from stays.domain.mail import Language
from stays.domain.values import Timestamp
from stays.edge.responses import Response


class Account(Response):
    """A profile as its user sees it. `id` is the user's id everywhere in the API: the `sub` of their tokens."""

    id: Annotated[str, Field(validation_alias="user_id")]
    auth0_user_id: Annotated[str, Field(validation_alias="user_id")]
    user_id: str
    email: str | None = None
    name: str | None = None
    language: Language | None = None
    picture: str | None = None
    reminders: bool | None = None
    created_at: Timestamp
    updated_at: Timestamp
