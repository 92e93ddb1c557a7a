"""A merchant that uses the simulator: it has its own code for signatures, and answers callbacks."""

import asyncio
import hashlib
import hmac
import json
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.zalopay_simulator import Settings, create_app

KEY1, KEY2 = "PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL", "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz"
NOON = 1739163600.0  # 12:00 on 10 February 2025 in Vietnam
ORDER = "250210_ORDER0001"
REFUND = "250210_2553_0000000001"
SIGNED = ("app_id", "app_trans_id", "app_user", "amount", "app_time", "embed_data", "item")


def signed(key: str, *parts: object) -> str:
    return hmac.new(key.encode(), "|".join(map(str, parts)).encode(), hashlib.sha256).hexdigest()


class Shop:
    """A merchant. Its own code makes the signatures. It answers callbacks with the contents of `answers`."""

    def __init__(self, **settings: Any) -> None:
        self.now = NOON
        self.answers: list[int | str] = []
        self.received: list[dict[str, Any]] = []
        self.heard: list[tuple[str, bytes]] = []  # content type and body as received
        self.deaf = False  # reads no body: it may be in any spelling
        self.naps: list[float] = []
        self.awake = asyncio.Event()
        self.awake.set()
        merchant = Starlette(routes=[Route("/callback", self.callback, methods=["POST"])])
        caller = httpx.AsyncClient(transport=httpx.ASGITransport(merchant))
        usual: dict[str, Any] = {"clock": lambda: self.now, "sleep": self.nap, "client": caller}
        app = create_app(Settings(**(usual | settings)))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8001")

    async def callback(self, request: Request) -> Response:
        body = await request.body()
        self.heard.append((request.headers["content-type"], body))
        if not self.deaf:
            self.received.append(json.loads(body))
        answer = self.answers.pop(0) if self.answers else 1
        if isinstance(answer, str):
            return Response(answer, 500)
        return JSONResponse({"return_code": answer, "return_message": "as told"})

    async def nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        await self.awake.wait()

    async def calm(self) -> None:
        for _ in range(500):
            await asyncio.sleep(0)

    def order(self, **changed: Any) -> dict[str, Any]:
        order: dict[str, Any] = {
            "app_id": 2553,
            "app_trans_id": ORDER,
            "app_user": "demo",
            "app_time": int(self.now * 1000),
            "expire_duration_seconds": 900,
            "amount": 50_000,
            "description": "Biển Xanh, 2 đêm",
            "callback_url": "http://shop/callback",
            "item": "[]",
            "embed_data": '{"redirecturl":"http://shop/done?lang=vi"}',
            "bank_code": "",
        } | changed
        return order | {"mac": changed.get("mac", signed(KEY1, *(order.get(name, "") for name in SIGNED)))}

    async def create(self, **changed: Any) -> Any:
        return (await self.http.post("/v2/create", json=self.order(**changed))).json()

    async def query(self, app_trans_id: str = ORDER, **changed: Any) -> Any:
        mac = signed(KEY1, 2553, app_trans_id, KEY1)
        form = {"app_id": 2553, "app_trans_id": app_trans_id, "mac": mac} | changed
        return (await self.http.post("/v2/query", data=form)).json()

    async def cancel(self, app_trans_id: str = ORDER, **changed: Any) -> Any:
        mac = signed(KEY1, 2553, app_trans_id, KEY1)
        sent = {"app_id": 2553, "app_trans_id": app_trans_id, "mac": mac} | changed
        return (await self.http.post("/v2/cancel", json=sent)).json()

    def refund_request(self, zp_trans_id: object, amount: int, m_refund_id: str, **changed: Any) -> dict[str, Any]:
        sent: dict[str, Any] = {
            "app_id": 2553,
            "m_refund_id": m_refund_id,
            "zp_trans_id": zp_trans_id,
            "amount": amount,
            "timestamp": int(self.now * 1000),
            "description": "Khách hủy",
        } | changed
        fee = [sent["refund_fee_amount"]] if "refund_fee_amount" in sent else []
        parts = 2553, sent["zp_trans_id"], sent["amount"], *fee, sent["description"], sent["timestamp"]
        return {"mac": signed(KEY1, *parts)} | sent

    async def refund(self, zp_trans_id: object, amount: int, m_refund_id: str = REFUND, **changed: Any) -> Any:
        sent = self.refund_request(zp_trans_id, amount, m_refund_id, **changed)
        return (await self.http.post("/v2/refund", json=sent)).json()

    async def query_refund(self, m_refund_id: str = REFUND, **changed: Any) -> Any:
        sent: dict[str, Any] = {"app_id": 2553, "m_refund_id": m_refund_id, "timestamp": int(self.now * 1000)} | changed
        mac = signed(KEY1, 2553, m_refund_id, sent["timestamp"])
        return (await self.http.post("/v2/query_refund", json={"mac": mac} | sent)).json()

    async def paid(self, app_trans_id: str = ORDER, how: dict[str, Any] | None = None, **changed: Any) -> str:
        assert codes(await self.create(app_trans_id=app_trans_id, **changed)) == (1, 1)
        return str((await self.act("pay", app_trans_id, **how or {}))["zp_trans_id"])

    async def act(self, action: str, app_trans_id: str = ORDER, **body: Any) -> Any:
        return (await self.http.post(f"/simulator/orders/{app_trans_id}/{action}", json=body)).json()

    async def ledger(self, app_trans_id: str = ORDER) -> Any:
        return (await self.http.get(f"/simulator/orders/{app_trans_id}")).json()

    async def fault(self, name: str, on: bool = True, **more: Any) -> None:
        response = await self.http.post("/simulator/faults", json={"fault": name, "on": on, **more})
        assert response.status_code == 200


def codes(answer: dict[str, Any]) -> tuple[int, int]:
    return answer["return_code"], answer["sub_return_code"]
