"""The stored values of enums: after a change, items in the table could not be read any more."""

import importlib
import pkgutil
from enum import StrEnum

import pytest

import stays.domain
from stays.domain.payment import Reason

MODULES = [importlib.import_module(f"stays.domain.{each.name}") for each in pkgutil.iter_modules(stays.domain.__path__)]
FOUND = {each for module in MODULES for each in vars(module).values() if isinstance(each, type)}
OWN = sorted(
    (each for each in FOUND if issubclass(each, StrEnum) and each is not StrEnum), key=lambda each: each.__name__
)
OF_THE_CLIENT = {
    "CREATION_FAILED": "PAYMENT_CREATION_FAILED",
    "EXPIRED": "PAYMENT_EXPIRED",
    "CANCELLED": "PAYMENT_CANCELLED",
    "UNDER_REVIEW": "PAYMENT_UNDER_REVIEW",
}


@pytest.mark.parametrize("words", OWN, ids=lambda each: each.__name__)
def test_every_state_is_stored_under_its_own_name(words: type[StrEnum]) -> None:
    own = OF_THE_CLIENT if words is Reason else {}
    assert {each.name: each.value for each in words} == {each.name: own.get(each.name, each.name) for each in words}
