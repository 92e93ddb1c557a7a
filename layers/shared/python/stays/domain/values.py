"""Value objects: identifiers, times, nights, money, and the base of every model."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

VIETNAM = timezone(timedelta(hours=7))  # no daylight saving since 1975
MAXIMUM_AMOUNT = 100_000_000  # đồng; the frontend accepts no more
MAXIMUM_NIGHTS = 60  # one DynamoDB transaction takes at most 100 items
LONGEST_EMAIL = 320  # characters (RFC 3696, errata 1690)
LONGEST_NAME = 200
ID = r"^[A-Za-z0-9_.:|@\-]{1,128}$"  # the form of ids from other systems of the company
USER_ID = r"^[^\u0000-\u001F\u007F-\u009F]{1,128}$"  # an issuer's `sub` may be any text
LONGEST_USER_KEY = 512  # bytes: an auction's id, an offer's id and this fit into one sort key of 1,024
STAY_ID = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
APP_TRANS_ID = r"^[0-9]{6}_[0-7][0-9A-HJKMNP-TV-Z]{25}$"
TRANSACTION_ID = r"^[0-9]{1,64}$"

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ENCODED = re.compile(r"[^A-Za-z0-9_.:|@\-]")  # every character that an `ID` cannot have
_EXACT = 2**53  # a float holds every whole number below this exactly


def timestamp(at: datetime) -> str:
    """UTC with milliseconds and a final Z, in fixed width: these texts sort in the order of time."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _to_milliseconds(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
    except OverflowError:
        raise ValueError("this is before or after all years") from None


def _to_whole(value: Any) -> Any:
    """`500000.0` becomes 500000, because JSON Schema calls both the same integer. Other values pass unchanged."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
    return int(value) if whole else value


def _number_to_text(value: Any) -> Any:
    """Ids are 64-bit integers in other systems of the company and texts here."""
    value = _to_whole(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def encode_key(user_id: str) -> str:
    """A user's id as keys and event ids contain it: one text per id, without `#`, `/` or space.

    The characters of an `ID` stay as they are. Every other byte of the UTF-8 text becomes `%XX`.
    """
    return _ENCODED.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), user_id)


def check_user_id(user_id: str) -> str:
    """Return the id unchanged.

    Raises ValueError for a text that is empty, too long or has control characters. The id is not decoded or normalised:
    two ids that look alike are two users.
    """
    if not re.fullmatch(USER_ID, user_id):
        raise ValueError("a user's id has 1 to 128 characters, none of them a control character")
    if len(encode_key(user_id)) > LONGEST_USER_KEY:
        raise ValueError(f"a user's id takes at most {LONGEST_USER_KEY} bytes in a key")
    return user_id


def _only_a_date(value: Any) -> Any:
    """A night is `YYYY-MM-DD` only. Without this check pydantic would also read numbers and times."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("a night is written YYYY-MM-DD")
    if not isinstance(value, str | date):
        raise ValueError("a night is a text, YYYY-MM-DD")
    return value


def _with_a_morning(night: date) -> date:
    """A sold night has a day before it and a day after it, in every time zone."""
    if not date(1970, 1, 1) <= night < date(9999, 1, 1):
        raise ValueError("a night is between 1970 and 9998")
    return night


Night = Annotated[date, BeforeValidator(_only_a_date)]
SoldNight = Annotated[Night, AfterValidator(_with_a_morning)]
Timestamp = Annotated[
    AwareDatetime,
    AfterValidator(_to_milliseconds),
    PlainSerializer(timestamp),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Id = Annotated[
    str,
    Field(pattern=ID),
    BeforeValidator(_number_to_text),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": ID}, {"type": "integer"}]}),
]
UserId = Annotated[
    str,
    AfterValidator(check_user_id),
    BeforeValidator(_number_to_text),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": USER_ID}, {"type": "integer"}],
            "description": "the `sub` of the user's tokens; at most 512 bytes, where any but letters, digits and"
            " `_.:|@-` counts three for each of its bytes in UTF-8",
        }
    ),
]
StayId = Annotated[str, Field(pattern=STAY_ID)]
AppTransId = Annotated[str, Field(pattern=APP_TRANS_ID)]
WHOLE = BeforeValidator(_to_whole)  # for every strict integer; it stands last, so that it runs before the limits
Amount = Annotated[int, Field(strict=True, gt=0, le=MAXIMUM_AMOUNT), WHOLE]


class Model(BaseModel):
    """One class for entity, response and item: snake_case here, camelCase outside. Unknown fields are ignored."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        hide_input_in_errors=True,  # no log shows text that a person typed
    )

    def but(self, **changes: Any) -> Self:
        """A copy with some fields changed. The new values are not validated."""
        return self.model_copy(update=changes)

    def dump(self) -> dict[str, Any]:
        """JSON types under the outside names. Absent values are left out, never null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def new_stay_id(now: datetime, randomness: bytes) -> str:
    """A ULID: 48 bits of milliseconds and 80 random bits, 26 characters (github.com/ulid/spec)."""
    number = (int(now.timestamp() * 1000) << 80) | int.from_bytes(randomness[:10])
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def made_at(stay_id: str) -> datetime:
    """The time when a stay got its id, to the millisecond."""
    number = sum(_CROCKFORD.index(letter) << 5 * place for place, letter in enumerate(reversed(stay_id[:10])))
    return datetime.fromtimestamp(number // 1000, UTC) + timedelta(milliseconds=number % 1000)


def app_trans_id(stay_id: str, now: datetime) -> str:
    """`yymmdd_<stay id>` with the date in Vietnam: 33 of 40 characters (docs.zalopay.vn, order-create)."""
    return f"{now.astimezone(VIETNAM):%y%m%d}_{stay_id}"


def stay_id_of(trans_id: str) -> str | None:
    """The stay that an `app_trans_id` names, or None if the id does not have our form."""
    return trans_id[7:] if re.fullmatch(APP_TRANS_ID, trans_id) else None


def m_refund_id(app_id: int, stay_id: str, attempt: int | None, now: datetime) -> str:
    """`yymmdd_<app id>_<stay id>` with the date in Vietnam: at most 45 characters (docs.zalopay.vn, order-refund).

    A new attempt after a refund that ZaloPay finally refused has its own id.
    """
    return f"{now.astimezone(VIETNAM):%y%m%d}_{app_id}_{stay_id}{attempt or ''}"


def app_user(user_id: str) -> str:
    """An opaque name for a user, at most 50 characters: ZaloPay gets no personal data and no `|`."""
    return sha256(user_id.encode()).hexdigest()[:40]


def on_one_line(text: str) -> str:
    """The text without line ends, invisible characters, direction marks and broken encoding."""
    shown = "".join(each for each in " ".join(text.split()) if unicodedata.category(each) not in {"Cc", "Cf", "Cs"})
    return unicodedata.normalize("NFC", shown)


def today(now: datetime) -> date:
    """Today's date in Vietnam, where the properties are."""
    return now.astimezone(VIETNAM).date()
