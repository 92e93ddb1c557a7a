"""The shape of the system as data: what `cdk deploy` builds and `make run` serves. Imports nothing but `typing`."""

from typing import Any, NamedTuple


class Function(NamedTuple):
    """One Lambda: `functions/<name>.py`, whose last function is `handler`."""

    timeout: int  # seconds
    memory: int  # MB
    environment: tuple[str, ...]  # the settings it reads; a missing one kills the start


class Route(NamedTuple):
    """One route of the HTTP API. `path` as API Gateway spells it."""

    method: str
    path: str
    function: str
    public: bool = False


class Consumer(NamedTuple):
    """A function that reads the stream of a table. Times in seconds."""

    function: str
    table: str
    filters: tuple[dict[str, Any], ...]
    batch_size: int
    parallelization: int
    retries: int
    max_age: int


class Schedule(NamedTuple):
    """A function that the clock calls."""

    function: str
    every: int  # seconds


class Rule(NamedTuple):
    """A function that gets events off the bus."""

    function: str
    detail_types: tuple[str, ...]


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

FUNCTIONS = {
    "payments": Function(
        timeout=25,
        memory=512,
        environment=("STAYS_TABLE", "CONNECTIONS_TABLE", "FRONTEND_URL", "CALLBACK_URL", *_ZALOPAY),
    ),
    "bookings": Function(timeout=10, memory=512, environment=("STAYS_TABLE", "REFUND_POLICY")),
    "zalopay_callback": Function(
        timeout=10, memory=512, environment=("STAYS_TABLE", "ZALOPAY_APP_ID", "ZALOPAY_KEY2_SECRET")
    ),
    "connections": Function(
        timeout=10,
        memory=512,
        environment=(
            "STAYS_TABLE",
            "CONNECTIONS_TABLE",
            "WEBSOCKET_ENDPOINT",
            "WEBSOCKET_IDENTITY",
            "JWT_ISSUER",
            "JWT_AUDIENCE",
        ),
    ),
    "awards": Function(timeout=10, memory=512, environment=("STAYS_TABLE",)),
    "notifier": Function(
        timeout=30, memory=512, environment=("STAYS_TABLE", "CONNECTIONS_TABLE", "WEBSOCKET_ENDPOINT")
    ),
    "fulfilment": Function(
        timeout=30, memory=512, environment=("STAYS_TABLE", "CONNECTIONS_TABLE", "MAIL_SENDER", "FRONTEND_URL")
    ),
    "reconciliation": Function(timeout=55, memory=512, environment=("STAYS_TABLE", *_ZALOPAY)),
}

_PREFIX = "/api/v1"
_PATHS = (
    Route("GET", "/health", "payments", public=True),
    Route("POST", "/payment/zalopay/create", "payments"),
    Route("POST", "/payment/zalopay/callback", "zalopay_callback", public=True),
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
)
_SERVED = tuple(route._replace(path=_PREFIX + route.path) for route in _PATHS)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# A wrong method on a path of ours reaches the same function, which answers 405; any other path
# reaches `payments`, which answers 404: both in the contract's shape. Not as ANY or $default: these
# would catch OPTIONS too, and their authorizer would refuse the browser's preflight.
ROUTES = (
    *_SERVED,
    *(
        Route(method, path, function)
        for path, function in sorted({(route.path, route.function) for route in _SERVED})
        for method in _METHODS
        if not any(route.path == path and route.method == method for route in _SERVED)
    ),
    *(Route(method, "/{proxy+}", "payments") for method in _METHODS),
)

CORS_METHODS = ("GET", "POST", "DELETE", "OPTIONS")
CORS_HEADERS = ("authorization", "content-type")
CORS_MAX_AGE = 600

WEBSOCKET_STAGE = "payment-notifications"
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
        ),
        batch_size=10,
        parallelization=4,
        retries=5,
        max_age=3600,
    ),
)

SCHEDULES = (Schedule("reconciliation", every=60),)

RULES = (Rule("awards", detail_types=("AuctionResult", "SecondChanceOffer")),)

TABLES = {
    "stays": Table(
        indexes={"by_user": Index("userId", "userSort"), "due": Index("dueShard", "dueAt")},
        stream=True,
        ttl=None,
    ),
    "connections": Table(indexes={}, stream=False, ttl="expiresAt"),
}
