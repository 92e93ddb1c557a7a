"""The naive peer: the paid path as a small FastAPI application with Mangum, boto3's resources and httpx.

It keeps the product's promise for one payment (one transaction decides) and nothing else: no replaced orders, no
refunds, no clock. Its items have kinds of their own.
"""

import hashlib
import hmac
import json
import os
import time
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import boto3
import httpx
from boto3.dynamodb.conditions import Key
from fastapi import Depends, FastAPI, HTTPException, Request
from mangum import Mangum
from pydantic import BaseModel, Field

APP_ID = int(os.environ["ZALOPAY_APP_ID"])
ENDPOINT = os.environ["ZALOPAY_ENDPOINT"]
VIETNAM = timezone(timedelta(hours=7))

table = boto3.resource("dynamodb").Table(os.environ["STAYS_TABLE"])
secrets = boto3.client("secretsmanager")
zalopay = httpx.Client(timeout=10)
keys: dict[str, str] = {}
app = FastAPI()


class CreateRequest(BaseModel):
    """The pay button's request."""

    auctionId: str  # noqa: N815  # the name on the wire
    selectedNights: Annotated[list[str], Field(min_length=1, max_length=60)]  # noqa: N815
    amount: Annotated[int, Field(gt=0)]


class Order(BaseModel):
    """What the browser needs to pay."""

    sessionId: str  # noqa: N815
    appTransId: str  # noqa: N815
    orderUrl: str  # noqa: N815
    amount: int


class Status(BaseModel):
    """The state of a payment."""

    status: str
    transactionId: str | None = None  # noqa: N815


class Session(BaseModel):
    """A payment session."""

    id: str
    userId: str  # noqa: N815
    auctionId: str  # noqa: N815
    nights: list[str]
    amount: int
    status: str
    transactionId: str | None = None  # noqa: N815


class Booking(BaseModel):
    """A booked stay."""

    id: str
    propertyId: str  # noqa: N815
    nights: list[str]
    status: str


class Callback(BaseModel):
    """ZaloPay's report."""

    data: str
    mac: str


def key_of(name: str) -> str:
    """Read a key once."""
    if name not in keys:
        keys[name] = json.loads(secrets.get_secret_value(SecretId=os.environ[name])["SecretString"])["current"]
    return keys[name]


def sign(key: str, *parts: object) -> str:
    """Sign as ZaloPay asks for."""
    return hmac.new(key.encode(), "|".join(map(str, parts)).encode(), hashlib.sha256).hexdigest()


def caller(request: Request) -> str:
    """Return the user of the token, which the gateway has verified."""
    return str(request.scope["aws.event"]["requestContext"]["authorizer"]["jwt"]["claims"]["sub"])


User = Annotated[str, Depends(caller)]


def load(partition: str, kind: str) -> dict[str, Any]:
    """Read an item. Raises 404."""
    found: dict[str, Any] | None = table.get_item(Key={"PK": partition, "SK": kind}, ConsistentRead=True).get("Item")
    if found is None:
        raise HTTPException(404)
    return found


def load_session(stay: str, user: str) -> dict[str, Any]:
    """Read the user's own session. Raises 404."""
    found = load(f"NAIVE#{stay}", "NAIVE_SESSION")
    if found["userId"] != user:
        raise HTTPException(404)
    return found


def shown(session: dict[str, Any]) -> Session:
    """Return what the user may see."""
    return Session.model_validate(session)


@app.get("/health")
def health() -> dict[str, str]:
    """Say that it is up."""
    return {"status": "ok"}


@app.post("/payment/zalopay/create")
def create(request: CreateRequest, user: User) -> Order:
    """Hold the nights, make the order, remember it."""
    award, now = load(f"NAIVE-AUCTION#{request.auctionId}", user), datetime.now(UTC)
    if request.amount != award["amount"]:
        raise HTTPException(400)
    stay = uuid.uuid4().hex
    session = {
        "PK": f"NAIVE#{stay}",
        "SK": "NAIVE_SESSION",
        "kind": "NAIVE_SESSION",
        "id": stay,
        "userId": user,
        "userSort": now.isoformat(),
        "auctionId": request.auctionId,
        "propertyId": award["propertyId"],
        "nights": request.selectedNights,
        "amount": request.amount,
        "status": "CREATED",
        "appTransId": f"{now.astimezone(VIETNAM):%y%m%d}_{stay}",
        "createdAt": now.isoformat(),
    }
    write_all(put(session), *(put(night(session, each), new=True) for each in request.selectedNights))
    answer = order_at_zalopay(session)
    table.update_item(
        Key={"PK": session["PK"], "SK": session["SK"]},
        UpdateExpression="SET #s = :s, orderUrl = :u",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":s": "PENDING", ":u": answer["order_url"]},
    )
    made = {"sessionId": stay, "orderUrl": answer["order_url"]}
    return Order.model_validate(session | made)


def order_at_zalopay(session: dict[str, Any]) -> dict[str, Any]:
    """Make the order. Raises 502."""
    sent: dict[str, Any] = {
        "app_id": APP_ID,
        "app_trans_id": session["appTransId"],
        "app_user": "traveller",
        "amount": session["amount"],
        "app_time": int(time.time() * 1000),
        "embed_data": json.dumps({"redirecturl": os.environ["FRONTEND_URL"]}),
        "item": "[]",
    }
    mac = sign(key_of("ZALOPAY_KEY1_SECRET"), *sent.values())
    more = {"mac": mac, "description": "Stay", "bank_code": "", "callback_url": os.environ["CALLBACK_URL"]}
    answer: dict[str, Any] = zalopay.post(f"{ENDPOINT}/v2/create", data=sent | more).json()
    if answer["return_code"] != 1:
        raise HTTPException(502)
    return answer


