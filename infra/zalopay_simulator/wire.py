"""ZaloPay's signatures and addresses, pure: MACs, order links, QR text and the redirect to the shop."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

VIETNAM = timezone(timedelta(hours=7))

_CREATE = ("app_id", "app_trans_id", "app_user", "amount", "app_time", "embed_data", "item")
_REDIRECT = ("appid", "apptransid", "pmcid", "bankcode", "amount", "discountamount", "status")


def sign(key: str, *parts: object) -> str:
    """HMAC-SHA256 over the parts joined by `|`, in lowercase hex (docs.zalopay.vn, secure data transmission)."""
    text = "|".join(str(part) for part in parts)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def same(expected: str, given: str) -> bool:
    """Compare in constant time, as bytes, so that a MAC outside ASCII is only unequal."""
    return hmac.compare_digest(expected.encode(), given.encode())


def create_mac(key1: str, sent: Mapping[str, Any]) -> str:
    """docs.zalopay.vn, order-create."""
    return sign(key1, *(sent[name] for name in _CREATE))


def query_mac(key1: str, sent: Mapping[str, Any]) -> str:
    """docs.zalopay.vn, order-query: the key itself is the third segment."""
    return sign(key1, sent["app_id"], sent["app_trans_id"], key1)


def cancel_mac(key1: str, sent: Mapping[str, Any]) -> str:
    """docs.zalopay.vn, order-cancel: signed as a query is."""
    return query_mac(key1, sent)


def refund_mac(key1: str, sent: Mapping[str, Any]) -> str:
    """docs.zalopay.vn, order-refund: a fee that is sent, even 0, stands between amount and description."""
    fee = [sent["refund_fee_amount"]] if "refund_fee_amount" in sent else []
    return sign(key1, sent["app_id"], sent["zp_trans_id"], sent["amount"], *fee, sent["description"], sent["timestamp"])


def query_refund_mac(key1: str, sent: Mapping[str, Any]) -> str:
    """docs.zalopay.vn, order-query-refund."""
    return sign(key1, sent["app_id"], sent["m_refund_id"], sent["timestamp"])


def callback_mac(key2: str, data: str) -> str:
    """docs.zalopay.vn, callback-api: over the exact text of `data`."""
    return sign(key2, data)


def redirect_checksum(key2: str, query: Mapping[str, object]) -> str:
    """docs.zalopay.vn, webtoapp: an empty bank code keeps its place."""
    return sign(key2, *(query[name] for name in _REDIRECT))


def compact(document: object) -> str:
    """Return JSON as ZaloPay writes it: no spaces, and letters without escapes."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def vietnam_date(milliseconds: int) -> str:
    """Return the `yymmdd` of a time in Vietnam."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(VIETNAM).strftime("%y%m%d")


def order_url(base_url: str, token: str, app_id: int) -> str:
    """Return the address at which the browser pays, in the form of ZaloPay's own links."""
    order = compact({"zptranstoken": token, "appid": app_id})
    return f"{base_url}/openinapp?order={base64.b64encode(order.encode()).decode()}"


def token_of(order: str) -> str | None:
    """Return the token inside the `order` parameter of an order link, or None."""
    try:
        token = json.loads(base64.b64decode(order, validate=True))["zptranstoken"]
    except (ValueError, KeyError, TypeError):
        return None
    return token if isinstance(token, str) else None


def qr_text(token: str, amount: int) -> str:
    """Return a payment code by EMVCo's rules (tag, length, value, CRC) that no bank accepts."""
    merchant = _tag("00", "vn.zalopay.simulator") + _tag("01", token)
    fields = ("00", "01"), ("01", "12"), ("26", merchant), ("53", "704"), ("54", str(amount)), ("58", "VN")
    text = "".join(_tag(tag, value) for tag, value in fields) + "6304"
    return f"{text}{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def _tag(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"


def redirect(url: str, key2: str, query: Mapping[str, object]) -> str:
    """Return the shop's address with ZaloPay's signed parameters added to its own."""
    signed = urlencode({**query, "checksum": redirect_checksum(key2, query)})
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=f"{parts.query}&{signed}" if parts.query else signed))
