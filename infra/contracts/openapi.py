"""The HTTP API as one OpenAPI document, read from the functions' routes and models; `make contracts` writes it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter
from pydantic.alias_generators import to_camel

from infra.contracts.examples import Undescribed, answer_of, example
from infra.contracts.functions import ROOT, started
from infra.contracts.schemas import Schema, error_models, named, never_null, schemas_of, title_of, untitled
from infra.topology import PREFIX, SERVED, Route
from stays import __version__
from stays.edge.error_details import ERRORS
from stays.edge.http import STATUS, Api, Operation, PassedOn
from stays.zalopay.callback import CallbackAnswer, CallbackRequest

DOCUMENT = ROOT / "docs" / "openapi.json"
JSON = "application/json"
# The codes of every route that reads its request with `stays.edge.http`
ALWAYS = ("VALIDATION_ERROR", "PAYLOAD_TOO_LARGE", "RATE_LIMIT", "INTERNAL_ERROR")

_INTRODUCTION = """\
Turns a won auction into a paid, booked stay.

Every error has one shape: `error` with `code`, `message` and `details`, and `requestId`. Each code has a schema of its
own. What is absent is left out, never null. Ignore fields that you do not know. Any other path answers 404 (or is the
legacy backend's, where there is one), and a wrong method on a path of ours answers 405. The gateway itself answers 401
without a valid token, 429 above its throttle and 503 when a function takes too long, as `{"message"}`.
"""
_SERVERS = [
    {"url": f"http://localhost:8000{PREFIX}", "description": "`make run`"},
    {
        "url": f"https://{{api}}{PREFIX}",
        "description": "a stage; `make env` prints its address",
        "variables": {"api": {"default": "api.stays.example"}},
    },
]


class GatewayRefusal(BaseModel):
    """The gateway's own answer, before any function runs."""

    message: str


def _receive(request: CallbackRequest) -> CallbackAnswer:
    """Stand for the callback's function, which has no `Api`: it reads the raw bytes that the MAC covers."""
    raise NotImplementedError


CALLBACK = Operation(
    "POST",
    "/payment/zalopay/callback",
    "ZaloPay reports that an order is paid. Its MAC is the authorization",
    (),
    JSON,
    _receive,
)


class Described(NamedTuple):
    """A route of the topology with the operation that serves it."""

    route: Route
    path: str
    operation: Operation

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the codes of all errors that the route answers. The callback answers ZaloPay in its own way."""
        if self.operation is CALLBACK:
            return ()
        return (*ALWAYS, *self.operation.errors, *(() if self.route.public else ("AUTH_REQUIRED",)))

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Return the types of the handler's arguments."""
        hints = get_type_hints(self.operation.handler, include_extras=True)
        return {name: hint for name, hint in hints.items() if name != "return"}

    @property
    def request(self) -> type[BaseModel] | None:
        """Return the model of the body, or of the query of a GET."""
        return next((hint for hint in self.arguments.values() if _is_model(hint)), None)

    @property
    def answer(self) -> Any:
        """Return the type of the answer: a model, a list of a model, or `str` for a file."""
        hint = get_type_hints(self.operation.handler).get("return")
        return next(each for each in get_args(hint) if each is not PassedOn) if PassedOn in get_args(hint) else hint


def served(routes: Sequence[Route] = SERVED) -> list[Described]:
    """Return every route in the order of the topology. Raises Undescribed for a route without an operation."""
    known = {name: _operations(name) for name in dict.fromkeys(route.function for route in routes)}
    found = [_described(route, known[route.function]) for route in routes]
    for name, operations in known.items():
        for method, path in operations.keys() - {(each.route.method, each.path) for each in found}:
            raise Undescribed(f"{method} {path} of {name}: the topology has no such route")
    return found


def _operations(function: str) -> dict[tuple[str, str], Operation]:
    app = getattr(started(function), "app", None)
    every = app.operations if isinstance(app, Api) else [CALLBACK] if function == "zalopay_callback" else []
    return {
        (each.method, re.sub(r"<(\w+)>", lambda name: f"{{{to_camel(name[1])}}}", each.path)): each for each in every
    }


def _described(route: Route, operations: Mapping[tuple[str, str], Operation]) -> Described:
    path = route.path.removeprefix(PREFIX)
    found = operations.get((route.method, path))
    if found is None:
        raise Undescribed(f"{route.method} {path}: {route.function} has no app.operation for it, with its summary")
    described = Described(route, path, found)
    if not found.summary:
        raise Undescribed(f"{route.method} {path}: the summary is missing")
    if described.answer is not str and not _models(described.answer):
        raise Undescribed(f"{route.method} {path}: the handler returns no model")
    for code in described.codes:
        if code not in ERRORS or code not in STATUS:
            raise Undescribed(f"{route.method} {path}: {code} is missing in stays.edge.error_details or in http.STATUS")
    return described


def document(routes: Sequence[Route] = SERVED) -> Schema:
    """Return the document. Raises Undescribed, which names what is missing."""
    every = served(routes)
    requests = {each.request for each in every if each.request and each.route.method != "GET"}
    answers = {model for each in every for model in _models(each.answer)}
    known = schemas_of({**dict.fromkeys(requests, "validation"), **dict.fromkeys(answers, "serialization")})
    known |= schemas_of(dict.fromkeys([*error_models().values(), GatewayRefusal], "serialization"))
    for name, schema in known.items():
        if not schema.get("description"):
            raise Undescribed(f"{name}: the docstring is missing")
    paths: dict[str, Schema] = {}
    for each in every:
        paths.setdefault(each.path, {})[each.route.method.lower()] = _operation(each, known)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Stays", "version": __version__, "description": _INTRODUCTION},
        "servers": _SERVERS,
        "security": [{"token": []}],
        "tags": [{"name": name, "description": _said(started(name))} for name in dict.fromkeys(_tags(every))],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "responses": {code: _refusal([code], known) for code in STATUS},
            "schemas": dict(sorted(known.items())),
        },
    }


