"""The alarms as data; `docs/runbook.md` has a section for each that says what the operator does."""

from typing import NamedTuple


class Alarm(NamedTuple):
    """An alarm on one of our own metrics. It fires if the metric reaches `threshold` within `minutes`."""

    name: str  # also the name of its section in the runbook
    metric: str
    means: str
    threshold: float = 1
    minutes: int = 1
    statistic: str = "Sum"
    periods: int = 1  # consecutive periods over the threshold before it fires


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
        threshold=3,
        minutes=5,
    ),
    Alarm(
        "bad-mac-burst",
        "BadMac",
        "Many callbacks carried a MAC that is none of ZaloPay's: a forger, or the wrong key2.",
        threshold=10,
        minutes=5,
    ),
    Alarm("zalopay-refusing", "ZaloPayRefused", "ZaloPay refuses to make orders.", threshold=3, minutes=15),
    Alarm(
        "zalopay-silent",
        "ZaloPaySilent",
        "ZaloPay does not answer, or says what nobody understands.",
        threshold=5,
        minutes=5,
    ),
    Alarm(
        "slow-push",
        "CallbackToPush",
        "Browsers hear of their payment late.",
        threshold=10,  # seconds; half a second is usual, and the client polls after 30
        minutes=5,
        statistic="p95",
        periods=3,
    ),
    Alarm("rejected-events", "RejectedEvents", "The auction system sent events that were refused.", minutes=5),
    Alarm(
        "unpublished-events",
        "UnpublishedEvents",
        "A change could not be read, and what it amounts to was not published.",
        minutes=5,
    ),
    Alarm(
        "unreadable-items",
        "UnreadableItems",
        "An item cannot be read: a page, a message or the clock goes on without it.",
        minutes=5,
    ),
    Alarm("mail-failed", "MailFailed", "Mail to travellers does not get out.", threshold=5, minutes=15),
)

# The reconciliation counts overdue items in every round, even if the count is zero. A missing metric therefore means
# that the clock has stopped.
HEARTBEAT = Alarm(
    "clock-stopped",
    "Overdue",
    "Reconciliation has not finished a round for five minutes: lost callbacks stay lost.",
    minutes=5,
    statistic="SampleCount",
)
