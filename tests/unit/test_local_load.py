"""The plan and the checks of the load test: good results pass, and each check finds its own violation."""

import asyncio
from collections import Counter
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.proof.load.checks import Money, money, violations
from tests.proof.load.evidence import Account, Evidence
from tests.proof.load.figures import figures, table
from tests.proof.load.listener import Line
from tests.proof.load.plan import PARTIES, Callback, Plan, Proof, Story, plans, winners
from tests.proof.load.stories import ACTS
from tests.proof.load.system import System
from tests.proof.load.traveller import Answer, Pauses, Surprised, Traveller

WITHOUT_AN_END = set(Story) - {Story.WINS}  # the stories of a load that is no auction's end
TODAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BOOKED, CANCELLED, OVERTAKEN, FORGOTTEN = (f"01M83VJ2C90TVM1172{number:08d}" for number in range(4))


def a_plan(name: str, **changes: Any) -> Plan:
    plan = Plan(
        name=name,
        story=Story.PAYS,
        begins=0,
        auction_id=f"auction-{name}",
        property_id=f"property-{name}",
        nights=("2026-12-01", "2026-12-02"),
        prices=(100_000, 200_001),
        given_back=50,
        callback=Callback.SENT,
        redirect_first=False,
        polls=True,
        proofs=(Proof.ADDRESS,),
        drops=(),
        confirms=False,
    )
    return plan._replace(**changes)


def a_refund(amount: int, **changes: Any) -> dict[str, Any]:
    return {"amount": amount, "settled": True, "outcome": 1} | changes


def an_order(stay: str, number: int, *refunds: dict[str, Any], **changes: Any) -> dict[str, Any]:
    callbacks = [{"verdict": "accepted", "http_status": 200, "answer": {"return_code": 1}}] if number else []
    order = {"app_trans_id": f"261123_{stay}", "amount": 300_001, "zp_trans_id": number, "callbacks": callbacks}
    return order | {"refunds": list(refunds)} | changes


def a_session(stay: str, status: str, **more: Any) -> dict[str, dict[str, Any]]:
    return {stay: {"id": stay, "status": status, **more}}


def a_booking(stay: str, plan: Plan, status: str) -> dict[str, Any]:
    return {
        "id": stay,
        "userId": plan.user_id,
        "propertyId": plan.property_id,
        "nights": list(plan.nights),
        "totalAmount": plan.amount,
        "status": status,
        "createdAt": NOON.isoformat(),
    }


def told(stay: str, plan: Plan, *statuses: str) -> list[dict[str, Any]]:
    about = {"paymentId": stay, "userId": plan.user_id}
    return [{"type": "PAYMENT_STATUS", "status": status, **about} for status in statuses]


def a_line(stay: str, plan: Plan, *statuses: str, booked: bool = False) -> Line:
    confirmed = {"type": "BOOKING_CONFIRMED", "bookingId": stay, "paymentId": stay, "userId": plan.user_id}
    frames = [{"type": "SUBSCRIBED"}, *told(stay, plan, *statuses), *([confirmed] if booked else [])]
    return Line(frames, NOON)


def a_mail(stay: str, plan: Plan, words: str) -> dict[str, Any]:
    return {"to": [plan.email], "subject": f"… / {words}: Nhà Đèn Lồng ({stay[-10:-5]}-{stay[-5:]})"}


def a_row(stay: str, **parts: int) -> dict[str, Any]:
    zero = dict.fromkeys(("booked", "refunded", "open", "review", "kept"), 0)
    return zero | parts | {"order": f"261123_{stay}", "paid": sum(parts.values()), "difference": ""}


def an_answer(step: str = "create", status: int = 200, code: str = "") -> Answer:
    return Answer(step, status, code, 12.0, {})


def the_booked() -> Account:
    plan = a_plan("booked")
    line = a_line(BOOKED, plan, "INITIATED", "PROCESSING", "COMPLETED", booked=True)
    session = a_session(BOOKED, "PAID", transactionId="111")
    return Account(plan, [an_answer()], [], [line], session, [a_booking(BOOKED, plan, "CONFIRMED")])


