"""The simulator as it is deployed: its asset under the runtime client, two environments over one table."""

import hmac
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from infra.local.database import KEY1_SECRET, KEY2_SECRET, Database, table_definition
from infra.local.events import Request, http_answer, http_event
from infra.topology import Table
from infra.zalopay_simulator import wire
from infra.zalopay_simulator.settings import SANDBOX_KEY1, SANDBOX_KEY2
from tests.infrastructure.runtime import Image, Running, environment
from tests.infrastructure.unpacked import Assembly
from tests.integration.outside import CALLBACK, Neighbour, neighbour

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is made for Linux only")

URL = "https://simulator.example"
HANDLER = "handler.handler"
TAKEN = '{"return_code": 1, "return_message": "success"}'


class Shop:
    """A merchant that calls one of the function's two environments."""

    def __init__(self, environments: list[Running], callback_url: str):
        self.environments = environments
        self.callback_url = callback_url
        self._numbers = count(1)

    def call(self, method: str, path: str, body: Any = None, at: int = 0) -> tuple[int, Any]:
        """Send a request through the gateway. Returns the status and the body, parsed if it is JSON."""
        headers = (("host", "simulator.example"), ("content-type", "application/json"))
        content = b"" if body is None else json.dumps(body).encode()
        request = Request(method, path, "", headers, content, "203.0.113.7")
        event = http_event(
            request,
            route_key="ANY /{proxy+}",
            path_parameters={"proxy": path[1:]},
            claims=None,
            request_id="request-1",
            now=datetime.now(UTC),
        )
        answer = http_answer(self.environments[at].handler(event))
        kind = dict(answer.headers)["content-type"] if answer.body else ""
        return answer.status, json.loads(answer.body) if kind.startswith("application/json") else answer.body.decode()

    def create(self, at: int = 0) -> str:
        """Make an order of 50,000 đồng. Returns its `app_trans_id`."""
        now = int(time.time() * 1000)
        app_trans_id = f"{wire.vietnam_date(now)}_{next(self._numbers):08d}"
        order = {"app_id": 2553, "app_trans_id": app_trans_id, "app_user": "demo", "app_time": now, "amount": 50_000}
        order |= {"description": "Hai đêm", "item": "[]", "embed_data": "{}", "callback_url": self.callback_url}
        _, answer = self.call("POST", "/v2/create", order | {"mac": wire.create_mac(SANDBOX_KEY1, order)}, at)
        assert answer["return_code"] == 1, answer
        assert answer["order_url"].startswith(f"{URL}/openinapp?order=")
        return app_trans_id

    def pay(self, app_trans_id: str, at: int = 0, **how: Any) -> tuple[int, Any]:
        return self.call("POST", f"/simulator/orders/{app_trans_id}/pay", how, at)

    def read(self, app_trans_id: str, at: int = 1) -> Any:
        return self.call("GET", f"/simulator/orders/{app_trans_id}", at=at)[1]

    def refund(self, zp_trans_id: int, amount: int, at: int = 0) -> int:
        """Ask for a refund. Returns the sub code of the answer."""
        now = int(time.time() * 1000)
        name = f"{wire.vietnam_date(now)}_2553_{next(self._numbers):08d}"
        sent = {"app_id": 2553, "m_refund_id": name, "zp_trans_id": str(zp_trans_id), "amount": amount}
        sent |= {"timestamp": now, "description": "Khách hủy"}
        answer = self.call("POST", "/v2/refund", sent | {"mac": wire.refund_mac(SANDBOX_KEY1, sent)}, at)[1]
        return answer["sub_return_code"]


@pytest.fixture(scope="module")
def merchant() -> Iterator[Neighbour]:
    with neighbour() as running:
        yield running


@pytest.fixture(scope="module")
def environments(
    simulated: Path, image: Image, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Running]]:
    assembly = Assembly(simulated, "Stays-dev-Backend")
    database.call("DynamoDB_20120810.CreateTable", table_definition("simulator", Table({}, False, None)))
    unpacked = assembly.unpack(HANDLER, tmp_path_factory.mktemp("simulator"))
    addresses = {"SIMULATOR_TABLE": "simulator", "SIMULATOR_URL": URL}
    addresses |= {"ZALOPAY_KEY1_SECRET": KEY1_SECRET, "ZALOPAY_KEY2_SECRET": KEY2_SECRET}
    for service in ("DYNAMODB", "SECRETS_MANAGER"):
        addresses[f"AWS_ENDPOINT_URL_{service}"] = database.endpoint
    running = [Running(unpacked, environment(unpacked, addresses), image) for _ in range(2)]
    try:
        for each in running:
            each.start()
        yield running
    finally:
        for each in running:
            each.stop()


@pytest.fixture
def shop(environments: list[Running], merchant: Neighbour) -> Shop:
    merchant.on_callback = lambda _: TAKEN
    shop = Shop(environments, merchant.url + CALLBACK)
    assert shop.call("DELETE", "/simulator") == (200, {"orders": []})
    return shop


