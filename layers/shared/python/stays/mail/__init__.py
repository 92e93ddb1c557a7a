"""Letters to travellers: rendered in Vietnamese and English with a calendar file, sent through SES."""

import re
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from stays.domain.mailing import Kind, Language
from stays.mail.calendar import calendar_files
from stays.mail.letter import TEMPLATES, Letter, Section, in_all, in_lines, section

__all__ = ["Kind", "Language", "Letter", "MailRefused", "MailUnavailable", "MailUnsure", "render", "send"]

# Exactly one address that needs no quoting (RFC 5322, 3.2.3); whether it exists is for SES to say.
ADDRESS = re.compile(r"([\w.!#$%&'*+/=?^`{|}~-]+)@([\w.-]+)", re.ASCII)

# SES answers these when it will never take this letter; anything else may be different next time.
REFUSALS = frozenset({"MessageRejected", "BadRequestException"})


class MailRefused(Exception):
    """The letter can never be delivered. Says an error code, never the address."""


class MailUnavailable(Exception):
    """Mail cannot be sent now: throttled, misconfigured, out of reach. Says an error code, never the address."""


class MailUnsure(Exception):
    """Nobody answered: the mail may be out. Says an error code, never the address."""


def render(letter: Letter, sender: str, now: datetime) -> EmailMessage:
    """The letter as a mail from `sender`: text, HTML and, unless it is about a refund, `booking.ics`.

    The same letter has the same Message-ID (SES puts its own in its place on the way out).
    Raises MailRefused where `to` is not one plain ASCII address.
    """
    letter = in_lines(letter)
    sections = [section(letter, language) for language in letter.languages]
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = _recipient(letter)
    origin: Address = message["From"].addresses[0]
    message["Subject"] = f"{in_all(sections, 'subject')}: {letter.property_name} ({letter.reference})"
    message["Date"] = now
    message["Message-ID"] = f"<{letter.stay_id}.{letter.kind}.{letter.attempt}@{origin.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    _write(message, letter, sections, origin.display_name or origin.domain)
    for name, method, content in calendar_files(letter, sections, origin, now):
        parameters = {"method": method, "charset": "utf-8"}
        message.add_attachment(content, maintype="text", subtype="calendar", filename=name, params=parameters)
    return message


def send(client: Any, message: EmailMessage, sender: str) -> str:
    """Hands the mail to SES (an `sesv2` client) and returns the id that SES gave it.

    Raises MailRefused where trying again is useless, MailUnavailable where SES did not
    take it, MailUnsure where the mail may have gone out: SES knows no idempotency token and cannot be asked.
    """
    try:
        answer = client.send_email(
            FromEmailAddress=parseaddr(sender)[1],
            Destination={"ToAddresses": [each.addr_spec for each in message["To"].addresses]},
            Content={"Raw": {"Data": message.as_bytes()}},
        )
    # `from None`: SES quotes addresses in its messages, and a traceback would log them.
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise (MailRefused if code in REFUSALS else MailUnavailable)(code) from None
    except (ConnectTimeoutError, EndpointConnectionError) as error:
        raise MailUnavailable(type(error).__name__) from None
    except BotoCoreError as error:
        raise MailUnsure(type(error).__name__) from None
    return str(answer["MessageId"])


def _recipient(letter: Letter) -> Address:
    found = ADDRESS.fullmatch(letter.to)
    if found is None:
        raise MailRefused("InvalidAddress")
    return Address(letter.name or "", username=found[1], domain=found[2])


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _write(message: EmailMessage, letter: Letter, sections: Sequence[Section], brand: str) -> None:
    """The body, in an encoding that survives servers which pass only 7 bits."""
    shown = {"letter": letter, "sections": sections, "subject": message["Subject"], "brand": brand}
    text, html = (_templates().get_template(f"letter.{form}").render(shown) for form in ("txt", "html"))
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
