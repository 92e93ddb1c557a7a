"""Callbacks that are almost ZaloPay's: every bit flipped, and MACs made without the key.

Some flips may keep the verdict. In the MAC, a hex digit may change its case (a-f are the same numbers as A-F). In an
escaped character too, because JSON reads the same character. Between the parts of the body, one kind of white space may
replace another, because JSON skips it. The name `type` may change its letters, because a callback without a type is
about an order. Each of these flips keeps `data` and `mac`, so the believed text is the signed text.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

from infra.zalopay_simulator import Settings, create_app, wire
from infra.zalopay_simulator.ledger import Order
from stays.zalopay.callback import BadCallback, Callback, read_callback
from tests.unit.test_zalopay_callback import VECTORS

APP_ID = Settings().app_id
KEY1, KEY2 = Settings().key1, Settings().key2
DIGITS = "".join(chr(zero + digit) for zero in (0xFF10, 0x0660) for digit in range(10))  # all of them outside ASCII
AROUND = " \t\r\n\ufeff"
TRANS_ID = "270301_01MFZGFMWRBDQ204A12RVMHVS6"


class Meaning(NamedTuple):
    """The signed text, its MAC, and whether it is about an order."""

    data: str
    mac: str
    is_an_orders: bool


class Flipped(NamedTuple):
    """The number of flipped bits, of refused bodies, and of bodies with the same meaning as before."""

    flips: int
    refused: int
    tolerated: int


class Forged(NamedTuple):
    """The number of forged MACs, and of refused ones."""

    forged: int
    refused: int


def callbacks() -> list[dict[str, Any]]:
    """Return the captured callbacks, and three that the simulator signs."""
    captured = [{"data": data, "mac": mac, "type": 1} for data, mac in VECTORS]
    return [*captured, *(simulated(number) for number in range(3))]


def simulated(number: int) -> dict[str, Any]:
    """Return a paid order's callback, as the simulator sends it."""
    redirect = wire.compact({"redirecturl": f"http://localhost:3000/dashboard/payment/zalopay/{TRANS_ID[7:]}"})
    order = Order(
        app_trans_id=f"{TRANS_ID[:-1]}{number}",
        app_user=hashlib.sha256(b"auth0|mai").hexdigest()[:40],
        amount=400_000 * (number + 1),
        app_time=1_803_870_000_000,
        expires_at=1_803_870_900_000,
        description="Stays: Nhà Trên Đồi",
        embed_data=redirect,
        item="[]" if number else wire.compact([{"itemname": "Nhà Trên Đồi"}]),
        callback_url="https://stays.example/callback",
        return_url="https://stays.example",
        token="00",
    )
    order.pay(1_803_870_060_000, 270_301_000_000_123 + number)
    body: dict[str, Any] = create_app(Settings()).state.simulator.callbacks._body(order)
    return body


def spellings(callback: dict[str, Any]) -> Iterator[bytes]:
    """Return three spellings: ZaloPay's own, with escaped letters, and with all the white space that JSON allows."""
    yield wire.compact(callback).encode()
    yield json.dumps(callback).encode()
    yield json.dumps(callback, indent="\t", ensure_ascii=False).replace("\n", "\r\n").encode()


def flips(body: bytes) -> Iterator[bytes]:
    """Return the body with one bit flipped, for each bit in turn."""
    for position in range(len(body)):
        for bit in range(8):
            changed = bytearray(body)
            changed[position] ^= 1 << bit
            yield bytes(changed)


def believed(body: bytes) -> Callback | None:
    """Return the facts that the product believes, without their spelling; None if it refuses."""
    try:
        callback = read_callback(body, [KEY2], APP_ID)
    except BadCallback:
        return None
    return callback._replace(evidence=callback.evidence.but(raw=None))


