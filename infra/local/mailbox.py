"""The mailbox: takes the mail that the functions send through SES, delivers none of it, and shows all of it."""

import base64
import itertools
import uuid
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from infra.local.journal import Journal, Told, ignore


class Mailbox:
    """The sent mail, newest first. `routes` are SES's `SendEmail` and the pages for the developer."""

    def __init__(self, path: Path | None = None, told: Told = ignore) -> None:
        """Keep the mail in `path`, if given. `told` hears of every mail."""
        self._mail = Journal(path, told=told)
        self.routes = [
            Route("/dev/ses/v2/email/outbound-emails", self._send, methods=["POST"]),
            Route("/dev/mail", self._list, methods=["GET"]),
            Route("/dev/mail", self._empty, methods=["DELETE"]),
            Route("/dev/mail/{id}", self._show, methods=["GET"]),
        ]

    @property
    def mail(self) -> list[dict[str, Any]]:
        """The mail, oldest first."""
        return self._mail.entries

    async def _send(self, request: Request) -> Response:
        """Answer as `sesv2.send_email` expects (AWS, SES API v2, SendEmail)."""
        order = await request.json()
        raw = order.get("Content", {}).get("Raw", {}).get("Data")
        if not raw:
            error = {"message": "only Content.Raw is supported"}
            return JSONResponse(error, 400, {"x-amzn-errortype": "BadRequestException"})
        mail_id = uuid.uuid4().hex
        self._mail.add({"id": mail_id} | read_mail(base64.b64decode(raw), order.get("Destination", {})))
        return JSONResponse({"MessageId": mail_id})

    async def _list(self, _: Request) -> Response:
        return JSONResponse(self._mail.entries[::-1])

    async def _empty(self, _: Request) -> Response:
        self._mail.clear()
        return JSONResponse({})

    async def _show(self, request: Request) -> Response:
        for mail in self._mail.entries:
            if mail["id"] == request.path_params["id"]:
                return HTMLResponse(mail["html"]) if mail["html"] else PlainTextResponse(mail["text"])
        return JSONResponse({"error": "no such mail"}, 404)


def read_mail(raw: bytes, destination: dict[str, list[str]]) -> dict[str, Any]:
    """Parse a mail: addresses, subject, both bodies, and the attachments, with their text if they are text."""
    mail = message_from_bytes(raw, policy=policy.default)
    envelope = list(itertools.chain.from_iterable(destination.values()))
    return {
        "to": envelope or [str(mail["To"])],
        "from": str(mail["From"]),
        "subject": str(mail["Subject"]),
        "date": str(mail["Date"]) if mail["Date"] else datetime.now(UTC).isoformat(),
        "text": _body(mail, "plain"),
        "html": _body(mail, "html"),
        "attachments": [_attachment(part) for part in mail.iter_attachments()],
    }


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part else ""


def _attachment(part: EmailMessage) -> dict[str, Any]:
    attachment = {"name": part.get_filename(), "type": part.get_content_type()}
    content = part.get_content()
    return attachment | ({"content": content} if isinstance(content, str) else {})
