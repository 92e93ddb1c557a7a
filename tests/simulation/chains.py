"""What must hold of wins and offers: every step once, only free nights are offered, every chain comes to its end."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

from stays.domain.award import AWARD_SOURCES, PAYABLE, AwardStatus

Item = dict[str, Any]
Demand = Callable[..., None]
OPEN = {status.value for status in PAYABLE}
ENDED = ("EXPIRED", "DECLINED")


class Chains:
    """Reads the stream's history: awards and offers as they were committed, and whose the nights were at that time."""

    def __init__(self, demand: Demand, plain: Callable[[Item | None], Item]) -> None:
        self._demand = demand
        self._plain = plain
        self._nights: dict[tuple[str, str], Item] = {}
        self._awards: dict[tuple[str, str], Item] = {}
        self._offered: Counter[tuple[str, str]] = Counter()

    def look_at(self, record: Mapping[str, Any]) -> None:
        """One record."""
        images = record["dynamodb"]
        old, new = (self._plain(images.get(name)) for name in ("OldImage", "NewImage"))
        kind = (new or old).get("kind")
        if kind == "NIGHT":
            self._night(old, new)
        elif kind in ("AWARD", "OFFER"):
            self._award(old, new)
        elif kind == "SESSION" and not old:
            award = self._awards[f"AUCTION#{new['auctionId']}", f"AWARD#{new['userId']}#{new['awardId']}"]
            self._demand(award["status"] in OPEN, "cascade", new["id"], "is opened for what is", award["status"])

    def _night(self, old: Item, new: Item) -> None:
        key = (new or old)["PK"], (new or old)["SK"]
        self._nights.pop(key, None)
        if new:
            self._nights[key] = new

    def _is_free(self, award: Item, night: str, at: str) -> bool:
        kept = self._nights.get((f"PROPERTY#{award['property']['id']}", f"NIGHT#{night}"))
        return kept is None or (kept["state"] == "HELD" and kept["heldUntil"] < at)

    def _award(self, old: Item, new: Item) -> None:
        self._awards[new["PK"], new["SK"]] = new
        if not old:
            self._made(new)
        elif old["status"] != new["status"]:
            self._moved(old, new)
        for name in ("userId", "nights", "deadline"):
            self._demand(not old or old[name] == new[name], "S1", new["awardId"], name, "changed")

    def _made(self, award: Item) -> None:
        if not award["atStake"]:
            return
        self._offered[award["auctionId"], award["userId"]] += 1
        self._demand(
            self._offered[award["auctionId"], award["userId"]] == 1, "cascade", award["userId"], "was asked twice"
        )
        for night in award["nights"]:
            free = self._is_free(award, night["date"], award["receivedAt"])
            self._demand(free, "cascade", award["awardId"], "offers", night["date"], "that is taken")

    def _moved(self, old: Item, new: Item) -> None:
        sources = AWARD_SOURCES.get(AwardStatus(new["status"]), frozenset(AwardStatus))
        self._demand(old["status"] in sources, "transitions", new["awardId"], old["status"], new["status"])
        at = new["changedAt"]
        if new["status"] == "EXPIRED":
            self._demand(
                (old.get("payUntil") or old["deadline"]) <= at, "L3", new["awardId"], "expired before its time"
            )
        if new["status"] in ENDED:
            for night in new["releasedNights"]:
                self._demand(self._is_free(new, night, at), "cascade", new["awardId"], "releases", night)

    def at_rest(self) -> None:
        """Nothing waits any more, and whatever ended went to somebody else or was released."""
        for award in self._awards.values():
            self._demand(award["status"] not in OPEN, "L3", award["awardId"], "is still", award["status"])
        heads = [each for each in self._awards.values() if not each["atStake"] and each["runnersUp"]]
        for head in heads:
            self._chain([head, *self._followers(head)])

    def told(self, frames: list[Item], owner: str, until: str) -> None:
        """Whoever heard of a win or an offer of theirs, and still listens, has heard how it ended."""
        for award in self._awards.values():
            heard = [frame for frame in frames if _is_about(frame, award)]
            if heard and award["userId"] == owner and award["changedAt"] < until:
                last = heard[-1].get("status", heard[-1]["type"])
                wanted = _last_word(award)
                self._demand(wanted in (last, None), "I15", award["awardId"], "was last told", last, "and is", wanted)

    def _followers(self, head: Item) -> Iterable[Item]:
        found = (each for each in self._awards.values() if each["atStake"] and each["auctionId"] == head["auctionId"])
        return sorted(found, key=lambda each: str(each["receivedAt"]))

    def _chain(self, chain: list[Item]) -> None:
        for before, after in pairwise(chain):
            ended = before["status"] in (*ENDED, "PAID")
            self._demand(ended, "cascade", after["awardId"], "was offered and", before["awardId"], before["status"])
            left = [each["userId"] for each in before["runnersUp"]]
            self._demand(after["userId"] in left, "cascade", after["userId"], "was not the next")
            self._demand(not before["releasedNights"], "cascade", before["awardId"], "released what it offered on")


def _is_about(frame: Item, award: Item) -> bool:
    if award["awardId"] == "WIN":
        return bool(frame["type"] == "AUCTION_RESULT" and frame["auctionId"] == award["auctionId"])
    return bool(frame.get("offerId") == award["awardId"])


def _last_word(award: Item) -> str | None:
    """What its user has to have heard last; None where they know it by what they did themselves."""
    if award["status"] == "EXPIRED":
        return "EXPIRED" if award["awardId"] == "WIN" else "OFFER_EXPIRED"
    return "DECLINED" if award["awardId"] == "WIN" and award["status"] == "DECLINED" else None
