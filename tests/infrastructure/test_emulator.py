"""The synthesized stacks in an emulator of AWS: the supported parts are deployed and tested end to end."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from websockets.sync.client import connect

from infra.aws.stage import read_context
from tests.infrastructure.emulator import Emulator, Template, at, is_refused, is_unknown, until, widened
from tests.integration.messages import MAI, PRICE, auction_result
from tests.integration.outside import AUDIENCE, Neighbour, neighbour

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layer is built for Linux")

DATA, BACKEND = "Stays-dev-Data", "Stays-dev-Backend"
ARCHIVE = "AWS::Events::Archive"
NIGHTS = tuple((datetime.now(UTC).date() + timedelta(days=ahead)).isoformat() for ahead in (40, 41))
CHANNELS = ["auction_results", "payment_status", "second_chance_offers", "booking_confirmations"]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("emulator"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def outside() -> Iterator[Neighbour]:
    with neighbour() as running:
        yield running


@pytest.fixture(scope="module")
def templates(simulated: Path, emulator: Emulator, outside: Neighbour) -> dict[str, Template]:
    """Both stacks of a stage with the simulator, with local addresses for the APIs and the issuer."""
    dev = read_context()["stages"]["dev"]
    found = {}
    for stack in (DATA, BACKEND):
        text = (simulated / f"{stack}.template.json").read_text()
        text = text.replace(json.dumps(dev["issuer"]), json.dumps(outside.issuer.url))
        text = text.replace(json.dumps(dev["audience"]), json.dumps(AUDIENCE))
        found[stack] = widened(at(emulator.gateway, json.loads(text)))
    return found


@pytest.fixture(scope="module")
def refused(emulator: Emulator, simulated: Path, templates: Mapping[str, Template]) -> Mapping[str, str]:
    """The reasons why resources of the backend cannot be deployed, by resource type."""
    assert emulator.deploy(DATA, without(is_unknown, templates[DATA]))["StackStatus"] == "CREATE_COMPLETE"
    emulator.upload(simulated, BACKEND)
    with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::Budgets::Budget\]"):
        emulator.deploy(BACKEND, templates[BACKEND])
    failed = emulator.deploy(BACKEND, without(is_unknown, templates[BACKEND]))
    emulator.forget(BACKEND)
    return failed["reasons"]


@pytest.fixture(scope="module")
def outputs(emulator: Emulator, templates: Mapping[str, Template], refused: Mapping[str, str]) -> dict[str, str]:
    """The outputs of the backend, deployed without the refused resources."""
    made = emulator.deploy(BACKEND, without(is_refused, templates[BACKEND]))
    assert (made["StackStatus"], made["reasons"]) == ("CREATE_COMPLETE", {})
    return {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]}


def without(left_out: Callable[[Template], bool], template: Template) -> Template:
    kept = {name: each for name, each in template["Resources"].items() if not left_out(each)}
    return template | {"Resources": kept}


class Browser:
    """Mai's browser."""

    def __init__(self, api: str, token: str):
        self._http = httpx.Client(trust_env=False, timeout=60, headers={"authorization": f"Bearer {token}"})
        self._api = api

    def call(self, method: str, path: str, body: Any = None, **how: Any) -> httpx.Response:
        return self._http.request(method, path if path.startswith("http") else self._api + path, json=body, **how)

    def close(self):
        self._http.close()


@pytest.fixture(scope="module")
def browser(outputs: dict[str, str], outside: Neighbour) -> Iterator[Browser]:
    mai = Browser(outputs["NextPublicApiUrl"], outside.issuer.token(MAI, email="mai@example.com", name="Mai"))
    yield mai
    mai.close()


@pytest.fixture(scope="module")
def walk(emulator: Emulator, outputs: dict[str, str], browser: Browser, outside: Neighbour) -> SimpleNamespace:
    """An award arrives, an order is made and paid, and the user gets the messages and the mail."""
    emulator.client("sesv2").create_email_identity(EmailIdentity="dev.stays.example")
    url = f"{outputs['NextPublicWsUrl']}/payment-notifications?token={outside.issuer.token(MAI)}"
    with connect(url) as socket:
        socket.send(json.dumps({"type": "SUBSCRIBE", "userId": MAI, "channels": CHANNELS}))
        heard = [json.loads(socket.recv(30))["type"]]
        announce(emulator)
        heard.append(json.loads(socket.recv(30))["type"])
        order = {"auctionId": "1001", "selectedNights": NIGHTS, "amount": PRICE * 2, "orderInfo": "Booking"}
        made = browser.call("POST", "/payment/zalopay/create", order).json()
        pay = f"{outputs['SimulatorUrl']}/simulator/orders/{made['appTransId']}/pay"
        paid = browser.call("POST", pay, {}).json()
        while "BOOKING_CONFIRMED" not in heard:
            heard.append(json.loads(socket.recv(30))["type"])
    mail = until(lambda: stored_mail(emulator, made["sessionId"]), lambda: "no mail was sent")
    return SimpleNamespace(made=made, paid=paid, heard=heard, mail=mail)


