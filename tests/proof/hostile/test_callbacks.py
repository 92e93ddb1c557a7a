"""Forged callbacks are never believed, and they write nothing. ZaloPay's own callbacks are never lost."""

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
from infra.topology import SERVED
from infra.zalopay_simulator import wire
from stays.zalopay.callback import MAXIMUM_CALLBACK
from tests.proof.hostile.attacked import Backend, request
from tests.proof.hostile.callbacks import (
    FORGERIES,
    KEY2,
    Target,
    believed,
    callbacks,
    flip_bits,
    flips,
    forge,
    is_an_orders,
    means,
    spellings,
)
from tests.proof.hostile.damage import damaged, damaged_text
from tests.proof.hostile.examples import TIMES, examples
from tests.proof.simulation.system import simulation

CALLBACK = next(route for route in SERVED if route.function == "zalopay_callback")
NOTHING, KEPT, RECORDED = "nothing", "kept", "recorded"
FORGED = int(20_000 * TIMES)
EVERY = max(1, int(23 / TIMES))  # only every n-th flipped bit goes through the function itself


class Paid(Backend):
    """Mai has also paid for her second auction, and the callback is still to come."""

    def __init__(self, system: Any) -> None:
        super().__init__(system)
        order = system.order()
        system.pay(order)
        self.callback: dict[str, Any] = json.loads(system.zalopay.callback(order))
        self.remember()
        self.items = system.database.items()

    def answered(self, content: bytes, kind: str = "application/json", **changes: Any) -> tuple[int, str]:
        """Return the `return_code`, and the fate of the message. All changes are undone."""
        event = http_event(
            request("POST", "/payment/zalopay/callback", content, kind),
            route_key=route_key(CALLBACK),
            path_parameters={},
            claims=None,
            request_id="request-1",
            now=self.now,
        )
        with self.trial() as system:
            answer = system.invoke("zalopay_callback", event | changes)
            fate = NOTHING if system.database.version == self.before.version else self.written(system)
        assert answer["statusCode"] == 200
        return json.loads(answer["body"])["return_code"], fate

    def written(self, system: Any) -> str:
        """Say whether the message changed our items, or only added one item for people."""
        refused = len(system.database.items(kind="REFUSED"))
        others = [item for item in system.database.items() if item["kind"] != "REFUSED"]
        return KEPT if (refused, others) == (1, self.items) else RECORDED


@pytest.fixture(scope="module")
def backend() -> Iterator[Paid]:
    with simulation() as system:
        yield Paid(system)


def test_no_flipped_bit_of_a_callback_changes_its_meaning():
    figures = flip_bits()
    assert figures.flips >= 25_000
    assert figures.refused + figures.tolerated == figures.flips


def hex_letters(text: str) -> int:
    return sum(text.count(letter) for letter in "abcdef")


IN_THE_NAME = 4 * 7  # any bit of a letter of `type`, except the highest, makes another name


def test_only_flips_in_the_case_of_hex_digits_in_white_space_and_in_the_name_type_are_accepted():
    for callback in callbacks():
        compact, escaped, spaced = spellings(callback)
        in_the_mac = hex_letters(callback["mac"])
        in_escapes = sum(map(hex_letters, re.findall(r"\\u(....)", escaped.decode())))
        spaces = spaced.count(b"\t") + spaced.count(b"\r")
        tolerated = [
            sum(believed(changed) is not None for changed in flips(body)) for body in (compact, escaped, spaced)
        ]
        assert tolerated == [IN_THE_NAME + each for each in (in_the_mac, in_the_mac + in_escapes, in_the_mac + spaces)]


def test_nobody_without_the_key_makes_a_mac():
    assert forge(FORGED, seed=1).refused == FORGED


def fate(body: bytes, genuine: bytes) -> tuple[int, str]:
    """Return the right fate of a body, if the other one is ZaloPay's."""
    meaning, truth = means(body), means(genuine)
    assert truth
    if meaning is None or meaning[:2] != truth[:2] or len(body) > MAXIMUM_CALLBACK:
        return -1, NOTHING
    return 1, RECORDED if meaning.is_an_orders else KEPT


def test_through_the_function_a_flipped_bit_changes_no_meaning(backend: Paid):
    body = wire.compact(backend.callback).encode()
    assert backend.answered(body) == (1, RECORDED)
    for changed in [*flips(body)][::EVERY]:
        assert backend.answered(changed) == fate(changed, body), changed


def test_through_the_function_a_forged_mac_writes_nothing(backend: Paid):
    target = Target(backend.callback["data"], backend.callback["mac"], callbacks()[0]["mac"])
    random = Random(1)  # noqa: S311  # nothing here is a secret
    for forgery in FORGERIES:
        for _ in range(3):
            body = json.dumps(backend.callback | {"mac": forgery(target, random)}).encode()
            assert backend.answered(body) == (-1, NOTHING), body


@given(st.randoms(use_true_random=False), st.sampled_from(["application/json", "text/plain", "", "x/y; charset=z"]))
@examples(200)
def test_a_damaged_envelope_changes_no_meaning(backend: Paid, random: Random, kind: str):
    content = json.dumps(damaged({"callback": backend.callback}, random).get("callback", "")).encode()
    body = damaged_text(content, random) if random.random() < 0.5 else content
    assert backend.answered(body, kind) == fate(body, json.dumps(backend.callback).encode())


@given(st.randoms(use_true_random=False))
@examples(200)
def test_zalopays_own_mac_on_damaged_data_is_recorded_or_kept(backend: Paid, random: Random):
    data = damaged(json.loads(backend.callback["data"]), random)
    text = wire.compact(data)
    try:
        mac = wire.callback_mac(KEY2, text)
    except UnicodeEncodeError:
        return  # half a character cannot be signed
    body = wire.compact({"data": text, "mac": mac, "type": 1}).encode()
    code, became = backend.answered(body)
    assert code == (1 if len(body) <= MAXIMUM_CALLBACK else -1)
    assert (became == NOTHING) == (code == -1)


@pytest.mark.parametrize(
    "kind", [1, 1.0, "1", "1.0", "Order", "order ", "", None, 2, 0, -1, 1.5, True, [1], {}, 10**30]
)
def test_the_type_is_not_signed_and_a_message_of_another_one_is_kept(backend: Paid, kind: Any):
    answer = backend.answered(json.dumps(backend.callback | {"type": kind}).encode())
    assert answer == (1, RECORDED if is_an_orders(kind) else KEPT)


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
def test_a_body_that_is_none_is_rejected(backend: Paid, body: Any, flag: Any):
    assert backend.answered(b"", body=body, isBase64Encoded=flag) == (-1, NOTHING)