def won(seen: Evidence) -> dict[str, Any]:
    return {"to": [seen.accounts[0].plan.email], "subject": "… / You won the auction: Nhà Đèn Lồng"}


def the_cancelled() -> Account:
    plan = a_plan("cancelled", story=Story.CANCELS)
    refund = {"status": "REFUNDED", "amount": 150_000}
    session = a_session(CANCELLED, "PAID", transactionId="222", cancelledAt="2026-11-23T12:01:00Z", refund=refund)
    line = a_line(CANCELLED, plan, "COMPLETED")
    return Account(plan, [an_answer()], [], [line], session, [a_booking(CANCELLED, plan, "CANCELLED")])


def the_overtaken() -> Account:
    plan = a_plan("overtaken", story=Story.OVERTAKEN, property_id="property-booked")
    refund = {"status": "REFUNDED", "amount": plan.amount}
    session = a_session(OVERTAKEN, "FAILED", transactionId="333", refund=refund)
    return Account(plan, [an_answer()], [], [a_line(OVERTAKEN, plan, "FAILED")], session, [])


def the_forgetful() -> Account:
    return Account(a_plan("forgetful"), [an_answer()], [], [], a_session(FORGOTTEN, "EXPIRED"), [])


def all_is_well() -> Evidence:
    accounts = [the_booked(), the_cancelled(), the_overtaken(), the_forgetful()]
    booked, cancelled, overtaken, _ = (account.plan for account in accounts)
    return Evidence(
        accounts=accounts,
        orders=[
            an_order(BOOKED, 111),
            an_order(CANCELLED, 222, a_refund(150_000)),
            an_order(OVERTAKEN, 333, a_refund(300_001)),
            an_order(FORGOTTEN, 0),
        ],
        mail=[
            a_mail(BOOKED, booked, "Booking confirmed"),
            a_mail(CANCELLED, cancelled, "Booking confirmed"),
            a_mail(CANCELLED, cancelled, "Booking cancelled"),
            a_mail(OVERTAKEN, overtaken, "Your refund"),
            a_mail(CANCELLED, cancelled, "Refund completed"),
            a_mail(OVERTAKEN, overtaken, "Refund completed"),
        ],
        report=[
            a_row(BOOKED, booked=300_001),
            a_row(CANCELLED, refunded=150_000, kept=150_001),
            a_row(OVERTAKEN, refunded=300_001),
            a_row(FORGOTTEN),
        ],
        dead_letters=[],
        log=["       payments | INFO order ready", "WARNING notifier failed on a record (1): Timeout"],
        troubles=[],
    )


def broken(change: Any) -> set[str]:
    evidence = deepcopy(all_is_well())
    change(evidence)
    return {found.partition(":")[0] for found in violations(evidence)}


def win(seen: Evidence, **changes: Any) -> None:
    """The first traveller is a winner at an auction's end."""
    account = seen.accounts[0]
    seen.accounts[0] = account._replace(plan=account.plan._replace(story=Story.WINS), **changes)


def again(seen: Evidence, *statuses: str) -> None:
    seen.accounts[0].lines[0].frames += told(BOOKED, seen.accounts[0].plan, *statuses)


def late_line(seen: Evidence) -> None:
    """A socket that subscribed too late to get earlier changes."""
    seen.accounts[0].lines.append(Line([{"type": "SUBSCRIBED"}], NOON + timedelta(minutes=20)))


def test_kept_promises_pass_every_check() -> None:
    assert violations(all_is_well()) == []


