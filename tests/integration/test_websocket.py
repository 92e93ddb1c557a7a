"""Subscriptions: every identity mode, every place of a token, every defect of a token."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from stays.aws.client import AwsError
from stays.edge.connections import MOST_CONNECTIONS, Unreachable
from tests.integration.bad_tokens import DEFECTS
from tests.integration.messages import BINH, MAI, auction_result, in_seconds
from tests.integration.product import before, counted, failing, fault
from tests.integration.shapes import SENTENCE
from tests.integration.world import World

ATTEMPTS = 3  # of the SDK, for each post
LOOKS = (0.3, 0.7)  # seconds
MODES = ("bound", "strict", "open")
CHANNELS = ["auction_results", "payment_status", "second_chance_offers", "booking_confirmations"]
SUBSCRIBED = {"type": "SUBSCRIBED", "channels": CHANNELS}


def error(code: str) -> list[dict[str, str]]:
    return [{"type": "ERROR", "code": code, "message": SENTENCE}]


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
    def carried(name: str) -> None:
        token = DEFECTS[name](world.neighbour.issuer)
        refused = [world.socket(mode, query=f"{parameter}={token}") for parameter in ("token", "access_token")]
        assert [socket.connected for socket in refused] == [401, 401], name
        by_cookie = world.socket(mode, cookie=f"auth_token={token}")
        assert (by_cookie.connected, by_cookie.subscribe()) == (200, error("FORBIDDEN")), name
        assert world.socket(mode).subscribe(token=token) == error("FORBIDDEN"), name

    with ThreadPoolExecutor(len(DEFECTS)) as all_at_once:  # each waits a second for its proof
        list(all_at_once.map(carried, DEFECTS))
    assert [item for item in world.items("connections") if item["PK"].startswith("USER#")] == []


def test_a_bad_token_is_refused_even_where_no_token_is_needed(world: World):
    for name, make in DEFECTS.items():
        token = make(world.neighbour.issuer)
        assert world.socket("open", query=f"token={token}").connected == 401, name
        assert world.socket("open").subscribe(token=token) == error("FORBIDDEN"), name


def test_a_bad_token_is_refused_even_to_a_user_who_was_just_seen(world: World):
    world.created()
    assert world.socket().subscribe()[0] == SUBSCRIBED
    for name, make in DEFECTS.items():
        token = make(world.neighbour.issuer)
        assert world.socket().subscribe(token=token) == error("FORBIDDEN"), name
        assert world.socket(query=f"access_token={token}").connected == 401, name
        assert world.socket(cookie=f"auth_token={token}").subscribe()[0] == SUBSCRIBED, name  # as if it had no token


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


def test_bound_lets_a_connection_wait_once_for_any_user(world: World):
    socket, began = world.socket(), time.monotonic()
    assert socket.subscribe() == error("FORBIDDEN")
    waited = time.monotonic() - began
    for sub in (MAI, BINH, MAI):
        began = time.monotonic()
        with counted(world.functions["connections_bound"]) as calls:
            assert socket.subscribe(sub) == error("FORBIDDEN")
        assert calls == ["Query connections", "GetItem connections", "GetItem connections"]
        assert time.monotonic() - began < 0.5 < sum(LOOKS) <= waited
    world.created()
    assert socket.subscribe()[0] == SUBSCRIBED  # at the first look


def test_of_many_subscribes_of_a_connection_at_once_one_waits(world: World):
    socket, function = world.socket(), world.functions["connections_bound"]
    with counted(function) as calls, ThreadPoolExecutor(6) as at_once:
        assert [*at_once.map(lambda _: socket.send({"type": "SUBSCRIBE", "userId": MAI})[-1:], range(6))]
    assert {frame["code"] for frame in socket.frames} == {"FORBIDDEN"}
    (item,) = world.items("connections")
    assert ("waitedAt" in item, "userId" in item) == (True, False)
    assert calls.count("GetItem connections") == 6 * 2 + len(LOOKS)


def test_a_page_whose_first_call_comes_through_while_it_waits_is_believed(world: World):
    socket, function = world.socket(), world.functions["connections_bound"]
    with before(function, "PutItem", lambda: world.http("GET", "/auctions/winners/me").status):
        assert socket.subscribe() == [SUBSCRIBED]


def test_a_connection_that_goes_while_it_would_wait_does_not_come_back(world: World):
    socket = world.socket()
    with before(world.functions["connections_bound"], "PutItem", socket.close):
        assert socket.subscribe() == []
    assert world.items("connections") == []


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
    world.functions["payments"].presence.seen.clear()
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


def test_a_token_that_runs_out_ends_the_connection_at_the_next_change(world: World):
    made = world.created()
    socket = world.socket("strict", query=f"token={world.token(seconds=120)}")
    socket.subscribe()
    world.deliver()
    heard = len(socket.frames)
    world.clock.shift(timedelta(seconds=121))
    world.zalopay.pay(made["appTransId"])
    assert world.deliver()["notifier"] == []
    assert (socket.ended, len(socket.frames)) == (True, heard)
    assert [item for item in world.items("connections") if item.get("connectionId") == socket.id] == []


def test_a_connection_whose_end_fails_hears_nothing_and_is_ended_when_it_is_met_again(world: World):
    made = world.created()
    socket = world.socket("strict", query=f"token={world.token(seconds=120)}")
    socket.subscribe()
    world.deliver()
    world.clock.shift(timedelta(seconds=121))
    world.neighbour.unwilling.add(socket.id)
    world.neighbour.posts.clear()
    world.zalopay.pay(made["appTransId"])
    assert world.deliver()["notifier"] == []
    world.neighbour.unwilling.clear()
    world.http("DELETE", f"/bookings/{made['sessionId']}")
    world.deliver()
    assert (socket.ended, world.neighbour.posts) == (True, [])


def test_who_subscribes_with_an_expired_token_is_told_so_and_has_to_connect_again(world: World):
    socket = world.socket("strict", query=f"token={world.token(seconds=120)}")
    assert socket.subscribe() == [SUBSCRIBED]
    world.clock.shift(timedelta(seconds=121))
    assert socket.subscribe() == error("TOKEN_EXPIRED")
    assert socket.ended
    assert world.items("connections") == []


def test_a_new_token_in_time_lets_a_connection_go_on(world: World):
    world.created()
    socket = world.socket("strict", query=f"token={world.token(seconds=120)}")
    socket.subscribe()
    socket.subscribe(token=world.token(seconds=3600))
    world.clock.shift(timedelta(seconds=121))
    world.deliver()
    assert not socket.ended
    assert socket.frames[-1]["type"] == "PAYMENT_STATUS"


def test_when_a_connection_subscribes_and_there_are_more_than_ten_the_oldest_go(world: World):
    query = f"token={world.token()}"
    sockets = []
    for _ in range(MOST_CONNECTIONS + 2):
        sockets.append(world.socket(query=query))
        world.clock.shift(timedelta(seconds=1))
    binh = world.socket(query=f"token={world.token(BINH)}")
    binh.subscribe(BINH)
    staying = [sockets[0], *sockets[3:]]  # the subscribing connection stays, however old
    for socket in staying:
        socket.subscribe()
    assert [socket for socket in sockets if not socket.ended] == staying
    world.announce(auction_result())
    assert world.deliver()["notifier"] == []
    heard = [socket for socket in sockets if socket.frames and socket.frames[-1]["type"] == "AUCTION_RESULT"]
    assert heard == staying
    assert not binh.ended


def test_an_unproven_connection_that_subscribes_as_the_eleventh_closes_the_oldest(world: World):
    proven = [world.socket(query=f"token={world.token()}") for _ in range(MOST_CONNECTIONS)]
    for socket in proven:
        socket.subscribe()
    world.created()
    assert world.socket().subscribe()[0] == SUBSCRIBED
    assert sum(socket.ended for socket in proven) == 1


def test_a_connection_that_has_not_subscribed_gets_no_message(world: World):
    silent = world.socket(query=f"token={world.token()}")
    world.announce(auction_result())
    assert world.deliver()["notifier"] == []
    assert (silent.frames, silent.ended) == ([], False)


def test_connections_whose_token_has_run_out_go_when_another_subscribes(world: World):
    short = world.socket(query=f"token={world.token(seconds=60)}")
    short.subscribe()
    world.clock.shift(timedelta(seconds=61))
    assert world.socket(query=f"token={world.token()}").subscribe() == [SUBSCRIBED]
    assert short.ended
    assert [item for item in world.items("connections") if item.get("connectionId") == short.id] == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost:3001",
        "https://localhost:3000",
        "null",
        "",
        "https://stays.example.evil",
    ],
)
def test_a_page_of_another_origin_is_refused_before_anything_is_written(world: World, mode: str, origin: str):
    token = world.token()
    for carrier in ({}, {"query": f"token={token}"}, {"cookie": f"auth_token={token}"}):
        assert world.socket(mode, origin=origin, **carrier).connected == 403
    assert world.items("connections") == []


def test_our_own_pages_and_who_is_no_browser_are_let_in(world: World):
    for origin in ("http://localhost:3000", "https://stays.example", None):
        socket = world.socket("strict", origin=origin, query=f"token={world.token()}")
        assert (socket.connected, socket.subscribe()) == (200, [SUBSCRIBED])
    assert world.socket("strict", origin=None).subscribe() == error("FORBIDDEN")


def test_who_is_no_browser_has_to_prove_itself_all_the_same(world: World):
    assert world.socket(origin=None, query="token=abc").connected == 401


def test_subscribe_makes_five_calls_of_the_tables_and_disconnect_two(world: World):
    world.created()
    socket = world.socket(query=f"token={world.token()}")
    with counted(world.functions["connections_bound"]) as calls:
        assert len(socket.subscribe()) == 3
    assert calls == [
        "Query connections",
        "PutItem connections",
        "Query stays",
        "BatchGetItem stays",
        "PutItem connections",
    ]
    with counted(world.functions["connections_bound"]) as calls:
        socket.close()
    assert calls == ["DeleteItem connections", "DeleteItem connections"]
    assert [item["SK"].partition("#")[0] for item in world.items("connections")] == ["PRESENCE"]


def test_however_much_there_is_subscribe_reads_ten_sessions_and_fifty_awards(world: World):
    for number in range(12):
        nights = [f"2027-05-{number + 10}"]
        world.announce(auction_result(auctionId=str(number), nights=nights))
        assert world.create(nights, auction_id=str(number)).status == 200
    for number in range(55):
        world.offer(userId=MAI, offerId=str(number), responseDeadline=in_seconds(90_000))
    socket = world.socket(query=f"token={world.token()}")
    with counted(world.functions["connections_bound"]) as calls:
        told = [frame["type"] for frame in socket.subscribe()]
    assert (told.count("PAYMENT_STATUS"), told.count("SECOND_CHANCE_OFFER")) == (10, 50)
    assert [call for call in calls if call.endswith("stays")] == ["Query stays", "BatchGetItem stays"]


def test_a_connection_that_never_subscribes_is_one_item_that_ends_by_itself(world: World):
    world.socket("strict")
    (item,) = world.items("connections")
    assert 7200 <= item["expiresAt"] - datetime.now(UTC).timestamp() < 8000


def test_what_was_missed_and_cannot_be_told_ends_the_connection_so_that_the_browser_comes_again(world: World):
    made = world.created()
    socket = world.socket()
    world.neighbour.broken[socket.id] = ATTEMPTS * 2
    with pytest.raises(Unreachable):
        socket.subscribe()
    assert (socket.frames, socket.ended) == ([], True)
    socket.close()
    assert [item for item in world.items("connections") if item.get("connectionId") == socket.id] == []
    assert [frame.get("paymentId") for frame in world.socket().subscribe()] == [None, None, made["sessionId"]]


@pytest.mark.parametrize("refused", [1, ATTEMPTS * 2])
def test_what_was_missed_is_told_although_the_gateway_is_busy_for_a_while(world: World, refused: int):
    made = world.created()
    socket = world.socket()
    world.neighbour.busy[socket.id] = refused
    told = [frame.get("paymentId") for frame in socket.subscribe()]
    assert told[-3:] == [None, None, made["sessionId"]]  # on a slow machine, what came too late is told again
    assert not socket.ended
    world.zalopay.pay(made["appTransId"])
    world.deliver()
    assert socket.frames[-1]["type"] == "BOOKING_CONFIRMED"


def test_one_that_cannot_even_be_ended_hears_what_changes_from_now_on(world: World):
    made = world.created()
    world.deliver()
    socket = world.socket()
    world.neighbour.unwilling.add(socket.id)
    with pytest.raises(Unreachable):
        socket.subscribe()
    world.neighbour.unwilling.clear()
    world.zalopay.pay(made["appTransId"])
    world.clock.shift(timedelta(seconds=2))
    world.deliver()
    assert [frame["type"] for frame in socket.frames] == ["PAYMENT_STATUS", "BOOKING_CONFIRMED"]


def test_a_table_that_fails_while_a_page_subscribes_ends_the_connection_too(world: World):
    world.created()
    socket = world.socket()
    function = world.functions["connections_bound"]
    with failing(function, "BatchGetItem", fault()), pytest.raises(AwsError):
        socket.subscribe()
    assert (socket.frames, socket.ended) == ([], True)


def test_a_table_that_is_busy_for_a_moment_is_asked_again(world: World):
    made = world.created()
    with failing(world.functions["connections_bound"], "BatchGetItem", fault("ThrottlingException"), times=1):
        assert world.socket().subscribe()[-1]["paymentId"] == made["sessionId"]


def test_a_page_that_goes_while_it_is_told_is_forgotten_at_once(world: World):
    world.created()
    socket = world.socket()
    socket.vanish()
    world.neighbour.posts.clear()
    socket.subscribe()
    assert world.neighbour.posts == [socket.id]
    assert [item for item in world.items("connections") if item.get("connectionId") == socket.id] == []


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
    "user is empty": '{"type":"SUBSCRIBE","userId":""}',
    "user with a line's end": '{"type":"SUBSCRIBE","userId":"a\\nb"}',
    "user is too long": json.dumps({"type": "SUBSCRIBE", "userId": "x" * 129}),
    "user is too long in a key": json.dumps({"type": "SUBSCRIBE", "userId": "#" * 128 + "ạ"}),
    "user is half a number": '{"type":"SUBSCRIBE","userId":0.5}',
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
    told = socket.subscribe(channels=["auction_results"])
    assert [frame["type"] for frame in told] == ["SUBSCRIBED", "AUCTION_RESULT"]
    assert [frame["type"] for frame in socket.subscribe()] == ["SUBSCRIBED", "AUCTION_RESULT", "PAYMENT_STATUS"]


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


ODD_COOKIES = [
    "a/b=1",
    'prefs={"a": "b", "c": [1, 2]}',
    "name=Nguyễn Văn An",
    "name=An Nguyen",
    "a b=c",
    "=nameless",
    "nameless",
    "auth_token",
    "",
    " ",
    'q="quoted"',
    'half="open',
    "sum=1=2=3==",
    "list=1,2,3",
    "Auth_Token=other",
    "xauth_token=other",
    "auth_token_old=other",
    "x=auth_token=other",
    "$Version=1",
    "e=%7B%22",
    "\x7f=\\",
]


@pytest.mark.parametrize("odd", ODD_COOKIES)
def test_an_odd_cookie_hides_no_token(world: World, odd: str):
    for line in (f"{odd}; auth_token={world.token()}", f"{odd};{odd};auth_token={world.token()};{odd}"):
        socket = world.socket("strict", cookie=line)
        assert (socket.connected, socket.subscribe()) == (200, [SUBSCRIBED])


def test_of_several_cookies_of_the_name_the_first_counts(world: World):
    good, bad = world.token(), world.token(BINH)
    assert world.socket("strict", cookie=f"auth_token={good}; auth_token={bad}").subscribe() == [SUBSCRIBED]
    for line in (f"auth_token={bad}; auth_token={good}", f"auth_token=; auth_token={good}"):
        assert world.socket("strict", cookie=line).subscribe() == error("FORBIDDEN")


@pytest.mark.parametrize("form", ['auth_token="{}"', " auth_token = {} ", 'a=1;auth_token= "{}" ;b=2'])
def test_a_token_may_stand_in_quotes_and_between_spaces(world: World, form: str):
    assert world.socket("strict", cookie=form.format(world.token())).subscribe() == [SUBSCRIBED]


def test_cookies_may_come_in_lines_of_their_own(world: World):
    lines = ['prefs={"a": "b"}', f"auth_token={world.token()}", "z=1"]
    socket = world.socket("strict", cookies=lines)
    assert socket.subscribe() == [SUBSCRIBED]


def test_a_token_that_names_no_user_proves_nothing(world: World):
    for sub in ("", "x" * 129, "a\nb", "ạ" * 128):
        token = world.token(sub)
        assert world.socket("strict", query=f"token={token}").connected == 401
        assert world.socket("strict", cookie=f"auth_token={token}").connected == 200
        assert world.socket("strict").subscribe(token=token) == error("FORBIDDEN")
