"""The schemas of models, as clients see them."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, create_model
from pydantic.alias_generators import to_pascal
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from infra.contracts.examples import Undescribed
from stays.edge.error_details import ERRORS

Schema = dict[str, Any]

SCHEMAS = "#/components/schemas/"


def title_of(model: type[BaseModel]) -> str:
    """Return the name of a model's schema. `Shown` only tells our own classes apart."""
    return model.__name__.removeprefix("Shown")


def named(model: type[BaseModel]) -> Schema:
    """Return a reference to the schema of a model."""
    return {"$ref": SCHEMAS + title_of(model)}


def schemas_of(models: Mapping[type[BaseModel], JsonSchemaMode]) -> dict[str, Schema]:
    """Return the schemas of models and of all that they name. Answers leave out what is absent."""
    found: dict[str, Schema] = {}
    for mode in sorted({*models.values()}):
        wanted: list[Any] = [(model, mode) for model, its_mode in models.items() if its_mode == mode]
        _, schema = models_json_schema(wanted, by_alias=True, ref_template=SCHEMAS + "{model}")
        for name, each in schema["$defs"].items():
            plain = _published(untitled(each))
            found[name.removeprefix("Shown")] = plain if mode == "validation" else never_null(plain)
    return {name: _renamed(schema) for name, schema in found.items()}


def first_paragraph(model: type[BaseModel]) -> str:
    """Return what a message or an event says. Raises Undescribed."""
    if not model.__doc__:
        raise Undescribed(f"{model.__name__}: the docstring is missing")
    return " ".join(model.__doc__.partition("\n\n")[0].split())


@cache
def error_models() -> dict[str, type[BaseModel]]:
    """Return the model of each error by its code: the envelope, with the code and its details."""
    return {code: _error_model(code) for code in ERRORS}


def _error_model(code: str) -> type[BaseModel]:
    name = to_pascal(code.lower()).removesuffix("Error") + "Error"
    sentence, details = ERRORS[code]
    only: Any = Literal[code]
    said = create_model(
        f"{name}Content", __doc__=sentence, code=(only, ...), message=(str, ...), details=(details, ...)
    )
    envelope: type[BaseModel] = create_model(name, __doc__=sentence, error=(said, ...), requestId=(str, ...))
    return envelope


def untitled(value: Any) -> Any:
    """Drop the titles that Pydantic makes from names, and defaults that say nothing."""
    if isinstance(value, list):
        return [untitled(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = (name for name, each in value.items() if name != "title" or not isinstance(each, str))
    return {name: untitled(value[name]) for name in kept if name != "default" or value[name] is not None}


def never_null(value: Any) -> Any:
    """Describe the written form: absent values are left out."""
    if isinstance(value, list):
        return [never_null(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: never_null(each) for name, each in value.items() if name != "default"}
    something = [each for each in kept.get("anyOf", []) if each != {"type": "null"}]
    if len(something) == 1:
        del kept["anyOf"]
        return something[0] | kept
    return kept


def _published(schema: Schema) -> Schema:
    """Keep the first paragraph of a docstring for clients, and say how an object without fields looks."""
    said = {"description": schema["description"].partition("\n\n")[0]} if "description" in schema else {}
    empty = {"maxProperties": 0} if schema.get("type") == "object" and not schema.get("properties") else {}
    return {name: each for name, each in schema.items() if name != "properties" or each} | said | empty


def _renamed(value: Any) -> Any:
    """Use our names in references."""
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    if isinstance(value, str):
        return value.replace(f"{SCHEMAS}Shown", SCHEMAS)
    return {name: _renamed(each) for name, each in value.items()} if isinstance(value, dict) else value
