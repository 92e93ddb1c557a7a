"""Thousands of bad requests. Each answer is 4xx in the contract's shape, and nothing is written.

The published OpenAPI document decides which requests must be refused, not the product. A request that the document
allows may get any status that it lists.
"""

import json
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlencode

from jsonschema_rs import Draft202012Validator

from infra.local.events import Answer, Request
from infra.local.routing import route_for
from infra.topology import PREFIX, ROUTES, SERVED, Route
from tests.integration.described import answers_of, operation_of, validator
from tests.integration.messages import BINH, HOST, MAI, PRICE, PROPERTY
from tests.proof.hostile.attacked import LAST, LATEST, Backend, Claims, Known, request
from tests.proof.hostile.damage import ODD, damaged, damaged_text
from tests.proof.simulation.system import simulation

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
KINDS = (
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "application/jsonp",
    "text/plain",
    "text/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "",
    "\u00ff",
)
CALLERS: tuple[Claims | None, ...] = (
    {"sub": MAI, "email": "mai@example.com"},
    {"sub": MAI, "email": "mai@example.com"},
    {"sub": BINH},
    {"sub": HOST},
    None,
    {},
    {"sub": ""},
    {"sub": "x" * 129},
    {"sub": MAI, "email": "a" * 4096, "name": "\u202e\x00" * 2048},
)
NOWHERE = Answer(0, (), b"")  # a request without a route at the gateway reaches no function


class Figures(NamedTuple):
    """The number of sent requests, and of answers by status."""

    requests: int
    statuses: Mapping[int, int]


class Sent(NamedTuple):
    """A request, and its alleged user."""

    request: Request
    claims: Claims | None


BODIES: Mapping[str, Any] = {
    "/payment/zalopay/create": {
        "auctionId": "1003",
        "selectedNights": list(LATEST),
        "amount": PRICE,
        "orderInfo": "Booking",
    },
    "/bookings": {"auctionId": "1003", "selectedNights": list(LATEST)},
    "/users/auth0-sync": {"email": "mai@example.com", "name": "Mai", "locale": "vi-VN"},
    "/auctions/winners/{auctionId}/accept": {"selectedNights": list(LATEST)},
    "/auctions/winners/{auctionId}/decline": {"reason": "no time"},
    "/auctions/offers/{offerId}/accept": {"selectedNights": list(LAST)},
    "/auctions/offers/{offerId}/decline": {"reason": "no time"},
    "/auctions/offers/second-chance/{offerId}/accept": {"selectedNights": list(LAST)},
    "/auctions/offers/second-chance/{offerId}/decline": {"reason": "no time"},
    "/auctions/analytics/decline": {"offerId": "5001", "reason": "no time", "type": "second_chance"},
}


def sound(route: Route, known: Known, random: Random) -> tuple[str, Any]:
    """Return a path and a body that may be valid."""
    path = route.path.removeprefix(PREFIX)
    stay, order = random.choice([(known.paid, known.paid_order), (known.live, known.live_order)])
    values = {
        "{appTransId}": order,
        "{transactionId}": known.transaction_id,
        "{auctionId}": random.choice(["1001", "1002", "1003"]),
        "{offerId}": random.choice(["5001", "1003"]),
        "{propertyId}": PROPERTY["id"],
        "{feed}": known.feed,
        "{proxy+}": "nowhere",
    }
    filled = "/".join(values.get(part, stay) if part.startswith("{") else part for part in path.split("/"))
    return filled, BODIES.get(path, {})


def bad_path(path: str, random: Random) -> str:
    """Return a path with one wrong part."""
    parts = path.split("/")
    at = random.randrange(1, len(parts))
    odd = random.choice([*ODD, parts[at].lower(), f"{parts[at]}\n", f"{parts[at]}/", "..", f" {parts[at]}", "%", ""])
    parts[at] = quote(str(odd)[:4096].encode("utf-8", "surrogatepass"), safe="")
    return "/".join(parts)


def odd_query(random: Random) -> str:
    """Return a range that is invalid, or of another form."""
    sound, odd = ("2027-03-01", "2027-05-30"), [str(each)[:200].encode("utf-8", "surrogatepass") for each in ODD]
    chosen = {name: random.choice([*sound, *odd, "2027-02-30", "0000-00-00"]) for name in ("from", "to", "x")}
    return urlencode([(name, chosen[name]) for name in random.choices(list(chosen), k=3)])


