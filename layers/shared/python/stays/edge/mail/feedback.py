"""What SES says about a mail that went out: it came back for good, or its reader complained."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from stays.domain.mail import CameBack


class Feedback(NamedTuple):
    """The addresses that get no more mail, and the mail's tags: the stay (if it is about one) and the kind."""

    word: CameBack
    addresses: tuple[str, ...]
    tags: Mapping[str, str]


def read_feedback(detail: Mapping[str, Any]) -> Feedback | None:
    """The feedback in an event of SES (AWS, SES, event contents). None for mail that may still arrive."""
    tags = {name: values[0] for name, values in detail["mail"].get("tags", {}).items()}
    if detail["eventType"] == "Complaint":
        complaint = detail["complaint"]
        if complaint.get("complaintFeedbackType") == "not-spam":  # the reader took it out of the folder for spam
            return None
        return Feedback("COMPLAINED", _addresses(complaint["complainedRecipients"]), tags)
    bounce = detail["bounce"]
    if bounce["bounceType"] != "Permanent":
        return None
    return Feedback("BOUNCED", _addresses(bounce["bouncedRecipients"]), tags)


def _addresses(recipients: list[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(each["emailAddress"] for each in recipients)