def means(body: bytes) -> Meaning | None:
    """Return `data`, `mac` and `type`, read as JSON without the product's code."""
    try:
        content = json.loads(body.decode().strip(AROUND))
        return Meaning(content["data"], content["mac"].strip(AROUND).lower(), is_an_orders(content.get("type")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def is_an_orders(kind: Any) -> bool:
    """Say whether a type is that of an order, or missing."""
    if isinstance(kind, str):
        return kind.strip(AROUND).lower() in ("", "1", "1.0", "order")
    return kind is None or (type(kind) in (int, float) and kind == 1)


def flip_bits() -> Flipped:
    """Flip every bit of every spelling of every callback. Raises AssertionError if one changes its meaning."""
    done = refused = tolerated = 0
    for callback in callbacks():
        for body in spellings(callback):
            meaning, truth = means(body), believed(body)
            assert truth is not None
            for changed in flips(body):
                done += 1
                found = believed(changed)
                if found is None:
                    refused += 1
                    continue
                assert (found, means(changed)) == (truth, meaning), changed
                tolerated += 1
    return Flipped(done, refused, tolerated)


class Target(NamedTuple):
    """A genuine callback, and a second one whose parts can be borrowed."""

    data: str
    mac: str
    other: str


Forgery = Callable[[Target, Random], Any]


def _signed(key: str, data: str) -> str:
    return hmac.new(key.encode(), data.encode(), hashlib.sha256).hexdigest()


def _with_digit(mac: str, position: int, random: Random) -> str:
    others = "0123456789abcdef".replace(mac[position], "")
    return mac[:position] + random.choice(others) + mac[position + 1 :]


def _hex(random: Random, length: int = 64) -> str:
    return f"{random.getrandbits(4 * length):0{length}x}"


FORGERIES: tuple[Forgery, ...] = (
    lambda target, random: _hex(random),
    lambda target, random: _hex(random).upper(),
    lambda target, random: _with_digit(target.mac, 63, random),
    lambda target, random: _with_digit(target.mac, 0, random),
    lambda target, random: _with_digit(target.mac, random.randrange(64), random),
    lambda target, random: target.mac[: random.randrange(64)],
    lambda target, random: target.mac[random.randrange(1, 64) :].rjust(64, "0") if target.mac[0] != "0" else "",
    lambda target, random: target.mac + _hex(random, random.randrange(1, 9)),
    lambda target, random: target.mac + random.choice("\0\u200b\u2028|"),
    lambda target, random: random.choice("\0\u200b'\"") + target.mac,
    lambda target, random: random.choice(" \n").join((target.mac[:32], target.mac[32:])),
    lambda target, random: "0x" + target.mac,
    lambda target, random: _with_digit(target.mac, 63, random).upper(),
    lambda target, random: "".join(random.choice(DIGITS) for _ in range(64)),
    lambda target, random: target.mac.translate({code: code - 0x30 + 0xFF10 for code in range(0x30, 0x3A)}),
    lambda target, random: _signed(_hex(random, 32), target.data),
    lambda target, random: _signed(KEY1, target.data),
    lambda target, random: _signed(random.choice(["", " ", "0", KEY2.lower(), KEY2[:-1], f"{KEY2} "]), target.data),
    lambda target, random: _signed(KEY2, target.data + random.choice(" \n|}")),
    lambda target, random: _signed(KEY2, json.dumps(json.loads(target.data))),
    lambda target, random: _signed(KEY2, f"{APP_ID}|{target.data}"),
    lambda target, random: hashlib.sha256((KEY1 + target.data).encode()).hexdigest(),
    lambda target, random: hashlib.sha256(target.data.encode()).hexdigest(),
    lambda target, random: hmac.new(KEY2.encode(), target.data.encode(), "sha1").hexdigest(),
    lambda target, random: hmac.new(KEY2.encode(), target.data.encode(), "sha3_256").hexdigest(),
    lambda target, random: base64.b64encode(bytes.fromhex(target.mac)).decode(),
    lambda target, random: target.other,
    lambda target, random: target.mac[::-1] if target.mac != target.mac[::-1] else "",
    lambda target, random: random.choice(["", "0" * 64, "f" * 64, "null", "undefined", "g" * 64]),
    lambda target, random: random.choice([None, True, False, 0, 1, [target.mac], {"mac": target.mac}]),
    lambda target, random: int(target.mac, 16),
)


def targets() -> list[Target]:
    """Return each callback, with the next one's MAC to borrow."""
    known = callbacks()
    following = [*known[1:], known[0]]
    return [Target(one["data"], one["mac"], other["mac"]) for one, other in zip(known, following, strict=True)]


def forge(count: int, seed: int) -> Forged:
    """Forge this number of callbacks with a wrong MAC. Raises AssertionError if one is believed."""
    random, known = Random(seed), targets()  # noqa: S311  # nothing here is a secret
    heads = [f'{{"data":{json.dumps(target.data, ensure_ascii=False)},"type":1,"mac":' for target in known]
    for number in range(count):
        chosen = random.randrange(len(known))
        mac = FORGERIES[number % len(FORGERIES)](known[chosen], random)
        body = f"{heads[chosen]}{json.dumps(mac)}}}".encode()
        assert believed(body) is None, body
    return Forged(count, count)
