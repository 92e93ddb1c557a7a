"""The HTTP edge: one form for all errors, limits checked first, and the request's id on every answer."""

import base64
import json
from typing import Annotated, Any

import pytest
from pydantic import Field

from stays.domain.errors import Invalid, NotFound, Refused, StaysError
from stays.domain.values import Amount, Id, Model, Night, StayId
from stays.edge import http
from tests.samples import STAY

CLAIMS = {"sub": "auth0|an", "email": "an@example.com", "name": "An"}


class Thing(Model):
    auction_id: Id
    selected_nights: Annotated[list[Night], Field(min_length=1, max_length=60)]
    amount: Amount | None = None


class Removed(Model):
    id: str


def application() -> http.Api:
    app = http.Api()

    @app.operation("POST /things", "Make a thing")
    def make(thing: Thing) -> Thing:
        return thing

    @app.operation("GET /things", "All things")
    def things() -> list[Thing]:
        return []

    @app.operation("DELETE /things/<thing_id>", "Remove a thing")
    def remove(thing_id: StayId) -> Removed:
        return Removed(id=thing_id)

    @app.operation("GET /me", "The caller")
    def me() -> http.PassedOn:
        return http.PassedOn(200, http.caller(app)._asdict())

    @app.operation("GET /failures/<code>", "A failure")
    def fail(code: str) -> http.Nothing:
        errors = {"NOT_FOUND": NotFound(), "OFFER_EXPIRED": Refused(code, "Too late.", deadline="then")}
        raise errors.get(code) or StaysError(code, "A sentence.")

    @app.operation("GET /broken", "Something broken")
    def broken() -> http.Nothing:
        raise RuntimeError("the database password is hunter2")

    return app


APP = application()


def call(
    method: str,
    path: str,
    body: str | None = None,
    claims: dict[str, Any] | None = CLAIMS,
    headers: dict[str, str] | None = None,
    *,
    encoded: bool = False,
) -> dict[str, Any]:
    authorizer = {"authorizer": {"jwt": {"claims": claims}}} if claims is not None else {}
    event = {
        "version": "2.0",
        "routeKey": f"{method} /api/v1{path}",
        "rawPath": f"/api/v1{path}",
        "rawQueryString": "",
        "headers": {"content-type": "application/json"} | (headers or {}),
        "requestContext": {
            "requestId": "request-1",
            "stage": "$default",
            "http": {"method": method, "path": f"/api/v1{path}", "sourceIp": "203.0.113.7", "userAgent": "Firefox"},
            **authorizer,
        },
        "isBase64Encoded": encoded,
        **({} if body is None else {"body": body}),
    }
    return http.answer(APP, event, None)


