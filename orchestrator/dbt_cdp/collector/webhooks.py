"""Signatures of webhooks: whether a body comes from who shares a secret with us.

Each scheme is an HMAC by SHA-256 of the body, most with the time, in a header of its own.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import datetime

from dbt_cdp.collector.keys import parse_pairs

SECRETS_VARIABLE = "CDP_WEBHOOK_SECRETS"

# How old a signed time may be, in seconds; a recorded request cannot be sent again later.
_TOLERANCE = 300

_STANDARD_PREFIX = "whsec_"


class WebhookSecrets:
    """The sources that webhooks may send to, each with its secret.

    Args:
        variable: value of CDP_WEBHOOK_SECRETS, such as `stripe=SECRET,github=SECRET`.

    Raises:
        ConfigurationError: the variable is not as it must be.
    """

    def __init__(self, variable: str = "") -> None:
        self._secrets = dict(parse_pairs(variable, SECRETS_VARIABLE))

    def __len__(self) -> int:
        return len(self._secrets)

    def is_signed(self, source: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the body carries a signature of the source's secret, in any known scheme.

        Args:
            source: the source, of the request's path.
            headers: the request's headers, their names in lower case.
            body: the bytes as they came.
        """
        secret = self._secrets.get(source)
        if secret is None:
            return False
        return any(
            check(headers[name], headers, body, secret)
            for name, check in _SCHEMES.items()
            if name in headers
        )


def _is_hex(signature: str, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """GitHub and those who copied it: sha256=HEX, over the body."""
    return _is_same(signature.lower().removeprefix("sha256="), _mac(secret, body).hex())


def _is_base64(signature: str, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Shopify: base64, over the body."""
    return _is_same(signature, _encoded(_mac(secret, body)))


def _is_timed(signature: str, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Stripe and Calendly: t=SECONDS,v1=HEX, over time, dot and body; v1 may be there twice."""
    parts = [part.strip().partition("=") for part in signature.split(",")]
    sent_at = next((value for name, _, value in parts if name == "t"), "")
    expected = _mac(secret, sent_at.encode() + b"." + body).hex()
    found = [_is_same(value, expected) for name, _, value in parts if name == "v1"]
    return _is_recent(sent_at) and any(found)


def _is_standard(signature: str, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Standard Webhooks: v1,BASE64 and more after blanks, over id, time and body."""
    try:
        key = base64.b64decode(secret.removeprefix(_STANDARD_PREFIX), validate=True)
    except ValueError:
        return False
    sent_at = headers.get("webhook-timestamp", headers.get("svix-timestamp", ""))
    message_id = headers.get("webhook-id", headers.get("svix-id", ""))
    content = f"{message_id}.{sent_at}.".encode() + body
    expected = _encoded(hmac.digest(key, content, hashlib.sha256))
    found = [_is_same(part.partition(",")[2], expected) for part in signature.split()]
    return _is_recent(sent_at) and any(found)


def _is_zendesk(signature: str, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Zendesk: base64, over the time (ISO 8601) and the body."""
    sent_at = headers.get("x-zendesk-webhook-signature-timestamp", "")
    is_same = _is_same(signature, _encoded(_mac(secret, sent_at.encode() + body)))
    return is_same and _is_recent(sent_at)


_SCHEMES = {
    "x-hub-signature-256": _is_hex,
    "x-signature-256": _is_hex,
    "x-signature": _is_hex,
    "x-shopify-hmac-sha256": _is_base64,
    "stripe-signature": _is_timed,
    "calendly-webhook-signature": _is_timed,
    "webhook-signature": _is_standard,
    "svix-signature": _is_standard,
    "x-zendesk-webhook-signature": _is_zendesk,
}


def _mac(secret: str, content: bytes) -> bytes:
    return hmac.digest(secret.encode(), content, hashlib.sha256)


def _encoded(mac: bytes) -> str:
    return base64.b64encode(mac).decode()


def _is_same(signature: str, expected: str) -> bool:
    return hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), expected.encode())


def _is_recent(text: str) -> bool:
    """Whether a time, in seconds since 1970 or as ISO 8601, is about now."""
    try:
        seconds = float(text) if text.isdecimal() else datetime.fromisoformat(text).timestamp()
    except (OverflowError, ValueError):
        return False
    return abs(time.time() - seconds) <= _TOLERANCE
