"""Updates: SET, REMOVE, ADD, DELETE."""

from collections.abc import Callable

from tests.proof.simulation.attribute_values import SETS, Invalid, Item, Value, added, appended, calculated, without
from tests.proof.simulation.grammar import Operand, Parser

Change = Callable[[Item, dict[str, Value], Item], None]


class Updates(Parser):
    """An update. All its operands are the values before it."""

    def whole(self) -> tuple[Change, tuple[str, ...]]:
        changes: list[Change] = []
        written: list[str] = []
        seen: set[str] = set()
        while self._peek():
            word = self._take().upper()
            if word not in _CLAUSES or word in seen:
                raise Invalid(f"Syntax error, or a section that can only be used once; token: {word}")
            seen.add(word)
            while True:
                written.append(self.path())
                changes.append(_CLAUSES[word](self, written[-1]))
                if not self._next_is(","):
                    break
        if len(set(written)) != len(written):
            raise Invalid("Two document paths overlap with each other; must remove or rewrite one of these paths")

        def run(before: Item, after: dict[str, Value], values: Item) -> None:
            for change in changes:
                change(before, after, values)

        return run, tuple(written)

    def _set(self, path: str) -> Change:
        self._take("=")
        compute = self._term_of_set()
        if self._peek() in ("+", "-"):
            compute = _calculation(compute, self._take(), self._term_of_set())

        def change(before: Item, after: dict[str, Value], values: Item) -> None:
            after[path] = _there(compute(before, values))

        return change

    def _term_of_set(self) -> Operand:
        if self._peek() == "if_not_exists":
            self._take()
            path, default = self._arguments(self.path, self._term_of_set)
            return lambda item, values: item[path] if path in item else default(item, values)
        if self._peek() == "list_append":
            self._take()
            first, second = self._arguments(self._term_of_set, self._term_of_set)
            return lambda item, values: appended(_there(first(item, values)), _there(second(item, values)))
        if self._peek().startswith(":"):
            token = self._value()
            return lambda item, values: values[token]
        path = self.path()
        return lambda item, values: item.get(path)

    def _remove(self, path: str) -> Change:
        def change(before: Item, after: dict[str, Value], values: Item) -> None:
            after.pop(path, None)

        return change

    def _add(self, path: str) -> Change:
        self._require(self._peek(), ("N", *SETS), "ADD")
        token = self._value()

        def change(before: Item, after: dict[str, Value], values: Item) -> None:
            after[path] = added(before.get(path), values[token])

        return change

    def _delete(self, path: str) -> Change:
        self._require(self._peek(), SETS, "DELETE")
        token = self._value()

        def change(before: Item, after: dict[str, Value], values: Item) -> None:
            left = without(before.get(path), values[token])
            after.pop(path, None)
            if left is not None:
                after[path] = left

        return change


_CLAUSES: dict[str, Callable[[Updates, str], Change]] = {
    "SET": Updates._set,
    "REMOVE": Updates._remove,
    "ADD": Updates._add,
    "DELETE": Updates._delete,
}


def _there(value: Value | None) -> Value:
    if value is None:
        raise Invalid("The provided expression refers to an attribute that does not exist in the item")
    return value


def _calculation(left: Operand, sign: str, right: Operand) -> Operand:
    return lambda item, values: calculated(_there(left(item, values)), sign, _there(right(item, values)))
