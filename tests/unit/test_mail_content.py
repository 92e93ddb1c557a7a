"""The content of mails in both languages, and of the calendar files in them."""

import email
import re
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from email.message import EmailMessage
from email.policy import default

import pytest
from icalendar import Calendar

from stays.domain.mail import LANGUAGES, MAIL_KINDS
from stays.domain.payment import read_terms
from stays.edge.mail import Language, MailContent, MailKind, MailRefused, render
from stays.edge.mail.content import TEMPLATES

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
SENDER = "Stays <bookings@stays.example>"
STAY = "01JD0000000000000000000000"
CONTENT = MailContent(
    kind="confirmation",
    to="lan@example.test",
    name="Nguyễn Thị Lan",
    about=STAY,
    reference=STAY,
    property_name="Biệt thự An Bàng",
    city="Hội An",
    check_in=date(2026, 12, 1),
    check_out=date(2026, 12, 4),
    nights=(date(2026, 12, 1), date(2026, 12, 2), date(2026, 12, 3)),
    guest_count=2,
    amount=1_000_000,
    transaction_id="261122000000175",
    link=f"http://localhost:3000/dashboard/bookings/{STAY}",
)
WITH_GAP = replace(CONTENT, nights=(*CONTENT.nights, date(2026, 12, 6), date(2026, 12, 7)), check_out=date(2026, 12, 8))


def received(content: MailContent) -> EmailMessage:
    """The mail as the user's mail program parses it."""
    message = email.message_from_bytes(render(content, SENDER, NOW).as_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def body(content: MailContent, form: str = "plain") -> str:
    part = received(content).get_body((form,))
    assert part is not None
    return str(part.get_content())


def calendar_files(content: MailContent) -> dict[str, bytes]:
    files = {}
    for part in received(content).iter_attachments():
        assert part.get_content_type() == "text/calendar"
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        files[part.get_filename("")] = content
    return files


def calendar(content: MailContent) -> Calendar:
    (content,) = calendar_files(content).values()
    return Calendar.from_ical(content)


def test_the_headers_say_who_writes_to_whom_and_when() -> None:
    message = received(CONTENT)
    assert message["From"] == "Stays <bookings@stays.example>"
    assert message["To"] == "Nguyễn Thị Lan <lan@example.test>"
    assert message["Subject"] == f"Đã xác nhận đặt phòng / Booking confirmed: Biệt thự An Bàng ({STAY})"
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] == "auto-generated"


def test_text_and_html_are_alternatives_beside_the_calendar() -> None:
    message = received(CONTENT)
    parts = [part.get_content_type() for part in message.walk()]
    assert parts == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar"]


def test_a_mail_passes_servers_that_know_only_7_bits_and_998_characters() -> None:
    content = render(replace(CONTENT, property_name="Nhà vườn " * 300), SENDER, NOW).as_bytes()
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998


def test_the_message_id_is_the_same_for_the_same_mail_only() -> None:
    variants = [
        CONTENT,
        replace(CONTENT, attempt=2),
        replace(CONTENT, kind="refund"),
        replace(CONTENT, about="other"),
    ]
    ids = [received(content)["Message-ID"] for content in variants]
    assert ids[0] == received(CONTENT)["Message-ID"] == f"<{STAY}.confirmation.1@stays.example>"
    assert len(set(ids)) == len(ids)


def test_vietnamese_comes_first_then_english() -> None:
    text = body(CONTENT)
    assert text.index("Đặt phòng thành công!") < text.index("Your stay is booked!")
    for line in (
        "(English below)",
        "Xin chào Nguyễn Thị Lan,",
        "Mã đặt phòng: 01JD0000000000000000000000",
        "Chỗ ở: Biệt thự An Bàng, Hội An",
        "Nhận phòng: Thứ Ba, 01/12/2026",
        "Trả phòng: Thứ Sáu, 04/12/2026",
        "Số đêm: 3",
        "Số khách: 2",
        "Đã thanh toán: 1.000.000\u00a0₫",
        "Mã giao dịch ZaloPay: 261122000000175",
        f"Xem đặt phòng: {CONTENT.link}",
        "Hello Nguyễn Thị Lan,",
        "Check-in: Tue 1 Dec 2026",
        "Check-out: Fri 4 Dec 2026",
        "Paid: VND 1,000,000",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("language", "said", "unsaid"), [("vi", "Xin chào bạn,", "Hello"), ("en", "Hello,", "Xin chào")]
)
def test_one_language_alone_and_no_name(language: Language, said: str, unsaid: str) -> None:
    text = body(replace(CONTENT, languages=(language,), name=None))
    assert said in text.splitlines()
    assert unsaid not in text
    assert "below" not in text