def test_money_is_paid_booked_given_back_kept_or_on_its_way() -> None:
    assert money(all_is_well()) == Money(paid=900_003, booked=300_001, refunded=450_001, kept=150_001, in_flight=0)


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("came_to_rest", lambda seen: seen.troubles.append("something is still due")),
        ("came_to_rest", lambda seen: seen.accounts[3].sessions[FORGOTTEN].update(status="PENDING")),
        ("came_to_rest", lambda seen: seen.accounts[2].sessions[OVERTAKEN]["refund"].update(status="REFUNDING")),
        ("money_is_conserved", lambda seen: seen.orders[2]["refunds"].append(a_refund(1))),
        ("money_is_conserved", lambda seen: seen.orders[2]["refunds"][0].update(settled=False)),
        ("money_is_conserved", lambda seen: seen.orders[2]["refunds"].clear()),
        ("the_report_equals_the_ledger", lambda seen: seen.report.pop(0)),
        ("the_report_equals_the_ledger", lambda seen: seen.report[1].update(refunded=150_001, kept=150_000)),
        ("the_report_equals_the_ledger", lambda seen: seen.report[2].update(refunded=0, open=300_001)),
        ("the_report_equals_the_ledger", lambda seen: seen.report[0].update(booked=0, kept=300_001)),
        ("the_report_equals_the_ledger", lambda seen: seen.report[3].update(difference="ZaloPay has 1 ₫")),
        ("every_payment_ends_in_one_way", lambda seen: seen.orders[0]["refunds"].append(a_refund(300_001))),
        ("every_payment_ends_in_one_way", lambda seen: seen.orders[1]["refunds"].clear()),
        ("every_payment_ends_in_one_way", lambda seen: seen.orders[2]["refunds"][0].update(outcome=-32)),
        ("every_payment_ends_in_one_way", lambda seen: seen.orders[2]["refunds"].append(a_refund(7, outcome=-32))),
        ("every_payment_ends_in_one_way", lambda seen: seen.orders[3]["refunds"].append(a_refund(300_001))),
        ("every_payment_ends_in_one_way", lambda seen: seen.orders[0].update(zp_trans_id=0)),
        ("every_paid_order_is_somebodys", lambda seen: seen.orders.append(an_order(BOOKED[:-1] + "X", 444))),
        ("sessions_and_bookings_agree", lambda seen: seen.accounts[0].bookings.append(seen.accounts[0].bookings[0])),
        ("sessions_and_bookings_agree", lambda seen: seen.accounts[0].sessions[BOOKED].update(transactionId="112")),
        ("sessions_and_bookings_agree", lambda seen: seen.accounts[0].sessions[BOOKED].pop("transactionId")),
        ("sessions_and_bookings_agree", lambda seen: seen.accounts[0].sessions[BOOKED].update(status="FAILED")),
        ("sessions_and_bookings_agree", lambda seen: seen.accounts[3].sessions[FORGOTTEN].update(status="PAID")),
        (
            "no_night_is_booked_twice",
            lambda seen: seen.accounts[2].bookings.append(a_booking(OVERTAKEN, seen.accounts[2].plan, "CONFIRMED")),
        ),
        ("amounts_are_those_of_the_awards", lambda seen: seen.orders[3].update(amount=300_000)),
        ("amounts_are_those_of_the_awards", lambda seen: seen.accounts[0].bookings[0].update(totalAmount=1)),
        ("amounts_are_those_of_the_awards", lambda seen: seen.accounts[0].bookings[0]["nights"].pop()),
        ("nobody_hears_of_others", lambda seen: seen.accounts[0].lines[0].frames[1].update(userId="auth0|x")),
        ("nobody_hears_of_others", lambda seen: seen.accounts[0].lines[0].frames[1].update(paymentId=OVERTAKEN)),
        ("nobody_hears_of_others", lambda seen: seen.accounts[0].lines[0].frames[4].update(bookingId=OVERTAKEN)),
        (
            "nobody_hears_of_others",
            lambda seen: (
                seen.accounts[0]
                .lines[0]
                .frames.append({"type": "AUCTION_RESULT", "auctionId": seen.accounts[1].plan.auction_id})
            ),
        ),
        ("nobody_hears_of_others", lambda seen: seen.accounts[0].lines[0].frames.append({"type": "ERROR"})),
        ("nobody_hears_of_others", lambda seen: seen.accounts[0].lines[0].frames.append({"message": "Internal"})),
        ("messages_never_go_back", lambda seen: again(seen, "PROCESSING", "COMPLETED")),
        ("messages_never_go_back", lambda seen: again(seen, "FAILED", "COMPLETED")),
        ("whoever_listens_is_told", lambda seen: seen.accounts[0].lines[0].frames.pop()),
        ("whoever_listens_is_told", lambda seen: seen.accounts[0].lines[0].frames.pop(3)),
        ("whoever_listens_is_told", lambda seen: seen.accounts[1].lines[0].frames.pop()),
        ("whoever_listens_is_told", lambda seen: setattr(seen.accounts[0].lines[0], "is_open", False)),
        ("mail_goes_out_once", lambda seen: seen.mail.pop(0)),
        ("mail_goes_out_once", lambda seen: seen.mail.append(seen.mail[0])),
        ("mail_goes_out_once", lambda seen: seen.mail.append(seen.mail[2])),
        ("mail_goes_out_once", lambda seen: seen.mail.pop(2)),
        ("mail_goes_out_once", lambda seen: seen.mail.pop(4)),
        ("mail_goes_out_once", lambda seen: seen.mail.append(seen.mail[3])),
        ("mail_goes_out_once", lambda seen: seen.mail[0].update(to=["somebody@stays.example"])),
        ("mail_goes_out_once", lambda seen: seen.mail[0].update(subject="Hello")),
        ("mail_goes_out_once", lambda seen: seen.mail.extend([won(seen)] * 2)),
        ("nothing_surprises", lambda seen: seen.accounts[0].surprises.append("create was answered 404")),
        (
            "nothing_surprises",
            lambda seen: seen.accounts[0].answers.append(an_answer(status=500, code="INTERNAL_ERROR")),
        ),
        ("nothing_surprises", lambda seen: seen.accounts[0].answers.append(an_answer(status=503))),
        ("every_winner_is_served", win),
        ("every_winner_is_served", lambda seen: win(seen, waited=2.0, bookings=[])),
        ("callbacks_are_accepted", lambda seen: seen.orders[0]["callbacks"][0].update(verdict="refused")),
        ("callbacks_are_accepted", lambda seen: seen.orders[0]["callbacks"][0].update(http_status=500)),
        ("nothing_was_given_up", lambda seen: seen.dead_letters.append({"function": "notifier", "error": "Timeout"})),
        (
            "the_log_is_calm",
            lambda seen: seen.log.append("ERROR notifier failed on a record after all retries: see /dev/dead-letters"),
        ),
        ("the_log_is_calm", lambda seen: seen.log.append("       payments | ERROR boom")),
        ("the_log_is_calm", lambda seen: seen.log.append("       payments | [FAILED] Sandbox.Timedout: late")),
    ],
)
def test_a_broken_promise_is_found(check: str, change: Any) -> None:
    assert check in broken(change)