def text() -> str:
    """Return the document as the text of its file."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _tags(every: list[Described]) -> Iterator[str]:
    return (each.route.function for each in every)


def _said(thing: Any) -> str:
    """Return a docstring as clients read it, on one line for each paragraph."""
    paragraphs = re.split(r"\n\s*\n", thing.__doc__ or "")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def _models(answer: Any) -> list[type[BaseModel]]:
    return [each for each in (answer, *get_args(answer)) if _is_model(each)]


def _operation(each: Described, known: Mapping[str, Schema]) -> Schema:
    """Return the operation of one route. Its name comes from method and path."""
    words = re.findall(r"[A-Za-z0-9]+", f"{each.route.method.lower()} {each.path}")
    described: Schema = {"operationId": to_camel("_".join(words)), "tags": [each.route.function]}
    if each.route.public:
        described["security"] = []
    described["summary"] = each.operation.summary
    if each.operation.handler.__doc__ and each.operation is not CALLBACK:
        described["description"] = _said(each.operation.handler)
    if parameters := [*_of_path(each, known), *_of_query(each, known)]:
        described["parameters"] = parameters
    if each.request and each.route.method != "GET":
        schema = named(each.request)
        body = {"schema": schema, "example": example(schema, known)}
        needed = "required" in known[title_of(each.request)]  # a missing body counts as an empty object
        described["requestBody"] = {"content": {JSON: body}, "required": needed}
    return described | {"responses": _answers(each, known)}


def _of_path(each: Described, known: Mapping[str, Schema]) -> Iterator[Schema]:
    for name in re.findall(r"{(\w+)}", each.path):
        hint = next(hint for argument, hint in each.arguments.items() if to_camel(argument) == name)
        schema = untitled(TypeAdapter(hint).json_schema())
        told = {"name": name, "in": "path", "required": True, "schema": schema}
        yield told | {"example": example(schema, known, name)}


def _of_query(each: Described, known: Mapping[str, Schema]) -> Iterator[Schema]:
    if each.request is None or each.route.method != "GET":
        return
    for name, schema in never_null(untitled(each.request.model_json_schema()))["properties"].items():
        described = {"description": schema["description"]} if "description" in schema else {}
        plain = {key: value for key, value in schema.items() if key != "description"}
        told = {"name": name, "in": "query", "required": False, "schema": plain, **described}
        yield told | {"example": example(plain, known, name)}


def _answers(each: Described, known: Mapping[str, Schema]) -> dict[str, Schema]:
    kind = each.operation.kind.partition(";")[0]
    if kind != JSON:
        file: Schema = {"description": "The file.", "content": {kind: {"schema": {"type": "string"}}}}
        found: dict[str, Schema] = {"200": file, "304": {"description": "The caller's copy is the present one."}}
    else:
        (model,) = _models(each.answer)
        is_list = get_origin(each.answer) is list
        schema = {"type": "array", "items": named(model)} if is_list else named(model)
        route = f"{each.route.method} {each.path}"
        said = example(schema, known) if each.operation is CALLBACK else answer_of(route)
        content = {JSON: {"schema": schema, "example": said}}
        found = {"200": {"description": known[title_of(model)]["description"], "content": content}}
    by_status: dict[str, list[str]] = {}
    for code in each.codes:
        by_status.setdefault(str(STATUS[code]), []).append(code)
    refused = {
        status: {"$ref": f"#/components/responses/{codes[0]}"} if len(codes) == 1 else _refusal(codes, known)
        for status, codes in sorted(by_status.items())
    }
    return found | refused


def _refusal(codes: list[str], known: Mapping[str, Schema]) -> Schema:
    """Return the response of a status with these codes."""
    models = error_models()
    options = [named(models[code]) for code in codes]
    if "AUTH_REQUIRED" in codes:
        options.append(named(GatewayRefusal))
    schema = options[0] if len(options) == 1 else {"anyOf": options}
    sentences = "\n".join(f"- `{code}`: {ERRORS[code].sentence}" for code in codes)
    content = {"schema": schema, "examples": {code: {"value": example(named(models[code]), known)} for code in codes}}
    return {"description": sentences if len(codes) > 1 else ERRORS[codes[0]].sentence, "content": {JSON: content}}