def test_html_says_what_the_text_says() -> None:
    html = body(CONTENT, "html")
    for value in (
        "Thứ Ba, 01/12/2026",
        "1.000.000\u00a0₫",
        "Fri 4 Dec 2026",
        "VND 1,000,000",
        f'href="{CONTENT.link}"',
    ):
        assert value in html
    assert '<div class="section" lang="en">' in html


def test_html_loads_nothing_from_elsewhere() -> None:
    html = body(WITH_GAP, "html")
    assert not re.search(r"<(img|script|link|iframe|video|object)\b|@import|url\(|\bsrc=", html)
    assert set(re.findall(r"https?://[^\"<\s]+", html)) == {CONTENT.link}


def test_what_people_typed_is_text_in_html_never_markup() -> None:
    html = body(replace(CONTENT, name='<img src=x onerror="a()">', property_name="{{ 7*7 }} & <b>", city="'\""), "html")
    assert "Hello &lt;img src=x onerror=&#34;a()&#34;&gt;," in html
    assert "{{ 7*7 }} &amp; &lt;b&gt;, &#39;&#34;" in html


def test_nights_with_a_gap_are_listed_run_by_run_and_said_to_be_apart() -> None:
    text = body(WITH_GAP)
    for line in (
        "Đợt 1: Thứ Ba, 01/12/2026 → Thứ Sáu, 04/12/2026",
        "Đợt 2: Chủ Nhật, 06/12/2026 → Thứ Ba, 08/12/2026",
        "Part 1: Tue 1 Dec 2026 → Fri 4 Dec 2026",
        "Part 2: Sun 6 Dec 2026 → Tue 8 Dec 2026",
        "Nights: 5",
    ):
        assert line in text.splitlines()
    assert "các đêm không liền nhau mà chia thành 2 đợt riêng" in text
    assert "not consecutive, they come in 2 separate parts. You check out and check in again in between." in text
    assert "Check-in:" not in text


def test_a_cancelled_stay_with_a_gap_asks_nobody_to_check_in_again() -> None:
    text = body(replace(WITH_GAP, kind="cancellation"))
    assert text.count("2 separate parts.") == 1
    assert "check in again" not in text


def test_an_unpaid_stay_is_not_called_paid() -> None:
    text = body(replace(CONTENT, kind="cancellation", transaction_id=None))
    assert "Total: VND 1,000,000" in text
    assert "Paid" not in text
    assert "ZaloPay" not in text


@pytest.mark.parametrize(
    ("refund_amount", "says_amount", "says_way", "says_none"),
    [(500_000, True, True, False), (0, False, False, True), (None, False, False, False)],
)
def test_a_cancellation_says_what_comes_back(
    refund_amount: int | None, says_amount: bool, says_way: bool, says_none: bool
) -> None:
    text = body(replace(CONTENT, kind="cancellation", refund_amount=refund_amount))
    assert ("Số tiền hoàn lại: 500.000\u00a0₫" in text and "Refund: VND 500,000" in text) is says_amount
    assert ("The money goes back" in text) is says_way
    assert ("there is no refund" in text) is says_none


def test_a_confirmation_does_not_speak_of_refunds() -> None:
    text = body(replace(CONTENT, refund_amount=0))
    assert "refund" not in text
    assert "hoàn" not in text


@pytest.mark.parametrize("refund_amount", [1_000_000, None])
def test_a_refund_says_how_the_money_comes_and_brings_no_calendar(refund_amount: int | None) -> None:
    content = replace(CONTENT, kind="refund", refund_amount=refund_amount)
    assert "The money goes back" in body(content)
    assert received(content).get_content_type() == "multipart/alternative"