def announce(emulator: Emulator):
    detail = json.dumps(auction_result(nights=NIGHTS))
    entry = {"Source": "auctions", "DetailType": "AuctionResult", "EventBusName": "stays-dev", "Detail": detail}
    assert emulator.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def stored_mail(emulator: Emulator, stay_id: str) -> dict[str, Any] | None:
    """The item of the confirmation mail after it was processed."""
    key = {"PK": {"S": f"STAY#{stay_id}"}, "SK": {"S": "MAIL#confirmation"}}
    item = emulator.client("dynamodb").get_item(TableName="stays-dev", Key=key).get("Item")
    return item if item and item["state"]["S"] not in ("DUE", "SENDING") else None


def test_beside_budgets_the_emulator_refuses_alarms_over_expressions_and_nothing_else(refused: Mapping[str, str]):
    assert list(refused) == ["AWS::CloudWatch::Alarm"]
    assert "metric math" in refused["AWS::CloudWatch::Alarm"]


def test_the_emulator_refuses_the_archive_of_the_bus(emulator: Emulator, templates: Mapping[str, Template]):
    with pytest.raises(ClientError, match=f"Unrecognized resource types: .{ARCHIVE}"):
        emulator.deploy("Other", templates[DATA])


def test_everything_else_is_deployed(emulator: Emulator, outputs: dict[str, str], templates: Mapping[str, Template]):
    for stack in (DATA, BACKEND):
        assert emulator.resources(stack) == set(without(is_refused, templates[stack])["Resources"])


def test_only_the_health_route_is_open_to_a_browser_without_a_token(outputs: dict[str, str]):
    with httpx.Client(trust_env=False, timeout=60) as stranger:
        statuses = [
            stranger.get(outputs["NextPublicApiUrl"] + path).status_code for path in ("/health", "/user/bookings")
        ]
    assert statuses == [200, 401]


def test_the_order_is_made_at_the_deployed_simulator(walk: SimpleNamespace, outputs: dict[str, str]):
    assert walk.made["orderUrl"].startswith(outputs["SimulatorUrl"])


def test_the_callback_of_the_deployed_simulator_is_taken(walk: SimpleNamespace):
    assert [each["verdict"] for each in walk.paid["callbacks"]] == ["accepted"]


def test_the_stay_is_paid_and_booked(walk: SimpleNamespace, browser: Browser):
    """The session page polls until another route has told its user."""
    page = f"/payment/sessions/{walk.made['sessionId']}"
    assert browser.call("GET", page).json()["status"] == "PENDING"
    assert browser.call("GET", f"/payment/{walk.made['sessionId']}/booking").json()["status"] == "CONFIRMED"
    session = browser.call("GET", page).json()
    assert (session["status"], session["fulfilment"]) == ("PAID", "BOOKED")


def test_the_traveller_is_told_over_the_socket(walk: SimpleNamespace):
    assert list(dict.fromkeys(walk.heard)) == ["SUBSCRIBED", "AUCTION_RESULT", "PAYMENT_STATUS", "BOOKING_CONFIRMED"]


def test_the_confirmation_is_mailed(walk: SimpleNamespace):
    assert walk.mail["state"]["S"] == "SENT"


def test_the_clock_calls_reconciliation_by_its_alias(walk: SimpleNamespace, emulator: Emulator):
    schedule = emulator.client("scheduler").get_schedule(Name="stays-dev-reconciliation-0")
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    answer = emulator.client("lambda").invoke(
        FunctionName=schedule["Target"]["Arn"], Payload=schedule["Target"]["Input"]
    )
    assert "FunctionError" not in answer
    assert json.loads(answer["Payload"].read()).keys() == {"due", "attended"}
