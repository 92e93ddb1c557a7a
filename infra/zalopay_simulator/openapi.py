"""ZaloPay's five calls of the OpenAPI v2: every MAC is verified, and every answer is HTTP 200."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial, wraps
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from . import codes, fields, wire
from .codes import Refusal
from .faults import Failure
from .ledger import NotPossibleError, Order, Refund, State
from .simulator import TOLERANCE, Simulator

Sign = Callable[[str, Mapping[str, Any]], str]
Call = Callable[[Simulator, dict[str, Any]], Awaitable[Response | dict[str, Any]]]

_GATEWAY_TIMEOUT = "<html><head><title>504 Gateway Time-out</title></head><body>504 Gateway Time-out</body></html>"
_UNAVAILABLE = "<html><head><title>503 Service Unavailable</title></head><body>503 Service Unavailable</body></html>"
# No document lists the codes of order-cancel. These are those of query, and "bad data" where query has none.
_NOT_CANCELLED: dict[State, int] = {"CANCELLED": codes.USER_CANCELLED, "EXPIRED": codes.ORDER_EXPIRED}


def _call(api: str, wanted: Mapping[str, fields.Field], mac: Sign) -> Callable[[Call], Route]:
    """Return a route of `/v2` that passes on only complete requests for our app with a valid MAC."""

    def route(call: Call) -> Route:
        @wraps(call)
        async def endpoint(request: Request) -> Response:
            simulator: Simulator = request.app.state.simulator
            try:
                sent = fields.read(wanted, await fields.sent_with(request))
            except fields.FieldError as error:
                return JSONResponse(codes.refuse(api, Refusal(codes.BAD_DATA, str(error))))
            if refusal := _stranger(simulator, sent, mac):
                return JSONResponse(codes.refuse(api, refusal))
            failure = await simulator.failure(api, sent)
            if failure is Failure.UNAVAILABLE:
                return HTMLResponse(_UNAVAILABLE, 503)
            answer = await call(simulator, sent)
            if failure is Failure.LOST:
                return HTMLResponse(_GATEWAY_TIMEOUT, 504)
            response = answer if isinstance(answer, Response) else JSONResponse(answer)
            # Only a client at the other end of a connection must wait: a caller in this process gets the answer at
            # once.
            slow = simulator.trickle(api, sent) if request.client else None
            return _trickling(response, partial(simulator.settings.sleep, slow.seconds)) if slow else response

        return Route(f"/v2/{api}", endpoint, methods=["POST"])

    return route


def _stranger(simulator: Simulator, sent: dict[str, Any], mac: Sign) -> Refusal | None:
    if sent["app_id"] != simulator.settings.app_id:
        return Refusal(codes.BAD_SIGNATURE, "app_id")
    if not wire.same(mac(simulator.settings.key1, sent), sent["mac"]):
        return Refusal(codes.BAD_SIGNATURE, "mac")
    return None


@_call("create", fields.CREATE, wire.create_mac)
async def create(simulator: Simulator, sent: dict[str, Any]) -> Response | dict[str, Any]:
    """docs.zalopay.vn, order-create."""
    faults, app_trans_id = simulator.faults, sent["app_trans_id"]
    if slow := faults.find("create_slow", app_trans_id):
        await simulator.settings.sleep(slow.seconds)
    if refused := faults.find("create_refused", app_trans_id):
        return codes.refuse("create", Refusal(refused.sub_return_code))
    order = simulator.open(sent)
    if isinstance(order, Refusal):
        return codes.refuse("create", order)
    if faults.find("callback_before_create", app_trans_id):
        await simulator.pay(order, late=True)
    if faults.find("create_lost", app_trans_id):
        return HTMLResponse(_GATEWAY_TIMEOUT, 504)
    return _created(simulator, order)


@_call("query", fields.QUERY, wire.query_mac)
async def query(simulator: Simulator, sent: dict[str, Any]) -> Response | dict[str, Any]:
    """docs.zalopay.vn, order-query."""
    if simulator.faults.find("query_down", sent["app_trans_id"]):
        return HTMLResponse(_UNAVAILABLE, 503)
    if len(sent["app_trans_id"]) > 40 or not sent["app_trans_id"][:6].isdecimal():
        return _not_paid(codes.FAIL, codes.ORDER_ID_INVALID)
    order = simulator.ledger.orders.get(sent["app_trans_id"])
    if order and order.answer:
        return order.answer
    if not order or not simulator.remembers(order):
        return _not_paid(codes.FAIL, codes.NOT_FOUND)
    return _outcome(simulator, order)


@_call("cancel", fields.CANCEL, wire.cancel_mac)
async def cancel(simulator: Simulator, sent: dict[str, Any]) -> Response | dict[str, Any]:
    """docs.zalopay.vn, order-cancel: only an unpaid order. Only public code shows its path."""
    order = simulator.ledger.orders.get(sent["app_trans_id"])
    if refused := simulator.faults.find("cancel_refused", sent["app_trans_id"]):
        return codes.refuse("cancel", Refusal(refused.sub_return_code))
    if not order:
        return codes.refuse("cancel", Refusal(codes.NOT_FOUND))
    if simulator.moves(order):
        return codes.refuse("cancel", Refusal(codes.BAD_DATA, "money is on its way"))
    try:
        simulator.cancel(order)
    except NotPossibleError as error:
        code = _NOT_CANCELLED.get(order.state(simulator.now()), codes.BAD_DATA)
        return codes.refuse("cancel", Refusal(code, str(error)))
    return codes.answer("cancel", codes.SUCCESS, codes.SUCCESS)


@_call("refund", fields.REFUND, wire.refund_mac)
async def refund(simulator: Simulator, sent: dict[str, Any]) -> Response | dict[str, Any]:
    """docs.zalopay.vn, order-refund."""
    taken = simulator.refund(sent)
    if isinstance(taken, Refusal):
        return codes.refuse("refund", taken)
    order, _ = simulator.ledger.by_refund[taken.m_refund_id]
    if simulator.faults.find("refund_lost", order.app_trans_id):
        return HTMLResponse(_GATEWAY_TIMEOUT, 504)
    return _refund_state(simulator, "refund", order, taken) | {"refund_id": taken.refund_id}


@_call("query_refund", fields.QUERY_REFUND, wire.query_refund_mac)
async def query_refund(simulator: Simulator, sent: dict[str, Any]) -> Response | dict[str, Any]:
    """docs.zalopay.vn, order-query-refund."""
    if abs(simulator.now() - sent["timestamp"]) > TOLERANCE:
        return codes.refuse("query_refund", Refusal(codes.REFUND_TIME))
    found = simulator.ledger.by_refund.get(sent["m_refund_id"])
    if not found or not simulator.shows(*found):
        return codes.refuse("query_refund", Refusal(codes.NOT_FOUND))
    simulator.settle(found[0])
    return _refund_state(simulator, "query_refund", *found)


def _created(simulator: Simulator, order: Order) -> dict[str, Any]:
    return codes.answer(
        "create",
        codes.SUCCESS,
        codes.SUCCESS,
        zp_trans_token=order.token,
        order_url=wire.order_url(simulator.settings.base_url, order.token, simulator.settings.app_id),
        order_token=order.token,
        qr_code=wire.qr_text(order.token, order.amount),
    )


def _outcome(simulator: Simulator, order: Order) -> dict[str, Any]:
    state = order.state(simulator.now())
    if state == "PAID":
        return _paid(simulator, order)
    if simulator.moves(order):
        return _moving()
    if state == "CANCELLED":
        return _not_paid(codes.FAIL, codes.USER_CANCELLED)
    if state == "EXPIRED":
        return _not_paid(codes.FAIL, codes.ORDER_EXPIRED)
    if order.attempts:
        return _not_paid(codes.FAIL, order.attempts[-1]["sub_return_code"])
    return _not_paid(codes.PROCESSING, codes.PROCESSING)


def _paid(simulator: Simulator, order: Order) -> dict[str, Any]:
    if simulator.faults.find("query_processing", order.app_trans_id):
        return _moving()
    return codes.answer(
        "query",
        codes.SUCCESS,
        codes.SUCCESS,
        is_processing=False,
        amount=order.amount_of(order.first),
        zp_trans_id=order.zp_trans_id,
        server_time=order.paid_at,
        discount_amount=order.discount,
    )


def _moving() -> dict[str, Any]:
    return _not_paid(codes.PROCESSING, codes.PROCESSING) | {"is_processing": True}


def _not_paid(return_code: int, sub_return_code: int) -> dict[str, Any]:
    return codes.answer("query", return_code, sub_return_code, is_processing=False, amount=0, zp_trans_id=0)


def _refund_state(simulator: Simulator, api: str, order: Order, taken: Refund) -> dict[str, Any]:
    if taken.refused:
        return codes.answer(api, codes.FAIL, taken.outcome)
    if taken.settled:
        return codes.answer(api, codes.SUCCESS, codes.SUCCESS)
    held = simulator.faults.find("refund_processing", order.app_trans_id)
    return codes.answer(api, codes.PROCESSING, held.sub_return_code if held else codes.REFUND_RUNNING)


def _trickling(response: Response, wait: Callable[[], Awaitable[None]]) -> Response:
    """Send the same answer byte by byte, until the end or until the client hangs up."""
    content = bytes(response.body)

    async def bytes_of_it() -> AsyncIterator[bytes]:
        for place in range(len(content)):
            if place:
                await wait()
            yield content[place : place + 1]

    return StreamingResponse(bytes_of_it(), response.status_code, dict(response.headers))


ROUTES = [create, query, cancel, refund, query_refund]
