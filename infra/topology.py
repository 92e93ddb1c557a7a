"""The system as data: `cdk deploy` builds it and `make run` serves it. This module imports nothing but `typing`."""

from typing import Any, NamedTuple


class Access(NamedTuple):
    """Actions that a function may take in AWS on one table, for items whose partition key matches one of `keys`."""

    table: str
    actions: tuple[str, ...]
    keys: tuple[str, ...] = ()  # empty: any key
    through: str | None = None  # only this index is allowed; then `keys` are partition keys of the index


class Function(NamedTuple):
    """One Lambda: `functions/<name>.py`, whose last function is `handler`.

    Each setting grants the permission that it needs. The name of a secret lets the function read the secret. The mail
    sender lets it send mail, also through our configuration set. The WebSocket endpoint lets it post to connections and
    close them. The event bus lets it publish. The bucket lets it put records of the stream aside. `access` lists the
    tables.
    """

    timeout: int  # seconds
    memory: int  # MB
    environment: tuple[str, ...]  # the settings that it reads; without one of them the function does not start
    why: str = ""  # the reason for this timeout and this memory
    access: tuple[Access, ...] = ()
    optional: tuple[str, ...] = ()  # settings that it gets only where the environment has a value for them
    busy: float = 0  # seconds of invocations that each winner who pays causes; a stage may reserve concurrency for them

    def choose_settings(self, settings: dict[str, str]) -> dict[str, str]:
        """Choose its settings from `settings`. Raises KeyError if a required one is missing."""
        needed = {name: settings[name] for name in self.environment}
        return needed | {name: settings[name] for name in self.optional if name in settings}


class Throttle(NamedTuple):
    """The request rate that a gateway allows, for all callers together."""

    rate: int  # per second
    burst: int


class Route(NamedTuple):
    """One route of the HTTP API. `path` is written as API Gateway writes it.

    `calls` are those of each winner who pays. They give the route a throttle of its own; `infra/peak.py` computes it.
    """

    method: str
    path: str
    function: str
    public: bool = False
    calls: int = 0  # 0: the throttle of the whole API


class Consumer(NamedTuple):
    """A function that reads the stream of a table. Times are in seconds.

    A failing record is tried again until it has this age. Then it goes whole into the bucket of records.
    """

    function: str
    table: str
    filters: tuple[dict[str, Any], ...]
    batch_size: int
    parallelization: int
    max_age: int = 43_200  # the stream itself forgets after 24 hours


class Schedule(NamedTuple):
    """A function that the clock starts, once for each of the inputs, at the same time. Times are in seconds.

    With an empty input the function does the work of all of them: so do local runs, and a call by hand.
    """

    function: str
    every: int
    inputs: tuple[dict[str, Any], ...] = ({},)
    retries: int = 0  # no retry: the next round does the work that this round missed
    max_age: int = 60


class Rule(NamedTuple):
    """A function that receives events from the bus. Times are in seconds."""

    function: str
    detail_types: tuple[str, ...]
    retries: int = 2
    max_age: int = 21_600
    configuration: bool = False  # the events are SES's, about mail of our configuration set; they come by AWS's own bus


class Index(NamedTuple):
    """A global secondary index; both keys are strings, all attributes are projected."""

    partition: str
    sort: str


class Table(NamedTuple):
    """A DynamoDB table with the string keys PK and SK."""

    indexes: dict[str, Index]
    stream: bool
    ttl: str | None


# The edge of a stage that has one adds both headers to each request; `stays.edge.viewer` has the same names.
EDGE_SECRET_HEADER = "x-stays-edge"  # noqa: S105 (the name, not the secret)
EDGE_ADDRESS_HEADER = "x-stays-viewer"
EDGE_SECRET = "EDGE_SECRET"  # noqa: S105 (the setting that makes a function refuse what came around the edge)

_ZALOPAY = ("ZALOPAY_ENDPOINT", "ZALOPAY_APP_ID", "ZALOPAY_KEY1_SECRET")

_STAY = ("STAY#*",)
_NIGHT = ("PROPERTY#*",)
_CALENDAR = ("CALENDAR#*",)
_SHARDS = tuple(str(number) for number in range(16))  # of the index `due`

