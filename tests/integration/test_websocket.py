"""Who may listen: every mode, every carrier of a token, every defect of one."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.integration.messages import BINH, MAI
from tests.integration.shapes import SENTENCE
from tests.integration.world import World

MODES = ("bound", "strict", "open")
CHANNELS = ["auction_results", "payment_status", "second_chance_offers", "booking_confirmations"]
SUBSCRIBED = {"type": "SUBSCRIBED", "channels": CHANNELS}


def error(code: str) -> list[dict[str, str]]:
    return [{"type": "ERROR", "code": code, "message": SENTENCE}]


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def signed_with_the_public_key(world: World) -> str:
    """HS256, the issuer's public key as the secret: what a careless check would accept."""
    issuer = world.neighbour.issuer
    pem = issuer._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(world.token(), options={"verify_signature": False})
    text = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': issuer._kid})}.{encoded(claims)}"
    mac = hmac.new(pem, text.encode(), "sha256").digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def unsigned(world: World) -> str:
    claims = jwt.decode(world.token(), options={"verify_signature": False})
    return jwt.encode(claims, None, algorithm="none", headers={"kid": world.neighbour.issuer._kid})


def tampered(world: World) -> str:
    head, _, signature = world.token(BINH).split(".")
    return ".".join([head, world.token(MAI).split(".")[1], signature])


DEFECTS: dict[str, Callable[[World], str]] = {
    "expired": lambda world: world.token(seconds=-60),
    "another issuer": lambda world: world.token(iss="https://evil.example/"),
    "issuer without its slash": lambda world: world.token(iss=world.neighbour.url),
    "another audience": lambda world: world.token(aud="somebody-else"),
    "no audience": lambda world: world.token(aud=None),
    "no expiry": lambda world: world.token(exp=None),
    "not valid yet": lambda world: world.token(nbf=2**31),
    "no algorithm": unsigned,
    "HS256 with the public key": signed_with_the_public_key,
    "another signature": tampered,
    "not a token": lambda world: "abc",
    "three dots": lambda world: "a.b.c",
}


@pytest.mark.parametrize("mode", MODES)
def test_a_good_token_is_believed_wherever_it_is_carried(world: World, mode: str):
    token = world.token()
    carried = [
        (world.socket(mode, query=f"token={token}"), {}),
        (world.socket(mode, query=f"access_token={token}"), {}),
        (world.socket(mode, cookie=f"theme=dark; auth_token={token}"), {}),
        (world.socket(mode), {"token": token}),
    ]
    assert [(socket.connected, socket.subscribe(**more)) for socket, more in carried] == [(200, [SUBSCRIBED])] * 4


@pytest.mark.parametrize("mode", ["bound", "strict"])
def test_a_bad_token_is_refused_wherever_it_is_carried(world: World, mode: str):
    for name, make in DEFECTS.items():
        token = make(world)
        refused = [world.socket(mode, query=f"{parameter}={token}") for parameter in ("token", "access_token")]
        assert [socket.connected for socket in refused] == [401, 401], name
        by_cookie = world.socket(mode, cookie=f"auth_token={token}")
        assert (by_cookie.connected, by_cookie.subscribe()) == (200, error("FORBIDDEN")), name
        assert world.socket(mode).subscribe(token=token) == error("FORBIDDEN"), name
    assert [item for item in world.items("connections") if item["PK"].startswith("USER#")] == []


def test_a_bad_token_is_refused_even_where_no_token_is_needed(world: World):
    for name, make in DEFECTS.items():
        token = make(world)
        assert world.socket("open", query=f"token={token}").connected == 401, name
        assert world.socket("open").subscribe(token=token) == error("FORBIDDEN"), name


@pytest.mark.parametrize("mode", MODES)
def test_a_token_of_somebody_else_opens_nothing(world: World, mode: str):
    made = world.created()
    token = world.token(BINH)
    sockets = [world.socket(mode, query=f"token={token}"), world.socket(mode, cookie=f"auth_token={token}")]
    answers = [socket.subscribe(MAI) for socket in sockets] + [world.socket(mode).subscribe(MAI, token=token)]
    assert answers == [error("FORBIDDEN")] * 3
    world.zalopay.pay(made["appTransId"])
    world.deliver()
    assert [socket.frames for socket in sockets] == [error("FORBIDDEN")] * 2


