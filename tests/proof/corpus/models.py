"""The model with which the functions read each kind of item, and its schema, which a release exports."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, create_model

from infra.contracts.schemas import untitled
from stays.aws.attributes import from_attributes
from stays.domain.award import Award
from stays.domain.booking import Booking
from stays.domain.calendar import Calendar, TakenNight
from stays.domain.decision import Evidence
from stays.domain.mail import Mail, Profile, Thread
from stays.domain.payment import PaymentSession
from stays.domain.stray import Stray
from stays.edge.connections import Connection

HERE = Path(__file__).parent
SUFFIX = ".schemas.json"

Item = Mapping[str, Any]


class Reader(NamedTuple):
    """The model of a kind of item. `document` returns what it reads of the item."""

    model: type[BaseModel]
    document: Callable[[Item], Item] = dict


def night_of(item: Item) -> Item:
    night = {"date": item["SK"].removeprefix("NIGHT#"), "status": item["state"], "stayId": item["stayId"]}
    return night | ({"heldUntil": item["heldUntil"]} if "heldUntil" in item else {})


def stray_of(item: Item) -> Item:
    """Release 1.2.1 wrote the transaction only into the key."""
    return {"transactionId": item["PK"].removeprefix("TRANSACTION#"), **item}


def plain(*names: str) -> Reader:
    """An item that is read without a model: it must have these attributes."""
    fields: dict[str, Any] = dict.fromkeys(names, (Any, ...))
    return Reader(create_model("Plain", **fields))


# A line of the timeline is read for its evidence about money, for another decision.
Line = create_model("Line", evidence=(Evidence | None, None))

MODELS: dict[str, Reader] = {
    "SESSION": Reader(PaymentSession),
    "TRANSACTION": Reader(PaymentSession),
    "BOOKING": Reader(Booking),
    "AWARD": Reader(Award),
    "OFFER": Reader(Award),
    "MAIL": Reader(Mail),
    "NOTICE": Reader(Mail),
    "THREAD": Reader(Thread),
    "PROFILE": Reader(Profile),
    "EMAIL": plain("userId"),
    "REFERENCE": plain("SK"),
    "NOTES": plain(),
    "CALENDAR": Reader(Calendar),
    "NIGHT": Reader(TakenNight, night_of),
    "EVENT": Reader(Line),
    "STRAY": Reader(Stray, stray_of),
    "WITHDRAWN": plain("revision", "userId"),
    "REFUSED": plain("reason", "raw"),
    "OPENED": plain("times"),
    "CONNECTION": Reader(Connection),
    "PRESENCE": plain("seenAt"),
    "SUPPRESSED": plain("expiresAt"),
}


def kind_of(item: Item) -> str:
    """Return an item's kind. The connections table has it in its sort key."""
    return str(item.get("kind") or item["SK"].partition("#")[0])


def read(attributes: dict[str, Any]) -> Any:
    """Return the item as its reader gets it. Raises KeyError for a kind without a reader."""
    item = from_attributes(attributes)
    reader = MODELS[kind_of(item)]
    return reader.model.model_validate(reader.document(item))


def schemas() -> dict[str, Any]:
    """Return the schema of each kind of item, as this release reads it."""
    return {kind: _bare(untitled(reader.model.model_json_schema())) for kind, reader in MODELS.items()}


def _bare(schema: Any) -> Any:
    """Drop the descriptions, which allow and forbid nothing."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = (name for name, each in schema.items() if name != "description" or not isinstance(each, str))
    return {name: _bare(schema[name]) for name in kept}


def write_schemas(version: str) -> None:
    """Export the schemas of a release, one kind a line."""
    lines = (f"{json.dumps(kind)}: {json.dumps(schema, sort_keys=True)}" for kind, schema in schemas().items())
    (HERE / f"{version}{SUFFIX}").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def last_schemas() -> dict[str, Any]:
    """Return the schemas that the last release exported."""
    versions = {tuple(map(int, path.name.removesuffix(SUFFIX).split("."))): path for path in HERE.glob(f"*{SUFFIX}")}
    last: dict[str, Any] = json.loads(versions[max(versions)].read_text(encoding="utf-8"))
    return last
