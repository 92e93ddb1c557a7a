"""Random requests to DynamoDB: every kind that this code makes, and similar ones, on few keys.

Each request is made from one number, so a list of numbers is a history that can be shortened.
"""

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any, NamedTuple
from zlib import crc32

Value = dict[str, Any]
Request = dict[str, Any]

PLAIN = frozenset({"PK", "SK", "userId", "userSort", "dueShard", "dueAt", "note", "times"})  # no reserved words


class Placed(NamedTuple):
    """An expression with its names and values."""

    text: str
    names: Mapping[str, str] = {}
    values: Mapping[str, Value] = {}

    @classmethod
    def of(cls, template: str, *parts: "Placed | Value") -> "Placed":
        """Fill each `{}` with another expression or a value. Equal values share a placeholder."""
        placed = [each if isinstance(each, Placed) else _placed_value(each) for each in parts]
        text = template.format(*(each.text for each in placed))
        return cls(text, _merged(each.names for each in placed), _merged(each.values for each in placed))


def _placed_value(value: Value) -> Placed:
    token = f":v{crc32(repr(value).encode())}"
    return Placed(token, values={token: value})


def _merged(mappings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: value for each in mappings for name, value in each.items()}


def attribute(name: str) -> Placed:
    """Name an attribute directly, or through a placeholder if it is a reserved word."""
    return Placed(name) if name in PLAIN else Placed(f"#{name}", {f"#{name}": name})


def expressed(**expressions: Placed | None) -> Request:
    """Return the expressions of a request with all their placeholders."""
    given = {name: each for name, each in expressions.items() if each is not None}
    names, values = _merged(each.names for each in given.values()), _merged(each.values for each in given.values())
    return {
        **{name: each.text for name, each in given.items()},
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": values} if values else {}),
    }


# Items


def _text(*texts: str) -> Callable[[Random], Value]:
    return lambda random: {"S": random.choice(texts)}


def _number(random: Random) -> Value:
    return {"N": random.choice(("0", "1", "2", "-3", "10", "250000", "1.5"))}


def _tags(random: Random) -> Value:
    return {"SS": sorted(random.sample("xyz", random.randint(1, 3)))}


def _list(random: Random) -> Value:
    return {"L": [_text("p", "q")(random) for _ in range(random.randint(0, 2))]}


ATTRIBUTES: dict[str, Callable[[Random], Value]] = {
    "userId": _text("mai", "binh"),
    "userSort": _text("SESSION#1", "SESSION#2", "BOOKING#1", "BOOKING#10"),
    "dueShard": _text("0", "1"),
    "dueAt": _text("2027-03-01", "2027-03-02", "2027-03-10"),
    "state": _text("HELD", "BOOKED", "HELDUP"),
    "note": _text("", "a", "Đà Nẵng", "😀"),
    "times": _number,
    "tags": _tags,
    "list": _list,
    "flag": lambda random: {"BOOL": random.random() < 0.5},
    "more": lambda random: {"M": {"at": _text("p", "q")(random), "count": _number(random)}},
}
INDEXED = ((), ("userId", "userSort"), ("dueShard", "dueAt"), ("userId", "userSort", "dueShard", "dueAt"))


def _name(random: Random) -> str:
    return random.choice(tuple(ATTRIBUTES))


def _table(random: Random) -> str:
    return random.choice(("stays", "stays", "stays", "connections"))


def _key(random: Random) -> dict[str, Value]:
    return {
        "PK": _text("STAY#1", "STAY#2")(random),
        "SK": _text("SESSION", "EVENT#1", "EVENT#2", "MAIL#Z")(random),
    }


def _contents(random: Random) -> dict[str, Value]:
    names = {*random.choice(INDEXED), *(_name(random) for _ in range(random.randint(0, 5)))}
    return {name: ATTRIBUTES[name](random) for name in sorted(names)}


# Conditions


def _comparison(random: Random) -> Placed:
    """Compare an attribute with values of its own type."""
    name = _name(random)
    path, value, other = attribute(name), ATTRIBUTES[name](random), ATTRIBUTES[name](random)
    orders = () if name in ("tags", "list", "flag", "more") else ("<", "<=", ">", ">=", "BETWEEN")
    sign = random.choice(("=", "<>", "IN", *orders))
    if sign == "IN":
        return Placed.of("{} IN ({}, {})", path, value, other)
    if sign == "BETWEEN":
        low, high = sorted((value, other), key=lambda each: float(each["N"]) if "N" in each else each["S"])
        return Placed.of("{} BETWEEN {} AND {}", path, low, high)
    return Placed.of(f"{{}} {sign} {{}}", path, value)


def _exists(random: Random) -> Placed:
    function = random.choice(("attribute_exists", "attribute_not_exists"))
    return Placed.of(f"{function}({{}})", attribute(random.choice(("PK", _name(random)))))


