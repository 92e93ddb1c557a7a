"""Items in DynamoDB's JSON: the same as boto3's serializer and deserializer."""

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from stays.aws.attributes import from_attributes, to_attributes

NUMBERS = st.integers(-(10**38) + 1, 10**38 - 1)  # DynamoDB keeps 38 digits
SIMPLE = st.none() | st.booleans() | NUMBERS | st.text(max_size=20)
NAMES = st.text(max_size=8)
VALUES = st.recursive(
    SIMPLE, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=6
)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_an_item_is_written_and_read_as_boto3_does(item: dict[str, Any]):
    write, read = TypeSerializer().serialize, TypeDeserializer().deserialize
    written = to_attributes(item)
    assert written == {name: write(value) for name, value in item.items()}
    assert from_attributes(written) == {name: read(each) for name, each in written.items()} == item


@pytest.mark.parametrize("number", ["0.5", "-1.25", "1E+2", "99999999999999999999.5"])
def test_a_number_that_is_not_whole_is_read_as_it_is(number: str):
    assert from_attributes({"x": {"N": number}}) == {"x": Decimal(number)}


@pytest.mark.parametrize("attribute", [{"B": b"x"}, {"SS": ["a"]}, {"NS": ["1"]}, {"BS": [b"x"]}])
def test_what_is_of_no_type_of_ours_is_left_as_it_is(attribute: dict[str, Any]):
    assert from_attributes({"x": attribute}) == {"x": next(iter(attribute.values()))}


@pytest.mark.parametrize("value", [0.5, b"x", {"a"}, object()])
def test_nothing_of_another_type_is_written(value: Any):
    with pytest.raises(TypeError, match="no item has"):
        to_attributes({"x": {"y": [value]}})


def test_a_tuple_is_a_list_and_an_enumeration_its_text():
    assert to_attributes({"x": (1,)}) == {"x": {"L": [{"N": "1"}]}}
