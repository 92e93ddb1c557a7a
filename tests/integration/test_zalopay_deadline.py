"""A call to ZaloPay ends in time even if its bytes arrive slowly: over real sockets, with and without TLS."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from stays.domain.decision import Outcome
from stays.domain.refund import RefundOutcome
from stays.zalopay.client import SHORTEST, TIMEOUT, Client
from stays.zalopay.deadline import DeadlineTransport
from tests.conftest import KEY1
from tests.samples import APP_ID, NOW, pending, refunding

LONGEST = 0.35  # seconds: the real limit is 6
LATE = 1.0  # seconds that a busy machine may take longer
PIECE = 0.05  # seconds between two bytes
PAID = {"return_code": 1, "amount": 900_000, "zp_trans_id": 261122000000175}
Wire = Callable[[socket.socket], None]


def written(content: Any) -> bytes:
    body = json.dumps(content).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def heard(connection: socket.socket) -> bool:
    """Whether a whole request arrived: the form ends with its only closing brace."""
    request = b""
    while not request.endswith(b"}"):
        piece = connection.recv(65_536)
        if not piece:
            return False
        request += piece
    return True


def answers(connection: socket.socket) -> None:
    """Answer every request of the connection at once."""
    while heard(connection):
        connection.sendall(written(PAID))


def trickles(after: int) -> Wire:
    """Send the first bytes at once and the rest one by one."""

    def wire(connection: socket.socket) -> None:
        heard(connection)
        answer = written(PAID)
        connection.sendall(answer[:after])
        for byte in answer[after:]:
            connection.sendall(bytes([byte]))
            sleep(PIECE)

    return wire


def listens(connection: socket.socket) -> None:
    """Read everything and answer nothing."""
    while connection.recv(65_536):
        pass


def hurries_on(connection: socket.socket) -> None:
    """Send interim answers without end, as fast as possible."""
    heard(connection)
    while True:
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)


HEADERS = written(PAID).index(b"\r\n\r\n")
SLOW = {
    "the headers trickle": trickles(0),
    "the body trickles": trickles(HEADERS + 6),
    "nothing comes": listens,
    "too much comes": hurries_on,
}


class Server:
    """Replaces ZaloPay's server, on a free port. `connected` counts the connections."""

    def __init__(self, wire: Wire) -> None:
        self.connected = 0
        self._wire = wire
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connected += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._wire(connection)
        except OSError:
            pass  # the client closed the connection
        finally:
            connection.close()

    def close(self) -> None:
        self._listening.close()
        for connection in self._open:
            connection.close()


@contextmanager
def serving(wire: Wire) -> Iterator[Server]:
    server = Server(wire)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def speaking(url: str, trusted: ssl.SSLContext | None = None, **limits: float) -> Iterator[Client]:
    with httpx.Client(base_url=url, timeout=TIMEOUT, transport=DeadlineTransport(trusted)) as http:
        yield Client(http, APP_ID, lambda *, fresh=False: KEY1, **{"longest": LONGEST} | limits)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    began = monotonic()
    yield
    assert monotonic() - began < seconds + LATE


@pytest.fixture
def to() -> Iterator[Callable[..., tuple[Server, Client]]]:
    """Returns a function that starts a server and a client of it."""
    with ExitStack() as open_:

        def begin(wire: Wire, **limits: float) -> tuple[Server, Client]:
            server = open_.enter_context(serving(wire))
            return server, open_.enter_context(speaking(f"http://127.0.0.1:{server.port}", **limits))

        yield begin


def test_calls_end_in_time_however_slowly_their_answers_come_each_in_a_thread_of_its_own(to: Any) -> None:
    clients = [to(wire)[1] for wire in SLOW.values()]
    with ThreadPoolExecutor(len(clients)) as threads, at_most(LONGEST):
        heard = list(threads.map(lambda zalopay: zalopay.query(pending(), "poll").outcome, clients))
    assert dict(zip(SLOW, heard, strict=True)) == dict.fromkeys(SLOW, Outcome.UNKNOWN)


def test_an_answer_in_time_is_read_also_where_it_comes_in_pieces(to: Any) -> None:
    _, zalopay = to(trickles(len(written(PAID)) - 3))
    assert zalopay.query(pending(), "poll").outcome is Outcome.PAID


def test_one_connection_serves_call_after_call(to: Any) -> None:
    server, zalopay = to(answers)
    outcomes = [zalopay.query(pending(), "poll").outcome for _ in range(3)]
    assert (outcomes, server.connected) == ([Outcome.PAID] * 3, 1)


