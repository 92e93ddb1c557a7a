"""The operator blocks addresses at the edge of a stage, and lets them in again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.aws.stage import EDGE_REGION, Edge, read_context, read_stage
from infra.operator.__main__ import main
from infra.operator.block_list import LONGEST_NOTE, BlockList, note_of
from infra.operator.commands import Commands
from infra.operator.environment import Environment
from stays.domain.errors import Invalid, Refused, StaysError

STAGE = read_stage("dev", read_context()).model_copy(update={"edge": Edge()})
TOOLS: Any = SimpleNamespace(strays=None)  # the other commands' parts
NOW = datetime(2026, 11, 27, 1, 2, 3, tzinfo=UTC)


class Edged:
    """The operator of a stage with an edge. `firewall` is AWS's client."""

    def __init__(self) -> None:
        self.firewall = boto3.client("wafv2", region_name=EDGE_REGION)
        for family in ("IPV4", "IPV6"):
            name = STAGE.block_list(family)
            self.firewall.create_ip_set(Name=name, Scope="CLOUDFRONT", IPAddressVersion=family, Addresses=[])
        self.firewall.create_ip_set(Name="payroll", Scope="CLOUDFRONT", IPAddressVersion="IPV4", Addresses=[])

    def run(self, command: str, *named: str, really: bool = True) -> list[str]:
        environment = Environment({}, lambda: NOW, tuple, lambda _: None, lambda *_: 0, BlockList(self.firewall, STAGE))
        return list(getattr(Commands(TOOLS, environment, really=really), command)(*named))

    def addresses(self) -> set[str]:
        found = self.run("blocked")
        return {each for each in found if not each.startswith(" ")}


@pytest.fixture
def edged() -> Iterator[Edged]:
    with mock_aws():
        yield Edged()


def test_an_address_is_blocked_with_its_reason_and_let_in_again(edged: Edged):
    assert edged.run("blocked") == []
    said = edged.run("block", "203.0.114.7", "floods create", "an")
    assert said == ["203.0.114.7/32 is blocked; 1 on the list."]
    assert edged.run("block", "2a01:4f8::7", "", "an") == ["2a01:4f8::7/128 is blocked; 1 on the list."]
    assert edged.run("blocked") == [
        "203.0.114.7/32",
        "  last change of stays-dev-blocked-ipv4: 2026-11-27T08:02:03+07:00 an: block 203.0.114.7, floods create",
        "2a01:4f8::7/128",
        "  last change of stays-dev-blocked-ipv6: 2026-11-27T08:02:03+07:00 an: block 2a01:4f8::7, no reason given",
    ]
    assert edged.run("unblock", "203.0.114.7", "over", "an") == ["203.0.114.7/32 is unblocked; 0 on the list."]
    assert edged.addresses() == {"2a01:4f8::7/128"}


def test_nothing_is_written_without_really(edged: Edged):
    edged.run("block", "8.8.8.8")
    assert edged.run("block", "9.9.9.9", really=False) == ["9.9.9.9/32 would be blocked; 2 on the list."]
    assert edged.run("unblock", "8.8.8.8", really=False) == ["8.8.8.8/32 would be unblocked; 0 on the list."]
    assert edged.addresses() == {"8.8.8.8/32"}


@pytest.mark.parametrize(
    ("typed", "listed"),
    [
        ("203.0.114.7", "203.0.114.7/32"),
        ("203.0.114.7/24", "203.0.114.0/24"),
        ("11.12.0.0/16", "11.12.0.0/16"),
        ("::ffff:203.0.114.7", "203.0.114.7/32"),
        ("2A01:4F8:0:0::7", "2a01:4f8::7/128"),
        ("2a01:4f8:1:2::7/64", "2a01:4f8:1:2::/64"),
        ("2a01:4f8::/32", "2a01:4f8::/32"),
    ],
)
def test_addresses_and_ranges_are_read_in_every_form(edged: Edged, typed: str, listed: str):
    edged.run("block", typed)
    assert edged.addresses() == {listed}
    assert edged.run("block", typed) == [f"{listed} is blocked already, by {listed}."]
    edged.run("unblock", typed)
    assert edged.addresses() == set()