def night(session: dict[str, Any], date: str, state: str = "HELD") -> dict[str, Any]:
    """Return the item of a night."""
    place = session["propertyId"]
    return {"PK": f"NAIVE-PROPERTY#{place}", "SK": date, "kind": "NAIVE_NIGHT", "stay": session["id"], "state": state}


def put(item: dict[str, Any], *, new: bool = False, status: str = "") -> dict[str, Any]:
    """Return a put for a transaction."""
    written: dict[str, Any] = {"TableName": table.name, "Item": item}
    if new:
        written["ConditionExpression"] = "attribute_not_exists(PK)"
    if status:
        written |= {
            "ConditionExpression": "#s = :s",
            "ExpressionAttributeNames": {"#s": "status"},
            "ExpressionAttributeValues": {":s": status},
        }
    return {"Put": written}


def write_all(*writes: dict[str, Any]) -> None:
    """Write all or none."""
    table.meta.client.transact_write_items(TransactItems=list(writes))


@app.get("/payment/zalopay/status/{app_trans_id}")
def status(app_trans_id: str, user: User) -> Status:
    """Ask ZaloPay, unless it is known."""
    session = load_session(app_trans_id.partition("_")[2], user)
    if session["status"] != "PENDING":
        return Status(status=session["status"], transactionId=session.get("transactionId"))
    key1 = key_of("ZALOPAY_KEY1_SECRET")
    asked = {"app_id": APP_ID, "app_trans_id": app_trans_id, "mac": sign(key1, APP_ID, app_trans_id, key1)}
    answer = zalopay.post(f"{ENDPOINT}/v2/query", data=asked).json()
    table.update_item(
        Key={"PK": session["PK"], "SK": session["SK"]},
        UpdateExpression="SET askedAt = :a",
        ExpressionAttributeValues={":a": datetime.now(UTC).isoformat()},
    )
    if answer["return_code"] == 1:
        settle(session, str(answer["zp_trans_id"]))
        return Status(status="PAID", transactionId=str(answer["zp_trans_id"]))
    return Status(status="PENDING")


@app.post("/payment/zalopay/callback")
def callback(request: Callback) -> dict[str, Any]:
    """Record the payment, once."""
    if not hmac.compare_digest(sign(key_of("ZALOPAY_KEY2_SECRET"), request.data), request.mac):
        return {"return_code": -1, "return_message": "mac not equal"}
    said = json.loads(request.data)
    session = load(f"NAIVE#{said['app_trans_id'].partition('_')[2]}", "NAIVE_SESSION")
    if session["status"] != "PAID":
        settle(session, str(said["zp_trans_id"]))
    return {"return_code": 1, "return_message": "success"}


def settle(session: dict[str, Any], transaction: str) -> None:
    """Write session, booking, nights, transaction and owed mail in one transaction."""
    now = datetime.now(UTC).isoformat()
    paid = session | {"status": "PAID", "transactionId": transaction, "paidAt": now}
    booking = {name: session[name] for name in ("PK", "id", "userId", "userSort", "propertyId", "nights", "amount")}
    write_all(
        put(paid, status="PENDING"),
        put(booking | {"SK": "NAIVE_BOOKING", "kind": "NAIVE_BOOKING", "status": "CONFIRMED", "createdAt": now}),
        *(put(night(session, each, "BOOKED")) for each in session["nights"]),
        put(paid | {"PK": f"NAIVE-TRANSACTION#{transaction}", "SK": "NAIVE_TRANSACTION", "kind": "NAIVE_TRANSACTION"}),
        put({"PK": session["PK"], "SK": "NAIVE_MAIL", "kind": "NAIVE_MAIL", "state": "DUE", "createdAt": now}),
    )


@app.get("/payment/sessions/{stay}")
def session(stay: str, user: User) -> Session:
    """Show a session."""
    return shown(load_session(stay, user))


@app.get("/payment/transactions/{transaction}")
def transaction(transaction: str, user: User) -> Session:
    """Show a paid session by ZaloPay's transaction."""
    found = load(f"NAIVE-TRANSACTION#{transaction}", "NAIVE_TRANSACTION")
    if found["userId"] != user:
        raise HTTPException(404)
    return shown(found)


@app.get("/payment/{stay}/booking")
def booking(stay: str, user: User) -> Booking:
    """Show the booking of a session."""
    load_session(stay, user)
    return Booking.model_validate(load(f"NAIVE#{stay}", "NAIVE_BOOKING"))


@app.get("/user/bookings")
def bookings(user: User) -> list[Booking]:
    """Show all bookings of the user."""
    found = table.query(IndexName="by_user", KeyConditionExpression=Key("userId").eq(user))["Items"]
    return [Booking.model_validate(each) for each in found if each["kind"] == "NAIVE_BOOKING"]


@app.delete("/bookings/{stay}")
def cancel(stay: str, user: User) -> Booking:
    """Cancel a booking."""
    load_session(stay, user)
    answer = table.update_item(
        Key={"PK": f"NAIVE#{stay}", "SK": "NAIVE_BOOKING"},
        UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":s": "CANCELLED"},
        ReturnValues="ALL_NEW",
    )
    return Booking.model_validate(answer["Attributes"])


handler = Mangum(app, lifespan="off", api_gateway_base_path="/api/v1")