def test_a_property_without_a_city_is_just_its_name() -> None:
    assert "Property: Biệt thự An Bàng" in body(replace(CONTENT, city=None)).splitlines()


@pytest.mark.parametrize("kind", ["confirmation", "cancellation", "refund"])
def test_typed_line_breaks_make_no_headers(kind: MailKind) -> None:
    typed = "x\r\nBcc: eve@example.test\n\nhello\x00\u2028\u202e"
    content = replace(CONTENT, kind=kind, name=typed, property_name=typed, reference=typed, city=typed, about="a\r\nb")
    message = received(content)
    assert message["Bcc"] is None
    assert [each.addr_spec for each in message["To"].addresses] == ["lan@example.test"]
    assert "x Bcc: eve@example. test hello" in message["Subject"]


@pytest.mark.parametrize(
    ("name", "shown", "greeted"),
    [
        ('Lan, "eve" <eve@localhost>;', "Lan eve eve localhost", 'Lan, "eve" <eve@localhost>;'),
        ("Nguyễn, Lan (Mrs.)", "Nguyễn Lan Mrs", "Nguyễn, Lan (Mrs.)"),
        ("J.R.R. O'Brien-Lê", "J R R O'Brien-Lê", "J.R.R. O'Brien-Lê"),
        ("=?utf-8?q?a=2C_Bcc=3A_eve=40x?=", "= ?utf-8?q?a=2C_Bcc=3A_eve=40x?=", "=?utf-8?q?a=2C_Bcc=3A_eve=40x?="),
        ("=?utf-8?q?=0D=0ABcc=3A_eve?=", "= ?utf-8?q?=0D=0ABcc=3A_eve?=", "=?utf-8?q?=0D=0ABcc=3A_eve?="),
        (
            "Lê =\u200b?utf-8?b?PGV2ZUB4Pg==?= Lan",
            "Lê = ?utf-8?b?PGV2ZUB4Pg==?= Lan",
            "Lê =?utf-8?b?PGV2ZUB4Pg==?= Lan",
        ),
        ("x" * 90 + ", eve", "x" * 90 + " eve", "x" * 90 + ", eve"),
        (";,", "", ";,"),
        *((name, "", None) for name in ("visit evil.com", "WWW.4chan", "https://x", "ftp:\\\\x", "lan@example.test")),
        *(
            (name, "", None)
            for name in ("1.2.3.4/x", "evil.\u200bcom", "evil\u2024co.", "é\uff0evn", "a\u3002\u0440\u0444", "\x00")
        ),
    ],
)
def test_a_name_is_greeted_as_it_is_and_in_the_header_never_more_than_words(
    name: str, shown: str, greeted: str | None
) -> None:
    content = replace(CONTENT, name=name, languages=("en",))
    (recipient,) = received(content)["To"].addresses
    assert recipient.display_name.replace(" ", "") == shown.replace(" ", "")  # Python adds spaces at folds
    assert recipient.addr_spec == "lan@example.test"
    assert (f"Hello {greeted}," if greeted else "Hello,") in body(content).splitlines()


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Villa evil.com", "Villa evil. com"),
        ("https://www.4chan.org/x", "https: //www. 4chan. org/x"),
        ("=?utf-8?q?=0D=0ABcc=3A_eve=40x?=", "= ?utf-8?q?=0D=0ABcc=3A_eve=40x?="),
        ("No.5, 3.5 sao, 14:00", "No.5, 3.5 sao, 14:00"),
    ],
)
def test_a_property_is_named_without_a_link_and_without_an_encoded_word(typed: str, read: str) -> None:
    content = replace(CONTENT, property_name=typed, city=None)
    assert received(content)["Subject"] == f"Đã xác nhận đặt phòng / Booking confirmed: {read} ({STAY})"
    linked = read.replace("= ?", "=?")
    assert f"Property: {linked}" in body(content).splitlines()
    assert calendar(content).events[0]["LOCATION"] == linked


class Breaking(str):
    """A name that raises an error in every operation."""

    def split(self, *_: object) -> list[str]:  # type: ignore[override]
        raise IndexError("list index out of range")


def test_a_name_that_breaks_the_mail_is_left_out_of_it() -> None:
    content = replace(CONTENT, name=Breaking("Lan"))
    assert received(content)["To"] == "lan@example.test"
    assert "Hello," in body(content).splitlines()


