"""The WebSocket and the event bus as one AsyncAPI document, read from the models of messages and events.

AsyncAPI speaks from the server's side: what a browser or the auction system sends is `receive`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.alias_generators import to_pascal

from infra.contracts.event_examples import RECEIVED
from infra.contracts.event_schemas import event_examples
from infra.contracts.examples import Undescribed, example
from infra.contracts.functions import ROOT
from infra.contracts.messages import CODES, WAYS, members, message_schemas, type_of
from infra.contracts.schemas import SCHEMAS, Schema, first_paragraph, schemas_of, title_of
from infra.topology import WEBSOCKET_STAGE
from stays import __version__
from stays.domain.announcement import ANNOUNCEMENTS
from stays.domain.auction import EVENTS
from stays.domain.notification import Message
from stays.edge.bus import SOURCE
from stays.edge.frames import FrameError, FromBrowser, Ping, Pong, Subscribe, Subscribed, ToBrowser

DOCUMENT = ROOT / "docs" / "asyncapi.json"
Way = Literal["receive", "send"]

_INTRODUCTION = """\
Two ways to hear what happens to a stay: a WebSocket for browsers, and events for other systems.

What is absent is left out, never null. Ignore fields, messages and events that you do not know."""
_REPLIES: Mapping[type[BaseModel], Sequence[type[Message]]] = {
    Subscribe: (Subscribed, FrameError),
    Ping: (Pong, FrameError),
}
# Schemas of events have names of their own, so that one file of types can hold those of all contracts.
_OWN_NAMES = {name: f"{name}Event" for name in (*EVENTS, *ANNOUNCEMENTS)} | {"Property": "RentedProperty"}
_SOCKET, _AUCTIONS, _STAYS = "browser", "auctions", "stays"


def document() -> Schema:
    """Return the document. Raises Undescribed, which names what is missing."""
    schemas = schemas_of_all()
    socket, auctions, stays = _frames(schemas), _events(EVENTS), _events(ANNOUNCEMENTS)
    return {
        "asyncapi": "3.0.0",
        "id": "urn:stays",
        "info": {"title": "Stays: messages and events", "version": __version__, "description": _rules()},
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {
            _SOCKET: _socket(socket),
            _AUCTIONS: _bus("The auction system's events", auctions),
            _STAYS: _bus("The events of Stays", stays),
        },
        "operations": {
            **dict(_of_socket()),
            **{f"take{name}": _operation("receive", _AUCTIONS, name, model) for name, model in EVENTS.items()},
            **{f"publish{name}": _operation("send", _STAYS, name, model) for name, model in ANNOUNCEMENTS.items()},
        },
        "components": {
            "securitySchemes": _security_schemes(),
            "messages": socket | auctions | stays,
            "schemas": schemas,
        },
    }


def text() -> str:
    """Return the document as the text of its file."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def schemas_of_all() -> dict[str, Schema]:
    """Return the schemas of all messages and events by name. Raises Undescribed if two schemas have one name."""
    messages = message_schemas()
    events = schemas_of({**dict.fromkeys(EVENTS.values(), "validation"), **_serialized(ANNOUNCEMENTS.values())})
    named = {_OWN_NAMES.get(name, name): _renamed(schema) for name, schema in events.items()}
    for name in messages.keys() & named.keys():
        if messages[name] != named[name]:
            raise Undescribed(f"{name}: a message and an event mean different things by this name")
    return dict(sorted((messages | named).items()))


def event_title(name: str) -> str:
    """Return the name of an event's schema."""
    return _OWN_NAMES[name]


def _serialized(models: Any) -> dict[type[BaseModel], Literal["serialization"]]:
    return dict.fromkeys(models, "serialization")


def _renamed(value: Any) -> Any:
    """Use the events' own names in references."""
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    if isinstance(value, dict):
        return {name: _renamed(each) for name, each in value.items()}
    if not isinstance(value, str) or not value.startswith(SCHEMAS):
        return value
    name = value.removeprefix(SCHEMAS)
    return SCHEMAS + _OWN_NAMES.get(name, name)


def _servers() -> Schema:
    tokens = [{"$ref": f"#/components/securitySchemes/{name}"} for name in _security_schemes()]
    address = {"api": {"default": "ws.stays.example", "description": "`make env` prints it."}}
    return {
        "local": {
            "host": "localhost:8080",
            "protocol": "ws",
            "description": "The WebSocket of `make run`.",
            "security": tokens,
        },
        "stage": {
            "host": "{api}",
            "protocol": "wss",
            "variables": address,
            "description": "The WebSocket of a stage.",
            "security": tokens,
        },
        "bus": {
            "host": "events.ap-southeast-1.amazonaws.com",
            "protocol": "eventbridge",
            "description": "Amazon EventBridge. AWS checks who may put events on the bus. On this machine, "
            "`POST http://localhost:8000/dev/events` does it.",
        },
    }