def error(reply: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
    """Check the form of an error, and return its status, code and details."""
    body = json.loads(reply["body"])
    assert body.keys() == {"error", "requestId"}
    assert body["error"].keys() == {"code", "message", "details"}
    assert body["error"]["message"] != ""
    assert body["requestId"] == reply["headers"]["x-request-id"] == "request-1"
    assert reply["headers"]["Content-Type"] == "application/json"
    assert reply["headers"]["cache-control"] == "no-store"
    return reply["statusCode"], body["error"]["code"], body["error"]["details"]


def wrong_fields(reply: dict[str, Any]) -> list[str]:
    status, code, details = error(reply)
    assert (status, code) == (400, "VALIDATION_ERROR")
    assert all(each.keys() == {"field", "message"} and each["message"] for each in details["fields"])
    return [each["field"] for each in details["fields"]]


GOOD = '{"auctionId": 1001, "selectedNights": ["2026-12-01"], "redirectParams": 1}'


def test_an_answer_is_json_with_the_requests_id_and_is_not_kept() -> None:
    reply = call("POST", "/things", GOOD)
    assert (reply["statusCode"], json.loads(reply["body"])) == (
        200,
        {"auctionId": "1001", "selectedNights": ["2026-12-01"]},
    )
    assert reply["headers"] == {
        "Content-Type": "application/json",
        "x-request-id": "request-1",
        "cache-control": "no-store",
    }


def test_an_answer_may_be_a_bare_array() -> None:
    assert call("GET", "/things")["body"] == "[]"


def test_a_base64_body_is_the_same_body() -> None:
    encoded = base64.b64encode(GOOD.encode()).decode()
    assert call("POST", "/things", encoded, encoded=True)["statusCode"] == 200


def test_the_caller_is_whom_the_gateway_vouches_for_and_from_where() -> None:
    assert json.loads(call("GET", "/me")["body"]) == {
        "user_id": "auth0|an",
        "email": "an@example.com",
        "name": "An",
        "locale": None,
        "picture": None,
        "address": "203.0.113.7",
        "agent": "Firefox",
    }


def test_a_token_need_not_say_more_than_the_user() -> None:
    shown = json.loads(call("GET", "/me", claims={"sub": "auth0|an"})["body"])
    assert (shown["user_id"], shown["email"], shown["name"]) == ("auth0|an", None, None)


@pytest.mark.parametrize("odd", [5, 1.5, True, None, ["x"], {"a": "b"}, "", "\ud800"])
def test_a_claim_that_is_no_text_is_ignored_and_loses_nothing_beside_it(odd: Any) -> None:
    names = ("email", "name", "locale", "picture")
    for name in names:
        claims = {"sub": "auth0|an"} | dict.fromkeys(names, "en") | {name: odd}
        shown = json.loads(call("GET", "/me", claims=claims)["body"])
        assert {each: shown[each] or None for each in names} == dict.fromkeys(names, "en") | {name: None}


@pytest.mark.parametrize("user_id", ["auth0|an+tag@example.com", "a b/c=d\\e#f%41", "Ạn", "x" * 128])
def test_the_caller_may_have_any_id(user_id: str) -> None:
    assert json.loads(call("GET", "/me", claims={"sub": user_id})["body"])["user_id"] == user_id


NOBODY = ["", "x" * 129, "ạ" * 128, "a\n", "\x00", "\ud800", 5, None, ["auth0|an"]]


@pytest.mark.parametrize("claims", [None, {}, {"email": "an@example.com"}, *({"sub": odd} for odd in NOBODY)])
def test_c3_where_the_gateway_vouches_for_nobody_the_answer_is_auth_required(claims: dict[str, Any] | None) -> None:
    assert error(call("GET", "/me", claims=claims)) == (401, "AUTH_REQUIRED", {})


@pytest.mark.parametrize(("code", "status"), http.STATUS.items())
def test_c1_c20_every_code_of_the_contract_has_its_status(code: str, status: int) -> None:
    details = {"deadline": "then"} if code == "OFFER_EXPIRED" else {}
    assert error(call("GET", f"/failures/{code}")) == (status, code, details)


def test_details_that_json_does_not_know_are_written_as_text() -> None:
    shown = json.loads(http._body(Refused("OFFER_EXPIRED", "Too late.", path=STAY, kind=Model), "1"))
    assert shown["error"]["details"] == {"path": STAY, "kind": str(Model)}


def test_whatever_breaks_is_logged_and_says_nothing_to_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    reply = call("GET", "/broken")
    assert error(reply) == (500, "INTERNAL_ERROR", {})
    assert "hunter2" not in reply["body"]
    assert "request failed" in caplog.text


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("{}", ["auctionId", "selectedNights"]),
        ('{"auctionId": "1", "selectedNights": []}', ["selectedNights"]),
        ('{"auctionId": "1", "selectedNights": ["2026-12-01", "x", 5]}', ["selectedNights.1", "selectedNights.2"]),
        ('{"auctionId": "a#b", "selectedNights": ["2026-12-01"], "amount": "5"}', ["auctionId", "amount"]),
        ('{"auctionId": "1", "selectedNights": ["2026-12-01"], "amount": NaN}', ["amount"]),
        ('{"auctionId": "\\ud800", "selectedNights": ["2026-12-01"]}', ["auctionId"]),
    ],
)
def test_fields_that_are_wrong_are_named_as_the_client_names_them(body: str, fields: list[str]) -> None:
    assert wrong_fields(call("POST", "/things", body)) == fields


def test_our_own_rules_speak_plainly() -> None:
    _, _, details = error(call("POST", "/things", '{"auctionId": "1", "selectedNights": ["1.12.2026"]}'))
    assert details["fields"] == [{"field": "selectedNights.0", "message": "a night is written YYYY-MM-DD"}]


def test_an_id_of_the_wrong_shape_in_the_path_is_named() -> None:
    assert wrong_fields(call("DELETE", "/things/abc")) == ["thingId"]
    assert call("DELETE", f"/things/{STAY}")["statusCode"] == 200


@pytest.mark.parametrize("body", [None, "", "  ", "{}"])
def test_a_body_that_is_missing_lacks_what_an_empty_object_lacks(body: str | None) -> None:
    assert wrong_fields(call("POST", "/things", body)) == ["auctionId", "selectedNights"]


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "x",
        "{'a': 1}",
        '{"a": 1}}',
        "[]",
        "5",
        '"text"',
        "null",
        "[" * 60_000,
        '{"a":' * 12_000,
        "\ufeff{}",
        "1" * 5000,
    ],
)
def test_a_body_that_is_no_json_object_is_refused_wherever_it_is_sent(body: str) -> None:
    assert wrong_fields(call("POST", "/things", body)) == ["body"]
    assert wrong_fields(call("GET", "/nowhere", body)) == ["body"]


