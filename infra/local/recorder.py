"""Writes what the parts of the system do into one journal, as rows that the console shows.

A row says when (`at`, the start), for how long (`ms`), what `kind`, in which `words`, with which `status` and
`function`, about which stays, auctions and users, and whether it `failed`. `detail` has everything else.
"""

import json
import re
import time
from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from infra.local.asgi import Clock
from infra.local.http_api import Exchange
from infra.local.journal import Journal, reason

Row = dict[str, Any]

_LONGEST = 16_384  # characters of one text in a row
_HIDDEN = {"authorization", "cookie", "cookies", "token", "access_token", "auth_token"}
_ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_STAY = re.compile(r'(?:STAY#|\d{6}_|"(?:stayId|sessionId|paymentId)": ")([0-9A-HJKMNP-TV-Z]{26})')
_AUCTION = re.compile(r'"(?:auctionId|auction_id)": "([^"]+)"')
_USER = re.compile(r'"(?:userId|user_id|sub)": "([^"]+)"')
_MOVED = {"INSERT": "made", "MODIFY": "changed", "REMOVE": "removed"}


class Recorder:
    """Makes the rows. The parts of the system call it; it changes nothing of what they do."""

    def __init__(self, journal: Journal, clock: Clock, origins: tuple[str, ...] = ()) -> None:
        """Count a request of another origin than `origins` as refused."""
        self.journal = journal
        self._clock = clock
        self._origins = origins
        self._stays: set[str] = set()
        self._transactions: dict[str, str] = {}
        self._cold: set[int] = set()
        self._invoked: dict[str, bool] = {}
        self._users: dict[str, str] = {}  # of the open WebSocket connections

    def add(
        self,
        kind: str,
        words: str,
        detail: Any,
        *,
        ms: float = 0.0,
        failed: bool = False,
        about: Any = None,
        **more: Any,
    ) -> None:
        """Add a row. It began `ms` milliseconds ago. It concerns what `about`, by default the whole detail, names."""
        detail = _unfolded(detail)
        at: datetime = self._clock() - timedelta(milliseconds=ms)
        row = {"at": at.isoformat(timespec="milliseconds"), "kind": kind, "words": words, "failed": failed}
        if ms:
            row["ms"] = round(ms, 1)
        given = {name: value for name, value in more.items() if value}
        self.journal.add(row | self._subjects(detail if about is None else about) | given | {"detail": detail})

    # Functions

    def began(self, _: str, event: Mapping[str, Any], cold: bool) -> None:
        """Note that a worker takes the event, and whether its process was started for it."""
        if cold:
            self._cold.add(id(event))

    async def watch(self, function: str, event: Mapping[str, Any], running: Awaitable[Any]) -> Any:
        """Return the function's answer, or raise its error; then add a row that fits the event."""
        began, answer, why = time.perf_counter(), None, ""
        try:
            answer = await running
            return answer
        except Exception as error:
            why = reason(error)
            raise
        finally:
            cold = id(event) in self._cold
            self._cold.discard(id(event))
            self._record(function, event, answer, why=why, ms=1000 * (time.perf_counter() - began), cold=cold)

    def _record(self, function: str, event: Mapping[str, Any], answer: Any, *, why: str, ms: float, cold: bool) -> None:
        context = event.get("requestContext", {})
        if "http" in context:  # `exchanged` follows and knows more
            self._invoked[context["requestId"]] = cold
            return
        kind, words = _describe(function, event)
        more = self._of_a_connection(event) if "eventType" in context else {}
        status = answer.get("statusCode") if isinstance(answer, dict) else None
        refused = isinstance(status, int) and status >= HTTPStatus.BAD_REQUEST
        if refused and kind == "socket":
            why = self._why_refused(event)
        detail = {"event": event, "answer": answer} | ({"error": why} if why else {})
        self.add(
            kind,
            words,
            detail,
            ms=ms,
            failed=bool(why) or refused,
            function=function,
            cold=cold,
            why=why,
            status=status,
            **more,
        )

    def _of_a_connection(self, event: Mapping[str, Any]) -> dict[str, Any]:
        context = event["requestContext"]
        connection, claimed = context["connectionId"], _USER.search(json.dumps(_unfolded(event.get("body"))))
        if claimed:
            self._users[connection] = claimed[1]
        user = self._users.get(connection)
        if context["eventType"] == "DISCONNECT":
            self._users.pop(connection, None)
        return {"connection": connection, "users": [user] if user else None}

    def _why_refused(self, event: Mapping[str, Any]) -> str:
        origin = {name.lower(): value for name, value in (event.get("headers") or {}).items()}.get("origin")
        strange = origin is not None and origin not in self._origins
        return f"the origin {origin} is not allowed" if strange else "the token is not valid"

    # The gateways

    def exchanged(self, exchange: Exchange) -> None:
        """Add a row for a request of the HTTP API and its answer."""
        request, answer = exchange.request, exchange.answer
        headers = dict(request.headers)
        origin = headers.get("origin")
        strange = f"the origin {origin} is not allowed, so the browser hides the answer"
        why = exchange.why or (strange if origin and origin not in self._origins else "")
        detail = {
            "request": {
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "headers": headers,
                "body": request.body.decode(errors="replace"),
            },
            "answer": {"status": answer.status, "headers": dict(answer.headers), "body": _text(answer.body)},
            "requestId": exchange.request_id,
            "claims": exchange.claims,
        }
        from_zalopay = exchange.function == "zalopay_callback"
        self.add(
            "zalopay" if from_zalopay else "request",
            f"{request.method} {request.path}" if not from_zalopay else "ZaloPay calls back",
            detail,
            ms=exchange.ms,
            # A list that a page reads is not about each stay in it.
            about={"path": request.path, "claims": exchange.claims} if request.method in ("GET", "HEAD") else None,
            failed=answer.status >= 400 or bool(why) or (from_zalopay and b'"return_code":1' not in answer.body),
            status=answer.status,
            function=exchange.function,
            cold=self._invoked.pop(exchange.request_id, False),
            why=why,
            request=f"{request.method} {request.path}",
            request_id=exchange.request_id,
        )

    def told(self, connection: str, text: str, sent: bool) -> None:
        """Add a row for a message to a browser."""
        message = _unfolded(text)
        name = message.get("type", "a message") if isinstance(message, dict) else "a message"
        status = message.get("status", "") if isinstance(message, dict) else ""
        user = self._users.get(connection)
        self.add(
            "message",
            f"{name} {status}".strip() + ("" if sent else ": the browser has gone"),
            {"connection": connection, "message": message},
            connection=connection,
            users=[user] if user else None,
        )

    def asked_zalopay(self, call: str, asked: Mapping[str, Any], answer: Any, status: int, ms: float) -> None:
        """Add a row for a call to ZaloPay."""
        code = answer.get("return_code") if isinstance(answer, dict) else None
        words = f"ZaloPay is asked: {call}" + (f", answers {code}" if code is not None else "")
        detail = {"call": call, "asked": asked, "answer": answer}
        self.add("zalopay", words, detail, ms=ms, status=status, failed=status >= 400 or code == 2)

    # The table, mail, events and dead letters

    def changed(self, record: Mapping[str, Any]) -> None:
        """Add a row for a change of the table."""
        images = record["dynamodb"]
        old, new = _plain(images.get("OldImage")), _plain(images.get("NewImage"))
        item = new or old
        detail = {"change": record["eventName"], "item": item} | ({"before": old} if old and new else {})
        self.add("table", _change(record["eventName"], item, old), detail)

    def mailed(self, mail: Mapping[str, Any]) -> None:
        """Add a row for a mail."""
        self.add("mail", f"{mail['subject']} → {', '.join(mail['to'])}", mail, mail=mail["id"])

    def published(self, event: Mapping[str, Any]) -> None:
        """Add a row for an event that a function published."""
        self.add("event out", str(event["detail-type"]), event)

    def gave_up(self, letter: Mapping[str, Any]) -> None:
        """Add a row for a dead letter."""
        words = f"{letter['function']} gave up: {str(letter['error']).partition(chr(10))[0]}"
        self.add("dead letter", words, letter, failed=True, function=letter["function"], why=letter["error"])

    def _subjects(self, detail: Any) -> dict[str, list[str]]:
        """Find what a row is about. A stay is known from its first order or item on."""
        text = json.dumps(detail, ensure_ascii=False, default=str)
        self._stays.update(_STAY.findall(text))
        stays = {each for each in _ULID.findall(text) if each in self._stays}
        self._learn_transaction(text, stays)
        stays |= {stay for number, stay in self._transactions.items() if number in text}
        found = {"stays": stays, "auctions": _AUCTION.findall(text), "users": _USER.findall(text)}
        return {name: sorted(set(values)) for name, values in found.items() if values}

    def _learn_transaction(self, text: str, stays: set[str]) -> None:
        named = re.search(r'"(?:zp_trans_id|transactionId)": "?(\d{6,})', text)
        if named and len(stays) == 1:
            self._transactions[named[1]] = next(iter(stays))


