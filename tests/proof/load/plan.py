"""The users, their actions and their faults, all drawn from one seed before the load begins."""

from datetime import date, timedelta
from enum import StrEnum
from random import Random
from typing import NamedTuple


class Story(StrEnum):
    """The actions of a user with an award."""

    PAYS = "PAYS"
    CLICKS_TWICE = "CLICKS_TWICE"
    RESERVES = "RESERVES"  # first reserves the nights, pays later
    DECLINED = "DECLINED"  # pays after a declined attempt
    CANCELS = "CANCELS"  # cancels the booking
    LEAVES = "LEAVES"  # cancels the order at ZaloPay
    FORGETS = "FORGETS"  # never pays
    FIGHTS = "FIGHTS"  # competes with others for overlapping nights at the same moment
    LATE = "LATE"  # pays after the end, while the nights are still free
    OVERTAKEN = "OVERTAKEN"  # pays after the end, when OVERTAKES has already paid for the nights
    OVERTAKES = "OVERTAKES"
    HEAT_FIRST = "HEAT_FIRST"  # pays after the end, at the same moment as HEAT_SECOND
    HEAT_SECOND = "HEAT_SECOND"
    WINS = "WINS"  # pays at an auction's end, at the same moment as every other winner


class Callback(StrEnum):
    """The fate of ZaloPay's callback."""

    SENT = "SENT"
    LOST = "LOST"
    TRIPLED = "TRIPLED"


class Proof(StrEnum):
    """How a socket proves its user."""

    ADDRESS = "ADDRESS"  # token in the address
    FRAME = "FRAME"  # token in SUBSCRIBE
    CALL = "CALL"  # an earlier call from the same address


class Plan(NamedTuple):
    """The plan of one user."""

    name: str
    story: Story
    begins: float  # seconds after the start of the load
    auction_id: str
    property_id: str
    nights: tuple[str, ...]
    prices: tuple[int, ...]  # đồng, per night
    given_back: int  # percent of the price, by policy, if the booking is cancelled
    callback: Callback
    redirect_first: bool
    polls: bool
    proofs: tuple[Proof, ...]  # per socket
    drops: tuple[float, ...]  # seconds after a socket opened, when it drops
    confirms: bool  # asks for the steps after a booking, as the confirmation page does

    @property
    def user_id(self) -> str:
        """The `sub` of the token."""
        return f"auth0|{self.name}"

    @property
    def email(self) -> str:
        """The address for mail."""
        return f"{self.name}@stays.example"

    @property
    def amount(self) -> int:
        """The price of all nights in đồng."""
        return sum(self.prices)

    @property
    def is_contested(self) -> bool:
        """Say whether another user may get the nights."""
        return self.story in CONTESTS

    @property
    def tries_again(self) -> bool:
        """Say whether the page tries again after 429 and 5xx, as the real one does."""
        return self.story is Story.WINS


CONTESTS = frozenset(
    {Story.FIGHTS, Story.OVERTAKEN, Story.OVERTAKES, Story.HEAT_FIRST, Story.HEAT_SECOND},
)

# The stories that belong together, and their frequency.
PARTIES = {
    (Story.PAYS,): 8,
    (Story.CANCELS,): 3,
    (Story.LATE,): 2,
    (Story.CLICKS_TWICE,): 1,
    (Story.RESERVES,): 1,
    (Story.DECLINED,): 1,
    (Story.LEAVES,): 1,
    (Story.FORGETS,): 1,
    (Story.FIGHTS, Story.FIGHTS, Story.FIGHTS): 1,
    (Story.OVERTAKEN, Story.OVERTAKES): 1,
    (Story.HEAT_FIRST, Story.HEAT_SECOND): 1,
}
# Days before check-in and the refunded percentage. A midnight in between changes nothing.
LEADS = {20: 100, 5: 50, 1: 0}
# Of five callbacks one is lost and one comes three times.
CALLBACKS = (Callback.SENT, Callback.SENT, Callback.SENT, Callback.LOST, Callback.TRIPLED)


def plans(travellers: int, seconds: float, seed: int, today: date) -> list[Plan]:
    """Return at least this many users, with every story. All arrive in the first nine tenths of the time."""
    lots = Random(seed)  # noqa: S311 (no secret, and it must be repeatable)
    found: list[Plan] = []
    parties = list(PARTIES)
    while parties or len(found) < travellers:
        party = parties.pop(0) if parties else lots.choices(list(PARTIES), list(PARTIES.values()))[0]
        moment = Moment(lots.uniform(0, 0.9 * seconds), today, lots.choice(list(LEADS)))
        found += [_plan(lots, f"{seed}-{len(found)}", place, party, moment) for place in range(len(party))]
    fates = [fate for _ in range(0, len(found), len(CALLBACKS)) for fate in lots.sample(CALLBACKS, len(CALLBACKS))]
    return [plan._replace(callback=fate) for plan, fate in zip(found, fates, strict=False)]


def winners(count: int, seed: int, today: date) -> list[Plan]:
    """Return the winners at an auction's end: all come at once, each for a property of their own, and wait."""
    lots = Random(seed)  # noqa: S311
    moment = Moment(0, today, next(iter(LEADS)))
    found = [_plan(lots, f"{seed}-{number}", 0, (Story.WINS,), moment) for number in range(count)]
    fates = [CALLBACKS[number % len(CALLBACKS)] for number in range(count)]
    return [
        plan._replace(callback=fate, polls=True, proofs=(Proof.ADDRESS,), drops=())
        for plan, fate in zip(found, fates, strict=True)
    ]


class Moment(NamedTuple):
    """The arrival of a party, and the number of days before its nights."""

    begins: float
    today: date
    lead: int


def _plan(lots: Random, party_name: str, place: int, party: tuple[Story, ...], moment: Moment) -> Plan:
    story, name = party[place], f"{party_name}-{place}"
    first = moment.today + timedelta(days=moment.lead + (place if story is Story.FIGHTS else 0))
    return Plan(
        name=f"traveller-{name}",
        story=story,
        begins=moment.begins,
        auction_id=f"auction-{name}",
        property_id=f"property-{party_name}",
        nights=(first.isoformat(), (first + timedelta(days=1)).isoformat()),
        prices=(lots.randrange(100_000, 2_000_000), lots.randrange(100_000, 2_000_000)),
        given_back=LEADS[moment.lead],
        callback=Callback.SENT,  # the real ones are dealt out later
        redirect_first=lots.random() < 0.5,
        polls=lots.random() < 0.6,
        proofs=tuple(lots.choices(list(Proof), k=lots.choice((0, 1, 1, 2)))),
        drops=tuple(lots.uniform(0.2, 3) for _ in range(lots.choice((0, 0, 1, 2)))),
        confirms=lots.random() < 0.3,
    )
