"""Mail to users: rendered in Vietnamese and English with a calendar file, sent through SES."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from functools import cache
from typing import Any

import idna
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from stays.domain.mail import Language, MailKind
from stays.edge.mail.calendar import calendar_files
from stays.edge.mail.content import TEMPLATES, MailContent, Section, in_all, in_lines, section

__all__ = ["Language", "MailContent", "MailKind", "MailRefused", "MailUnavailable", "MailUnsure", "render", "send"]

# Exactly one address that needs no quoting (RFC 5322, 3.2.3). Only its own mail server knows whether it exists.
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
ADDRESS = re.compile(rf"(?=.{{1,64}}@)(?!.*=\?)({_ATOM}(?:\.{_ATOM})*)@([^@\s]+)", re.ASCII)
DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]+")

# Characters with a special meaning between the names and addresses of a header (RFC 5322, 3.2.3).
_SPECIALS = str.maketrans(dict.fromkeys('()<>[]:;@\\,."', " "))


class MailRefused(Exception):
    """The recipient's address can never work. The text is an error code, never the address."""


class MailUnavailable(Exception):
    """Mail cannot be sent now: sender not verified, sending paused, quota, no connection. The text is an error code."""


class MailUnsure(Exception):
    """SES did not answer, so the mail may be out. The text is an error code, never the address."""


def render(content: MailContent, sender: str, now: datetime) -> EmailMessage:
    """The mail from `sender`: text, HTML and, if it books or cancels, `booking.ics`.

    The same mail has the same Message-ID (SES replaces it by its own). If the user's name breaks the mail, it is left
    out. Raises MailRefused if `to` is not one plain address; its domain may be an international one.
    """
    try:
        return _message(in_lines(content), sender, now)
    except Exception:  # noqa: BLE001 (each Python's `email` has its own faults, and a mail needs no name)
        return _message(in_lines(replace(content, name=None)), sender, now)


def _message(content: MailContent, sender: str, now: datetime) -> EmailMessage:
    sections = [section(content, language) for language in content.languages]
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = _recipient(content)
    message["To"].fold(policy=SMTP)  # a faulty header raises only when it is folded
    origin: Address = message["From"].addresses[0]
    reference = f" ({content.reference})" if content.reference else ""
    message["Subject"] = _as_read(f"{in_all(sections, 'subject')}: {content.property_name}{reference}")
    message["Date"] = now
    message["Message-ID"] = f"<{content.about}.{content.kind}.{content.attempt}@{origin.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    _write(message, content, sections, origin.display_name or origin.domain)
    for name, method, file in calendar_files(content, sections, origin, now):
        parameters = {"method": method, "charset": "utf-8"}
        message.add_attachment(file, maintype="text", subtype="calendar", filename=name, params=parameters)
    return message


def send(client: Any, message: EmailMessage, sender: str, *, tags: Mapping[str, str], configuration: str = "") -> str:
    """Hand the mail to SES (an `sesv2` client). Returns the id that SES gave it.

    SES reports on it as its `configuration` set says, with these tags.

    Raises MailUnavailable if SES did not accept it. Raises MailUnsure if the mail may have gone out: SES has no
    idempotency token and cannot be asked. No error of SES is about the recipient alone: `MessageRejected` also means
    that our sender is not verified, that sending is paused, or the sandbox (AWS, SES API v2, SendEmail).
    """
    try:
        answer = client.send_email(
            FromEmailAddress=parseaddr(sender)[1],
            Destination={"ToAddresses": [each.addr_spec for each in message["To"].addresses]},
            Content={"Raw": {"Data": message.as_bytes()}},
            EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
            **({"ConfigurationSetName": configuration} if configuration else {}),
        )
    # `from None`: SES quotes addresses in its messages, and a traceback would log them.
    except ClientError as error:
        raise MailUnavailable(error.response["Error"]["Code"]) from None
    except (ConnectTimeoutError, EndpointConnectionError) as error:
        raise MailUnavailable(type(error).__name__) from None
    except BotoCoreError as error:
        raise MailUnsure(type(error).__name__) from None
    return str(answer["MessageId"])


def _recipient(content: MailContent) -> Address:
    found = ADDRESS.fullmatch(content.to)
    domain = _in_punycode(found[2]) if found else None
    if not found or not domain:
        raise MailRefused("InvalidAddress")
    name = " ".join(_as_read(content.name or "").translate(_SPECIALS).split())
    return Address(name, username=found[1], domain=domain)


def _in_punycode(domain: str) -> str | None:
    """The domain in the form that SES and mail servers accept (RFC 5891); None if it cannot exist."""
    try:
        encoded = idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        return None
    return encoded if DOMAIN.fullmatch(encoded) else None


def _as_read(text: str) -> str:
    """The text without the start of an encoded word (RFC 2047), which could hide any text."""
    return text.replace("=?", "= ?")


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _write(message: EmailMessage, content: MailContent, sections: Sequence[Section], brand: str) -> None:
    """The body, in an encoding that also passes servers with only 7 bits."""
    shown = {"mail": content, "sections": sections, "subject": message["Subject"], "brand": brand}
    text, html = (_templates().get_template(f"mail.{form}").render(shown) for form in ("txt", "html"))
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
