"""The event bus: it carries announcements to the company's other systems."""

import json
from collections.abc import Sequence
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from stays.domain.announcement import Announcement

SOURCE = "stays"
# A client with these times gives up before the time-out of any of our functions.
TIMEOUTS = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
MOST_ENTRIES = 10  # of one call, which may have 256 KB (AWS, PutEvents); ten of our longest events are a tenth of that


class NotTaken(Exception):
    """The bus did not accept these `announcements`, or did not answer. They are in order. The text is an error code."""

    def __init__(self, announcements: Sequence[Announcement], why: str) -> None:
        super().__init__(why)
        self.announcements = announcements


def publish(client: Any, bus: str, announcements: Sequence[Announcement]) -> None:
    """Put events on the bus (an `events` client), in as few calls as possible; no call without events.

    Raises NotTaken with the events that the first failed call did not deliver, and all events after it. A call without
    an answer counts as failed, so an event may come twice, with the same `eventId`.
    """
    for start in range(0, len(announcements), MOST_ENTRIES):
        end = start + MOST_ENTRIES
        try:
            _put(client, bus, announcements[start:end])
        except NotTaken as failure:
            raise NotTaken([*failure.announcements, *announcements[end:]], str(failure)) from None


def _put(client: Any, bus: str, announcements: Sequence[Announcement]) -> None:
    try:
        answer = client.put_events(Entries=[_entry(bus, each) for each in announcements])
    except ClientError as error:
        raise NotTaken(announcements, error.response["Error"]["Code"]) from None
    except BotoCoreError as error:
        raise NotTaken(announcements, type(error).__name__) from None
    results = zip(announcements, answer["Entries"], strict=True)
    refused = [(each, entry["ErrorCode"]) for each, entry in results if "ErrorCode" in entry]
    if refused:
        raise NotTaken([each for each, _ in refused], refused[0][1])


def _entry(bus: str, announcement: Announcement) -> dict[str, str]:
    return {
        "EventBusName": bus,
        "Source": SOURCE,
        "DetailType": type(announcement).__name__,
        "Detail": json.dumps(announcement.dump(), ensure_ascii=False),
    }