@pytest.mark.parametrize(
    ("typed", "reached"),
    [
        ("mai@bücher.example", "mai@xn--bcher-kva.example"),
        ("mai@straße.example", "mai@xn--strae-oqa.example"),
        ("mai.t+x@例え。テスト", "mai.t+x@xn--r8jz45g.xn--zckzah"),
        ("MAI@Example.TEST", "MAI@example.test"),
        (
            "a" * 64 + "@" + ".".join(["d" * 60] * 4) + ".example",
            "a" * 64 + "@" + ".".join(["d" * 60] * 4) + ".example",
        ),
    ],
)
def test_a_domain_goes_out_in_punycode(typed: str, reached: str) -> None:
    (recipient,) = received(replace(CONTENT, to=typed))["To"].addresses
    assert recipient.addr_spec == reached


@pytest.mark.parametrize(
    "to",
    [
        "",
        "lan",
        "lan@",
        "@example.test",
        "lan@example.test, eve@example.test",
        "lan@example.test\r\nBcc: eve@example.test",
        "Lan <lan@example.test>",
        "a@b@example.test",
        "lân@example.test",
        '"lan"@example.test',
        ".lan@example.test",
        "l..n@example.test",
        "=?utf-8?q?x?=@example.test",
        "l" * 65 + "@example.test",
        "lan@localhost",
        "lan@a..test",
        "lan@-a.test",
        "lan@a_b.test",
        "lan@example.test.",
        "lan@192.0.2.1",
        "lan@" + "d" * 64 + ".test",
        "lan@💌.test",
    ],
)
def test_whatever_is_not_one_plain_address_is_refused_without_being_repeated(to: str) -> None:
    with pytest.raises(MailRefused) as refused:
        render(replace(CONTENT, to=to), SENDER, NOW)
    assert str(refused.value) == "InvalidAddress"


def test_a_sender_without_a_name_is_shown_by_its_domain() -> None:
    html = render(CONTENT, "bookings@stays.example", NOW).get_body(("html",))
    assert html is not None
    assert "<strong>stays.example</strong>" in html.get_content()


def test_the_calendar_has_the_stay_as_all_day_event_that_ends_on_the_day_of_check_out() -> None:
    (event,) = calendar(CONTENT).events
    assert (event.start, event.end) == (date(2026, 12, 1), date(2026, 12, 4))
    assert event["DTSTART"].params["VALUE"] == event["DTEND"].params["VALUE"] == "DATE"
    assert event["SUMMARY"] == "Biệt thự An Bàng (Lưu trú / Stay)"
    assert event["LOCATION"] == "Biệt thự An Bàng, Hội An"
    assert event["URL"] == CONTENT.link
    assert (event["STATUS"], event["TRANSP"], event["SEQUENCE"]) == ("CONFIRMED", "TRANSPARENT", 0)
    assert (event["ORGANIZER"], event["ORGANIZER"].params["CN"]) == ("mailto:bookings@stays.example", "Stays")
    assert "Số khách: 2\n" in str(event["DESCRIPTION"])
    assert "Guests: 2\n" in str(event["DESCRIPTION"])


def test_the_calendar_has_the_time_of_the_mail_in_utc() -> None:
    in_vietnam = render(CONTENT, SENDER, NOW.astimezone(timezone(timedelta(hours=7))))
    (part,) = in_vietnam.iter_attachments()
    assert "\r\nDTSTAMP:20261122T093000Z\r\n" in part.get_content()


def test_the_calendar_says_its_method_in_the_file_and_to_the_mail_program() -> None:
    (part,) = received(CONTENT).iter_attachments()
    assert part["Content-Type"].params["method"] == calendar(CONTENT)["METHOD"] == "PUBLISH"
    assert part["Content-Type"].params["charset"] == "utf-8"
    assert calendar(CONTENT)["VERSION"] == "2.0"


def test_nights_with_a_gap_are_an_event_for_each_run() -> None:
    events = calendar(WITH_GAP).events
    assert [(event.start, event.end) for event in events] == [
        (date(2026, 12, 1), date(2026, 12, 4)),
        (date(2026, 12, 6), date(2026, 12, 8)),
    ]
    assert [event["UID"] for event in events] == [f"20261201-{STAY}@stays", f"20261206-{STAY}@stays"]


