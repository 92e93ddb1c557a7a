"""The journal of the local run: numbers, the bound, followers; and the rows that the recorder writes into it."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.local.events import Answer, Request
from infra.local.http_api import Exchange
from infra.local.journal import Journal
from infra.local.recorder import Recorder
from infra.local.terminal import log_line, request_line

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
STAY = "01M8F4GG6835PD8X0SYQ6TGR8M"
AN = "auth0|traveller-an"


def filled(count: int, **options: Any) -> Journal:
    journal = Journal(**options)
    for number in range(1, count + 1):
        journal.add({"name": number})
    return journal


def test_the_oldest_entries_leave_and_the_numbers_stay() -> None:
    journal = filled(5, most=3)
    assert (journal.first, journal.last) == (3, 5)
    assert journal.after(0) == [(3, {"name": 3}), (4, {"name": 4}), (5, {"name": 5})]
    assert journal.after(4) == [(5, {"name": 5})]
    assert journal.after(5) == journal.after(99) == []


def test_no_number_comes_twice_even_after_a_clear() -> None:
    journal = filled(2)
    journal.clear()
    assert (journal.first, journal.last, journal.after(0)) == (3, 2, [])
    journal.add({"name": "new"})
    assert journal.after(0) == [(3, {"name": "new"})]


def test_kept_entries_are_there_at_the_next_start(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []
    filled(2, path=tmp_path / "kept", told=heard.append)
    assert Journal(tmp_path / "kept").after(1) == [(2, {"name": 2})]
    assert heard == [{"name": 1}, {"name": 2}]


def test_a_follower_gets_what_it_missed_then_what_comes_then_the_end() -> None:
    async def follow() -> list[list[int]]:
        journal, got = filled(2), list[list[int]]()

        async def read() -> None:
            async for fresh in journal.follow(1):
                got.append([number for number, _ in fresh])

        reading = asyncio.create_task(read())
        for step in (lambda: journal.add({}), journal.clear, lambda: journal.add({}), journal.end):
            await asyncio.sleep(0.01)
            step()
        await asyncio.wait_for(reading, 1)
        return got

    assert asyncio.run(follow()) == [[2], [3], [], [4]]


def recorder() -> Recorder:
    return Recorder(Journal(), lambda: NOW, ("http://localhost:3000",))


def exchange(method: str = "GET", path: str = "/api/v1/user/bookings", **more: Any) -> Exchange:
    body, answered, headers = more.pop("body", b""), more.pop("answered", b"{}"), more.pop("headers", ())
    given = {"function": "bookings", "request_id": "id-1", "ms": 12.0, "claims": {"sub": AN}, "why": ""} | more
    status = given.pop("status", 200)
    return Exchange(Request(method, path, "a=b", headers, body, "127.0.0.1"), Answer(status, (), answered), **given)


def row_of(writer: Recorder) -> dict[str, Any]:
    return writer.journal.entries[-1]


def test_a_request_is_a_row_with_its_user_and_without_its_token() -> None:
    writer = recorder()
    writer.exchanged(exchange(headers=(("authorization", "Bearer secret"), ("origin", "http://localhost:3000"))))
    row = row_of(writer)
    assert (row["kind"], row["status"], row["users"], row["failed"]) == ("request", 200, [AN], False)
    assert row["at"] == "2026-11-27T07:59:59.988+00:00", "when it began"
    assert "secret" not in json.dumps(row)
    assert request_line(row) == "200     12 ms  GET /api/v1/user/bookings  (bookings, id-1)"


def test_a_refused_request_says_why() -> None:
    writer = recorder()
    writer.exchanged(exchange(status=401, function="", claims=None, why="the token has expired"))
    assert (row_of(writer)["failed"], row_of(writer)["why"]) == (True, "the token has expired")
    assert str(request_line(row_of(writer))).endswith("(gateway, id-1)  the token has expired")
    writer.exchanged(exchange(headers=(("origin", "http://evil.example"),)))
    assert "http://evil.example is not allowed" in row_of(writer)["why"]


def test_a_stay_is_known_from_its_first_order_on_and_by_its_transaction() -> None:
    writer = recorder()
    writer.asked_zalopay("create", {"app_trans_id": f"261127_{STAY}"}, {"return_code": 1}, 200, 1.0)
    assert row_of(writer)["stays"] == [STAY]
    data = json.dumps({"app_trans_id": f"261127_{STAY}", "zp_trans_id": 261127123456})
    callback = json.dumps({"data": data, "mac": "…"}).encode()
    writer.exchanged(exchange("POST", "/callback", body=callback, function="zalopay_callback", claims=None))
    assert (row_of(writer)["stays"], row_of(writer)["failed"]) == ([STAY], True), "the answer is no return_code 1"
    writer.asked_zalopay("refund", {"zp_trans_id": "261127123456"}, {"return_code": 2}, 200, 1.0)
    assert (row_of(writer)["stays"], row_of(writer)["failed"]) == ([STAY], True)
    writer.mailed({"id": "m", "subject": "Booked", "to": ["an@stays.example"], "text": f"?sessionId={STAY}"})
    assert row_of(writer)["stays"] == [STAY]


def test_a_list_that_a_page_reads_is_about_no_stay() -> None:
    writer = recorder()
    writer.asked_zalopay("create", {"app_trans_id": f"261127_{STAY}"}, {"return_code": 1}, 200, 1.0)
    writer.exchanged(exchange(answered=json.dumps([{"id": STAY}]).encode()))
    assert "stays" not in row_of(writer)
    writer.exchanged(exchange(path=f"/api/v1/payment/sessions/{STAY}"))
    assert row_of(writer)["stays"] == [STAY]


@pytest.mark.parametrize(
    ("name", "new", "old", "words"),
    [
        ("INSERT", {"kind": {"S": "AWARD"}, "status": {"S": "PAID"}}, None, "AWARD made: PAID"),
        (
            "MODIFY",
            {"kind": {"S": "SESSION"}, "status": {"S": "PAID"}, "fulfilment": {"S": "BOOKED"}},
            {"kind": {"S": "SESSION"}, "status": {"S": "PENDING"}, "fulfilment": {"S": "NONE"}},
            "SESSION changed: PENDING / NONE → PAID / BOOKED",
        ),
        ("REMOVE", None, {"SK": {"S": "NIGHT#2026-12-01"}, "n": {"N": "1.5"}}, "NIGHT#2026-12-01 removed"),
        (
            "INSERT",
            {"kind": {"S": "EVENT"}, "what": {"S": "PAID_AND_BOOKED"}, "by": {"NULL": True}, "list": {"L": []}},
            None,
            "paid, and the nights are booked",
        ),
    ],
)
def test_a_change_of_the_table_is_told_in_the_timelines_words(name: str, new: Any, old: Any, words: str) -> None:
    writer = recorder()
    images = {key: image for key, image in (("NewImage", new), ("OldImage", old)) if image}
    writer.changed({"eventName": name, "dynamodb": images})
    assert row_of(writer)["words"] == words


def test_a_refused_origin_of_a_websocket_is_named() -> None:
    writer = recorder()
    context = {"eventType": "CONNECT", "routeKey": "$connect", "connectionId": "c1"}
    event = {"requestContext": context, "headers": {"Origin": "http://evil.example"}}

    async def refuse() -> Any:
        return {"statusCode": 403}

    writer.began("connections", event, True)
    asyncio.run(writer.watch("connections", event, refuse()))
    row = row_of(writer)
    assert (row["kind"], row["failed"], row["cold"]) == ("socket", True, True)
    assert row["why"] == "the origin http://evil.example is not allowed"


def test_only_lines_that_need_attention_are_shown_unless_all_are_wanted() -> None:
    calm, alarm = '{"level": "INFO", "message": "told"}', '{"level": "WARNING", "message": "late"}'
    assert log_line("payments", calm, everything=False) is None
    assert log_line("payments", calm, everything=True) == "        payments | INFO told"
    assert log_line("payments", alarm, everything=False) == "        payments | WARNING late"
    assert log_line("payments", '{"_aws": {}}', everything=True) is None
