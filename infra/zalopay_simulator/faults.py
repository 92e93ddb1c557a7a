"""Faults that a test or a developer switches on: for all orders, for one, or for the next one."""

import hashlib
from enum import Enum
from typing import Any, NamedTuple

from . import codes

KNOWN = {
    "callback_lost": "The callback is never sent.",
    "callback_delayed": "The callback is sent so many seconds later.",
    "callback_tripled": "Three callbacks are sent at once.",
    "callback_bad_mac": "The callback is signed with a wrong key.",
    "callback_wrong_amount": "The callback, well signed, names 1,000 đồng more.",
    "callback_dressed": (
        "The callback, well signed, is written in another way: with a seed always in the same one, "
        "with seed 0 in one after the other."
    ),
    "callback_before_create": "The order is paid, and the callback sent, before create answers.",
    "create_slow": "Create answers so many seconds later.",
    "create_refused": "Create answers 2 and the sub code; no order is made.",
    "create_lost": "The order is made, but the answer is HTTP 504.",
    "query_down": "Query answers HTTP 503 with a page.",
    "query_processing": "A paid order still reads 3, is_processing.",
    "payment_moving": "An unpaid order reads 3, is_processing, also after its end; it can be paid, but not cancelled.",
    "cancel_refused": "Cancel answers 2 and the sub code; the order stays as it is.",
    "refund_processing": "A refund stays 3 as long as this is on.",
    "refund_refused": "A refund is refused: at once, or by query so many seconds later.",
    "refund_in_part_refused": "The same, for a refund of less than the whole amount.",
    "refund_of_share_only": "Of an order paid with a discount only the payer's share can be given back, as a whole.",
    "refund_shown_late": "A refund is taken, but query_refund knows it only so many seconds after the request.",
    "refund_lost": "The refund is taken, but the answer is HTTP 504.",
    "trickle": "The answers of all five calls come byte by byte, so many seconds apart.",
    "flaky": "Of all five calls so large a share fails: HTTP 503, HTTP 504 after the effect, or so many seconds late.",
}
SECONDS = {
    "callback_delayed": 5.0,
    "create_slow": 10.0,
    "refund_refused": 0.0,
    "refund_in_part_refused": 0.0,
    "refund_shown_late": 3600.0,
    "trickle": 1.0,
    "flaky": 5.0,
}
SHARES = {"flaky": 0.1}
SUB_RETURN_CODES = {
    "create_refused": codes.BAD_DATA,
    "cancel_refused": codes.BAD_DATA,
    "refund_processing": codes.REFUND_RUNNING,
    "refund_refused": codes.NOT_REFUNDABLE,
    "refund_in_part_refused": codes.NOT_REFUNDABLE,
}
ALL, NEXT = "all", "next"


class Failure(Enum):
    """How a call fails: before it acts, after it has acted, or by a slow start."""

    UNAVAILABLE = "UNAVAILABLE"
    LOST = "LOST"
    SLOW = "SLOW"


class Fault(NamedTuple):
    """A fault that is on, with its parameters. `share` (0 to 1) and `seed` belong to random faults and spellings."""

    seconds: float
    sub_return_code: int
    share: float = 0.0
    seed: int = 0

    def draw(self, *call: object) -> Failure | None:
        """Return how this call fails, or None. The same call and seed always give the same result, without memory."""
        lot = hashlib.sha256("|".join(map(str, (self.seed, *call))).encode()).digest()
        if int.from_bytes(lot[:8]) >= self.share * 2**64:
            return None
        return list(Failure)[lot[8] % len(Failure)]


class Faults:
    """The faults that are on, and their orders."""

    def __init__(self) -> None:
        self._on: dict[tuple[str, str], Fault] = {}

    def switch(
        self,
        name: str,
        on: bool,
        scope: str = ALL,
        *,
        seconds: float | None = None,
        sub_return_code: int | None = None,
        share: float | None = None,
        seed: int = 0,
    ) -> None:
        """Switch a fault; `scope` is ALL, NEXT or an `app_trans_id`. Raises KeyError for an unknown name."""
        KNOWN[name]
        if not on:
            self._on.pop((name, scope), None)
            return
        self._on[name, scope] = Fault(
            SECONDS.get(name, 0.0) if seconds is None else seconds,
            SUB_RETURN_CODES.get(name, 0) if sub_return_code is None else sub_return_code,
            SHARES.get(name, 0.0) if share is None else share,
            seed,
        )

    def find(self, name: str, app_trans_id: str) -> Fault | None:
        """Return the fault for an order: its own fault wins over the one for all orders."""
        return self._on.get((name, app_trans_id)) or self._on.get((name, ALL))

    def adopt(self, app_trans_id: str) -> None:
        """Give the new order the faults that waited for the next one."""
        for name, scope in list(self._on):
            if scope == NEXT:
                self._on[name, app_trans_id] = self._on.pop((name, scope))

    def clear(self) -> None:
        """Switch all faults off."""
        self._on.clear()

    def listing(self) -> list[dict[str, Any]]:
        """List the faults that are on."""
        return [{"fault": name, "for": scope, **fault._asdict()} for (name, scope), fault in self._on.items()]

    def restore(self, listing: list[dict[str, Any]]) -> None:
        """Switch on exactly the faults that a listing names."""
        known = [{name: one[name] for name in Fault._fields if name in one} for one in listing]
        self._on = {(one["fault"], one["for"]): Fault(**how) for one, how in zip(listing, known, strict=True)}