def _function(random: Random) -> Placed:
    function, name, values = random.choice(
        (
            ("begins_with", "state", ("HELD", "B", "")),
            ("contains", "tags", ("x", "q")),
            ("contains", "list", ("p", "q")),
            ("contains", "state", ("EL", "K")),
            ("attribute_type", _name(random), ("S", "N", "SS", "BOOL")),
        )
    )
    return Placed.of(f"{function}({{}}, {{}})", attribute(name), _text(*values)(random))


def _sized(random: Random) -> Placed:
    """Ask for the size of an attribute that exists: moto crashes on a missing one."""
    path = attribute(random.choice(("state", "tags", "note", "list")))
    sign, count = random.choice(("=", ">", "<=")), {"N": str(random.randint(0, 6))}
    return Placed.of(f"(attribute_exists({{}}) AND size({{}}) {sign} {{}})", path, path, count)


def _group(random: Random, depth: int = 2) -> Placed:
    shape = random.randint(0, 9) if depth else 0
    if shape < 6:
        return random.choice((_comparison, _comparison, _exists, _function, _sized))(random)
    if shape < 8:
        sign = random.choice(("AND", "OR"))
        return Placed.of(f"({{}} {sign} {{}})", _group(random, depth - 1), _group(random, depth - 1))
    inner = _group(random, depth - 1)
    return inner if inner.text.startswith("NOT") else Placed.of("NOT {}", inner)  # moto cannot read NOT NOT


def condition(random: Random) -> Placed:
    """Return up to three parts, in parentheses or by precedence."""
    shape = random.choice(("{}", "{}", "{} OR {}", "{} AND {}", "{} OR {} AND {}", "{} AND {} OR {}"))
    return Placed.of(shape, *(_group(random) for _ in range(shape.count("{}"))))


def _perhaps(random: Random, part: Callable[[Random], Placed]) -> Placed | None:
    return part(random) if random.random() < 0.5 else None


# Writes


def _set(random: Random) -> tuple[str, Placed]:
    name = _name(random)
    list_, times = attribute("list"), attribute("times")
    return random.choice(
        (
            (name, Placed.of("{} = {}", attribute(name), ATTRIBUTES[name](random))),
            (name, Placed.of("{} = {}", attribute(name), ATTRIBUTES[name](random))),
            ("times", Placed.of("{} = if_not_exists({}, {}) + {}", times, times, _number(random), {"N": "1"})),
            ("times", Placed.of("{} = {} - {}", times, times, _number(random))),
            ("note", Placed.of("note = {}", attribute("state"))),
            ("list", Placed.of("{} = list_append({}, {})", list_, list_, _list(random))),
        )
    )


def _remove(random: Random) -> tuple[str, Placed]:
    name = _name(random)
    return name, attribute(name)


def _add(random: Random) -> tuple[str, Placed]:
    name, more = random.choice((("times", _number(random)), ("tags", _tags(random))))
    return name, Placed.of("{} {}", attribute(name), more)


def _delete(random: Random) -> tuple[str, Placed]:
    return "tags", Placed.of("{} {}", attribute("tags"), _tags(random))


CLAUSES = {"SET": _set, "REMOVE": _remove, "ADD": _add, "DELETE": _delete}


def update(random: Random) -> Placed:
    """Return some clauses, each attribute once."""
    written: set[str] = set()
    clauses = []
    for word in random.sample(tuple(CLAUSES), random.choice((1, 1, 1, 2, 3))):
        drawn = dict(CLAUSES[word](random) for _ in range(random.randint(1, 4)))
        actions = [action for name, action in drawn.items() if name not in written]
        written |= drawn.keys()
        if actions:
            clauses.append(Placed.of(f"{word} {', '.join(['{}'] * len(actions))}", *actions))
    return Placed.of(" ".join(["{}"] * len(clauses)), *clauses)


def write(random: Random, kind: str) -> Request:
    """Return one write, alone or in a transaction."""
    request: Request = {"TableName": _table(random)}
    if random.random() < 0.7:
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    if kind == "Put":
        item = _key(random) | _contents(random)
        return request | {"Item": item} | expressed(ConditionExpression=_perhaps(random, condition))
    request["Key"] = _key(random)
    if kind == "Update":
        change = update(random)
        return request | expressed(UpdateExpression=change, ConditionExpression=_perhaps(random, condition))
    needed = condition(random) if kind == "ConditionCheck" else _perhaps(random, condition)
    return request | expressed(ConditionExpression=needed)


def single(random: Random) -> tuple[str, Request]:
    """Return a single write."""
    kind = random.choice(("Put", "Update", "Update", "Delete"))
    returned = ("NONE", "ALL_OLD", *(("ALL_NEW", "UPDATED_NEW", "UPDATED_OLD") if kind == "Update" else ()))
    return f"{kind.lower()}_item", write(random, kind) | {"ReturnValues": random.choice(returned)}