def drawn(known: Known, random: Random) -> Sent:
    """Return one request with an error."""
    route = random.choice(random.choice([SERVED, SERVED, SERVED, ROUTES]))
    path, body = sound(route, known, random)
    method, kind, query = route.method, "application/json", ""
    content = json.dumps(body).encode() if body else b""
    if body and random.random() < 0.8:
        content = json.dumps(damaged(body, random)).encode()
    elif random.random() < 0.5:
        path = bad_path(path, random)
    if random.random() < 0.3:
        content = damaged_text(content, random)
    if random.random() < 0.3:
        query = odd_query(random)
    if random.random() < 0.15:
        kind = random.choice(KINDS)
    if random.random() < 0.1:
        method = random.choice(METHODS)
    if random.random() < 0.02:
        content = b'{"auctionId":"' + b"x" * random.choice([65_500, 65_537, 500_000]) + b'"}'
    claims = random.choice(CALLERS)
    return Sent(request(method, path, content, kind, query=query), claims)


def allowed(sent: Sent, route: Route, parameters: Mapping[str, str]) -> bool:
    """Say whether the document allows the request."""
    operation = operation_of(route)
    if operation is None:
        return False
    where = ("paths", route.path.removeprefix(PREFIX), route.method.lower())
    asked = parse_qs(sent.request.query, keep_blank_values=True)
    for number, parameter in enumerate(operation.get("parameters", ())):
        name, given = parameter["name"], parameters if parameter["in"] == "path" else asked
        told = given[name] if isinstance(given.get(name), str) else ",".join(given.get(name, ()))
        if name in given and not validator(*where, "parameters", str(number)).is_valid(told):
            return False
    content = sent.request.body.strip()
    if not content:
        return not operation.get("requestBody", {}).get("required", False)
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return False
    if "requestBody" not in operation:
        return isinstance(body, dict)
    return fits(validator(*where, "requestBody"), body)


def fits(schema: Draft202012Validator, body: Any) -> bool:
    """Say whether the schema allows the value. It cannot judge half a character."""
    try:
        return schema.is_valid(body)
    except UnicodeEncodeError:
        return schema.is_valid(json.loads(json.dumps(body, ensure_ascii=False).encode(errors="replace")))


def judge(backend: Backend, sent: Sent) -> Answer:
    """Return the answer. Raises AssertionError for a wrong one."""
    if sent.request.method == "HEAD":
        return judge_head(backend, sent)
    found = route_for(ROUTES, sent.request.method, sent.request.path)
    if found is None:
        return NOWHERE
    read = unquote(sent.request.path).removesuffix("\n")
    meant = found if read == sent.request.path else route_for(ROUTES, sent.request.method, read) or found
    reached = backend.http(sent.request, found, sent.claims)
    status, headers, content = reached.answer
    if dict(headers)["content-type"] != "application/json":
        assert (meant[0].path, status) in ((f"{PREFIX}/calendars/{{feed}}", 200), (f"{PREFIX}/calendars/{{feed}}", 304))
        return reached.answer
    body = json.loads(content)
    if found[0].function == "zalopay_callback":  # for every method: the callback only answers ZaloPay
        assert (status, body["return_code"], reached.wrote) == (200, -1, False), body
        return reached.answer
    listed = [answers_of(route) for route, _ in (found, meant)]
    assert any(str(status) in each for each in listed), body
    assert status < 500, body
    if status == 200:
        assert allowed(sent, *meant), body
        return reached.answer
    if reached.wrote:  # the function may have asked ZaloPay for the state that refuses the request
        assert status == 409 and allowed(sent, *meant), body
    assert any(fits(validator(*each[str(status)]), body) for each in listed if str(status) in each), body
    return reached.answer


def judge_head(backend: Backend, sent: Sent) -> Answer:
    """Return the answer, which is that of GET without the body. Raises AssertionError for a wrong one."""
    expected = judge(backend, sent._replace(request=sent.request._replace(method="GET")))
    found = route_for(ROUTES, "HEAD", sent.request.path)
    if found is None:
        assert expected == NOWHERE
        return NOWHERE
    answer = backend.http(sent.request, found, sent.claims).answer
    assert answer.status == expected.status
    assert answer.body == b"" or found[0].function == "zalopay_callback"  # the callback only answers ZaloPay
    return answer


def bad_requests(count: int, seed: int) -> Figures:
    """Send this number of bad requests, each to the backend in its first state.

    Raises AssertionError, which names the request.
    """
    random, statuses = Random(seed), Counter[int]()  # noqa: S311  # nothing here is a secret
    with simulation() as system:
        backend = Backend(system)
        for number in range(count):
            sent = drawn(backend.known, random)
            try:
                statuses[judge(backend, sent).status] += 1
            except Exception as error:
                raise AssertionError(f"request {number} of seed {seed}: {shown(sent)}") from error
    return Figures(count, dict(sorted(statuses.items())))


def shown(sent: Sent) -> str:
    """Return a request in a form that can be repeated."""
    path = unquote(sent.request.path, errors="backslashreplace")
    return f"{sent.request.method} {path[:200]} {sent.request.body[:1000]!r} {sent.request.headers} {sent.claims}"[
        :2000
    ]