@pytest.mark.parametrize(
    ("typed", "kind", "sentence"),
    [
        ("0.0.0.0/0", Refused, "0.0.0.0/0 would block too many: at most /16 at once."),
        ("::/0", Refused, "::/0 would block too many: at most /32 at once."),
        ("11.0.0.0/15", Refused, "11.0.0.0/15 would block too many"),
        ("2a01::/31", Refused, "2a01::/31 would block too many"),
        ("10.1.2.3", Refused, "10.1.2.3/32 is no address of the internet"),
        ("127.0.0.1", Refused, "127.0.0.1/32 is no address of the internet"),
        ("fe80::1", Refused, "fe80::1/128 is no address of the internet"),
        ("203.0.114", Invalid, "203.0.114 is neither an address nor a range."),
        ("auth0|mai", Invalid, "auth0|mai is neither an address nor a range."),
    ],
)
def test_what_would_block_everybody_or_nobody_is_refused(
    edged: Edged, typed: str, kind: type[StaysError], sentence: str
):
    with pytest.raises(kind) as refused:
        edged.run("block", typed)
    assert refused.value.message.startswith(sentence)
    assert edged.addresses() == set()


def test_an_address_inside_a_blocked_range_is_told_so(edged: Edged):
    edged.run("block", "203.0.114.0/24")
    assert edged.run("block", "203.0.114.7") == ["203.0.114.7/32 is blocked already, by 203.0.114.0/24."]
    with pytest.raises(Refused, match=r"203\.0\.114\.7/32 is not on the list; 203\.0\.114\.0/24 is, and covers it\."):
        edged.run("unblock", "203.0.114.7")
    with pytest.raises(Refused, match=r"8\.8\.8\.8/32 is not on the list\.$"):
        edged.run("unblock", "8.8.8.8")


@pytest.mark.parametrize(
    ("code", "kind"), [("WAFOptimisticLockException", Refused), ("WAFLimitsExceeded", ClientError)]
)
def test_a_change_of_another_operator_is_not_undone(edged: Edged, code: str, kind: type[Exception]):
    def fail(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "UpdateIPSet")

    edged.firewall.update_ip_set = fail
    with pytest.raises(kind):
        edged.run("block", "8.8.8.8")


def test_a_stage_that_is_not_deployed_with_its_edge_is_told_so(edged: Edged):
    for each in edged.firewall.list_ip_sets(Scope="CLOUDFRONT")["IPSets"]:
        edged.firewall.delete_ip_set(Name=each["Name"], Scope="CLOUDFRONT", Id=each["Id"], LockToken=each["LockToken"])
    with pytest.raises(Refused, match="dev has no list stays-dev-blocked-ipv4"):
        edged.run("blocked")


def test_a_stage_without_an_edge_has_no_list():
    environment = Environment({}, lambda: NOW, tuple, lambda _: None, lambda *_: 0)
    with pytest.raises(Refused, match="There is no edge here"):
        list(Commands(TOOLS, environment, really=True).blocked())


def test_a_reason_is_kept_in_the_letters_that_aws_takes():
    note = note_of("block 8.8.8.8", "Ân", 'tấn công; "create"' + "!" * 300, NOW)
    assert note.startswith("2026-11-27T08:02:03+07:00 -n: block 8.8.8.8, t-n c-ng- -create-")
    assert len(note) <= LONGEST_NOTE


def test_the_command_line_says_who_blocked_and_why(capsys: pytest.CaptureFixture[str]):
    assert main(["--at", "http://127.0.0.1:1", "block", "8.8.8.8", "--reason", "floods", "--as", "an"]) == 1
    assert "no local run" in capsys.readouterr().err