def transaction(random: Random) -> tuple[str, Request]:
    """Return a transaction of up to five operations, sometimes two on one item."""
    kinds = random.choices(("Put", "Update", "Delete", "ConditionCheck"), (4, 4, 2, 1), k=random.randint(1, 5))
    entries = [{kind: write(random, kind)} for kind in kinds]
    if random.random() < 0.1:
        return "transact_write_items", {"TransactItems": entries}
    once = {repr(_place(*entry.values())): entry for entry in entries}
    return "transact_write_items", {"TransactItems": list(once.values())}


def _place(request: Request) -> tuple[Any, ...]:
    key = request.get("Key") or request["Item"]
    return request["TableName"], key["PK"], key["SK"]


# Reads


def _projection(random: Random) -> Placed | None:
    if random.random() < 0.6:
        return None
    names = random.sample(("PK", "userId", "state", "tags"), random.randint(1, 3))
    return Placed.of(", ".join(["{}"] * len(names)), *map(attribute, names))


def get(random: Random) -> tuple[str, Request]:
    """Read one item."""
    request = {"TableName": _table(random), "Key": _key(random), "ConsistentRead": True}
    return "get_item", request | expressed(ProjectionExpression=_projection(random))


def transact_get(random: Random) -> tuple[str, Request]:
    """Read up to three items at one time, with all attributes, because moto does not project them."""
    wanted = [{"Get": {"TableName": _table(random), "Key": _key(random)}} for _ in range(random.randint(1, 3))]
    return "transact_get_items", {"TransactItems": wanted}


def batch(random: Random) -> tuple[str, Request]:
    """Read up to four items of each table, sometimes one of them twice."""
    shown = expressed(ProjectionExpression=_projection(random))
    tables = {_table(random) for _ in range(2)}
    wanted = {name: [_key(random) for _ in range(random.randint(1, 4))] for name in sorted(tables)}
    return "batch_get_item", {"RequestItems": {name: {"Keys": keys, **shown} for name, keys in wanted.items()}}


SCHEMAS = (
    ("stays", None, "PK", "SK"),
    ("connections", None, "PK", "SK"),
    ("stays", "by_user", "userId", "userSort"),
    ("stays", "by_user", "userId", "userSort"),
    ("stays", "due", "dueShard", "dueAt"),
    ("stays", "due", "dueShard", "dueAt"),
)
SORTS = {
    "SK": ("EVENT#", "EVENT#1", "MAIL#", "SESSION"),
    "userSort": ("SESSION#", "SESSION#1", "BOOKING#1", "BOOKING#2"),
    "dueAt": ("2027-03-0", "2027-03-01", "2027-03-02", "2027-03-1"),
}


def _key_condition(random: Random, partition: str, sort: str) -> Placed:
    value = _key(random)["PK"] if partition == "PK" else ATTRIBUTES[partition](random)
    low, high = ({"S": text} for text in sorted(random.choices(SORTS[sort], k=2)))
    sign = random.choice(("", "=", "<", "<=", ">", ">=", "begins_with", "BETWEEN"))
    first, second = Placed.of("{} = {}", attribute(partition), value), attribute(sort)
    if sign == "":
        return first
    if sign == "begins_with":
        return Placed.of("{} AND begins_with({}, {})", first, second, low)
    if sign == "BETWEEN":
        return Placed.of("{} AND {} BETWEEN {} AND {}", first, second, low, high)
    return Placed.of(f"{{}} AND {{}} {sign} {{}}", first, second, low)


def query(random: Random) -> tuple[str, Request]:
    """Read a page of a partition, of a table or an index."""
    table, index, partition, sort = random.choice(SCHEMAS)
    chosen = condition(random) if random.random() < 0.3 else None
    return "query", {
        "TableName": table,
        **({"IndexName": index} if index else {}),
        **random.choice(({}, {"ScanIndexForward": False}, {"ScanIndexForward": True})),
        **random.choice(({}, {"Limit": 1}, {"Limit": 2}, {"Limit": 3})),
        **expressed(
            KeyConditionExpression=_key_condition(random, partition, sort),
            FilterExpression=chosen,
            ProjectionExpression=_projection(random),
        ),
    }


def scan(random: Random) -> tuple[str, Request]:
    """Read a whole table."""
    return "scan", {"TableName": _table(random), **expressed(FilterExpression=_perhaps(random, condition))}


KINDS = (*[single] * 8, *[transaction] * 5, *[query] * 4, get, transact_get, batch, scan)


def request_of(number: int) -> tuple[str, Request]:
    """Return the method of the client and its arguments."""
    random = Random(number)  # noqa: S311  # the same request for the same number
    return random.choice(KINDS)(random)
