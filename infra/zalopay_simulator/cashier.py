"""The pages of the simulator: a user pays an order there, and a developer switches faults."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from . import codes, faults, spellings, wire
from .ledger import NotPossibleError, Order
from .simulator import CANCELLED, PAID, Simulator

SHOWN = 25  # orders on the front page, newest first


def _dong(amount: int) -> str:
    return f"{amount:,}".replace(",", ".") + " ₫"


def _clock(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(wire.VIETNAM).strftime("%H:%M:%S %d/%m/%Y")


_PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True)
_PAGES.filters |= {"dong": _dong, "clock": _clock, "json": wire.compact}


async def open_in_app(request: Request) -> Response:
    """Redirect from `order_url` to the pay page of the order that the link names."""
    token = wire.token_of(request.query_params.get("order", ""))
    return RedirectResponse(f"/pay/{token}", 302) if token in _orders(request) else _missing()


async def pay_page(request: Request) -> Response:
    """Show the order and the payer's choices."""
    order = _orders(request).get(request.path_params["token"])
    return await _pay_page(request, order) if order else _missing()


async def settle_payment(request: Request) -> Response:
    """Apply the payer's choice, and redirect to the shop."""
    order = _orders(request).get(request.path_params["token"])
    if not order:
        return _missing()
    try:
        redirect_url = await _settle(request.app.state.simulator, order, await _form(request))
    except NotPossibleError:
        return await _pay_page(request, order, 409)
    return RedirectResponse(await _onward(request, redirect_url) or f"/pay/{order.token}", 303)


async def front_page(request: Request) -> Response:
    """Show the latest orders, and every fault with its switch."""
    simulator: Simulator = request.app.state.simulator
    now = simulator.now()
    orders = [(order, order.state(now)) for order in reversed(simulator.ledger.orders.values())][:SHOWN]
    switched_on = simulator.faults.listing()
    return _page(
        "front.html", orders=orders, known=faults.KNOWN, on=switched_on, seconds=faults.SECONDS,
        sub_return_codes=faults.SUB_RETURN_CODES, shares=faults.SHARES,
        wanted=request.query_params.get("for", faults.ALL), spelling=spellings.name_of, spellings=spellings.names(),
    )  # fmt: skip


async def switch_fault(request: Request) -> Response:
    """Switch a fault from the form. A missing number means the fault's default."""
    form = await _form(request)
    try:
        numbers: dict[str, Any] = {
            "seconds": float(form["seconds"]) if form.get("seconds") else None,
            "sub_return_code": int(form["sub_return_code"]) if form.get("sub_return_code") else None,
            "share": float(form["percent"]) / 100 if form.get("percent") else None,
            "seed": int(form.get("seed") or 0),
        }
        request.app.state.simulator.switch(
            form["fault"], form.get("on") == "on", form.get("for", faults.ALL), **numbers
        )
    except (KeyError, ValueError):
        return _missing(400)
    return RedirectResponse("/", 303)


async def _settle(simulator: Simulator, order: Order, form: dict[str, str]) -> str:
    action = form.get("action")
    if action == "pay":
        return await simulator.pay(
            order, "redirect_first" if form.get("order") == "redirect_first" else "callback_first"
        )
    if action == "cancel":
        return simulator.cancel(order)
    if action == "decline" and form.get("reason", "-63") in map(str, codes.ATTEMPT_FAILURES):
        return simulator.decline(order, int(form.get("reason", "-63")))
    raise NotPossibleError("no such action")


async def _onward(request: Request, url: str) -> str:
    """Return where the browser really goes when ZaloPay sends it to the shop; empty if the shop gave no page."""
    simulator: Simulator = request.app.state.simulator
    return await simulator.settings.onward(url) if url else ""


async def _pay_page(request: Request, order: Order, status: int = 200) -> Response:
    simulator: Simulator = request.app.state.simulator
    state = order.state(simulator.now())
    back = simulator.way_back(order, PAID if state == "PAID" else CANCELLED) if state != "OPEN" else ""
    return _page(
        "pay.html",
        status,
        order=order,
        state=state,
        failures=codes.ATTEMPT_FAILURES,
        seconds_left=max(0, order.expires_at - simulator.now()) // 1000,
        back=await _onward(request, back),
    )


def _missing(status: int = 404) -> Response:
    return _page("missing.html", status)


def _page(name: str, status: int = 200, **values: Any) -> Response:
    return HTMLResponse(_PAGES.get_template(name).render(values), status)


def _orders(request: Request) -> dict[str, Order]:
    simulator: Simulator = request.app.state.simulator
    return simulator.ledger.by_token


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(errors="replace")))


ROUTES = [
    Route("/", front_page, methods=["GET"]),
    Route("/", switch_fault, methods=["POST"]),
    Route("/openinapp", open_in_app, methods=["GET"]),
    Route("/pay/{token}", pay_page, methods=["GET"]),
    Route("/pay/{token}", settle_payment, methods=["POST"]),
]
