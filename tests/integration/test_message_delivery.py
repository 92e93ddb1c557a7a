"""Posting messages over real HTTP: delivered messages, gone connections, unreachable connections."""

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import unquote

import pytest

from stays.aws.client import Management, Timeouts
from stays.aws.pace import Pace
from stays.aws.store import Store
from stays.domain.notification import BookingConfirmedMessage, Channel, PaymentStatusMessage
from stays.edge.connections import AT_ONCE, MOST_CONNECTIONS, Connection, Connections, Post, Unreachable
from stays.edge.frames import Pong
from tests.integration.tables import contents, dynamodb
from tests.samples import NOW, STRANGER, TRAVELLER

STATUS = PaymentStatusMessage(payment_id="1", user_id="Bình", status="INITIATED")
BOOKING = BookingConfirmedMessage(
    booking_id="1",
    payment_id="1",
    user_id="Bình",
    property_name="Nhà Gỗ",
    reference_number="1",
    check_in=date(2026, 12, 1),
    check_out=date(2026, 12, 2),
)
STATUS_FRAME = '{"type":"PAYMENT_STATUS","paymentId":"1","userId":"Bình","status":"INITIATED"}'.encode()
BOOKING_FRAME = (
    '{"type":"BOOKING_CONFIRMED","bookingId":"1","paymentId":"1","userId":"Bình","propertyName":"Nhà Gỗ",'
    '"referenceNumber":"1","checkIn":"2026-12-01","checkOut":"2026-12-02"}'
).encode()
NAMES = {
    403: "ForbiddenException",
    410: "GoneException",
    429: "LimitExceededException",
    500: "InternalServerError",
    503: "ServiceUnavailableException",
}