def test_without_a_token_open_believes_everybody_and_strict_nobody(world: World):
    world.created()
    assert world.socket("open").subscribe()[0] == SUBSCRIBED
    assert world.socket("open").subscribe(BINH) == [SUBSCRIBED]
    assert world.socket("strict").subscribe() == error("FORBIDDEN")


def test_bound_believes_a_user_who_just_called_from_the_same_place(world: World):
    made = world.created()
    assert world.socket().subscribe()[0] == SUBSCRIBED
    assert world.socket(address="198.51.100.1").subscribe() == error("FORBIDDEN")
    assert world.socket(agent="curl/8").subscribe() == error("FORBIDDEN")
    assert world.socket().subscribe(BINH) == error("FORBIDDEN")
    world.clock.shift(timedelta(minutes=16))
    assert world.socket().subscribe() == error("FORBIDDEN")
    world.session(made["sessionId"])
    assert world.socket().subscribe()[0] == SUBSCRIBED


def test_a_call_that_was_not_allowed_vouches_for_nobody(world: World):
    world.announce({})
    world.http("GET", "/user/bookings", sub=None)
    assert world.socket().subscribe() == error("FORBIDDEN")


def test_presence_is_kept_as_a_hash_and_written_at_most_once_in_five_minutes(world: World):
    made = world.created()
    (first,) = [item for item in world.items("connections") if item["SK"].startswith("PRESENCE#")]
    assert len(first["SK"]) == len("PRESENCE#") + 64
    world.clock.shift(timedelta(minutes=4))
    world.session(made["sessionId"])
    assert world.items("connections") == [first]
    world.functions["payments"].seen.clear()
    world.session(made["sessionId"])
    assert world.items("connections") == [first]
    world.clock.shift(timedelta(minutes=6))
    world.session(made["sessionId"])
    assert world.items("connections")[0]["seenAt"] > first["seenAt"]


def test_a_connection_never_changes_hands(world: World):
    world.created()
    world.create(sub=BINH)
    socket = world.socket()
    assert socket.subscribe(MAI)[0] == SUBSCRIBED
    assert socket.subscribe(BINH) == error("FORBIDDEN")
    assert socket.subscribe(BINH, token=world.token(BINH)) == error("FORBIDDEN")
    owners = [item["userId"] for item in world.items("connections") if item["PK"] == f"CONNECTION#{socket.id}"]
    assert owners == [MAI]


def test_a_token_that_runs_out_ends_the_listening_until_a_new_one_comes(world: World):
    made = world.created()
    socket = world.socket("strict", query=f"token={world.token(seconds=120)}")
    socket.subscribe()
    world.deliver()
    heard = len(socket.frames)
    world.clock.shift(timedelta(seconds=121))
    world.zalopay.pay(made["appTransId"])
    world.deliver()
    assert len(socket.frames) == heard
    assert socket.subscribe() == error("TOKEN_EXPIRED")
    assert [frame["type"] for frame in socket.subscribe(token=world.token())] == [
        "SUBSCRIBED",
        "PAYMENT_STATUS",
        "BOOKING_CONFIRMED",
    ]


BOGUS = {
    "plain text": "hello",
    "nothing": "",
    "a number": "5",
    "a list": "[]",
    "null": "null",
    "cut off": '{"type":"SUBSCRIBE"',
    "no type": "{}",
    "unknown type": '{"type":"NOPE"}',
    "type is a number": '{"type":5}',
    "a route of the gateway": '{"type":"$connect"}',
    "no user": '{"type":"SUBSCRIBE"}',
    "user is null": '{"type":"SUBSCRIBE","userId":null}',
    "user is a list": '{"type":"SUBSCRIBE","userId":["a"]}',
    "user with a key's letter": '{"type":"SUBSCRIBE","userId":"a#b"}',
    "channels are a text": '{"type":"SUBSCRIBE","userId":"auth0|mai","channels":"payment_status"}',
    "unknown channel": '{"type":"SUBSCRIBE","userId":"auth0|mai","channels":["everything"]}',
    "too many channels": json.dumps({"type": "SUBSCRIBE", "userId": MAI, "channels": ["payment_status"] * 21}),
    "token is a number": '{"type":"SUBSCRIBE","userId":"auth0|mai","token":5}',
    "too large": json.dumps({"type": "SUBSCRIBE", "userId": MAI, "more": "x" * 9000}),
    "deeply nested": '{"type":"SUBSCRIBE","userId":' + "[" * 3000 + "]" * 3000 + "}",
}


