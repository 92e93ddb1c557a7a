"""The model with which the functions read each kind of item."""

from collections.abc import Callable
from typing import Any

from stays.aws.attributes import from_attributes
from stays.domain.award import Award
from stays.domain.booking import Booking
from stays.domain.calendar import Calendar, TakenNight
from stays.domain.decision import Evidence
from stays.domain.mail import Mail, Profile, Thread
from stays.domain.payment import PaymentSession
from stays.edge.connections import Connection
from stays.table.strays import read_stray

Reader = Callable[[dict[str, Any]], Any]


def evidence_of(item: dict[str, Any]) -> Evidence | None:
    """Return the evidence about money in a line of the timeline, for another decision."""
    return Evidence.model_validate(item["evidence"]) if "evidence" in item else None


def night_of(item: dict[str, Any]) -> TakenNight:
    night = item["SK"].removeprefix("NIGHT#")
    return TakenNight(date=night, status=item["state"], held_until=item.get("heldUntil"), stay_id=item["stayId"])


def plain(*names: str) -> Reader:
    """Check an item that is read without a model: it must have these attributes."""
    return lambda item: [item[name] for name in names]


MODELS: dict[str, Reader] = {
    "SESSION": PaymentSession.model_validate,
    "TRANSACTION": PaymentSession.model_validate,
    "BOOKING": Booking.model_validate,
    "AWARD": Award.model_validate,
    "OFFER": Award.model_validate,
    "MAIL": Mail.model_validate,
    "THREAD": Thread.model_validate,
    "PROFILE": Profile.model_validate,
    "CALENDAR": Calendar.model_validate,
    "NIGHT": night_of,
    "EVENT": evidence_of,
    "STRAY": read_stray,
    "WITHDRAWN": plain("revision", "userId"),
    "REFUSED": plain("reason", "raw"),
    "OPENED": plain("times"),
    "CONNECTION": Connection.model_validate,
    "PRESENCE": plain("seenAt"),
}


def kind_of(item: dict[str, Any]) -> str:
    """Return an item's kind. The connections table has it in its sort key."""
    return str(item.get("kind") or item["SK"].partition("#")[0])


def read(attributes: dict[str, Any]) -> Any:
    """Return the item as its reader gets it. Raises KeyError for a kind without a reader."""
    item = from_attributes(attributes)
    return MODELS[kind_of(item)](item)