class Gateway(ThreadingHTTPServer):
    """The management API: gives each connection its answer, and keeps the messages."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers: dict[str, list[int]] = {}
        self.names = dict(NAMES)
        self.arrived: dict[str, list[bytes]] = defaultdict(list)
        self.arrived_at: dict[str, float] = {}
        self.ended: list[str] = []
        self.calls: dict[str, int] = defaultdict(int)
        self.hanging: set[str] = set()
        self.pace: Pace | None = None  # of what it takes; beyond that it answers 429
        self.over = Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        frame = self.rfile.read(int(self.headers["content-length"]))
        name, status = self.decided(good=200)
        if status == 200:
            self.server.arrived[name].append(frame)
            self.server.arrived_at[name] = time.monotonic()
        self.answer(status)

    def do_DELETE(self) -> None:
        name, status = self.decided(good=204)
        if status == 204:
            self.server.ended.append(name)
        self.answer(status)

    def decided(self, good: int) -> tuple[str, int]:
        """The connection, and the status to answer; 0 for no answer."""
        prefix, _, name = unquote(self.path).rpartition("/")
        assert prefix == "/@connections"
        self.server.calls[name] += 1
        if name in self.server.hanging:
            self.server.over.wait(20)
            return name, 0
        if self.server.pace and self.server.pace.turn(now := time.monotonic(), now) is None:
            return name, 429
        return name, (self.server.answers.get(name) or [good]).pop(0)

    def answer(self, status: int) -> None:
        if not status:
            return
        content = b"" if status < 300 else json.dumps({"message": "no"}).encode()
        self.send_response(status)
        if error := self.server.names.get(status):
            self.send_header("x-amzn-ErrorType", error)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def connections(aws: None) -> Connections:
    return Connections(Store(dynamodb(), "connections"))


def post(url: str, connections: Connections, attempts: int = 1) -> Post:
    """As functions post, but for the number of attempts."""
    return Post(Management(url, Timeouts(attempt=1.0, attempts=attempts)), connections)


def listening(
    connections: Connections, name: str, user_id: str = TRAVELLER, channels: tuple[Channel, ...] | None = None
) -> Connection:
    made = Connection(connection_id=name, fingerprint="f", opened_at=NOW, user_id=user_id)
    made = made if channels is None else made.but(channels=channels)
    connections.subscribe(made)
    return made


def at(name: str) -> Connection:
    """A connection that is not listed."""
    return Connection(connection_id=name, fingerprint="f", opened_at=NOW, user_id=TRAVELLER)


def test_each_connection_gets_its_messages_in_order_as_compact_utf_8(
    gateway: Gateway, connections: Connections
) -> None:
    first, second = listening(connections, "c1="), listening(connections, "c2=", STRANGER)
    assert post(gateway.url, connections).tell([(first, [STATUS, BOOKING]), (second, [BOOKING])]) == []
    assert gateway.arrived == {"c1=": [STATUS_FRAME, BOOKING_FRAME], "c2=": [BOOKING_FRAME]}


def test_only_subscribed_channels_are_told(gateway: Gateway, connections: Connections) -> None:
    narrow = listening(connections, "c1=", channels=("booking_confirmations",))
    silent = listening(connections, "c2=", channels=())
    assert post(gateway.url, connections).tell([(narrow, [STATUS, BOOKING]), (silent, [STATUS, BOOKING])]) == []
    assert gateway.arrived == {"c1=": [BOOKING_FRAME]}


def test_without_messages_nothing_is_sent(connections: Connections) -> None:
    assert post("http://127.0.0.1:9", connections).tell([]) == []


@pytest.mark.parametrize("name", ["GoneException", "SomethingElse", None])
def test_a_connection_that_is_gone_is_forgotten_and_was_reached_as_well_as_it_can_be(
    gateway: Gateway, connections: Connections, name: str | None
) -> None:
    gone, alive = listening(connections, "gone="), listening(connections, "alive=")
    gateway.answers["gone="] = [410]
    gateway.names = {410: name} if name else {}
    assert post(gateway.url, connections).tell([(gone, [STATUS, BOOKING]), (alive, [STATUS])]) == []
    assert gateway.calls["gone="] == 1
    assert connections.load_of(TRAVELLER) == [alive]
    assert connections.find("gone=") is None
    assert set(contents("connections")) == {
        ("CONNECTION#alive=", "CONNECTION"),
        (f"USER#{TRAVELLER}", "CONNECTION#alive="),
    }


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_fault_leaves_the_connection_to_be_told_again(
    gateway: Gateway, connections: Connections, status: int
) -> None:
    faulty, alive = listening(connections, "faulty="), listening(connections, "alive=")
    gateway.answers["faulty="] = [status]
    assert post(gateway.url, connections).tell([(faulty, [STATUS, BOOKING]), (alive, [STATUS])]) == [faulty]
    assert (gateway.calls["faulty="], len(gateway.arrived["alive="])) == (1, 1)
    assert connections.find("faulty=") == faulty


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (429, "LimitExceededException"),
        (429, "ThrottlingException"),
        (429, "TooManyRequestsException"),
        (429, None),
        (500, "InternalServerError"),
        (502, None),
        (503, "ServiceUnavailableException"),
        (504, None),
    ],
)
def test_a_passing_fault_is_tried_again_at_once(
    gateway: Gateway, connections: Connections, status: int, name: str | None
) -> None:
    faulty = listening(connections, "faulty=")
    gateway.answers["faulty="] = [status, 200]
    gateway.names = {status: name} if name else {}
    assert post(gateway.url, connections, attempts=2).tell([(faulty, [STATUS])]) == []
    assert (gateway.calls["faulty="], len(gateway.arrived["faulty="])) == (2, 1)


def test_a_fault_that_stays_is_tried_three_times_and_no_more(gateway: Gateway, connections: Connections) -> None:
    faulty = listening(connections, "faulty=")
    gateway.answers["faulty="] = [503] * 9
    shipped = Post(Management(gateway.url), connections)
    assert shipped.tell([(faulty, [STATUS])]) == [faulty]
    assert gateway.calls["faulty="] == 3


def test_a_busy_gateway_is_waited_for_and_nobody_misses_a_message(gateway: Gateway, connections: Connections) -> None:
    gateway.pace = Pace(150)
    queues = [(at(f"c{number}="), [STATUS, BOOKING]) for number in range(100)]
    assert post(gateway.url, connections).tell(queues, time.monotonic() + 20) == []
    assert gateway.arrived == {each.connection_id: [STATUS_FRAME, BOOKING_FRAME] for each, _ in queues}
    assert sum(gateway.calls.values()) > 200


def test_what_a_busy_gateway_does_not_take_in_time_is_told_again(gateway: Gateway, connections: Connections) -> None:
    gateway.answers = {f"c{number}=": [429] * 99 for number in range(20)}
    listed = [at(name) for name in gateway.answers]
    began = time.monotonic()
    assert post(gateway.url, connections).tell([(each, [STATUS]) for each in listed], began + 1.5) == listed
    assert time.monotonic() - began < 3
    assert max(gateway.calls.values()) > 3  # a 429 is no attempt


def test_posts_keep_to_their_pace(gateway: Gateway, connections: Connections) -> None:
    management = Management(gateway.url, pace=Pace(200, 20))
    queues = [(at(f"c{number}="), [STATUS]) for number in range(120)]
    began = time.monotonic()
    assert Post(management, connections).tell(queues) == []
    assert time.monotonic() - began > 0.49
    arrived = [moment - began for moment in gateway.arrived_at.values()]
    assert sum(moment < 0.25 for moment in arrived) <= 70


def test_a_post_whose_turn_comes_too_late_is_not_sent(gateway: Gateway, connections: Connections) -> None:
    management = Management(gateway.url, pace=Pace(20))
    queues = [(at(f"c{number}="), [STATUS]) for number in range(30)]
    began = time.monotonic()
    unreached = Post(management, connections).tell(queues, began + 0.5)
    assert time.monotonic() - began < 1.2  # the last turn would come after 1.45 s
    assert 1 <= len(gateway.arrived) <= 11
    assert [each.connection_id for each in unreached] == [
        each.connection_id for each, _ in queues if each.connection_id not in gateway.arrived
    ]


def test_all_connections_of_a_user_hang_and_everybody_else_is_told_before_they_are_given_up(
    gateway: Gateway, connections: Connections
) -> None:
    hanging = [listening(connections, f"hang{number}=") for number in range(MOST_CONNECTIONS)]
    alive = [listening(connections, f"alive{number}=", STRANGER) for number in range(2 * AT_ONCE)]
    gateway.hanging = {each.connection_id for each in hanging}
    letters = [(each, [STATUS]) for each in [*hanging, *alive]]
    began = time.monotonic()
    assert post(gateway.url, connections).tell(letters) == hanging
    took = time.monotonic() - began
    assert {name: len(frames) for name, frames in gateway.arrived.items()} == {each.connection_id: 1 for each in alive}
    assert max(gateway.arrived_at.values()) - began < took < len(hanging)  # one by one, each would take a second
    assert {gateway.calls[each.connection_id] for each in hanging} == {1}


def test_a_dismissed_connection_is_closed_and_deleted(gateway: Gateway, connections: Connections) -> None:
    first, second, stays = (listening(connections, f"c{number}=") for number in range(3))
    post(gateway.url, connections).dismiss([first, second])
    assert sorted(gateway.ended) == ["c0=", "c1="]
    assert connections.load_of(TRAVELLER) == [stays]
    assert connections.find("c0=") is None


@pytest.mark.parametrize("status", [403, 500])
def test_a_connection_that_cannot_be_closed_stays_listed_and_delays_no_other(
    gateway: Gateway, connections: Connections, status: int
) -> None:
    faulty, other = listening(connections, "faulty="), listening(connections, "other=")
    gateway.answers["faulty="] = [status]
    post(gateway.url, connections).dismiss([faulty, other])
    assert gateway.ended == ["other="]
    assert connections.load_of(TRAVELLER) == [faulty]


@pytest.mark.parametrize("name", ["GoneException", None])
def test_a_connection_that_is_already_gone_is_deleted_when_dismissed(
    gateway: Gateway, connections: Connections, name: str | None
) -> None:
    mine = listening(connections, "c1=")
    gateway.names = {410: name} if name else {}
    gateway.answers["c1="] = [410]
    post(gateway.url, connections).dismiss([mine])
    assert (gateway.ended, connections.load_of(TRAVELLER)) == ([], [])


def test_a_connection_that_is_only_closed_stays_listed(gateway: Gateway, connections: Connections) -> None:
    mine = listening(connections, "c1=")
    post(gateway.url, connections).end("c1=")
    assert (gateway.ended, connections.load_of(TRAVELLER)) == (["c1="], [mine])


def test_if_the_gateway_is_unreachable_every_connection_is_to_be_told_again(connections: Connections) -> None:
    mine = listening(connections, "c1=")
    nobody_listens = "http://127.0.0.1:9"  # the discard port
    assert post(nobody_listens, connections).tell([(mine, [STATUS])]) == [mine]
    assert connections.find("c1=") == mine


def test_c14_a_frame_is_answered_on_its_own_connection_whatever_it_subscribed_to(
    gateway: Gateway, connections: Connections
) -> None:
    assert post(gateway.url, connections).reply("c1=", Pong())
    assert gateway.arrived == {"c1=": [b'{"type":"PONG"}']}


def test_an_answer_to_a_connection_that_is_gone_forgets_it(gateway: Gateway, connections: Connections) -> None:
    connections.open(Connection(connection_id="c1=", fingerprint="f", opened_at=NOW))
    gateway.answers["c1="] = [410]
    assert not post(gateway.url, connections).reply("c1=", Pong())
    assert connections.find("c1=") is None


def test_an_answer_that_does_not_arrive_is_a_fault(gateway: Gateway, connections: Connections) -> None:
    gateway.answers["c1="] = [403]
    with pytest.raises(Unreachable, match="ForbiddenException"):
        post(gateway.url, connections).reply("c1=", Pong())
