"""The alarms on numbers as data; `docs/runbook.md` has a section for each that says what the operator does.

`infra/aws/monitoring.py` adds those on each function, API, queue and table. docs/alarms.md lists them all, each with a
series of data that sets it off and one that does not.
"""

from collections.abc import Mapping
from typing import NamedTuple

from infra.topology import SCHEDULES

_DAY = 1440


class Alarm(NamedTuple):
    """An alarm on one of our own metrics. It fires if the metric reaches `threshold` in `over` of `windows`.

    A stage with twenty payments a day has one every 72 minutes. So a fault of each payment is over the threshold in
    few of the many short windows, and a burst is over it in several windows that follow each other.
    """

    name: str  # also the name of its section in the runbook
    metric: str
    means: str
    threshold: float = 1
    minutes: int = 5  # longer than the data of a window may be late
    statistic: str = "Sum"
    windows: int = 1
    over: int = 1


class Comparison(NamedTuple):
    """An alarm on several metrics. It fires if `formula` holds in `over` of `windows`.

    A metric without data counts as zero there. `reads` maps each name in the formula to a metric of our own, or to
    `function.Metric`.
    """

    name: str
    formula: str
    reads: Mapping[str, str]
    means: str
    minutes: int
    windows: int = 1
    over: int = 1
    section: str = ""  # its section in the runbook, if that has another name


_SIX_HOURS = 72  # windows of five minutes

BUSINESS = (
    Alarm(
        "paid-without-booking",
        "PaidWithoutBooking",
        "A traveller's money arrived and made no booking.",
    ),
    Alarm("stray-money", "StrayMoney", "Money arrived that fits no order, or an order that was paid already."),
    Alarm(
        "unreadable-callbacks",
        "UnreadableCallbacks",
        "ZaloPay sent a message with a right MAC that is not understood: it may be money.",
    ),
    Alarm(
        "unresolved",
        "Unresolved",
        "A session ended although ZaloPay never said that nobody paid: its money was moving, or it was silent.",
    ),
    Alarm("refund-by-hand", "RefundManual", "ZaloPay refused a refund: somebody has to give the money back."),
    Alarm(
        "overdue",
        "Overdue",
        "Something that was promised by a certain time is late.",
        minutes=60,  # each refund is checked at least hourly, so one late round is late
        statistic="Maximum",
    ),
    Alarm(
        "callback-not-recorded",
        "CallbackNotRecorded",
        "ZaloPay reported payments that could not be written down; it reports them again.",
        over=2,
        windows=_SIX_HOURS,
    ),
    Alarm(
        "bad-mac",
        "BadMac",
        "Callbacks carry a MAC that is none of ZaloPay's: the wrong key2, or a forger.",
        over=3,
        windows=_SIX_HOURS,
    ),
    Alarm("zalopay-refusing", "ZaloPayRefused", "ZaloPay refuses to make orders.", windows=_SIX_HOURS, over=2),
    Alarm(
        "slow-push",
        "CallbackToPush",
        "Browsers hear of their payment late.",
        threshold=10,  # seconds; half a second is usual, and the client polls after 30
        minutes=60,
        statistic="p95",
        windows=3,
        over=2,  # one lost callback makes one hour slow
    ),
    Alarm("rejected-events", "RejectedEvents", "The auction system sent events that were refused."),
    Alarm(
        "unpublished-events",
        "UnpublishedEvents",
        "A change could not be read, and what it amounts to was not published.",
    ),
    Alarm(
        "unreadable-items",
        "UnreadableItems",
        "An item cannot be read: a page, a message or the clock goes on without it.",
    ),
    Alarm("mail-failed", "MailFailed", "Mail to travellers does not get out.", windows=_SIX_HOURS, over=3),
)

COMPARISONS = (
    Comparison(
        "zalopay-silent",
        # One slow answer among many orders is usual; one answer that misses where no order succeeds is not.
        "IF({silent} >= 5 OR ({silent} >= 1 AND {orders} < 1), 1, 0)",
        {"silent": "ZaloPaySilent", "orders": "OrdersCreated"},
        "ZaloPay does not answer, or says what nobody understands.",
        over=3,
        minutes=5,
        windows=_SIX_HOURS,
    ),
    Comparison(
        "callbacks-missing",
        "IF({paid} >= 3 AND {callbacks} * 2 < {paid}, 1, 0)",
        {"paid": "PaymentsRecorded", "callbacks": "CallbackVerified"},
        "Payments are found by pages and the clock: less than half of them had a callback.",
        minutes=360,
    ),
    Comparison(
        "silent-notifier",
        "IF({orders} >= 2 AND {calls} < 1, 1, 0)",
        {"orders": "OrdersCreated", "calls": "notifier.Invocations"},
        "Orders change the table, and notifier hears of none: its stream mapping is off.",
        minutes=180,
        section="silent",
    ),
    Comparison(
        "silent-fulfilment",
        "IF({booked} >= 2 AND {calls} < 1, 1, 0)",
        {"booked": "Booked", "calls": "fulfilment.Invocations"},
        "Stays are booked, and fulfilment hears of none: its stream mapping is off.",
        minutes=180,
        section="silent",
    ),
    Comparison(
        "silent-awards",
        "IF({orders} >= 2 AND {calls} < 1, 1, 0)",
        {"orders": "OrdersCreated", "calls": "awards.Invocations"},
        "Awards are paid for two days, and no new one came from the bus.",
        minutes=_DAY,
        windows=2,
        over=2,
        section="silent",
    ),
)

# Each of the clock's schedules counts overdue items in every round, even if the count is zero: a missing count is a
# missing round. The last two minutes may be zero because their data is on its way.
HEARTBEAT = Alarm(
    "clock-stopped",
    "Overdue",
    "Reconciliation has not finished all its rounds for five minutes: lost callbacks stay lost.",
    threshold=sum(len(each.inputs) for each in SCHEDULES),
    minutes=1,
    statistic="SampleCount",
    windows=7,
    over=7,
)