@pytest.mark.parametrize(
    "change",
    [
        lambda seen: again(seen, "COMPLETED"),
        lambda seen: seen.accounts[0].lines[0].frames.pop(2),
        lambda seen: seen.accounts[0].answers.append(an_answer(status=502, code="PAYMENT_CREATION_FAILED")),
        lambda seen: seen.mail.pop(1),
        lambda seen: seen.mail.pop(3),  # the money was back before
        lambda seen: seen.mail.append(a_mail(OVERTAKEN, seen.accounts[2].plan, "Payment not completed")),
        lambda seen: seen.mail.append(won(seen)),
        lambda seen: (seen.accounts[0].answers.append(an_answer("mail")), seen.mail.append(seen.mail[0])),
        lambda seen: setattr(seen.accounts[2].lines[0], "is_open", False),
        lambda seen: seen.orders[0]["callbacks"].append({"verdict": "lost"}),
        late_line,
        lambda seen: win(seen, waited=2.0),
    ],
)
def test_harmless_results_pass_every_check(change: Any) -> None:
    assert broken(change) == set()


def test_a_seed_always_draws_the_same_travellers_and_every_story_is_among_them() -> None:
    drawn = plans(20, 10, 7, TODAY)
    assert drawn == plans(20, 10, 7, TODAY)
    assert drawn != plans(20, 10, 8, TODAY)
    assert {plan.story for plan in drawn} == {story for party in PARTIES for story in party} == WITHOUT_AN_END
    assert set(ACTS) == set(Story)
    assert len({plan.user_id for plan in drawn}) == len({plan.auction_id for plan in drawn}) == len(drawn) >= 20