def then(first: Wire, others: Wire) -> Wire:
    """Serve the first connection in another way than the others."""
    wires = iter([first])

    def wire(connection: socket.socket) -> None:
        next(wires, others)(connection)

    return wire


def test_the_rest_of_an_abandoned_answer_is_not_read_by_the_next_call(to: Any) -> None:
    server, zalopay = to(then(trickles(HEADERS + 6), answers))
    assert zalopay.query(pending(), "poll").outcome is Outcome.UNKNOWN
    assert zalopay.query(pending(), "poll").outcome is Outcome.PAID
    assert server.connected == 2


def test_all_calls_of_one_request_share_its_time_and_one_that_has_too_little_left_is_not_sent(to: Any) -> None:
    server, zalopay = to(listens)
    request = zalopay.with_time_limit(LONGEST + SHORTEST / 2)
    with at_most(LONGEST):
        assert request.query(pending(), "poll").outcome is Outcome.UNKNOWN
        assert request.refund(refunding(), NOW).outcome is RefundOutcome.UNKNOWN
        assert not request.cancel_order(pending())
    assert server.connected == 1


def test_a_part_of_a_request_has_no_more_time_than_the_whole(to: Any) -> None:
    server, zalopay = to(answers)
    for short in (zalopay.with_time_limit(0).with_time_limit(60), zalopay.with_time_limit(60).with_time_limit(0)):
        assert short.query(pending(), "poll").outcome is Outcome.UNKNOWN
    assert server.connected == 0
    assert zalopay.query(pending(), "poll").outcome is Outcome.PAID


def test_a_second_try_with_a_fresh_key_has_no_time_of_its_own(to: Any) -> None:
    longest = 0.7

    def rotated(connection: socket.socket) -> None:
        for seconds, answer in ((longest * 0.5, {"return_code": -402}), (longest * 0.7, PAID)):
            heard(connection)
            sleep(seconds)
            connection.sendall(written(answer))

    _, zalopay = to(rotated, longest=longest)
    assert zalopay.query(pending(), "poll").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", f"http://{'x' * 64}.invalid"], ids=["refused", "no such host"])
def test_an_unreachable_zalopay_is_unknown(url: str) -> None:
    with speaking(url) as zalopay, at_most(LONGEST):
        assert zalopay.query(pending(), "poll").outcome is Outcome.UNKNOWN


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of localhost, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ZaloPay")])
    today = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "zalopay.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(built.public_bytes(Encoding.PEM) + secret)
    return file


@pytest.fixture
def over_tls(certificate: Path) -> Callable[[Wire], Wire]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def encrypted(wire: Wire) -> Wire:
        def secret(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as private:
                wire(private)

        return secret

    return encrypted


@pytest.mark.parametrize(
    ("wire", "outcome"),
    [(answers, Outcome.PAID), (trickles(HEADERS + 6), Outcome.UNKNOWN)],
    ids=["answers", "trickles"],
)
def test_over_tls_a_call_is_heard_or_ends_in_time(
    over_tls: Any, certificate: Path, wire: Wire, outcome: Outcome
) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate))
    with serving(over_tls(wire)) as server, speaking(f"https://localhost:{server.port}", trusted) as zalopay:
        for _ in range(2 if outcome is Outcome.PAID else 1):
            with at_most(LONGEST):
                assert zalopay.query(pending(), "poll").outcome is outcome
    assert server.connected == 1


def trickles_the_handshake(connection: socket.socket) -> None:
    connection.recv(65_536)
    for byte in b"\x16\x03\x03\x40\x00" + bytes(1_000):
        connection.sendall(bytes([byte]))
        sleep(PIECE)


@pytest.mark.parametrize("wire", [trickles_the_handshake, listens], ids=["trickles", "listens"])
def test_a_handshake_that_does_not_come_to_an_end_ends_in_time(wire: Wire) -> None:
    with serving(wire) as server, speaking(f"https://127.0.0.1:{server.port}") as zalopay, at_most(LONGEST):
        assert zalopay.query(pending(), "poll").outcome is Outcome.UNKNOWN


def test_who_is_not_trusted_or_has_another_name_is_not_believed(over_tls: Any, certificate: Path) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate))
    for host, authorities in (("localhost", None), ("127.0.0.1", trusted)):
        with serving(over_tls(answers)) as server, speaking(f"https://{host}:{server.port}", authorities) as zalopay:
            assert zalopay.query(pending(), "poll").outcome is Outcome.UNKNOWN
