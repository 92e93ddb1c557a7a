"""The addresses that a stage's edge refuses: two lists of its firewall, for IPv4 and IPv6."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from infra.aws.stage import Stage
from infra.operator.lines import Line, format_time
from stays.domain.errors import Invalid, Refused

Network = IPv4Network | IPv6Network

FAMILIES = {4: "IPV4", 6: "IPV6"}
WIDEST = {4: 16, 6: 32}  # bits of the prefix: a wider range has whole countries of travellers
LONGEST_NOTE = 256  # characters
_STRANGE = re.compile(r"[^A-Za-z0-9_+=:#@/\-,. ]")  # what AWS takes in no description
_SCOPE = "CLOUDFRONT"


class _Listed(NamedTuple):
    """A list as it is now. `lock` lets a change fail that does not know the latest one."""

    name: str
    id: str
    lock: str
    addresses: Sequence[str]
    note: str


class BlockList(NamedTuple):
    """The lists of one stage. `firewall` is AWS's client in the edge's region."""

    firewall: Any
    stage: Stage

    def show(self) -> Iterator[Line]:
        """List the blocked addresses, and the last change of each list: when, by whom and why."""
        for family in FAMILIES.values():
            found = self._load(family)
            for address in sorted(found.addresses):
                yield Line(address, address=address)
            if found.addresses:
                yield Line(f"  last change of {found.name}: {found.note}", note=found.note)

    def block(self, text: str, note: str, *, really: bool) -> Iterator[Line]:
        """Add an address or a range. Raises Invalid for what is none, and Refused for a range that is too wide."""
        network = read_network(text)
        if network.prefixlen < WIDEST[network.version]:
            widest = WIDEST[network.version]
            raise Refused("VALIDATION_ERROR", f"{network} would block too many: at most /{widest} at once.")
        if not network.is_global:
            raise Refused("VALIDATION_ERROR", f"{network} is no address of the internet: nobody calls from there.")
        found = self._load(FAMILIES[network.version])
        wider = [each for each in found.addresses if covers(each, network)]
        if wider:
            yield Line(f"{network} is blocked already, by {wider[0]}.", address=str(network))
            return
        yield from self._change(found, network, [*found.addresses, str(network)], note, "blocked", really=really)

    def unblock(self, text: str, note: str, *, really: bool) -> Iterator[Line]:
        """Take an address or a range out. Raises Refused if it is not listed as such."""
        network = read_network(text)
        found = self._load(FAMILIES[network.version])
        left = [each for each in found.addresses if ip_network(each) != network]
        if len(left) == len(found.addresses):
            wider = [each for each in found.addresses if covers(each, network)]
            hint = f"; {wider[0]} is, and covers it" if wider else ""
            raise Refused("NOT_FOUND", f"{network} is not on the list{hint}.")
        yield from self._change(found, network, left, note, "unblocked", really=really)

    def _load(self, family: str) -> _Listed:
        """Load one list. Raises Refused if the stage has no edge in AWS."""
        name = self.stage.block_list(family)
        every = self.firewall.list_ip_sets(Scope=_SCOPE, Limit=100)["IPSets"]
        known = [each for each in every if each["Name"] == name]
        if not known:
            raise Refused("NOT_FOUND", f"{self.stage.name} has no list {name}: it is deployed without an edge.")
        answer = self.firewall.get_ip_set(Name=name, Scope=_SCOPE, Id=known[0]["Id"])
        found = answer["IPSet"]
        return _Listed(name, found["Id"], answer["LockToken"], found["Addresses"], found.get("Description", ""))

    def _change(
        self, found: _Listed, network: Network, after: Sequence[str], note: str, done: str, *, really: bool
    ) -> Iterator[Line]:
        if really:
            try:
                self.firewall.update_ip_set(
                    Name=found.name,
                    Scope=_SCOPE,
                    Id=found.id,
                    Addresses=after,
                    LockToken=found.lock,
                    Description=note,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "WAFOptimisticLockException":
                    raise
                raise Refused("RATE_LIMIT", "Another operator has just changed the list: try again.") from None
        is_done = "is" if really else "would be"
        yield Line(f"{network} {is_done} {done}; {len(after)} on the list.", address=str(network), note=note)


def read_network(text: str) -> Network:
    """Read an address or a range. An IPv4 address that is written as IPv6 is IPv4. Raises Invalid."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise Invalid("VALIDATION_ERROR", f"{text} is neither an address nor a range.") from None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return ip_network(mapped) if mapped and network.prefixlen == network.max_prefixlen else network


def covers(listed: str, network: Network) -> bool:
    """Whether an entry of the list of the network's own family contains it."""
    return ip_network(listed).supernet_of(network)  # type: ignore[arg-type]


def note_of(change: str, by: str, reason: str, now: datetime) -> str:
    """Describe a change with its time, in the characters that AWS takes. Its audit log keeps it, too."""
    text = f"{format_time(now)} {by}: {change}, {reason or 'no reason given'}"
    return _STRANGE.sub("-", text)[:LONGEST_NOTE].rstrip()
