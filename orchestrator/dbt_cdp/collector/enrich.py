"""What the collector adds to an event: the time on a trusted clock, and what the device tells.

Nothing that an event says itself is replaced, but for its time and the time it was received.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dbt_cdp.errors import ConfigurationError

if TYPE_CHECKING:
    from dbt_cdp.collector.segments import Request

# Only the collector knows these; an event cannot claim them.
_RECEIVED = ("received_at", "receivedAt", "request_ip", "request_user_agent")
_SECRETS = ("writeKey", "write_key")

_DEVICE_CHANNELS = {"browser", "client", "mobile", "web"}

# Clients that round down when they send seem to send before the event.
_ROUNDING = timedelta(seconds=1)

_DESKTOP_SYSTEMS = ("Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS")
_USER_AGENTS = 10_000


def enriched(
    event: dict[str, Any], envelope: dict[str, Any], request: Request, received_at: datetime
) -> dict[str, Any]:
    """The event as `cdp load` lands it.

    Args:
        event: as the client has sent it, in the shape of Segment, RudderStack or Jitsu clients.
        envelope: what its batch says of all events.
        request: what is known of the request.
        received_at: when it came.

    Returns:
        A copy with received_at; with the corrected timestamp and the device's as
        originalTimestamp; for an event from the person's own device with request_ip and
        request_user_agent; and with browser and device_type where a user agent is known.
    """
    added = {name: value for name, value in event.items() if name not in (*_RECEIVED, *_SECRETS)}
    context = _merged_context(event, envelope)
    if context:
        added["context"] = context
    if request.call:
        added.setdefault("type", request.call)
    added["received_at"] = request.received_at
    added |= _times(event, envelope, received_at)
    if request.is_client or _is_from_device(event, context):
        added |= {"request_ip": request.ip, "request_user_agent": request.user_agent}
    return _device(context, added) | added


def corrected_time(device_time: datetime, sent_at: datetime, received_at: datetime) -> datetime:
    """The time of an event on the collector's clock: received_at - (sent_at - device_time).

    The device's clock may be wrong, but it was as wrong when the event was sent. The formula is
    that of Segment, RudderStack and Snowplow.
    """
    time = device_time + (received_at - sent_at)
    is_rounded = received_at < time <= received_at + _ROUNDING
    return received_at if is_rounded else time


def _merged_context(event: dict[str, Any], envelope: dict[str, Any]) -> dict[str, Any]:
    contexts = (source.get("context") for source in (envelope, event))
    merged: dict[str, Any] = {}
    for context in contexts:
        merged |= context if isinstance(context, dict) else {}
    return merged


def _times(
    event: dict[str, Any], envelope: dict[str, Any], received_at: datetime
) -> dict[str, str]:
    said = event.get("timestamp") or event.get("originalTimestamp")
    if not said:
        return {"timestamp": _text(received_at)}
    device_time = _time(said)
    sent_at = _time(event.get("sentAt") or envelope.get("sentAt"))
    if device_time is None or sent_at is None:
        return {}
    try:
        time = corrected_time(device_time, sent_at, received_at)
        return {"timestamp": _text(time), "originalTimestamp": said}
    except OverflowError:
        return {}


def _is_from_device(event: dict[str, Any], context: dict[str, Any]) -> bool:
    """Whether a mobile client says so; the address of a customer's server is nobody's."""
    channel = event.get("channel")
    is_said = isinstance(channel, str) and channel in _DEVICE_CHANNELS
    return is_said or isinstance(context.get("device"), dict)


def _device(context: dict[str, Any], added: dict[str, Any]) -> dict[str, str]:
    text = context.get("userAgent") or context.get("user_agent") or added.get("request_user_agent")
    if not text or not isinstance(text, str):
        return {}
    browser, device_type = _read_user_agent(text)
    return {
        name: value for name, value in [("browser", browser), ("device_type", device_type)] if value
    }


@functools.lru_cache(maxsize=_USER_AGENTS)
def _read_user_agent(text: str) -> tuple[str, str]:
    """The family of the browser and the type of the device; empty where nobody knows."""
    try:
        from ua_parser import parse
    except ImportError:
        raise ConfigurationError(
            "Reading the spool needs the package ua-parser.",
            remedy="pip install 'dbt-cdp[collector]'",
        ) from None
    known = parse(text)
    browser = known.user_agent.family if known.user_agent else ""
    system = known.os.family if known.os else ""
    device = known.device.family if known.device else ""
    return browser, _device_type(text, system, device)


def _device_type(text: str, system: str, device: str) -> str:
    if device == "Spider":
        return "bot"
    if "iPad" in text or "Tablet" in text or (system == "Android" and "Mobile" not in text):
        return "tablet"
    if "Mobi" in text:
        return "mobile"
    return "desktop" if system in _DESKTOP_SYSTEMS else ""


def _time(value: Any) -> datetime | None:
    """A time as ISO 8601 has it; one without a zone is in UTC."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip())
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
