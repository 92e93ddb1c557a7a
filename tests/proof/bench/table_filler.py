"""Copies of items: the same text with other ids, so that a table becomes large."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

Items = list[tuple[str, dict[str, Any]]]  # (table, item)

_MARK = "@@@@@@"


def copies(items: Items, ids: Sequence[str], count: int) -> Iterator[Items]:
    """Yield copies. In each copy all ids end in its number. The items are DynamoDB's, in its JSON."""
    text = _marked(json.dumps(items), ids)
    for number in range(count):
        yield [(table, item) for table, item in json.loads(_numbered(text, number))]


def _marked(text: str, ids: Sequence[str]) -> str:
    for each in sorted(ids, key=len, reverse=True):
        text = text.replace(each, each[: -len(_MARK)] + _MARK)
    return text


def _numbered(text: str, number: int) -> str:
    return text.replace(_MARK, f"{number:06d}")


def fill_state(file: Path, ids: Sequence[str], count: int) -> None:
    """Copy all items of the embedded database's state file that have one of the ids.

    Written over the wire, a hundred thousand stays would take an hour, and the stream would tell each of them.
    """
    state = json.loads(file.read_text(encoding="utf-8"))
    tables: dict[str, Any] = state["payload"]["tables"]["data"]
    (items,) = (table["items"] for name, table in tables.items() if name.endswith("'stays'"))
    model = {
        partition: each for partition, each in items.items() if any(one in json.dumps([partition, each]) for one in ids)
    }
    for each in model.values():
        for item in each.values():
            item.pop("dueAt", None)
    items[_MARK] = {}
    before, after = json.dumps(state).split(f'"{_MARK}": {{}}')
    text = _marked(json.dumps(model)[1:-1], ids)
    with file.open("w", encoding="utf-8") as whole:
        whole.write(before)
        whole.writelines(("" if number == 0 else ", ") + _numbered(text, number) for number in range(count))
        whole.write(after)
