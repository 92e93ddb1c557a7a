"""The edge of a stage that has one: only it may call the functions, and it names the viewer's address."""

from collections.abc import Callable, Mapping, Sequence
from hmac import compare_digest
from ipaddress import IPv6Address, ip_address
from typing import Any

from stays.domain.errors import Busy, Refused

# The edge adds both to each request, over what a viewer sends. `infra/topology.py` has the same names.
SECRET_HEADER = "x-stays-edge"  # noqa: S105 (the name, not the secret)
ADDRESS_HEADER = "x-stays-viewer"
_OWN = (SECRET_HEADER, ADDRESS_HEADER)


class Edge:
    """The check of requests in front of a function. Without a secret the stage has no edge, and all are admitted."""

    def __init__(self, accepted: Callable[[str], Sequence[str]], secret: str | None) -> None:
        """`accepted` returns the values that a secret has now; none if it cannot be read."""
        self._accepted = accepted
        self._secret = secret

    def admit(self, event: Any) -> Any:
        """API Gateway's event of a request or a $connect, with the viewer's address as its `sourceIp`.

        The edge's own headers are taken out of it. Raises Refused (INSUFFICIENT_PERMISSIONS) for what did not come
        through the edge, and Busy if the secret cannot be read now.
        """
        if self._secret is None:
            return event
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        address = read_address(headers.get(ADDRESS_HEADER, ""))
        if not self._knows(headers.get(SECRET_HEADER, "")) or address is None:
            raise Refused("INSUFFICIENT_PERMISSIONS", "Call this API by its own name.")
        context = event["requestContext"]
        place = "http" if "http" in context else "identity"
        seen = {"requestContext": context | {place: context[place] | {"sourceIp": address}}}
        lists = {name: _others(event[name]) for name in ("headers", "multiValueHeaders") if event.get(name)}
        return event | seen | lists

    def _knows(self, given: str) -> bool:
        values = self._accepted(self._secret or "")
        if not values:
            raise Busy
        return any([compare_digest(given.encode(), value.encode()) for value in values])  # noqa: C419 (all, always)


def read_address(text: str) -> str | None:
    """An IP address in its shortest form, with or without a port behind it. None if it is none."""
    for part in (text, text.rpartition(":")[0]):
        try:
            address = ip_address(part.strip("[]"))
        except ValueError:
            continue
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return str(mapped or address)
    return None


def _others(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in headers.items() if name.lower() not in _OWN}