def test_a_cancellation_names_what_the_confirmation_announced_one_uid_to_a_file() -> None:
    files = calendar_files(replace(WITH_GAP, kind="cancellation"))
    assert list(files) == ["booking.ics", "booking-2.ics"]
    cancelled = [Calendar.from_ical(content) for content in files.values()]
    events = [event for each in cancelled for event in each.events]
    assert [each["METHOD"] for each in cancelled] == ["CANCEL", "CANCEL"]
    assert [event["UID"] for event in events] == [event["UID"] for event in calendar(WITH_GAP).events]
    assert {(event["STATUS"], event["SEQUENCE"]) for event in events} == {("CANCELLED", 1)}


def test_the_file_has_short_lines_that_end_in_crlf_and_keeps_what_was_typed() -> None:
    typed = "Nhà; vườn, \\ “Hội An” " * 12
    (content,) = calendar_files(replace(CONTENT, property_name=typed, city=None)).values()
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")
    (event,) = Calendar.from_ical(content).events
    assert event["LOCATION"] == typed.strip()


# Every kind of mail

AT = datetime(2026, 11, 27, 7, 30, tzinfo=UTC)  # half past two in Viet Nam
AWARDED = replace(CONTENT, reference=None, transaction_id=None, deadline=AT)
UNPAID = replace(CONTENT, transaction_id=None)
ARRIVAL = replace(
    CONTENT,
    address="123 Đường Hai Bà Trưng, Hội An",
    check_in_time="14:00",
    check_out_time="12:00",
    paid_at=NOW,
    terms=read_terms("[[7, 100], [3, 50], [0, 0]]"),
)
GIVEN_BACK = replace(CONTENT, refund_amount=500_000)
HOSTED = replace(CONTENT, amount=None, transaction_id=None)
Said = tuple[MailContent, tuple[str, ...], tuple[str, ...]]
EVERY: dict[MailKind, list[Said]] = {
    "win": [
        (
            replace(AWARDED, kind="win"),
            (
                "Chúc mừng, bạn đã thắng!",
                "Thời hạn: Thứ Sáu, 27/11/2026, 14:30 (giờ\u00a0Việt\u00a0Nam)",
                "Tổng tiền: 1.000.000\u00a0₫",
            ),
            (
                "Congratulations, you won!",
                "Deadline: Fri 27 Nov 2026, 14:30 (Viet\u00a0Nam\u00a0time)",
                "Total: VND 1,000,000",
            ),
        )
    ],
    "offer": [
        (
            replace(AWARDED, kind="offer"),
            ("Vui lòng trả lời trước thời hạn.", "Thời hạn: Thứ Sáu, 27/11/2026, 14:30 (giờ\u00a0Việt\u00a0Nam)"),
            ("Please answer before the deadline.", "Deadline: Fri 27 Nov 2026, 14:30 (Viet\u00a0Nam\u00a0time)"),
        )
    ],
    "reminder": [
        (
            replace(AWARDED, kind="reminder"),
            ("Thời hạn là Thứ Sáu, 27/11/2026, 14:30 (giờ\u00a0Việt\u00a0Nam).", "Bạn có thể tắt email nhắc"),
            ("The deadline is Fri 27 Nov 2026, 14:30 (Viet\u00a0Nam\u00a0time).", "You can switch reminders off"),
        )
    ],
    "failed": [
        (
            replace(UNPAID, kind="failed", why="PAYMENT_EXPIRED", deadline=AT),
            ("đơn này đã hết. Bạn có thể thanh toán lại. Thời hạn là Thứ Sáu, 27/11/2026, 14:30",),
            ("The time to pay this order ran out. You can pay again. The deadline is Fri 27 Nov 2026, 14:30",),
        ),
        (
            replace(UNPAID, kind="failed", why="PAYMENT_CANCELLED"),
            ("Thanh toán đã bị hủy tại ZaloPay. Thời hạn thanh toán đã hết.",),
            ("The payment was cancelled at ZaloPay. The time to pay for these nights is over.",),
        ),
        (
            replace(UNPAID, kind="failed", why="PAYMENT_CREATION_FAILED", deadline=AT),
            ("ZaloPay chưa tạo được đơn thanh toán.",),
            ("ZaloPay could not create the order.",),
        ),
    ],
    "review": [
        (
            replace(CONTENT, kind="review", received=400_000),
            ("xin đừng thanh toán lại", "Số tiền nhận được: 400.000\u00a0₫", "Tổng tiền: 1.000.000\u00a0₫"),
            ("please do not pay again", "Amount received: VND 400,000", "Total: VND 1,000,000"),
        )
    ],
    "confirmation": [
        (
            ARRIVAL,
            (
                "Địa chỉ: 123 Đường Hai Bà Trưng, Hội An",
                "Nhận phòng: Thứ Ba, 01/12/2026, từ 14:00",
                "Trả phòng: Thứ Sáu, 04/12/2026, trước 12:00",
                "Thời điểm thanh toán: Chủ Nhật, 22/11/2026, 16:30 (giờ\u00a0Việt\u00a0Nam)",
                "hủy đến hết Thứ Ba, 24/11/2026 được hoàn 100%; hủy đến hết Thứ Bảy, 28/11/2026 được hoàn 50%; sau đó",
                "Hãy nhắn tin cho chủ nhà trong trang đặt phòng của bạn.",
            ),
            (
                "Address: 123 Đường Hai Bà Trưng, Hội An",
                "Check-in: Tue 1 Dec 2026, from 14:00",
                "Check-out: Fri 4 Dec 2026, by 12:00",
                "Paid at: Sun 22 Nov 2026, 16:30 (Viet\u00a0Nam\u00a0time)",
                "100% back if you cancel by the end of Tue 24 Nov 2026; 50% back if you cancel by the end of Sat 28",
                "Send a message on the page of your booking.",
            ),
        ),
        (
            replace(ARRIVAL, paid_at=AT),
            ("Chính sách hủy: hủy đến hết Thứ Bảy, 28/11/2026 được hoàn 50%; sau đó",),
            ("Cancellation policy: 50% back if you cancel by the end of Sat 28 Nov 2026; nothing",),
        ),
        (
            replace(ARRIVAL, terms=read_terms("[[0, 0]]")),
            ("Chính sách hủy: đặt phòng này không được hoàn tiền khi hủy.",),
            ("Cancellation policy: there is no refund if you cancel this booking.",),
        ),
    ],
    "cancellation": [
        (
            replace(GIVEN_BACK, kind="cancellation", why="CANCELLED_BY_TRAVELLER", percent=50),
            ("Bạn đã hủy đặt phòng này. Theo chính sách hủy, bạn được hoàn 50% số tiền.",),
            ("You cancelled this booking. Under the cancellation policy, 50% of the price comes back to you.",),
        ),
        (
            replace(GIVEN_BACK, kind="cancellation", why="CANCELLED_BY_TRAVELLER", percent=40),
            ("Bạn đã hủy đặt phòng này. ZaloPay chỉ hoàn được toàn bộ khoản thanh toán này",),
            ("You cancelled this booking. ZaloPay can only return this payment as a whole",),
        ),
        (
            replace(CONTENT, kind="cancellation", why="CANCELLED_BY_TRAVELLER", refund_amount=0, percent=0),
            ("Bạn đã hủy đặt phòng này. Theo chính sách hủy, lần đặt phòng này không được hoàn tiền.",),
            ("You cancelled this booking. Under the cancellation policy there is no refund for this booking.",),
        ),
        (
            replace(GIVEN_BACK, kind="cancellation", why="CANCELLED_BY_OPERATOR"),
            ("Chúng tôi đã hủy đặt phòng này.", "Số tiền hoàn lại: 500.000\u00a0₫"),
            ("We cancelled this booking.", "Refund: VND 500,000"),
        ),
    ],
    "refund": [
        (
            replace(GIVEN_BACK, kind="refund", why="NIGHTS_TAKEN"),
            ("Khi tiền của bạn đến, có đêm đã thuộc về người khác.", "ví ZaloPay thường nhận được ngay"),
            (
                "When your money arrived, another guest already had one of the nights.",
                "a ZaloPay wallet usually has it at once",
            ),
        )
    ],
    "refunded": [
        (
            replace(GIVEN_BACK, kind="refunded", refunded_at=AT),
            (
                "Hoàn tiền lúc: Thứ Sáu, 27/11/2026, 14:30 (giờ\u00a0Việt\u00a0Nam)",
                "ZaloPay đã xác nhận việc hoàn tiền.",
            ),
            ("Refunded at: Fri 27 Nov 2026, 14:30 (Viet\u00a0Nam\u00a0time)", "ZaloPay has confirmed the refund."),
        ),
        (
            replace(GIVEN_BACK, kind="refunded", refunded_at=AT, by_hand=True),
            ("Chúng tôi đã chuyển trả khoản tiền này cho bạn ngoài ZaloPay.",),
            ("We have paid this money back to you outside ZaloPay.",),
        ),
    ],
    "host_confirmation": [
        (
            replace(HOSTED, kind="host_confirmation"),
            ("Bạn sắp đón khách!", "Số khách: 2", "Số đêm: 3", f"Mã đặt phòng: {STAY}"),
            ("You have a new guest!", "Guests: 2", "Nights: 3", f"Booking reference: {STAY}"),
        )
    ],
    "host_cancellation": [
        (
            replace(HOSTED, kind="host_cancellation"),
            ("Một đặt phòng đã được hủy", "Khách sẽ không đến."),
            ("A booking was cancelled", "The guest will not come."),
        )
    ],
}
SAID = [
    (content, said)
    for variants in EVERY.values()
    for content, *both in variants
    for said in zip(LANGUAGES, both, strict=True)
]
LONG = "Nguyễn Phước Hoàng Thị Ngọc Trâm Anh " * 5
SIXTY = tuple(date(2026, 12, 1) + timedelta(days=2 * number) for number in range(60))
CLIPPED = 102_000  # bytes of HTML, after which Gmail hides the rest