# A decision about a session touches the session, its booking and reference number, nights, mail and timeline, and the
# award that it paid. If the award is already over, it also touches the current offer. If the award is paid while a
# correction waits, the correction is recorded as a refused event.
_DECIDING = (
    Access("stays", ("GetItem",), (*_STAY, "AUCTION#*")),
    Access("stays", ("Query", "ConditionCheckItem"), ("AUCTION#*",)),
    Access("stays", ("PutItem",), (*_STAY, *_NIGHT, "AUCTION#*", "TRANSACTION#*", "REFERENCE#*", "REFUSED")),
    Access("stays", ("UpdateItem",), (*_STAY, "AUCTION#*")),
    Access("stays", ("DeleteItem",), _NIGHT),
)
# A session with a known transaction has a copy under TRANSACTION#. The copy changes with the session: when the booking
# is cancelled, when a refund moves on, and when a review ends in a booking.
_KNOWN_TRANSACTION = Access("stays", ("UpdateItem",), ("TRANSACTION#*",))
# The end of an award writes the award and the next offer, and checks that the offer's nights are free.
_OFFERING_ON = (
    Access("stays", ("BatchGetItem", "ConditionCheckItem"), _NIGHT),
    Access("stays", ("PutItem",), ("AUCTION#*",)),
)
_TELLING = Access("connections", ("DeleteItem",), ("CONNECTION#*", "USER#*"))