def test_of_five_callbacks_one_is_lost_and_one_tripled_whoever_pays_and_when() -> None:
    drawn = plans(2000, 60, 1, TODAY)
    fives = [Counter(plan.callback for plan in drawn[begin : begin + 5]) for begin in range(0, 2000, 5)]
    assert all(five == {Callback.SENT: 3, Callback.LOST: 1, Callback.TRIPLED: 1} for five in fives)
    assert {plan.story for plan in drawn if plan.callback is Callback.LOST} == WITHOUT_AN_END
    assert max(plan.begins for plan in drawn) < 54


def test_winners_come_at_once_each_for_nights_of_its_own_and_all_of_them_listen_and_poll() -> None:
    drawn = winners(10, 7, TODAY)
    assert {(plan.story, plan.begins, plan.polls, len(plan.proofs)) for plan in drawn} == {(Story.WINS, 0, True, 1)}
    assert len({plan.property_id for plan in drawn}) == len({plan.user_id for plan in drawn}) == 10
    assert Counter(plan.callback for plan in drawn)[Callback.LOST] == 2


def a_page(story: Story, *statuses: int) -> Traveller:
    """A page whose calls are answered with these statuses, one after the other."""
    left = iter(statuses)
    transport = httpx.MockTransport(lambda _: httpx.Response(next(left), json={}))
    system = System({"http": "http://here"}, Path("log.txt"), httpx.AsyncClient(transport=transport))
    return Traveller(a_plan("page", story=story), system, "token", 1, Pauses(0, 0))


def test_the_page_of_a_winner_makes_a_call_again_after_429_and_5xx_and_no_other_page_does() -> None:
    winner, other = a_page(Story.WINS, 429, 503, 200), a_page(Story.PAYS, 503)
    assert asyncio.run(winner.ask("create", "POST", "/create")).status == 200
    assert [refusal.status for refusal in winner.refusals] == [429, 503]
    with pytest.raises(Surprised):
        asyncio.run(other.ask("create", "POST", "/create"))
    assert [Pauses().after(status) for status in (200, 409, 429, 503)] == [None, None, 10, 2]


def test_parties_want_the_same_nights_and_neighbours_in_a_fight_one_in_common() -> None:
    drawn = plans(100, 10, 3, TODAY)
    first, second, third = (plan for plan in drawn[:15] if plan.story is Story.FIGHTS)
    assert first.property_id == second.property_id == third.property_id
    assert set(first.nights) & set(second.nights)
    assert not set(first.nights) & set(third.nights)
    over, taken = (next(plan for plan in drawn if plan.story is story) for story in (Story.OVERTAKES, Story.OVERTAKEN))
    assert (over.property_id, over.nights) == (taken.property_id, taken.nights)


def test_the_table_says_what_was_counted_how_long_it_took_and_what_is_wrong() -> None:
    evidence = all_is_well()
    found = figures(7, evidence, {"with travellers": 12.34}, [4.0, 6.0, 5.0])
    assert (found.travellers, found.counts["orders paid"], found.violations) == (4, 3, ())
    assert found.steps["create"] == (4, 12 / 5, 12 / 5)
    shown = table(found)
    assert "seed 7" in shown
    assert "| đồng paid | 900,003 |" in shown
    assert "| seconds with travellers | 12.3 |" in shown
    assert "| create | 4 | 2.4 | 2.4 |" in shown
    assert shown.endswith("Everything holds.")
    evidence.dead_letters.append({"function": "notifier", "error": "Timeout"})
    assert table(figures(7, evidence, {}, [5.0])).endswith("nothing_was_given_up: notifier: Timeout")