def _security_schemes() -> dict[str, Schema]:
    """Return the ways to send a token with the connection. The mode `bound` also accepts a connection without one."""
    ways = {
        "query": ("query", "token", "An access token. A wrong one is refused with 401."),
        "otherQuery": ("query", "access_token", "The same under another name."),
        "cookie": ("cookie", "auth_token", "An access token. A wrong one is ignored."),
    }
    return {
        scheme: {"type": "httpApiKey", "in": where, "name": name, "description": said}
        for scheme, (where, name, said) in ways.items()
    }


def _rules() -> str:
    """Return what no schema says: how a user is proven, which errors there are, and in what order things come."""
    parts = {
        "Identity of a WebSocket connection": _section("messages.md", "Identity"),
        "Errors on the WebSocket": "\n".join(f"- `{code}`: {said}" for code, said in CODES.items()),
        "Order of messages": _section("messages.md", "Order"),
        "Events of the auction system": _section("events.md", "Rules for a sender"),
        "Events of Stays": _section("events.md", "Rules for a listener"),
    }
    return "\n\n".join([_INTRODUCTION, *(f"## {title}\n\n{said}" for title, said in parts.items())])


def _socket(messages: Mapping[str, Schema]) -> Schema:
    token = {"type": "string", "maxLength": 4096}
    return {
        "address": f"/{WEBSOCKET_STAGE}",
        "title": "A browser's connection",
        "summary": "One connection carries all messages, in both directions.",
        "servers": [{"$ref": f"#/servers/{name}"} for name in ("local", "stage")],
        "messages": _references(messages),
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {"type": "object", "properties": {"token": token, "access_token": token}},
                "bindingVersion": "0.1.0",
            }
        },
    }


def _bus(title: str, messages: Mapping[str, Schema]) -> Schema:
    return {
        "address": "{bus}",
        "title": title,
        "description": "Headers are fields of EventBridge's envelope; the payload is its `detail`.",
        "parameters": {"bus": {"description": "The bus of the stage: `stays-dev`.", "examples": ["stays-dev"]}},
        "servers": [{"$ref": "#/servers/bus"}],
        "messages": _references(messages),
    }


def _references(messages: Mapping[str, Schema]) -> Schema:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in messages}


def _frames(schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    return {type_of(model): _frame(model, schemas) for union, _ in WAYS.values() for model in members(union)}


def _frame(model: type[BaseModel], schemas: Mapping[str, Schema]) -> Schema:
    payload = {"$ref": SCHEMAS + title_of(model)}
    channel = model.channel if issubclass(model, Message) else None
    said = {"name": type_of(model), "title": type_of(model), "summary": first_paragraph(model), "payload": payload}
    tags = {"tags": [{"name": channel, "description": f"The channel `{channel}` of SUBSCRIBE."}]} if channel else {}
    return said | tags | {"examples": [{"name": "example", "payload": example(payload, schemas)}]}


def _events(models: Mapping[str, type[BaseModel]]) -> dict[str, Schema]:
    return {name: _event(name, model) for name, model in models.items()}


def _event(name: str, model: type[BaseModel]) -> Schema:
    source: Schema = {"type": "string"} if name in RECEIVED else {"type": "string", "const": SOURCE}
    properties = {"source": source, "detail-type": {"type": "string", "const": name}}
    headers = {"source": "auctions" if name in RECEIVED else SOURCE, "detail-type": name}
    return {
        "name": name,
        "title": name,
        "summary": first_paragraph(model),
        "headers": {"type": "object", "properties": properties, "required": [*properties]},
        "payload": {"$ref": SCHEMAS + event_title(name)},
        "examples": [{"name": "example", "headers": headers, "payload": event_examples()[name]}],
    }


def _of_socket() -> Iterator[tuple[str, Schema]]:
    for model in members(FromBrowser):
        kind, replies = type_of(model), [type_of(each) for each in _REPLIES[model]]
        listed = [{"$ref": f"#/channels/{_SOCKET}/messages/{each}"} for each in replies]
        reply = {"channel": {"$ref": f"#/channels/{_SOCKET}"}, "messages": listed}
        yield f"take{to_pascal(kind.lower())}", _operation("receive", _SOCKET, kind, model) | {"reply": reply}
    answered = {reply for replies in _REPLIES.values() for reply in replies}
    for model in members(ToBrowser):
        if model not in answered:
            kind = type_of(model)
            yield f"send{to_pascal(kind.lower())}", _operation("send", _SOCKET, kind, model)


def _operation(action: Way, channel: str, message: str, model: type[BaseModel]) -> Schema:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": message,
        "summary": first_paragraph(model),
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
    }


def _section(page: str, title: str) -> str:
    """Return a section of a page, without its links: pages have other addresses than this document."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.search(rf"^##+ {re.escape(title)}\n\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise Undescribed(f"docs/{page}: the section `{title}` is missing")
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", found[1].strip())
