"""ZaloPay's signatures (docs.zalopay.vn, secure-data-transmission)."""

import hmac
from collections.abc import Iterable
from hashlib import sha256


def sign(key: str, *fields: int | str) -> str:
    """HMAC-SHA256 over the fields joined by `|`, in lower-case hex."""
    return hmac.new(key.encode(), "|".join(map(str, fields)).encode(), sha256).hexdigest()


def is_genuine(data: str, mac: str, keys: Iterable[str]) -> bool:
    """Whether one of the keys signed the text. Constant time, all keys tried."""
    matches = [hmac.compare_digest(sign(key, data), mac.lower()) for key in keys]
    return any(matches)
