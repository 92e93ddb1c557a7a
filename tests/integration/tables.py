"""The table as it stands, and clients of it that fail or are overtaken as they are told."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from stays.aws.attributes import from_attributes, to_attributes
from stays.aws.client import AwsError, DynamoDB
from stays.aws.store import Store
from stays.domain.award import Award
from stays.domain.owed_mail import award_mails
from stays.domain.payment import PaymentSession
from stays.table.awards import Awards
from stays.table.keys import mail_key
from stays.table.sessions import Sessions

Item = dict[str, Any]


@cache
def dynamodb() -> DynamoDB:
    return DynamoDB()


def contents(table: str = "stays") -> dict[tuple[str, str], Item]:
    """Every item by its keys."""
    found = dynamodb().scan(TableName=table)["Items"]
    items = [from_attributes(item) for item in found]
    return {(item["PK"], item["SK"]): item for item in items}


def hand_in(*awards: Award) -> None:
    """The auction system tells of these awards. The mail about them counts as sent long ago."""
    for award in awards:
        Awards(Store(dynamodb(), "stays")).receive(award, "event-1")
        for mail in award_mails(award, award.received_at):
            dynamodb().delete_item(TableName="stays", Key=to_attributes(mail_key(mail)))


def begin(sessions: Sessions, session: PaymentSession, now: datetime, instead_of: PaymentSession | None = None) -> None:
    """A session opens for its award as it stands."""
    sessions.open(session, Awards(Store(dynamodb(), "stays")).load_of_session(session), now, instead_of)


class Failing:
    """DynamoDB whose first transactions fail with the given reasons, one list of codes for each.

    Where a condition fails, it says what stands there.
    """

    def __init__(self, *cancellations: list[str], stands: Item | None = None) -> None:
        self.client = dynamodb()
        self.cancellations = list(cancellations)
        self.stands = to_attributes(stands or {})
        self.transactions = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def transact_write_items(self, **request: Any) -> Any:
        self.transactions += 1
        if not self.cancellations:
            return self.client.transact_write_items(**request)
        codes = self.cancellations.pop(0)
        reasons = [{"Code": code, "Item": self.stands} for code in codes]
        raise AwsError("TransactionCanceledException", 400, {"CancellationReasons": reasons})


class Overtaken:
    """DynamoDB before whose first transaction something else happens."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.client = dynamodb()
        self.meanwhile: list[Callable[[], object]] = [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def transact_write_items(self, **request: Any) -> Any:
        if self.meanwhile:
            self.meanwhile.pop()()
        return self.client.transact_write_items(**request)


class Noting:
    """DynamoDB that keeps what queries ask for."""

    def __init__(self) -> None:
        self.client = dynamodb()
        self.queries: list[Item] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def query(self, **request: Any) -> Any:
        self.queries.append(request)
        return self.client.query(**request)