@pytest.mark.parametrize("body", ["%%%", "e30", "e30=\n!", base64.b64encode(b"\xff\xfe").decode(), "é"])
def test_a_body_that_is_not_the_base64_it_claims_to_be_is_refused(body: str) -> None:
    assert wrong_fields(call("POST", "/things", body, encoded=True)) == ["body"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read() -> None:
    padded = GOOD + " " * (http.LARGEST_BODY - len(GOOD))
    assert call("POST", "/things", padded)["statusCode"] == 200
    assert error(call("POST", "/things", padded + " ")) == (413, "PAYLOAD_TOO_LARGE", {"limit": 65_536})
    assert error(call("POST", "/things", "x" * 70_000, encoded=True))[0] == 413


OTHER_TYPES = ["text/plain", "image/png", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]


@pytest.mark.parametrize("content_type", [*OTHER_TYPES, "multipart/form-data"])
def test_a_body_of_another_type_is_not_json(content_type: str) -> None:
    assert wrong_fields(call("POST", "/things", GOOD, headers={"content-type": content_type})) == ["body"]


@pytest.mark.parametrize("content_type", [*OTHER_TYPES, "multipart/form-data"])
def test_where_there_is_no_body_its_type_does_not_matter(content_type: str) -> None:
    assert call("GET", "/things", headers={"content-type": content_type})["statusCode"] == 200
    missing = call("POST", "/things", headers={"content-type": content_type})
    assert wrong_fields(missing) == wrong_fields(call("POST", "/things"))


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", ""])
def test_json_may_say_its_charset_or_nothing(content_type: str) -> None:
    assert call("POST", "/things", GOOD, headers={"content-type": content_type})["statusCode"] == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("POST", "/"), ("GET", "/things/a/b")])
def test_c1_an_unknown_path_is_not_found(method: str, path: str) -> None:
    assert error(call(method, path)) == (404, "NOT_FOUND", {})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/things", ["GET", "HEAD", "POST"]),
        ("PATCH", "/things", ["GET", "HEAD", "POST"]),
        ("GET", f"/things/{STAY}", ["DELETE"]),
        ("POST", "/me", ["GET", "HEAD"]),
    ],
)
def test_c1_a_path_under_another_method_says_which_are_served(method: str, path: str, allowed: list[str]) -> None:
    assert error(call(method, path)) == (405, "METHOD_NOT_ALLOWED", {"allowed": allowed})


def test_a_wrong_field_is_an_error_of_the_whole_request() -> None:
    invalid = Invalid.field("amount", "Too much.")
    assert (invalid.code, invalid.details) == (
        "VALIDATION_ERROR",
        {"fields": [{"field": "amount", "message": "Too much."}]},
    )
    assert str(invalid) == invalid.message == "The request is not valid."


@pytest.mark.parametrize(("length", "kept"), [(0, None), (1, "e"), (320, "e" * 320), (321, None)])
def test_an_address_that_is_too_long_to_be_one_is_none(length: int, kept: str | None) -> None:
    assert json.loads(call("GET", "/me", claims=CLAIMS | {"email": "e" * length})["body"])["email"] == kept


@pytest.mark.parametrize(
    ("path", "status"),
    [("/things", 200), ("/me", 200), (f"/things/{STAY}", 405), ("/nothing", 404), ("/failures/AUTH_REQUIRED", 401)],
)
def test_head_is_answered_as_get_without_the_body(path: str, status: int) -> None:
    got, head = call("GET", path), call("HEAD", path)
    assert (got["statusCode"], got["body"] != "") == (status, True)
    assert head == got | {"body": ""}


@pytest.mark.parametrize("body", ["{", "x" * 70_000])
def test_what_is_refused_of_get_is_refused_of_head(body: str) -> None:
    got, head = call("GET", "/things", body), call("HEAD", "/things", body)
    assert (head["statusCode"], head["body"]) == (got["statusCode"], "")
    assert got["statusCode"] in (400, 413)


def test_a_request_is_told_as_it_came_in() -> None:
    app, heard = http.Api(), []

    @app.operation("POST /echo", "What was sent")
    def echo() -> http.Nothing:
        heard.append(http.received(app))
        return http.Nothing()

    for body, encoded in ((' {"a": "\u1ea1"}', False), (base64.b64encode(b"{}").decode(), True), (None, False)):
        headers = {"content-type": "application/json; charset=utf-8", "authorization": "Bearer x"}
        event = {
            "version": "2.0",
            "rawPath": "/api/v1/echo",
            "rawQueryString": "a=%20b",
            "headers": headers,
            "requestContext": {
                "requestId": "1",
                "stage": "$default",
                "http": {"method": "POST", "path": "/api/v1/echo", "sourceIp": "203.0.113.7"},
            },
            "isBase64Encoded": encoded,
            **({} if body is None else {"body": body}),
        }
        assert http.answer(app, event, None)["statusCode"] == 200
    sent = ' {"a": "\u1ea1"}'.encode()
    assert [each.body for each in heard] == [sent, b"{}", b""]
    assert {(each.query, each.headers["content-type"]) for each in heard} == {("a=%20b", headers["content-type"])}
