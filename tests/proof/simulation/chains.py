"""Rules for wins and offers: each step happens once, only free nights are offered, and each night is settled."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

from stays.domain.award import AWARD_SOURCES, PAYABLE, AwardStatus

Item = dict[str, Any]
Demand = Callable[..., None]
Place = tuple[str, str]  # PK and SK of a night
OPEN = {status.value for status in PAYABLE}
ENDED = ("EXPIRED", "DECLINED", "WITHDRAWN")


class Chains:
    """Reads the stream's history: each committed award and offer, and the holder of the nights at that time."""

    def __init__(self, demand: Demand, plain: Callable[[Item | None], Item]) -> None:
        self._demand = demand
        self._plain = plain
        self._position = 0
        self._nights: dict[Place, Item] = {}
        self._awards: dict[tuple[str, str], Item] = {}
        self._offered: Counter[tuple[str, str]] = Counter()
        # the position in the history at which an award was first lost or paid
        self._ended: dict[tuple[str, str], int] = {}
        self._released: dict[Place, int] = {}  # the position at which a night was last released
        self._given_back: dict[Place, int] = {}  # the position at which its booking ended
        # nights that the auction system withdrew from awards
        self._taken_back: set[tuple[Place, tuple[str, str]]] = set()

    def look_at(self, record: Mapping[str, Any]) -> None:
        """Check one record."""
        self._position += 1
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
            parted = award.get("result") == "FULL_WIN" and len(new["nights"]) < len(award["nights"])
            self._demand(not parted, "I7", new["id"], "is for a part of a full win")

    def _night(self, old: Item, new: Item) -> None:
        key = (new or old)["PK"], (new or old)["SK"]
        self._nights.pop(key, None)
        if new:
            self._nights[key] = new
        if old.get("state") == "BOOKED" and not new:
            self._given_back[key] = self._position

    def _is_free(self, place: Place, at: str) -> bool:
        kept = self._nights.get(place)
        return kept is None or (kept["state"] == "HELD" and kept["heldUntil"] < at)

    def _award(self, old: Item, new: Item) -> None:
        key = new["PK"], new["SK"]
        self._awards[key] = new
        corrected = bool(old) and old.get("revision", 0) != new.get("revision", 0)
        if not old:
            self._made(new)
        elif old["status"] != new["status"] and not corrected:
            self._moved(old, new)
        for name in ("userId", "nights", "deadline"):
            self._demand(not old or corrected or old[name] == new[name], "S1", new["awardId"], name, "changed")
        if old and old["status"] != new["status"]:
            self._ended.setdefault(key, self._position)
        if corrected:
            kept = set() if new["status"] == "WITHDRAWN" else set(_stake(new))
            self._taken_back |= {(place, key) for place in set(_stake(old)) - kept}
        self._releases(old, new)

    def _releases(self, old: Item, new: Item) -> None:
        """A released night is free, and the same write offers it to no user."""
        fresh = _released(new)[len(_released(old)) :]
        passed_on = bool(fresh) and new.get("passedOn") and not old.get("passedOn", old.get("status") not in OPEN)
        self._demand(not passed_on, "cascade", new["awardId"], "released what it offered on")
        for night in [night for nights in fresh for night in nights]:
            place = _place(new, night)
            self._demand(self._is_free(place, new["changedAt"]), "cascade", new["awardId"], "releases", night)
            self._released[place] = self._position

    def _made(self, award: Item) -> None:
        if not award["atStake"]:
            return
        self._offered[award["auctionId"], award["userId"]] += 1
        self._demand(
            self._offered[award["auctionId"], award["userId"]] == 1, "cascade", award["userId"], "was asked twice"
        )
        for night in award["nights"]:
            free = self._is_free(_place(award, night["date"]), award["receivedAt"])
            self._demand(free, "cascade", award["awardId"], "offers", night["date"], "that is taken")

    def _moved(self, old: Item, new: Item) -> None:
        sources = AWARD_SOURCES.get(AwardStatus(new["status"]), frozenset(AwardStatus))
        self._demand(old["status"] in sources, "transitions", new["awardId"], old["status"], new["status"])
        if new["status"] == "EXPIRED":
            over = (old.get("payUntil") or old["deadline"]) <= new["changedAt"]
            booked = any(self._nights.get(place, {}).get("state") == "BOOKED" for place in _stake(old))
            self._demand(over or booked, "L3", new["awardId"], "expired before its time")

    def at_rest(self, today: str) -> None:
        """At rest no award waits, every chain went in order, and every awarded night is settled."""
        for award in self._awards.values():
            self._demand(award["status"] not in OPEN, "L3", award["awardId"], "is still", award["status"])
            self._demand(not award.get("unsold"), "nights", award["awardId"], "still has", award.get("unsold"))
            self._demand("correction" not in award, "L3", award["awardId"], "still waits to be corrected")
        heads = [each for each in self._awards.values() if not each["atStake"] and each["runnersUp"]]
        for head in heads:
            self._chain([head, *self._followers(head)])
        for key, award in self._awards.items():
            for place in _stake(award) if award["status"] not in ("LOST", "WITHDRAWN") else ():
                accounted = place[1] < f"NIGHT#{today}" or self._is_accounted_for(key, place)
                self._demand(accounted, "nights", *place, "of", award["userId"], award["awardId"], "has vanished")

    def _is_accounted_for(self, key: tuple[str, str], place: Place) -> bool:
        """Say whether a night is booked, was released after this award lost it and is still free, or was withdrawn."""
        if self._nights.get(place, {}).get("state") == "BOOKED":
            return True
        released = self._released.get(place, -1)
        if released >= max(self._ended.get(key, 0), self._given_back.get(place, 0)):
            return True
        return any(taken == place for taken, _ in self._taken_back)

    def told(self, frames: list[Item], owner: str, until: str) -> None:
        """A user who received a win or an offer, and still listens, has also received its end."""
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


def _place(award: Item, night: str) -> Place:
    return f"PROPERTY#{award['property']['id']}", f"NIGHT#{night}"


def _stake(award: Item) -> list[Place]:
    nights = award["atStake"] or [night["date"] for night in award["nights"]]
    return [_place(award, night) for night in nights]


def _released(award: Item) -> list[list[str]]:
    """Return the nights that an award released, each time; at most once until 1.2.1."""
    once = [award["releasedNights"]] if award.get("releasedNights") else []
    return award.get("releases") or once


def _is_about(frame: Item, award: Item) -> bool:
    if award["awardId"] == "WIN":
        return bool(frame["type"] == "AUCTION_RESULT" and frame["auctionId"] == award["auctionId"])
    return bool(frame.get("offerId") == award["awardId"])


def _last_word(award: Item) -> str | None:
    """Return the last message that the user must have received; None if the user's own action ended the award."""
    if award["status"] in ("EXPIRED", "WITHDRAWN"):
        return award["status"] if award["awardId"] == "WIN" else "OFFER_EXPIRED"
    return "DECLINED" if award["awardId"] == "WIN" and award["status"] == "DECLINED" else None
