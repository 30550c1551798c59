"""Webhooks: a signature of the source's secret, in the schemes of those who send them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from dbt_cdp.collector.webhooks import WebhookSecrets
from serving import Collector

SECRET = "whsec_" + base64.b64encode(b"a secret of some bytes").decode()
BODY = b'{"id": "evt_1", "type": "invoice.paid", "userId": "u1"}'


def mac(content: bytes, key: bytes = SECRET.encode()) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def github(body: bytes) -> dict[str, str]:
    return {"x-hub-signature-256": f"sha256={mac(body).hex()}"}


def shopify(body: bytes) -> dict[str, str]:
    return {"x-shopify-hmac-sha256": b64(mac(body))}


def stripe(body: bytes, at: float = 0) -> dict[str, str]:
    now = str(int(time.time() + at))
    signature = mac(f"{now}.".encode() + body).hex()
    return {"stripe-signature": f"t={now},v1=00{'0' * 62},v1={signature},v0=abc"}


def standard(body: bytes, at: float = 0) -> dict[str, str]:
    now = str(int(time.time() + at))
    signature = b64(mac(f"msg_1.{now}.".encode() + body, b"a secret of some bytes"))
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": now,
        "webhook-signature": f"v1,{b64(b'0' * 32)} v1,{signature}",
    }


def zendesk(body: bytes, at: float = 0) -> dict[str, str]:
    now = datetime.fromtimestamp(int(time.time() + at), UTC).isoformat().replace("+00:00", "Z")
    return {
        "x-zendesk-webhook-signature": b64(mac(now.encode() + body)),
        "x-zendesk-webhook-signature-timestamp": now,
    }


@pytest.mark.parametrize("sign", [github, shopify, stripe, standard, zendesk])
def test_a_signature_is_good_for_its_body_and_its_secret_alone(
    sign: Callable[[bytes], dict[str, str]],
) -> None:
    secrets = WebhookSecrets(f"billing={SECRET},other=whsec_{b64(b'another secret')}")
    headers = sign(BODY)
    assert secrets.is_signed("billing", headers, BODY)
    assert not secrets.is_signed("billing", headers, BODY + b" ")
    assert not secrets.is_signed("other", headers, BODY)
    assert not secrets.is_signed("unknown", headers, BODY)
    for name in headers:
        broken = {**headers, name: "x" + headers[name][1:] + "\xff"}
        assert not secrets.is_signed("billing", broken, BODY)
        assert not secrets.is_signed("billing", {**headers, name: ""}, BODY)


@pytest.mark.parametrize("sign", [stripe, standard, zendesk])
def test_a_recorded_webhook_cannot_be_sent_again_later(
    sign: Callable[[bytes, float], dict[str, str]],
) -> None:
    secrets = WebhookSecrets(f"billing={SECRET}")
    assert secrets.is_signed("billing", sign(BODY, -200), BODY)
    assert not secrets.is_signed("billing", sign(BODY, -400), BODY)
    assert not secrets.is_signed("billing", sign(BODY, 400), BODY)


def test_a_webhook_is_an_event_of_its_source(make_collector: Callable[..., Collector]) -> None:
    collector = make_collector(CDP_WEBHOOK_SECRETS=f"billing={SECRET}")

    def post(source: str, body: bytes, headers: dict[str, str]) -> int:
        return collector.post(f"/webhooks/{source}", body, key="", headers=headers).status

    assert post("billing", BODY, stripe(BODY)) == 200
    assert post("billing", BODY, {}) == 401
    assert post("billing", BODY, stripe(BODY + b" ")) == 401
    assert post("unknown", BODY, stripe(BODY)) == 401
    assert collector.post("/webhooks/billing", BODY).status == 401, "a write key is no signature"
    assert post("billing", b"no JSON", github(b"no JSON")) == 400
    collector.stop()
    stored = collector.stored()
    assert [event.source for event in stored] == ["billing", "billing"]
    assert json.loads(stored[0].payload or "") == {
        **json.loads(BODY),
        "received_at": json.loads(stored[0].payload or "")["received_at"],
        "timestamp": json.loads(stored[0].payload or "")["timestamp"],
    }
    assert stored[1].problem.startswith("not JSON")
