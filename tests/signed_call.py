"""Other signed calls and webhooks, through every driver and in every language."""

import json
import time

import signer
from conftest import vectors
from test_refusals import EID, STATUS, UNKNOWN

PURCHASE = "/api/v3/cloudesim/purchase"


def call_vectors_are_accepted_as_correctly_signed(driver, simulator):
    running = simulator("--tls", "--unlimited")
    for case in vectors("calls.json")["cases"]:
        outcome = driver.call(running, case["path"], case["parameters"])
        assert outcome["ok"] and outcome["code"] == "200", (case, outcome)
        assert outcome["eid"] == (json.loads(case["parameters"]).get("eid") or "")
    outcome = driver.call(running, "/api/v3/cloudesim/pkg/list", json.dumps({"eid": EID}))
    assert json.loads(outcome["data_json"])["list"][0]["name"] == "1 GB, 30 天"


def call_is_retried_only_if_idempotent_and_rejects_system_parameters(driver, simulator):
    order = json.dumps({"eid": EID, "outTradeNo": "T1", "packageCode": "p"})
    for more, placed in (([], 1), (["idempotent"], 2)):
        running = simulator("--unlimited", "--fault", "reset")
        outcome = driver.call(running, PURCHASE, order, *more, max_attempts=3)
        assert running.counters()["orders"] == {"T1": placed}
        assert outcome["ok"] == (placed == 2), outcome
        if not outcome["ok"]:
            assert (outcome["kind"], outcome["delivered"]) == ("connection_lost", UNKNOWN)
    running = simulator()
    for name in ("appkey", "timestamp", "nonce", "sign", "secret"):
        outcome = driver.call(running, PURCHASE, json.dumps({name: "x"}))
        assert outcome["kind"] == "invalid_argument" and name in outcome["message"], outcome
    assert driver.call(running, "purchase", "{}")["kind"] == "invalid_argument"
    assert running.counters()["calls"] == 0


def webhook_vectors_are_genuine_and_altered_ones_are_rejected(driver, simulator):
    for case in vectors("webhooks.json")["cases"]:
        assert driver.verify(case["payload"], case["secret"], case["method"]) == {"ok": True, "status": 0}, case
    for payload, secret in _altered(vectors("webhooks.json")["cases"][0]):
        outcome = driver.verify(payload, secret)
        assert (outcome["kind"], outcome["status"]) == ("invalid_signature", STATUS["EIOT_ERR_SIGNATURE"]), payload


def _altered(case):
    """The webhook with one byte of each field altered in turn, and with another secret."""
    payload = case["payload"]
    yield payload, case["secret"] + "x"
    for name, value in json.loads(payload).items():
        text = str(value)
        other = text[:-1] + ("1" if text[-1] != "1" else "2")
        altered = payload.replace(f'"{name}":{json.dumps(value)}', f'"{name}":{json.dumps(type(value)(other))}')
        assert altered != payload
        yield altered, case["secret"]


def webhook_that_is_old_is_rejected(driver, simulator):
    fields = {"event": "usage", "timestamp": int(time.time()) - 100}
    payload = signer.with_sign(json.dumps(fields), "s", "sha1")
    assert driver.verify(payload, "s", max_age_ms=300_000)["ok"]
    outcome = driver.verify(payload, "s", max_age_ms=50_000)
    assert outcome["kind"] == "invalid_signature" and " s old" in outcome["message"], outcome
    ageless = signer.with_sign('{"event":"usage"}', "s", "sha1")
    assert driver.verify(ageless, "s")["ok"]
    outcome = driver.verify(ageless, "s", max_age_ms=50_000)
    assert outcome["kind"] == "invalid_signature" and "timestamp" in outcome["message"], outcome


PROMISES = [
    call_vectors_are_accepted_as_correctly_signed,
    call_is_retried_only_if_idempotent_and_rejects_system_parameters,
    webhook_vectors_are_genuine_and_altered_ones_are_rejected,
    webhook_that_is_old_is_rejected,
]