def _describe(function: str, event: Mapping[str, Any]) -> tuple[str, str]:
    """Return the kind of an invocation that is no request, and what happens in words."""
    context = event.get("requestContext", {})
    if "eventType" in context:
        asks = {"CONNECT": "a browser connects", "DISCONNECT": "a browser leaves"}
        return "socket", asks.get(context["eventType"], f"a browser says {context['routeKey']}")
    if "Records" in event:
        count = len(event["Records"])
        return "stream", f"{function} gets {count} change{'s' if count > 1 else ''}"
    if event.get("source") == "aws.scheduler":
        return "clock", f"a round of {function}"
    return "event in", str(event.get("detail-type", function))


def _change(name: str, item: Mapping[str, Any], old: Mapping[str, Any]) -> str:
    if item.get("kind") == "EVENT":
        # It imports the product's models, and most runs show their first change long after the start.
        from infra.operator.timeline import event  # noqa: PLC0415

        return event(dict(item))
    words = " ".join(str(item[each]) for each in ("kind", "letter") if each in item) or str(item.get("SK", "an item"))
    after, before = _state(item), _state(old)
    moved = f"{before} → {after}" if before and before != after else after
    return f"{words} {_MOVED.get(name, name)}{f': {moved}' if moved else ''}"


def _state(item: Mapping[str, Any]) -> str:
    return " / ".join(str(item[each]) for each in ("status", "fulfilment", "state") if item.get(each))


