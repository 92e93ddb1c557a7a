"""The write units of a stay, counted in the simulation's traffic."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.integration.messages import auction_result
from tests.proof.bench.units import write_units
from tests.proof.simulation.stored import Written
from tests.proof.simulation.system import System, simulation, stay_of

NIGHT = "2027-03-20"


class Meter:
    """Adds up the units of the table `stays` for each step of a story."""

    def __init__(self, system: System) -> None:
        self.units: Counter[str] = Counter()
        self.step = ""
        system.database.meter = self._count

    def _count(self, written: Written, in_transaction: bool) -> None:
        if written.table.name == "stays":
            schema = written.table.schema
            self.units[self.step] += write_units(written.old, written.new, schema, transactional=in_transaction)


@pytest.fixture
def system() -> Iterator[System]:
    with simulation() as system:
        yield system


def test_the_units_of_a_paid_night_with_everything_told(system: System) -> None:
    meter = Meter(system)
    meter.step = "award"
    system.listen()
    system.announce(auction_result(nights=[NIGHT]))
    system.settle()
    meter.step = "create"
    assert system.create(nights=[NIGHT]).status == 200
    system.settle()
    order = system.order()
    assert order
    meter.step = "poll"
    system.poll(order)
    meter.step = "callback"
    system.pay(order)
    system.deliver_callbacks()
    meter.step = "effects"
    system.settle()
    meter.step = "told"
    for path in (f"/payment/{stay_of(order)}/booking", f"/payment/transactions/{order.first.zp_trans_id}"):
        assert system.http("GET", path).status == 200
    system.settle()
    told = [frame.get("status", frame["type"]) for frame in system.browsers.frames["socket-1="]]
    assert told == ["SUBSCRIBED", "AUCTION_RESULT", "INITIATED", "COMPLETED", "BOOKING_CONFIRMED"]
    assert len(system.mail.sent) == 1
    assert meter.units == {"award": 11, "create": 20, "poll": 1, "callback": 25, "effects": 7, "told": 1}


def test_a_poll_that_asks_writes_one_unit_and_wakes_nobody(system: System) -> None:
    system.announce(auction_result(nights=[NIGHT]))
    system.create(nights=[NIGHT])
    system.settle()
    order, meter = system.order(), Meter(system)
    assert order
    ends, asked = system.ends, len(system.zalopay.asked)
    system.poll(order)
    system.settle()
    assert (system.ends - ends, len(system.zalopay.asked) - asked, meter.units.total()) == (1, 1, 1)
