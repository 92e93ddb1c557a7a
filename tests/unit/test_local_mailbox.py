"""A sent mail as the mailbox shows it."""

from email.message import EmailMessage

from infra.local.mailbox import read_mail


def message() -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Stays <no-reply@stays.example>"
    mail["To"] = "Nguyễn Văn An <an@stays.example>"
    mail["Subject"] = "Đặt phòng đã được xác nhận"
    mail.set_content("Xin chào An")
    mail.add_alternative("<p>Xin chào <b>An</b></p>", subtype="html")
    mail.add_attachment("BEGIN:VCALENDAR\n", subtype="calendar", filename="stay.ics")
    mail.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="map.png")
    return mail


def test_a_message_is_taken_apart() -> None:
    mail = read_mail(message().as_bytes(), {})
    assert mail["to"] == ["Nguyễn Văn An <an@stays.example>"]
    assert mail["subject"] == "Đặt phòng đã được xác nhận"
    assert mail["text"] == "Xin chào An\n"
    assert mail["html"] == "<p>Xin chào <b>An</b></p>\n"
    assert mail["attachments"] == [
        {"name": "stay.ics", "type": "text/calendar", "content": "BEGIN:VCALENDAR\n"},
        {"name": "map.png", "type": "image/png"},
    ]


def test_the_envelope_says_who_gets_it() -> None:
    envelope = {"ToAddresses": ["binh@stays.example"], "BccAddresses": ["lan@stays.example"]}
    mail = read_mail(message().as_bytes(), envelope)
    assert mail["to"] == ["binh@stays.example", "lan@stays.example"]


def test_plain_text_alone_is_enough() -> None:
    mail = read_mail(b"From: a@b.example\nTo: c@d.example\nSubject: Hi\n\nHello", {})
    assert (mail["text"], mail["html"], mail["attachments"]) == ("Hello", "", [])