FUNCTIONS = {
    "payments": Function(
        timeout=28,
        memory=512,
        environment=("STAYS_TABLE", "CONNECTIONS_TABLE", "FRONTEND_URL", "CALLBACK_URL", "REFUND_POLICY", *_ZALOPAY),
        optional=(EDGE_SECRET, "MAINTENANCE"),
        why="20 s for calls to ZaloPay, 5 s to wait for a turn, within the gateway's 30 s; CPU for its start.",
        busy=2,
        access=(
            *_DECIDING,
            Access("stays", ("GetItem",), ("TRANSACTION#*",)),
            Access("stays", ("BatchGetItem",), _STAY),
            Access("stays", ("UpdateItem",), ("USER#*",)),
            Access("connections", ("PutItem",), ("USER#*",)),
        ),
    ),
    "auctions": Function(
        timeout=28,
        memory=512,
        environment=("STAYS_TABLE", "CONNECTIONS_TABLE", "PARTIAL_WIN_PAGE", *_ZALOPAY),
        optional=(EDGE_SECRET, "MAINTENANCE"),
        why="Who declines may have an order open: 20 s for calls to ZaloPay, 5 s to wait for a turn; CPU at start.",
        access=(
            *_DECIDING,
            Access("stays", ("Query",), through="by_user"),
            Access("stays", ("BatchGetItem",), _STAY),
            *_OFFERING_ON,
            Access("connections", ("PutItem",), ("USER#*",)),
        ),
    ),
    "bookings": Function(
        timeout=28,
        memory=512,
        environment=("STAYS_TABLE", "REFUND_POLICY", "EMAIL_KEY_SECRET", *_ZALOPAY),
        optional=("LEGACY_API_URL", EDGE_SECRET, "MAINTENANCE"),
        why="A reservation's order may be open: 20 s for calls to ZaloPay, 5 s to wait for a turn; CPU at start.",
        access=(
            *_DECIDING,
            _KNOWN_TRANSACTION,
            Access("stays", ("Query",), through="by_user"),
            Access("stays", ("GetItem", "UpdateItem"), ("USER#*",)),
            Access("stays", ("PutItem",), ("EMAIL#*",)),
            Access("stays", ("BatchGetItem",), _STAY),
            *_OFFERING_ON,
        ),
    ),
    "calendars": Function(
        timeout=10,
        memory=512,
        environment=("STAYS_TABLE", "API_URL"),
        optional=(EDGE_SECRET, "MAINTENANCE"),
        why="Two reads; CPU for validation and for writing calendar files.",
        access=(
            Access("stays", ("GetItem", "UpdateItem"), _CALENDAR),
            Access("stays", ("Query",), _NIGHT),
        ),
    ),
    "zalopay_callback": Function(
        timeout=10,
        memory=512,
        environment=("STAYS_TABLE", "ZALOPAY_APP_ID", "ZALOPAY_KEY2_SECRET"),
        optional=(EDGE_SECRET, "MAINTENANCE"),
        why="One transaction; ZaloPay does not wait long and comes again, so more time would help nobody.",
        access=(*_DECIDING, _KNOWN_TRANSACTION),
        busy=0.4,
    ),
    "connections": Function(
        timeout=20,
        memory=512,
        environment=(
            "STAYS_TABLE",
            "CONNECTIONS_TABLE",
            "WEBSOCKET_ENDPOINT",
            "WEBSOCKET_IDENTITY",
            "ALLOWED_ORIGINS",
            "JWT_ISSUER",
            "JWT_AUDIENCE",
        ),
        optional=(EDGE_SECRET,),
        why="The issuer's keys once an hour (3 s at worst), the tables, a post twice (6 s each); CPU for signatures.",
        busy=2,
        access=(
            Access("stays", ("Query",), through="by_user"),
            Access("stays", ("BatchGetItem",), (*_STAY, "AUCTION#*")),
            Access("connections", ("GetItem", "PutItem"), ("CONNECTION#*", "USER#*")),
            Access("connections", ("Query",), ("USER#*",)),
            _TELLING,
        ),
    ),
    "awards": Function(
        timeout=10,
        memory=512,
        environment=("STAYS_TABLE", "EMAIL_KEY_SECRET"),
        why="A few writes; nobody waits for them.",
        access=(
            Access("stays", ("BatchGetItem",), ("ERASED#*",)),
            Access("stays", ("GetItem", "ConditionCheckItem"), _STAY),
            Access("stays", ("Query", "UpdateItem"), ("AUCTION#*",)),
            Access("stays", ("PutItem",), ("AUCTION#*", "REFUSED")),
            Access("stays", ("UpdateItem",), _CALENDAR),
        ),
    ),
    "notifier": Function(
        timeout=30,
        memory=256,
        environment=("STAYS_TABLE", "CONNECTIONS_TABLE", "WEBSOCKET_ENDPOINT", "POSTS_PER_SECOND", "RECORDS_BUCKET"),
        why="100 records: 64 posts at a time at its share of the rate, 2 s for who is joining; the least CPU for that.",
        access=(
            Access("stays", ("BatchGetItem",), (*_STAY, "AUCTION#*")),
            Access("connections", ("Query",), ("USER#*",)),
            _TELLING,
        ),
    ),
    "fulfilment": Function(
        timeout=30,
        memory=512,
        environment=(
            "STAYS_TABLE",
            "CONNECTIONS_TABLE",
            "MAIL_SENDER",
            "MAIL_CONFIGURATION",
            "MAIL_PAGES",
            "MAILS_OFF",
            "REFUND_POLICY",
            "FRONTEND_URL",
            "EVENT_BUS",
            "MAILS_PER_SECOND",
            "RECORDS_BUCKET",
        ),
        why="Ten mails in parallel, 15 s to wait for a turn and 15 s for a mail; events in a call or two.",
        access=(
            Access("stays", ("BatchGetItem", "PutItem"), (*_STAY, "AUCTION#*")),
            Access("stays", ("GetItem",), (*_STAY, "AUCTION#*", "USER#*")),
            Access("stays", ("UpdateItem",), _STAY),
            Access("connections", ("GetItem", "PutItem"), ("ADDRESS#*",)),
        ),
    ),
    "reconciliation": Function(
        timeout=55,
        memory=512,
        environment=("STAYS_TABLE", *_ZALOPAY),
        why="A round ends before the next minute begins; CPU for 16 conversations with ZaloPay at a time.",
        access=(
            *_DECIDING,
            _KNOWN_TRANSACTION,
            *_OFFERING_ON,
            Access("stays", ("Query",), _SHARDS, through="due"),
        ),
    ),
}

# The kinds of mail that a stage can switch off, and the pages that mails lead to. A stage may have pages of its own.
MAILS = (
    *("confirmation", "cancellation", "refund", "refunded", "review", "failed"),
    *("host_confirmation", "host_cancellation", "win", "offer", "reminder"),
)
MAIL_PAGES = {
    "win": "/dashboard/winners?auctionId={auctionId}",
    "offer": "/dashboard/offers?offerId={offerId}",
    "payment": "/dashboard/payment/zalopay/{stayId}",
    "booking": "/dashboard/payment/confirmation?sessionId={stayId}",
    "host": "/dashboard/bookings/{stayId}",
}

