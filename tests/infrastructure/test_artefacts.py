"""The deployed artefacts: each function's own asset and layers, run under Lambda's runtime client."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette

from infra.local.bus import Bus
from infra.local.database import EMAIL_KEY_SECRET, KEY1_SECRET, KEY2_SECRET, REGION, Database
from infra.local.journal import Journal
from infra.local.mailbox import Mailbox
from infra.local.published import Published
from infra.local.runtime_api import FunctionError
from infra.topology import FUNCTIONS
from infra.zalopay_simulator import Settings, create_app
from stays.aws.client import DynamoDB
from stays.domain.values import timestamp
from tests.infrastructure.runtime import Image, Running, environment
from tests.infrastructure.unpacked import Assembly, Unpacked, dependencies, interpreter, is_compiled
from tests.integration.messages import HOST, MAI, PRICE, PROPERTY, auction_result
from tests.integration.outside import AUDIENCE, CALLBACK, Neighbour, ZaloPay, neighbour, served
from tests.integration.world import AwsClients, Streams, World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is made for Linux only")

*NIGHTS, LATER = ((datetime.now(UTC).date() + timedelta(days=ahead)).isoformat() for ahead in (40, 41, 42, 50))


@pytest.fixture(scope="module")
def deployed(assembly: Path) -> Assembly:
    return Assembly(assembly, "Stays-dev-Backend")


@pytest.fixture(scope="module")
def outside() -> Iterator[Neighbour]:
    with neighbour() as running:
        yield running


@pytest.fixture(scope="module")
def mailbox() -> Iterator[SimpleNamespace]:
    box = Mailbox()
    with served(lambda _: Starlette(routes=box.routes)) as url:
        yield SimpleNamespace(url=f"{url}/dev/ses", mail=box._mail.entries)


@pytest.fixture(scope="module")
def bus() -> Iterator[SimpleNamespace]:
    """EventBridge without consumers."""

    async def nobody(*_: Any) -> None:
        raise AssertionError

    published = Published(Bus(nobody, (), Journal(), lambda: datetime.now(UTC)))
    with served(lambda _: Starlette(routes=published.routes)) as url:
        yield SimpleNamespace(url=f"{url}/dev/eventbridge", events=published._events.entries)


@pytest.fixture(scope="module")
def zalopay() -> Iterator[ZaloPay]:
    with served(lambda url: create_app(Settings(base_url=url, callback_spacing=0))) as url:
        client = ZaloPay(url)
        yield client
        client.close()


@pytest.fixture(scope="module")
def addresses(
    database: Database, outside: Neighbour, mailbox: SimpleNamespace, bus: SimpleNamespace, zalopay: ZaloPay
) -> dict[str, str]:
    """Local values for settings that only exist in AWS. Every other setting is the deployed one."""
    return {
        "STAYS_TABLE": "stays",
        "CONNECTIONS_TABLE": "connections",
        "EVENT_BUS": "stays",
        "ZALOPAY_KEY1_SECRET": KEY1_SECRET,
        "ZALOPAY_KEY2_SECRET": KEY2_SECRET,
        "EMAIL_KEY_SECRET": EMAIL_KEY_SECRET,
        "ZALOPAY_ENDPOINT": zalopay.url,
        "API_URL": outside.url,
        "CALLBACK_URL": outside.url + CALLBACK,
        "WEBSOCKET_ENDPOINT": outside.url,
        "JWT_ISSUER": outside.issuer.url,
        "JWT_AUDIENCE": AUDIENCE,
        "AWS_ENDPOINT_URL_DYNAMODB": database.endpoint,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": database.endpoint,
        "AWS_ENDPOINT_URL_SESV2": mailbox.url,
        "AWS_ENDPOINT_URL_EVENTBRIDGE": bus.url,
    }


@pytest.fixture(scope="module")
def functions(
    deployed: Assembly, image: Image, addresses: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Running]]:
    """All functions of the topology, started."""
    running = {}
    for name in FUNCTIONS:
        unpacked = deployed.unpack(f"{name}.handler", tmp_path_factory.mktemp(name))
        running[name] = Running(unpacked, environment(unpacked, addresses), image)
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(Running.start, running.values()))
        yield running
    finally:
        for each in running.values():
            each.stop()


@pytest.fixture(scope="module")
def world(
    functions: dict[str, Running], database: Database, outside: Neighbour, zalopay: ZaloPay, aws_clients: AwsClients
) -> World:
    """The backend of the integration tests, made of the deployed artefacts."""
    named = functions | {"connections_bound": functions["connections"]}
    begun = World(named, zalopay, outside, None, aws_clients)  # type: ignore[arg-type]
    outside.on_callback = lambda body: json.dumps(begun.http("POST", "/payment/zalopay/callback", raw=body).body)
    return begun


@pytest.fixture(scope="module")
def aws_clients(database: Database) -> AwsClients:
    nobody = SimpleNamespace(create_email_identity=lambda **_: None)
    with pytest.MonkeyPatch.context() as patched:
        for client in (DynamoDB, Streams):
            patched.setenv(client.variable, database.endpoint)
        return AwsClients(DynamoDB(), Streams(), nobody)


@pytest.fixture(scope="module")
def walk(world: World, mailbox: SimpleNamespace) -> SimpleNamespace:
    """From a won auction to a booked stay with all its messages; then a stay whose callback was lost."""
    accepted = world.announce(auction_result(nights=NIGHTS))
    socket = world.socket(query=f"token={world.token()}")
    subscribed = socket.subscribe()
    made = world.create(NIGHTS, email="mai@example.com", name="Mai").body
    world.zalopay.pay(made["appTransId"])
    (tried,) = world.zalopay.order(made["appTransId"])["callbacks"]
    failed = world.deliver()
    world.announce(auction_result(auctionId="1002", nights=(LATER,)))
    lost = world.create((LATER,), auction_id="1002").body
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(lost["appTransId"])
    overdue = {":past": {"S": timestamp(datetime.now(UTC) - timedelta(minutes=1))}}
    key = {"PK": {"S": f"STAY#{lost['sessionId']}"}, "SK": {"S": "SESSION"}}
    world.dynamodb.update_item(
        TableName="stays", Key=key, UpdateExpression="SET dueAt = :past", ExpressionAttributeValues=overdue
    )
    return SimpleNamespace(
        accepted=accepted,
        subscribed=subscribed,
        made=made,
        tried=tried,
        failed=failed,
        heard=[frame.get("status", frame["type"]) for frame in socket.frames],
        mail=list(mailbox.mail),
        attended=world.tick(),
        found=world.standing(lost["sessionId"]),
        listed=world.http("GET", "/user/bookings", sub=MAI).body,
        won=world.http("GET", "/auctions/winners/1001", sub=MAI).body,
        feed=world.http("POST", f"/properties/{PROPERTY['id']}/calendar/feed", sub=HOST).body["url"],
    )


def test_awards_takes_an_event_of_the_bus(walk: SimpleNamespace):
    assert walk.accepted["accepted"] is True


def test_payments_makes_an_order_at_zalopay(walk: SimpleNamespace, zalopay: ZaloPay):
    assert walk.made["orderUrl"].startswith(zalopay.url)
    assert walk.made["amount"] == PRICE * 3


def test_the_callback_takes_what_zalopay_signed(walk: SimpleNamespace, world: World):
    assert walk.tried["verdict"] == "accepted"
    assert world.standing(walk.made["sessionId"])["status"] == "PAID"


def test_bookings_lists_the_stay(walk: SimpleNamespace):
    assert walk.made["sessionId"] in json.dumps(walk.listed)


def test_auctions_shows_what_was_won_and_paid(walk: SimpleNamespace):
    assert (walk.won["status"], walk.won["paymentId"]) == ("PAID", walk.made["sessionId"])


def test_connections_checks_the_token_and_answers_over_the_socket(walk: SimpleNamespace):
    assert walk.subscribed[0]["type"] == "SUBSCRIBED"


def test_the_notifier_tells_the_traveller(walk: SimpleNamespace):
    assert walk.failed["notifier"] == []
    assert {"COMPLETED", "BOOKING_CONFIRMED"} <= set(walk.heard)


def test_fulfilment_sends_the_mail_with_its_calendar(walk: SimpleNamespace):
    assert walk.failed["fulfilment"] == []
    (mail,) = walk.mail
    assert mail["to"] == ["mai@example.com"]
    assert mail["attachments"][0]["name"] == "booking.ics"


def test_fulfilment_publishes_what_happened(walk: SimpleNamespace, bus: SimpleNamespace):
    told = [each["detail-type"] for each in bus.events if each["detail"]["stayId"] == walk.made["sessionId"]]
    assert told == ["PaymentCompleted", "BookingConfirmed"]


def test_reconciliation_finds_the_payment_whose_callback_was_lost(walk: SimpleNamespace):
    assert walk.attended["attended"] >= 1
    assert walk.found["status"] == "PAID"


def test_calendars_shows_the_host_the_nights_and_writes_the_feed(
    walk: SimpleNamespace, world: World, outside: Neighbour
):
    shown = world.http("GET", f"/properties/{PROPERTY['id']}/calendar", sub=HOST).body
    assert [night["date"] for night in shown["nights"]] == [*NIGHTS, LATER]
    file = world.http("GET", walk.feed.removeprefix(outside.url)).body
    assert file.count("BEGIN:VEVENT") == 2


def test_every_function_of_the_topology_was_invoked(walk: SimpleNamespace, functions: dict[str, Running]):
    assert {name for name, each in functions.items() if each.invocations} == set(FUNCTIONS)


def test_nothing_but_python_the_asset_and_its_layers_is_on_the_path(image: Image, tmp_path: Path):
    source = "import sys\n\ndef handler(event, context):\n    return sys.path\n"
    with_path = probing(tmp_path, source, image)
    with_path.start()
    found = with_path.handler({})
    with_path.stop()
    library = f"python{interpreter().version}"
    own = {str(tmp_path / "task"), str(tmp_path / "opt" / "python"), str(image.client / "python")}
    assert own <= set(found)
    assert [each for each in found if each not in own and library not in each and not each.endswith(".zip")] == []
    assert "site-packages" not in "".join(found)


def test_a_function_that_lacks_a_dependency_does_not_start(image: Image, tmp_path: Path):
    lacking = probing(tmp_path, "import starlette\n\ndef handler(event, context): ...\n", image)
    with pytest.raises(FunctionError) as failure:
        lacking.start()
    lacking.stop()
    assert failure.value.type == "Runtime.ImportModuleError"
    assert "No module named 'starlette'" in failure.value.message


def probing(place: Path, source: str, image: Image) -> Running:
    """A function of this test, unpacked as ours are."""
    (place / "task").mkdir()
    (place / "task" / "probe.py").write_text(source)
    return Running(Unpacked("probe.handler", place / "task", place / "opt", {}), {"AWS_REGION": REGION}, image)


def test_an_asset_is_one_file(deployed: Assembly):
    for name in FUNCTIONS:
        assert [each.name for each in deployed.code(f"{name}.handler").rglob("*")] == [f"{name}.py"]


def test_the_layer_that_is_run_here_differs_from_the_deployed_one_in_compiled_files_only(deployed: Assembly):
    (lambdas,) = [layer for layer in deployed.layers("payments.handler") if is_compiled(layer)]
    assert sources(dependencies()) == sources(lambdas)


def sources(layer: Path) -> dict[str, bytes]:
    return {str(each.relative_to(layer)): each.read_bytes() for each in layer.rglob("*.py")}
