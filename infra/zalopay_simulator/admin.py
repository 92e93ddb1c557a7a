"""The simulator's calls for tests: act as the payer, read the ledger, switch faults."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import wraps
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from . import codes, faults, spellings, wire
from .ledger import NotPossibleError, Order, Payment
from .simulator import Simulator

MOST_COPIES = 1000

Call = Callable[[Simulator, Request, dict[str, Any]], Awaitable[dict[str, Any]]]


class UnknownOrderError(Exception):
    """The order does not exist."""


def _call(path: str, method: str) -> Callable[[Call], Route]:
    """Return a route whose body, if any, is a JSON object, and whose errors are 400, 404 and 409."""

    def route(call: Call) -> Route:
        @wraps(call)
        async def endpoint(request: Request) -> JSONResponse:
            try:
                return JSONResponse(await call(request.app.state.simulator, request, await _body(request)))
            except UnknownOrderError:
                return JSONResponse({"error": "no such order"}, 404)
            except NotPossibleError as error:
                return JSONResponse({"error": str(error)}, 409)
            except ValueError as error:
                return JSONResponse({"error": str(error)}, 400)

        return Route(path, endpoint, methods=[method])

    return route


@_call("/simulator/orders", "GET")
async def list_orders(simulator: Simulator, _request: Request, _body: dict[str, Any]) -> dict[str, Any]:
    """Return the whole ledger, oldest order first."""
    return {"orders": [_view(simulator, order) for order in simulator.ledger.orders.values()]}


@_call("/simulator/orders/{app_trans_id}", "GET")
async def read_order(simulator: Simulator, request: Request, _body: dict[str, Any]) -> dict[str, Any]:
    """Return one order with its callbacks and refunds."""
    return _view(simulator, _order(simulator, request))


@_call("/simulator/orders/{app_trans_id}/pay", "POST")
async def pay(simulator: Simulator, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Pay an order.

    With `late` it can be paid after expiry. With `again` a second transaction pays a paid order. `order` is
    callback_first or redirect_first. `discount` is the part that ZaloPay's promotion pays. `amount_is` says which
    amount callback and query give beside a discount: the whole (order) or the payer's share (payer).
    """
    sequence = _one_of(body, "order", "callback_first", "redirect_first")
    amount_is = _one_of(body, "amount_is", "order", "payer")
    order = _order(simulator, request)
    discount = body.get("discount", 0)
    if type(discount) is not int or not 0 <= discount <= order.amount:
        raise ValueError(f"discount: from 0 to {order.amount}")
    redirect_url = await simulator.pay(
        order,
        sequence,
        late=body.get("late") is True,
        again=body.get("again") is True,
        discount=discount,
        amount_is=amount_is,
    )
    return _view(simulator, order) | {"redirect_url": redirect_url}