PREFIX = "/api/v1"
_PATHS = (
    Route("GET", "/health", "payments", public=True),
    Route("POST", "/payment/zalopay/create", "payments", calls=1),
    Route("POST", "/payment/zalopay/callback", "zalopay_callback", public=True, calls=2),
    Route("GET", "/payment/zalopay/status/{appTransId}", "payments"),
    Route("GET", "/payment/sessions/{sessionId}", "payments"),
    Route("GET", "/payment/transactions/{transactionId}", "payments"),
    Route("POST", "/payment/{paymentId}/booking", "payments"),
    Route("GET", "/payment/{paymentId}/booking", "payments"),
    Route("POST", "/bookings", "bookings"),
    Route("GET", "/user/bookings", "bookings"),
    Route("DELETE", "/bookings/{bookingId}", "bookings"),
    Route("POST", "/bookings/{bookingId}/update-calendar", "bookings"),
    Route("POST", "/bookings/{bookingId}/conversation", "bookings"),
    Route("POST", "/bookings/{bookingId}/send-confirmation", "bookings"),
    Route("POST", "/users/auth0-sync", "bookings"),
    Route("GET", "/auctions/winners/me", "auctions"),
    Route("GET", "/auctions/winners/{auctionId}", "auctions"),
    Route("POST", "/auctions/winners/{auctionId}/accept", "auctions"),
    Route("POST", "/auctions/winners/{auctionId}/decline", "auctions"),
    Route("GET", "/auctions/offers/second-chance/me", "auctions"),
    Route("GET", "/auctions/offers/second-chance/{offerId}", "auctions"),
    Route("POST", "/auctions/offers/second-chance/{offerId}/accept", "auctions"),
    Route("POST", "/auctions/offers/second-chance/{offerId}/decline", "auctions"),
    Route("POST", "/auctions/offers/{offerId}/accept", "auctions"),
    Route("POST", "/auctions/offers/{offerId}/decline", "auctions"),
    Route("POST", "/auctions/analytics/decline", "auctions"),
    Route("GET", "/properties/{propertyId}/calendar", "calendars"),
    Route("POST", "/properties/{propertyId}/calendar/feed", "calendars"),
    Route("DELETE", "/properties/{propertyId}/calendar/feed", "calendars"),
    Route("GET", "/calendars/{feed}", "calendars", public=True, calls=1),
)
SERVED = tuple(route._replace(path=PREFIX + route.path) for route in _PATHS)
ANSWERED = (*SERVED, *(route._replace(method="HEAD") for route in SERVED if route.method == "GET"))
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

# A wrong method on one of our paths reaches the same function, which returns 405. Any other path reaches `payments`,
# which returns 404. Both answers have the contract's shape.
#
# ANY or $default would also catch OPTIONS, and their authorizer would refuse the browser's preflight request.
ROUTES = (
    *ANSWERED,
    *(
        Route(method, path, function)
        for path, function in sorted({(route.path, route.function) for route in SERVED})
        for method in _METHODS
        if not any(route.path == path and route.method == method for route in ANSWERED)
    ),
    *(Route(method, "/{proxy+}", "payments") for method in _METHODS),
)

HTTP_CALLS = 10  # of each winner who pays: pages, create, callback, and polls every 3 s

CORS_METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
CORS_HEADERS = ("authorization", "content-type")
CORS_MAX_AGE = 600

# If a stage has a legacy backend, the gateway passes it every other path under the prefix. The gateway does not check
# the tokens: the legacy backend does. The methods are the same as above, so that no legacy route catches a call to one
# of our paths. Browsers of the legacy backend may use all these methods.
LEGACY = "legacy"
LEGACY_ROUTES = tuple(Route(method, f"{PREFIX}/{{proxy+}}", LEGACY, public=True) for method in _METHODS)
LEGACY_CORS_METHODS = (*_METHODS, "OPTIONS")
LEGACY_TIMEOUT = 29  # seconds; the CDK allows no more

WEBSOCKET_STAGE = "payment-notifications"
WEBSOCKET_CALLS = 10  # of each winner who pays: connections, frames and PINGs of some tabs
WEBSOCKET_ROUTE_CALLS = {"SUBSCRIBE": 3}  # a SUBSCRIBE may wait for its user's call, so it costs most
WEBSOCKET_SELECTION = "$request.body.type"
WEBSOCKET_ROUTES = {
    "$connect": "connections",
    "$disconnect": "connections",
    "$default": "connections",
    "SUBSCRIBE": "connections",
    "PING": "connections",
}