def test_a_bogus_frame_gets_an_error_and_writes_nothing(world: World):
    world.created()
    socket = world.socket()
    before = world.items("connections")
    for name, frame in BOGUS.items():
        assert socket.send(frame) == error("INVALID_MESSAGE"), name
    assert world.items("connections") == before
    assert socket.subscribe()[0] == SUBSCRIBED


def test_ping_is_answered_before_and_after_subscribing(world: World):
    world.created()
    socket = world.socket()
    assert socket.send({"type": "PING"}) == [{"type": "PONG"}]
    socket.subscribe()
    assert socket.send({"type": "PING"}) == [{"type": "PONG"}]


def test_only_the_channels_that_were_asked_for_are_heard(world: World):
    made = world.created()
    quiet, none = world.socket(), world.socket()
    assert quiet.subscribe(channels=["booking_confirmations", "booking_confirmations"]) == [
        {"type": "SUBSCRIBED", "channels": ["booking_confirmations"]}
    ]
    assert none.subscribe(channels=[]) == error("INVALID_MESSAGE")
    world.zalopay.pay(made["appTransId"])
    world.deliver()
    assert [frame["type"] for frame in quiet.frames] == ["SUBSCRIBED", "BOOKING_CONFIRMED"]
    assert none.frames == error("INVALID_MESSAGE")


def test_subscribing_again_changes_the_channels(world: World):
    world.created()
    socket = world.socket()
    assert len(socket.subscribe(channels=["auction_results"])) == 1
    assert [frame["type"] for frame in socket.subscribe()] == ["SUBSCRIBED", "PAYMENT_STATUS"]


def test_without_channels_all_are_meant(world: World):
    world.created()
    assert world.socket().send({"type": "SUBSCRIBE", "userId": MAI})[0]["channels"] == [
        "payment_status",
        "booking_confirmations",
        "auction_results",
        "second_chance_offers",
    ]


def test_a_socket_that_closes_is_forgotten_and_closing_twice_is_harmless(world: World):
    world.created()
    socket, other = world.socket(), world.socket()
    for each in (socket, other):
        each.subscribe()
    socket.close()
    socket.close()
    assert {item.get("connectionId") for item in world.items("connections")} == {None, other.id}


def test_a_connection_that_is_not_on_record_has_to_connect_again(world: World):
    world.created()
    socket = world.socket()
    key = {"PK": {"S": f"CONNECTION#{socket.id}"}, "SK": {"S": "CONNECTION"}}
    world.dynamodb.delete_item(TableName="connections", Key=key)
    assert socket.subscribe() == error("FORBIDDEN")


def test_a_cookie_that_cannot_be_read_is_no_proof_and_no_obstacle(world: World):
    for cookie in ("auth_token", "auth_token=", 'auth_token="', "\x00=;;;=auth_token", "a=b"):
        socket = world.socket("strict", cookie=cookie)
        assert (socket.connected, socket.subscribe()) == (200, error("FORBIDDEN"))


def test_strangers_hear_nothing_of_a_whole_payment(world: World):
    strangers = [world.socket(query=f"token={world.token(BINH)}"), world.socket(), world.socket("open")]
    strangers[0].subscribe(BINH)
    strangers[2].subscribe("auth0|somebody")
    paid = world.paid()
    world.http("DELETE", f"/bookings/{paid['id']}")
    world.after(minutes=1)
    world.deliver()
    assert [socket.frames for socket in strangers] == [[SUBSCRIBED], [], [SUBSCRIBED]]
