"""A line for the operator: a text, and the same facts as fields for programs."""

from datetime import datetime
from typing import Any, Self

from stays.domain.values import VIETNAM


class Line(str):
    """One line of a command's answer. `--json` prints its fields beside its text."""

    __slots__ = ("fields",)
    fields: dict[str, Any]

    def __new__(cls, text: str, **fields: Any) -> Self:
        """Make a line of a text and its fields."""
        made = super().__new__(cls, text)
        made.fields = fields
        return made


def dong(amount: int) -> str:
    """Return an amount in đồng with separators."""
    return f"{amount:,} ₫".replace(",", ".")


def format_time(at: datetime | str, unit: str = "seconds") -> str:
    """Return a time as it is in Viet Nam, with its zone, to the second."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.astimezone(VIETNAM).isoformat(timespec=unit)


def read_time(text: str) -> datetime:
    """Read a time. Without a zone it is Viet Nam's. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM)