_Images = tuple[dict[str, Any], dict[str, Any]]  # patterns for the new and the old image of an item


def _changed(kinds: list[str], *choices: _Images) -> dict[str, Any]:
    """The pattern for records of these kinds of items that fit one of the choices."""
    kind = {"kind": {"S": kinds}}
    images = [{"NewImage": kind | new, **({"OldImage": old} if old else {})} for new, old in choices]
    return {"eventName": ["MODIFY"], "$or": [{"dynamodb": each} for each in images]}


def _turned(attribute: str, value: str) -> _Images:
    """The patterns for an attribute that became this value."""
    return {attribute: {"S": [value]}}, {attribute: {"S": [{"anything-but": [value]}]}}


_AWARDS = ["AWARD", "OFFER"]
_MOVING: dict[str, Any] = {"processing": {"BOOL": [True]}}
_OWED = ["REVIEW", "REFUND_DUE", "REFUNDING", "REFUNDED", "REFUND_MANUAL"]
# The notifier gets every change that a browser may be told of, and few others. A pattern compares with constants only.
#
# - A session says the same from its opening to its end, unless its money moves. After its end only the money on its way
#   back is told, and what the operator repeats.
# - An award is told when it comes, when a correction replaces it, and when it ends. A payment marks it with its
#   `checkoutId`; a correction replaces it without that mark.
_TOLD = (
    {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["SESSION", *_AWARDS]}}}},
    _changed(
        ["SESSION"],
        *(_turned("status", status) for status in ("PAID", "FAILED", "CANCELLED", "EXPIRED")),
        *(_turned("fulfilment", fulfilment) for fulfilment in ("NONE", "BOOKED")),
        ({"fulfilment": {"S": _OWED}}, {}),
        (_MOVING, {}),
        ({}, _MOVING),
        ({"tellAgainAt": {"S": [{"exists": True}]}}, {}),
    ),
    _changed(
        _AWARDS,
        *(_turned("status", status) for status in ("EXPIRED", "DECLINED", "WITHDRAWN")),
        (
            {
                "status": {"S": ["PENDING_PAYMENT", "WAITING", "LOST"]},
                "checkoutId": {"S": [{"exists": False}]},
            },
            {},
        ),
    ),
)

CONSUMERS = (
    Consumer(
        function="notifier",
        table="stays",
        filters=_TOLD,
        batch_size=100,
        parallelization=4,
    ),
    Consumer(
        function="fulfilment",
        table="stays",
        filters=(
            {
                "eventName": ["INSERT", "MODIFY"],
                "dynamodb": {"NewImage": {"kind": {"S": ["MAIL", "NOTICE"]}, "state": {"S": ["DUE"]}}},
            },
            # A pending item is no event: only a final status is published. Pending items are also written most often.
            {
                "eventName": ["INSERT", "MODIFY"],
                "dynamodb": {
                    "NewImage": {
                        "kind": {"S": ["SESSION", "AWARD", "OFFER"]},
                        "status": {"S": ["PAID", "FAILED", "CANCELLED", "EXPIRED", "DECLINED"]},
                    }
                },
            },
        ),
        batch_size=10,
        parallelization=1,  # the mails of a batch go out in parallel; each lane more would lower the rate of the others
    ),
)

SCHEDULES = (Schedule("reconciliation", every=60, inputs=tuple({"shards": [shard]} for shard in _SHARDS)),)

# The source of the events that we publish; `stays.edge.bus` has the same value. None of our rules listens to it.
EVENT_SOURCE = "stays"

RULES = (
    Rule("awards", detail_types=("AuctionResult", "SecondChanceOffer", "AuctionWithdrawn")),
    Rule("fulfilment", detail_types=("Email Bounced", "Email Complaint Received"), configuration=True),
)

TABLES = {
    "stays": Table(
        indexes={"by_user": Index("userId", "userSort"), "due": Index("dueShard", "dueAt")},
        stream=True,
        ttl="keptUntil",  # a session has an `expiresAt` of its own
    ),
    "connections": Table(indexes={}, stream=False, ttl="expiresAt"),
}
