"""What clients see: a model for each answer. It names its fields, so a new attribute of an item stays private."""

from typing import Annotated

from pydantic import ConfigDict, WithJsonSchema

from stays.domain.values import MAXIMUM_AMOUNT, Model

Dong = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAXIMUM_AMOUNT})]


class Response(Model):
    """An answer. Absent fields are left out."""

    model_config = ConfigDict(from_attributes=True)
