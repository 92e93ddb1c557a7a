"""The bare limit: a function that does nothing."""

from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer at once."""
    return {"statusCode": 200, "body": "{}"}
