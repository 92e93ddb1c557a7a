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
MAXIMUM_AMOUNT = 100_000_000  # đồng, the most the client lets through
MAXIMUM_NIGHTS = 60  # a transaction holds 100 items
LONGEST_EMAIL = 320  # characters (RFC 3696, errata 1690)
LONGEST_NAME = 200
ID = r"^[A-Za-z0-9_.:|@\-]{1,128}$"  # whatever others of the company call their things
USER_ID = r"^[^\u0000-\u001F\u007F-\u009F]{1,128}$"  # an issuer's `sub` may be any text
LONGEST_USER_KEY = 512  # bytes: beside an auction's and an offer's id it fits into a sort key, which has 1,024
STAY_ID = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
APP_TRANS_ID = r"^[0-9]{6}_[0-7][0-9A-HJKMNP-TV-Z]{25}$"
TRANSACTION_ID = r"^[0-9]{1,64}$"

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ENCODED = re.compile(r"[^A-Za-z0-9_.:|@\-]")  # what an `ID` has none of
_EXACT = 2**53  # below it every whole number has a floating-point number of its own


def timestamp(at: datetime) -> str:
    """Milliseconds in UTC, of fixed width, ending in Z: such texts sort as the times do."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _to_milliseconds(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
    except OverflowError:
        raise ValueError("this is before or after all years") from None


def _to_whole(value: Any) -> Any:
    """`500000.0` as 500000: to JSON Schema both are the same integer. Any other value is left to the type."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
    return int(value) if whole else value


def _number_to_text(value: Any) -> Any:
    """Ids are 64-bit integers elsewhere in the company and texts here."""
    value = _to_whole(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def encode_key(user_id: str) -> str:
    """A user's id as it stands in keys and event ids: one text for each id, with no `#`, `/` or space in it.

    What an `ID` consists of stays as it is; every other byte of the text in UTF-8 is written `%XX`.
    """
    return _ENCODED.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), user_id)


def check_user_id(user_id: str) -> str:
    """The same. Raises ValueError for a text that cannot be a user's id: empty, too long, or with control characters.

    Nothing else is read into it: ids that look alike, or that are written alike once decoded, are different users.
    """
    if not re.fullmatch(USER_ID, user_id):
        raise ValueError("a user's id has 1 to 128 characters, none of them a control character")
    if len(encode_key(user_id)) > LONGEST_USER_KEY:
        raise ValueError(f"a user's id takes at most {LONGEST_USER_KEY} bytes in a key")
    return user_id


def _only_a_date(value: Any) -> Any:
    """A night is `YYYY-MM-DD` and nothing else, though pydantic would also read numbers and times."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("a night is written YYYY-MM-DD")
    if not isinstance(value, str | date):
        raise ValueError("a night is a text, YYYY-MM-DD")
    return value


def _with_a_morning(night: date) -> date:
    """Every night that is sold has a day before and a day after it, in every time zone."""
    if not date(1970, 1, 1) <= night < date(9999, 1, 1):
        raise ValueError("a night is between 1970 and 9998")
    return night


Night = Annotated[date, BeforeValidator(_only_a_date)]
SoldNight = Annotated[Night, AfterValidator(_with_a_morning)]
Timestamp = Annotated[AwareDatetime, AfterValidator(_to_milliseconds), PlainSerializer(timestamp, return_type=str)]
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
WHOLE = BeforeValidator(_to_whole)  # of every strict integer: it stands last, behind the limits
Amount = Annotated[int, Field(strict=True, gt=0, le=MAXIMUM_AMOUNT), WHOLE]


class Model(BaseModel):
    """Entity, response and item at once: snake_case here, camelCase outside, unknown fields ignored."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        hide_input_in_errors=True,  # what a person typed belongs in no log
    )

    def but(self, **changes: Any) -> Self:
        """The same with some fields changed. The values are trusted."""
        return self.model_copy(update=changes)

    def dump(self) -> dict[str, Any]:
        """JSON types under their outside names; what is absent is left out, never null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def new_stay_id(now: datetime, randomness: bytes) -> str:
    """A ULID: 48 bits of milliseconds and 80 random bits, 26 characters (github.com/ulid/spec)."""
    number = (int(now.timestamp() * 1000) << 80) | int.from_bytes(randomness[:10])
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def made_at(stay_id: str) -> datetime:
    """When a stay got its id, to the millisecond."""
    number = sum(_CROCKFORD.index(letter) << 5 * place for place, letter in enumerate(reversed(stay_id[:10])))
    return datetime.fromtimestamp(number // 1000, UTC) + timedelta(milliseconds=number % 1000)


def app_trans_id(stay_id: str, now: datetime) -> str:
    """`yymmdd_<stay id>`, dated in Vietnam: 33 of 40 characters (docs.zalopay.vn, order-create)."""
    return f"{now.astimezone(VIETNAM):%y%m%d}_{stay_id}"


def stay_id_of(trans_id: str) -> str | None:
    """The stay that an `app_trans_id` names, or None if it is none of ours."""
    return trans_id[7:] if re.fullmatch(APP_TRANS_ID, trans_id) else None


def m_refund_id(app_id: int, stay_id: str, attempt: int | None, now: datetime) -> str:
    """`yymmdd_<app id>_<stay id>`, dated in Vietnam: at most 45 characters (docs.zalopay.vn, order-refund).

    Each attempt after one that ZaloPay refused for good has an id of its own.
    """
    return f"{now.astimezone(VIETNAM):%y%m%d}_{app_id}_{stay_id}{attempt or ''}"


def app_user(user_id: str) -> str:
    """An opaque name for a user: no personal data and no `|` goes to ZaloPay (50 characters at most)."""
    return sha256(user_id.encode()).hexdigest()[:40]


def on_one_line(text: str) -> str:
    """The text without anything that could end a line, hide or turn around what is read, or break the encoding."""
    shown = "".join(each for each in " ".join(text.split()) if unicodedata.category(each) not in {"Cc", "Cf", "Cs"})
    return unicodedata.normalize("NFC", shown)


def today(now: datetime) -> date:
    """The date in Vietnam, where the properties are."""
    return now.astimezone(VIETNAM).date()
