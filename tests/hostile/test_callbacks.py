"""Callbacks by others than ZaloPay: never believed, and nothing is written for them."""

import json
import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.events import http_event
from infra.local.routing import route_key
from infra.local.zalopay_simulator import wire
from infra.topology import SERVED
from tests.hostile.callbacks import (
    FORGERIES,
    KEY2,
    Target,
    believed,
    callbacks,
    flip_bits,
    flips,
    forge,
    means,
    spellings,
)
from tests.hostile.damage import damaged, damaged_text
from tests.hostile.examples import TIMES, examples
from tests.hostile.ground import Ground, request
from tests.simulation.system import simulation

CALLBACK = next(route for route in SERVED if route.function == "zalopay_callback")
FORGED = int(20_000 * TIMES)
EVERY = max(1, int(23 / TIMES))  # of the flipped bits goes through the function itself


class Paid(Ground):
    """Mai has paid for her second auction too, and the callback is still to come."""

    def __init__(self, system: Any) -> None:
        super().__init__(system)
        order = system.order()
        system.pay(order)
        self.callback: dict[str, Any] = json.loads(system.zalopay.callback(order))
        self.remember()

    def answered(self, content: bytes, kind: str = "application/json", **changes: Any) -> tuple[int, bool]:
        """The `return_code`, and whether anything was written."""
        event = http_event(
            request("POST", "/payment/zalopay/callback", content, kind),
            route_key=route_key(CALLBACK),
            path_parameters={},
            claims=None,
            request_id="request-1",
            now=self.now,
        )
        answer, wrote = self.invoke("zalopay_callback", event | changes)
        assert answer["statusCode"] == 200
        return json.loads(answer["body"])["return_code"], wrote


@pytest.fixture(scope="module")
def ground() -> Iterator[Paid]:
    with simulation() as system:
        yield Paid(system)


def test_no_bit_of_a_callback_can_be_turned_over_to_say_something_else():
    figures = flip_bits()
    assert figures.flips >= 25_000
    assert figures.refused + figures.tolerated == figures.flips


def hex_letters(text: str) -> int:
    return sum(text.count(letter) for letter in "abcdef")


def test_what_may_be_turned_over_is_the_case_of_a_hex_digit_or_one_white_space_for_another():
    for callback in callbacks():
        compact, escaped, spaced = spellings(callback)
        in_the_mac = hex_letters(callback["mac"])
        in_escapes = sum(map(hex_letters, re.findall(r"\\u(....)", escaped.decode())))
        spaces = spaced.count(b"\t") + spaced.count(b"\r")
        tolerated = [
            sum(believed(changed) is not None for changed in flips(body)) for body in (compact, escaped, spaced)
        ]
        assert tolerated == [in_the_mac, in_the_mac + in_escapes, in_the_mac + spaces]


def test_nobody_without_the_key_makes_a_mac():
    assert forge(FORGED, seed=1).refused == FORGED


def test_through_the_function_a_turned_bit_writes_nothing(ground: Paid):
    body = wire.compact(ground.callback).encode()
    truth = means(body)
    assert ground.answered(body) == (1, True)
    for changed in [*flips(body)][::EVERY]:
        expected = (1, True) if means(changed) == truth else (-1, False)
        assert ground.answered(changed) == expected, changed


def test_through_the_function_a_forged_mac_writes_nothing(ground: Paid):
    target = Target(ground.callback["data"], ground.callback["mac"], callbacks()[0]["mac"])
    random = Random(1)  # noqa: S311  # nothing here is a secret
    for forgery in FORGERIES:
        for _ in range(3):
            body = json.dumps(ground.callback | {"mac": forgery(target, random)}).encode()
            assert ground.answered(body) == (-1, False), body


@given(st.randoms(use_true_random=False), st.sampled_from(["application/json", "text/plain", "", "x/y; charset=z"]))
@examples(200)
def test_a_damaged_envelope_writes_nothing(ground: Paid, random: Random, kind: str):
    content = json.dumps(damaged({"callback": ground.callback}, random).get("callback", "")).encode()
    body = damaged_text(content, random) if random.random() < 0.5 else content
    answer = ground.answered(body, kind)
    same = means(body) == means(json.dumps(ground.callback).encode())
    assert answer == (-1, False) or (same and answer == (1, True))


@given(st.randoms(use_true_random=False))
@examples(200)
def test_zalopays_own_mac_on_damaged_data_moves_no_money_of_ours(ground: Paid, random: Random):
    data = damaged(json.loads(ground.callback["data"]), random)
    text = wire.compact(data)
    try:
        mac = wire.callback_mac(KEY2, text)
    except UnicodeEncodeError:
        return  # nobody can sign half a character
    code, wrote = ground.answered(wire.compact({"data": text, "mac": mac, "type": 1}).encode())
    assert code in (1, -1)
    assert wrote == (code == 1)


@pytest.mark.parametrize("kind", [2, 0, -1, "1", "Order", 1.5, True, None, [1], 10**30])
def test_the_type_is_not_signed_and_so_has_to_be_one(ground: Paid, kind: Any):
    assert ground.answered(json.dumps(ground.callback | {"type": kind}).encode()) == (-1, False)


FLAGS: list[tuple[str, Any, Any]] = [
    ("not base64", "{}", True),
    ("not base64 letters", "é\u202e", True),
    ("half a character", "\ud800", False),
    ("nothing", None, False),
    ("nothing, in base64", None, True),
    ("huge", "x" * 100_000, False),
    ("huge, in base64", "QUFB" * 30_000, True),
    ("NUL", "\x00" * 100, False),
]


@pytest.mark.parametrize(("body", "flag"), [each[1:] for each in FLAGS], ids=[each[0] for each in FLAGS])
def test_a_body_that_is_none_is_rejected(ground: Paid, body: Any, flag: Any):
    assert ground.answered(b"", body=body, isBase64Encoded=flag) == (-1, False)