def both(shop: Shop, work: Any) -> list[Any]:
    """The results of the same work in both environments at the same time."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, range(len(shop.environments))))


def test_an_order_that_one_environment_made_is_paid_and_shown_by_the_other(shop: Shop):
    made = shop.create(at=0)
    status, paid = shop.pay(made, at=1)
    assert (status, paid["state"]) == (200, "PAID")
    assert [one["verdict"] for one in shop.read(made, at=0)["callbacks"]] == ["accepted"]


def test_the_callback_has_arrived_before_the_answer_goes_out(shop: Shop, merchant: Neighbour):
    bodies = []
    merchant.on_callback = lambda body: bodies.append(json.loads(body)) or TAKEN
    for sequence in ("callback_first", "redirect_first"):
        shop.pay(shop.create(), order=sequence)
    assert len(bodies) == 2
    for body in bodies:
        assert body["mac"] == hmac.new(SANDBOX_KEY2.encode(), body["data"].encode(), "sha256").hexdigest()


def test_a_callback_that_is_not_taken_is_sent_again_before_the_answer_goes_out(shop: Shop, merchant: Neighbour):
    answers = iter(['{"return_code": 0}', TAKEN])
    merchant.on_callback = lambda _: next(answers)
    made = shop.create()
    shop.pay(made)
    assert [one["verdict"] for one in shop.read(made)["callbacks"]] == ["again", "accepted"]


def test_the_shop_may_ask_while_it_is_called_back(shop: Shop, merchant: Neighbour):
    made = shop.create()
    asked = []
    merchant.on_callback = lambda _: asked.append(shop.read(made, at=1)["state"]) or TAKEN
    shop.pay(made, at=0)
    assert asked == ["PAID"]


def test_of_two_payments_at_the_same_time_one_is_taken(shop: Shop):
    for _ in range(5):
        made = shop.create()
        assert sorted(status for status, _ in both(shop, lambda at, made=made: shop.pay(made, at))) == [200, 409]


def test_two_refunds_at_the_same_time_never_give_back_more_than_was_paid(shop: Shop):
    for _ in range(5):
        made = shop.create()
        number = shop.pay(made)[1]["zp_trans_id"]
        answers = both(shop, lambda at, number=number: shop.refund(number, 30_000, at))
        assert sorted(answers) == [-14, 2]
        assert [refund["amount"] for refund in shop.read(made)["refunds"]] == [30_000]


def test_a_fault_that_one_environment_was_told_of_is_on_in_the_other(shop: Shop):
    shop.call("POST", "/simulator/faults", {"fault": "callback_lost", "next": True}, at=0)
    lost, sent = shop.create(at=1), shop.create(at=0)
    verdicts = []
    for made in (lost, sent):
        shop.pay(made, at=0)
        verdicts.append([one["verdict"] for one in shop.read(made)["callbacks"]])
    assert verdicts == [["lost"], ["accepted"]]


def test_a_rotated_key_signs_everywhere(shop: Shop, merchant: Neighbour):
    bodies = []
    merchant.on_callback = lambda body: bodies.append(json.loads(body)) or TAKEN
    shop.call("POST", "/simulator/keys", {"key2": "another"}, at=0)
    shop.pay(shop.create(), at=1)
    assert bodies[0]["mac"] == hmac.new(b"another", bodies[0]["data"].encode(), "sha256").hexdigest()


def test_what_one_environment_was_told_about_an_order_the_other_says(shop: Shop):
    made = shop.create()
    asked = {"app_id": 2553, "app_trans_id": made}
    asked["mac"] = wire.query_mac(SANDBOX_KEY1, asked)
    told = {"return_code": "2", "sub_return_code": -377.0}
    assert shop.call("POST", f"/simulator/orders/{made}/answer", told, at=0)[0] == 200
    assert shop.call("POST", "/v2/query", asked, at=1) == (200, told)
    assert shop.call("POST", "/v2/cancel", asked, at=1)[1]["return_code"] == 1
    assert shop.pay(made, at=0, late=True)[0] == 409


def test_a_second_payment_is_called_back_in_a_spelling_of_its_own(shop: Shop, merchant: Neighbour):
    bodies = []
    merchant.on_callback = lambda body: bodies.append(json.loads(body)) or TAKEN
    made = shop.create()
    shop.pay(made, at=0, discount=20_000, amount_is="payer")
    shop.call("POST", "/simulator/faults", {"fault": "callback_dressed", "seed": 1}, at=1)
    number = shop.pay(made, at=1, again=True)[1]["again"][0]["zp_trans_id"]
    assert [json.loads(body["data"])["amount"] for body in bodies] == [30_000, "50000"]
    assert json.loads(bodies[1]["data"])["zp_trans_id"] == str(number)
    assert bodies[1]["mac"] == hmac.new(SANDBOX_KEY2.encode(), bodies[1]["data"].encode(), "sha256").hexdigest()


def test_the_pages_for_people_are_served(shop: Shop):
    made = shop.create()
    token = shop.read(made)["token"]
    status, page = shop.call("GET", f"/pay/{token}", at=1)
    assert status == 200
    assert "50.000" in page
    assert made in shop.call("GET", "/")[1]
