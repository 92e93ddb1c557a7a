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
    close them. The event bus lets it publish. `access` lists the tables.
    """

    timeout: int  # seconds
    memory: int  # MB
    environment: tuple[str, ...]  # the settings that it reads; without one of them the function does not start
    why: str = ""  # the reason for this timeout and this memory
    access: tuple[Access, ...] = ()
    optional: tuple[str, ...] = ()  # settings that it gets only where the environment has a value for them
    reserved: int | None = None  # concurrent invocations reserved for this function, in stages that reserve any

    def choose_settings(self, settings: dict[str, str]) -> dict[str, str]:
        """Choose its settings from `settings`. Raises KeyError if a required one is missing."""
        needed = {name: settings[name] for name in self.environment}
        return needed | {name: settings[name] for name in self.optional if name in settings}


class Throttle(NamedTuple):
    """The request rate that a gateway allows, for all callers together."""

    rate: int  # per second
    burst: int


class Route(NamedTuple):
    """One route of the HTTP API. `path` is written as API Gateway writes it."""

    method: str
    path: str
    function: str
    public: bool = False
    throttle: Throttle | None = None  # None: the throttle of the whole API


class Consumer(NamedTuple):
    """A function that reads the stream of a table. Times are in seconds."""

    function: str
    table: str
    filters: tuple[dict[str, Any], ...]
    batch_size: int
    parallelization: int
    retries: int
    max_age: int


class Schedule(NamedTuple):
    """A function that the clock starts. Times are in seconds."""

    function: str
    every: int
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


_ZALOPAY = ("ZALOPAY_ENDPOINT", "ZALOPAY_APP_ID", "ZALOPAY_KEY1_SECRET")

_STAY = ("STAY#*",)
_NIGHT = ("PROPERTY#*",)
_CALENDAR = ("CALENDAR#*",)

# A decision about a session touches the session, its booking, nights, mail and timeline, and the award that it paid. If
# the award is already over, it also touches the current offer. If the award is paid while a correction waits, the
# correction is recorded as a refused event.
_DECIDING = (
    Access("stays", ("GetItem",), (*_STAY, "AUCTION#*")),
    Access("stays", ("Query", "ConditionCheckItem"), ("AUCTION#*",)),
    Access("stays", ("PutItem",), (*_STAY, *_NIGHT, "AUCTION#*", "TRANSACTION#*", "REFUSED")),
    Access("stays", ("UpdateItem",), (*_STAY, "AUCTION#*")),
    Access("stays", ("DeleteItem",), _NIGHT),
)
# A session with a known transaction has a copy under TRANSACTION#. The copy changes with the session: when the user is
# told, when the booking is cancelled, when a refund moves on, and when a review ends in a booking.
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
        why="20 s for calls to ZaloPay, 5 s to wait for a turn, within the gateway's 30 s; CPU for its start.",
        access=(
            *_DECIDING,
            Access("stays", ("GetItem",), ("TRANSACTION#*",)),
            _KNOWN_TRANSACTION,
            Access("stays", ("UpdateItem",), ("USER#*",)),
            Access("connections", ("PutItem",), ("USER#*",)),
        ),
    ),
    "auctions": Function(
        timeout=28,
        memory=512,
        environment=("STAYS_TABLE", "CONNECTIONS_TABLE", "PARTIAL_WIN_PAGE", *_ZALOPAY),
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
        environment=("STAYS_TABLE", "REFUND_POLICY", *_ZALOPAY),
        optional=("LEGACY_API_URL",),
        why="A reservation's order may be open: 20 s for calls to ZaloPay, 5 s to wait for a turn; CPU at start.",
        access=(
            *_DECIDING,
            _KNOWN_TRANSACTION,
            Access("stays", ("Query",), through="by_user"),
            Access("stays", ("GetItem", "UpdateItem"), ("USER#*",)),
            Access("stays", ("BatchGetItem",), _STAY),
            *_OFFERING_ON,
        ),
    ),
    "calendars": Function(
        timeout=10,
        memory=512,
        environment=("STAYS_TABLE", "API_URL"),
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
        why="One transaction; ZaloPay does not wait long and comes again, so more time would help nobody.",
        access=(*_DECIDING, _KNOWN_TRANSACTION),
        reserved=20,
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
        why="The issuer's keys once an hour (3 s at worst), the tables, a post twice (6 s each); CPU for signatures.",
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
        environment=("STAYS_TABLE",),
        why="A few writes; nobody waits for them.",
        access=(
            Access("stays", ("GetItem", "ConditionCheckItem"), _STAY),
            Access("stays", ("Query", "UpdateItem"), ("AUCTION#*",)),
            Access("stays", ("PutItem",), ("AUCTION#*", "REFUSED")),
            Access("stays", ("UpdateItem",), _CALENDAR),
        ),
    ),
    "notifier": Function(
        timeout=30,
        memory=512,
        environment=("STAYS_TABLE", "CONNECTIONS_TABLE", "WEBSOCKET_ENDPOINT"),
        why="25 records: 16 posts at a time of at most 6 s each, 2 s for who is joining; CPU for TLS to the gateway.",
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
        ),
        why="Ten mails one after the other, each rendered and handed to SES; events in a call or two.",
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
        why="A round ends before the next minute begins; CPU for eight conversations with ZaloPay at a time.",
        access=(
            *_DECIDING,
            _KNOWN_TRANSACTION,
            *_OFFERING_ON,
            Access("stays", ("Query",), ("0", "1", "2", "3"), through="due"),
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
    Route("POST", "/payment/zalopay/create", "payments", throttle=Throttle(rate=50, burst=100)),
    Route("POST", "/payment/zalopay/callback", "zalopay_callback", public=True, throttle=Throttle(rate=100, burst=200)),
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
    Route("GET", "/calendars/{feed}", "calendars", public=True, throttle=Throttle(rate=50, burst=100)),
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

HTTP_THROTTLE = Throttle(rate=500, burst=1000)

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
WEBSOCKET_THROTTLE = Throttle(rate=500, burst=1000)
WEBSOCKET_SELECTION = "$request.body.type"
WEBSOCKET_ROUTES = {
    "$connect": "connections",
    "$disconnect": "connections",
    "$default": "connections",
    "SUBSCRIBE": "connections",
    "PING": "connections",
}

CONSUMERS = (
    Consumer(
        function="notifier",
        table="stays",
        filters=(
            {
                "eventName": ["INSERT", "MODIFY"],
                "dynamodb": {"NewImage": {"kind": {"S": ["SESSION", "AWARD", "OFFER"]}}},
            },
        ),
        batch_size=25,
        parallelization=4,
        retries=5,
        max_age=3600,
    ),
    Consumer(
        function="fulfilment",
        table="stays",
        filters=(
            {
                "eventName": ["INSERT", "MODIFY"],
                "dynamodb": {"NewImage": {"kind": {"S": ["MAIL"]}, "state": {"S": ["DUE"]}}},
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
        parallelization=4,
        retries=5,
        max_age=3600,
    ),
)

SCHEDULES = (Schedule("reconciliation", every=60),)

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
        ttl=None,
    ),
    "connections": Table(indexes={}, stream=False, ttl="expiresAt"),
}