def _plain(image: Any) -> dict[str, Any]:
    """Return an image of the stream as plain JSON."""
    return {name: _value(value) for name, value in (image or {}).items()}


def _value(typed: Mapping[str, Any]) -> Any:
    ((kind, value),) = typed.items()
    if kind == "M":
        return _plain(value)
    if kind == "L":
        return [_value(each) for each in value]
    if kind == "N":
        return int(value) if re.fullmatch(r"-?\d+", value) else float(value)
    return None if kind == "NULL" else value


def _unfolded(value: Any, name: str = "") -> Any:
    """Return the value with JSON texts parsed, long texts cut, and tokens hidden."""
    if name.lower() in _HIDDEN and value:
        return "(hidden)"
    if isinstance(value, Mapping):
        return {str(each): _unfolded(inner, str(each)) for each, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_unfolded(inner) for inner in value]
    return _readable(value) if isinstance(value, str) else value


def _readable(value: str) -> Any:
    if value[:1] in ("{", "[") and len(value) <= _LONGEST:
        try:
            return _unfolded(json.loads(value))
        except (ValueError, RecursionError):
            return value
    return re.sub(r"token=[^&\s]+", "token=(hidden)", value[:_LONGEST]) + ("…" if len(value) > _LONGEST else "")


def _text(body: bytes) -> str:
    return body[: 4 * _LONGEST].decode(errors="replace")
