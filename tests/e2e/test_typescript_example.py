"""docs/contracts/pay.ts against the running system: a win becomes a booking, and a cancelled payment an error."""

import json
import subprocess
from collections.abc import Callable

from infra.contracts.typescript import NODE, TYPES
from tests.e2e.browser import Browser
from tests.e2e.local import Local

EXAMPLE = TYPES.with_name("pay.ts")
# The simulator's pay page is open: the traveller presses a button.
PRESSING = f"""
import {{ pay }} from {json.dumps(str(EXAMPLE))};
const {{ who, auctionId, simulator, button }} = JSON.parse(process.argv[1]);
const press = (order) => fetch(`${{simulator}}/${{order.appTransId}}/${{button}}`, {{ method: "POST" }});
console.log(JSON.stringify(await pay(who, auctionId, press)));
"""


def run_example(local: Local, who: Browser, auction_id: str, button: str) -> subprocess.CompletedProcess[str]:
    traveller = {
        "api": f"{local.http_url}/api/v1",
        "socket": f"{local.websocket_url}/payment-notifications",
        "token": local.token(who.user_id, email=who.email),
        "userId": who.user_id,
    }
    orders = f"{local.zalopay.url}/simulator/orders"
    given = {"who": traveller, "auctionId": auction_id, "simulator": orders, "button": button}
    command = [str(NODE), "--input-type=module", "--eval", PRESSING, json.dumps(given)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603


def test_the_typed_example_pays_for_a_win_and_returns_its_booking(local: Local, traveller: Callable[..., Browser]):
    an = traveller()
    award = local.award(an)
    ran = run_example(local, an, award.auction_id, "pay")
    assert ran.returncode == 0, ran.stderr
    booking = json.loads(ran.stdout)
    assert (booking["status"], booking["nights"], booking["totalAmount"]) == ("CONFIRMED", award.nights, award.amount)


def test_the_typed_example_says_why_a_payment_failed(local: Local, traveller: Callable[..., Browser]):
    an = traveller()
    ran = run_example(local, an, local.award(an).auction_id, "cancel")
    assert (ran.returncode, "not paid: PAYMENT_CANCELLED" in ran.stderr) == (1, True), ran.stderr