@_call("/simulator/orders/{app_trans_id}/answer", "POST")
async def claim(simulator: Simulator, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Let query give exactly this answer about the order from now on, true or not; `{}` ends it."""
    order = _order(simulator, request)
    if not _is_shallow(body):
        raise ValueError("the answer is too deep")
    json.dumps(body, ensure_ascii=False, allow_nan=False).encode()  # raises ValueError for a value outside JSON
    simulator.claim(order, body)
    return _view(simulator, order)


@_call("/simulator/orders/{app_trans_id}/answer", "DELETE")
async def unclaim(simulator: Simulator, request: Request, _body: dict[str, Any]) -> dict[str, Any]:
    """Let query tell the truth about the order again."""
    order = _order(simulator, request)
    simulator.claim(order, {})
    return _view(simulator, order)


@_call("/simulator/orders/{app_trans_id}/decline", "POST")
async def decline(simulator: Simulator, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Fail one attempt, for the reason `sub_return_code`."""
    reason = body.get("sub_return_code", codes.BALANCE_NOT_ENOUGH)
    if reason not in codes.ATTEMPT_FAILURES:
        raise ValueError(f"sub_return_code: one of {', '.join(map(str, codes.ATTEMPT_FAILURES))}")
    order = _order(simulator, request)
    redirect_url = simulator.decline(order, reason)
    return _view(simulator, order) | {"redirect_url": redirect_url}


@_call("/simulator/orders/{app_trans_id}/cancel", "POST")
async def cancel(simulator: Simulator, request: Request, _body: dict[str, Any]) -> dict[str, Any]:
    """Cancel the order as its payer."""
    order = _order(simulator, request)
    redirect_url = simulator.cancel(order)
    return _view(simulator, order) | {"redirect_url": redirect_url}


@_call("/simulator/orders/{app_trans_id}/callback", "POST")
async def send_callback(simulator: Simulator, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Send the callback of a paid order again, `times` over, `at_once` or one by one.

    If the order was paid again, `zp_trans_id` names the payment; without it the first payment is meant.
    """
    times = body.get("times", 1)
    if type(times) is not int or not 1 <= times <= MOST_COPIES:
        raise ValueError(f"times: from 1 to {MOST_COPIES}")
    order = _order(simulator, request)
    if not order.zp_trans_id:
        raise NotPossibleError("order is not paid")
    payment = _payment(order, body)
    return {"callbacks": await simulator.callbacks.send(order, payment, times, at_once=body.get("at_once") is True)}


@_call("/simulator/faults", "GET")
async def list_faults(simulator: Simulator, _request: Request, _body: dict[str, Any]) -> dict[str, Any]:
    """List the faults that are on, and all faults that exist."""
    return {"faults": simulator.faults.listing(), "known": faults.KNOWN, "dresses": spellings.names()}


@_call("/simulator/faults", "POST")
async def switch_fault(simulator: Simulator, _request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Switch a fault for all orders, for one (`app_trans_id`) or for the next order (`next`)."""
    if body.get("fault") not in faults.KNOWN:
        raise ValueError(f"fault: one of {', '.join(faults.KNOWN)}")
    scope = faults.NEXT if body.get("next") is True else body.get("app_trans_id", faults.ALL)
    simulator.switch(
        body["fault"],
        _typed(body, "on", bool, True),
        scope,
        seconds=_typed(body, "seconds", (int, float), None),
        sub_return_code=_typed(body, "sub_return_code", int, None),
        share=_typed(body, "share", (int, float), None),
        seed=_typed(body, "seed", int, 0),
    )
    return {"faults": simulator.faults.listing()}


@_call("/simulator/keys", "POST")
async def rotate_key(simulator: Simulator, _request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Sign callbacks and redirects with another `key2` from now on."""
    key2 = _typed(body, "key2", str, "")
    if not key2:
        raise ValueError("key2: missing")
    simulator.callbacks.key2 = key2
    return {"rotated": "key2"}


@_call("/simulator", "DELETE")
async def forget(simulator: Simulator, _request: Request, _body: dict[str, Any]) -> dict[str, Any]:
    """Delete orders, refunds, faults and the rotated key."""
    simulator.forget()
    return {"orders": []}


def _order(simulator: Simulator, request: Request) -> Order:
    order = simulator.ledger.orders.get(request.path_params["app_trans_id"])
    if not order:
        raise UnknownOrderError
    return order


def _payment(order: Order, body: dict[str, Any]) -> Payment:
    payment = order.payment(_typed(body, "zp_trans_id", int, order.zp_trans_id))
    if not payment:
        raise ValueError("zp_trans_id: no payment of this order")
    return payment


def _view(simulator: Simulator, order: Order) -> dict[str, Any]:
    simulator.settle(order)
    view = asdict(order)
    del view["ended"]
    return {
        "state": order.state(simulator.now()),
        "order_url": wire.order_url(simulator.settings.base_url, order.token, simulator.settings.app_id),
        "pay_url": f"{simulator.settings.base_url}/pay/{order.token}",
        **view,
    }


def _one_of(body: dict[str, Any], name: str, usual: Any, other: Any) -> Any:
    value = body.get(name, usual)
    if value not in (usual, other):
        raise ValueError(f"{name}: {usual} or {other}")
    return value


def _is_shallow(value: Any, levels: int = 20) -> bool:
    """Say whether a value is shallow enough to show, keep and copy without overflowing the stack."""
    if not isinstance(value, dict | list):
        return True
    inside = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(each, levels - 1) for each in inside)


def _typed(body: dict[str, Any], name: str, kind: type | tuple[type, ...], default: Any) -> Any:
    value = body.get(name, default)
    if value is not default and not isinstance(value, kind):
        raise ValueError(f"{name}: wrong type")
    return value


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except RecursionError as error:
        raise ValueError("the body is too deep") from error
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    return body


ROUTES = [
    list_orders,
    read_order,
    pay,
    claim,
    unclaim,
    decline,
    cancel,
    send_callback,
    list_faults,
    switch_fault,
    rotate_key,
    forget,
]