def test_every_kind_of_mail_has_its_text() -> None:
    assert list(EVERY) and set(EVERY) == set(MAIL_KINDS)


@pytest.mark.parametrize(("content", "said"), SAID)
def test_a_mail_says_what_happened_in_each_language(
    content: MailContent, said: tuple[Language, tuple[str, ...]]
) -> None:
    language, sentences = said
    text, html = (body(replace(content, languages=(language,)), form) for form in ("plain", "html"))
    for sentence in sentences:
        assert sentence in text
        label, _, value = sentence.partition(": ") if sentence in text.splitlines() else ("", "", sentence)
        assert label in html and value in html
    assert not re.search(r"[{}]|None", text)


@pytest.mark.parametrize(("content", "said"), SAID)
def test_long_names_and_sixty_nights_apart_fit_into_every_mail(
    content: MailContent, said: tuple[Language, tuple[str, ...]]
) -> None:
    grown = replace(content, name=LONG, property_name=LONG, city=LONG, nights=SIXTY, check_out=SIXTY[-1])
    message = received(grown)
    text, html = (message.get_body((form,)).get_content() for form in ("plain", "html"))
    assert text.count(" → ") == 2 * len(SIXTY)
    assert len(html.encode()) < CLIPPED
    assert LONG.strip() in text
    assert message["To"].addresses[0].addr_spec == "lan@example.test"


def names_of(words: dict[str, object]) -> dict[str, object]:
    """The names of words, without the words."""
    return {name: names_of(word) if isinstance(word, dict) else type(word) for name, word in words.items()}


def test_both_languages_have_the_same_words() -> None:
    words = tomllib.loads((TEMPLATES / "words.toml").read_text(encoding="utf-8"))
    assert names_of(words["vi"]) == names_of(words["en"])


def test_a_mail_about_an_award_has_no_reference_and_no_calendar() -> None:
    message = received(replace(AWARDED, kind="win", languages=("en",)))
    assert message["Subject"] == "You won the auction: Biệt thự An Bàng"
    assert list(message.iter_attachments()) == []


def test_the_calendar_has_the_street_if_it_is_known() -> None:
    (event,) = calendar(ARRIVAL).events
    assert event["LOCATION"] == "Biệt thự An Bàng, Hội An, 123 Đường Hai Bà Trưng, Hội An"
