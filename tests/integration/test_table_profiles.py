"""Profiles of users, and refused events."""

from datetime import timedelta

import pytest

from stays.aws.store import Store
from stays.domain.mail import Profile
from stays.table.profiles import Profiles
from stays.table.refused import RefusedEvents
from tests.integration.tables import contents, dynamodb
from tests.samples import NOW, STRANGER, TRAVELLER


@pytest.fixture
def store(aws: None) -> Store:
    return Store(dynamodb(), "stays")


def test_a_refused_event_is_kept_with_its_reason_and_not_without_end(store: Store) -> None:
    RefusedEvents(store).keep("event-1", "no such field", "x" * 100_001, NOW)
    key = ("REFUSED", "2026-11-22T03:00:00.000Z#event-1")
    end = {"keptUntil": int((NOW + timedelta(days=180)).timestamp())}
    said = {"kind": "REFUSED", "reason": "no such field", "raw": "x" * 100_000}
    assert contents() == {key: {"PK": key[0], "SK": key[1], **said, **end}}


def test_of_a_profile_the_last_word_counts_and_the_rest_stays(store: Store) -> None:
    profiles = Profiles(store)
    first = Profile(user_id=TRAVELLER, email="an@example.com", name="An", language="vi", updated_at=NOW)
    last = Profile(user_id=TRAVELLER, email="an@example.org", updated_at=NOW + timedelta(days=1))
    assert profiles.load(TRAVELLER) is None
    assert profiles.save(first) == profiles.load(TRAVELLER) == first
    both = first.but(email=last.email, updated_at=last.updated_at)
    assert profiles.save(last) == profiles.load(TRAVELLER) == both
    assert both.created_at == NOW
    assert profiles.load(STRANGER) is None
    assert contents()[f"USER#{TRAVELLER}", "PROFILE"]["kind"] == "PROFILE"
