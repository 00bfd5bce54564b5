"""Verification of webhooks."""

import json
import pickle
from typing import Any

import eiot
import pytest
from conftest import vectors

CASES = vectors("webhooks.json")["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['name']}, {case['method']}")
def test_webhook_of_every_vector_is_genuine_and_with_another_secret_none_is(case: dict[str, Any]) -> None:
    payload, method = case["payload"], case["method"]
    for form in (payload, payload.encode()):
        assert eiot.verify_webhook(form, case["secret"], sign_method=method) == json.loads(payload)
    with pytest.raises(eiot.SignatureError, match="signature"):
        eiot.verify_webhook(payload, "other", sign_method=method)


def test_webhook_that_is_old_is_rejected_and_the_error_can_be_pickled() -> None:
    case = CASES[0]
    with pytest.raises(eiot.SignatureError, match=" s old") as caught:
        eiot.verify_webhook(case["payload"], case["secret"], max_age=300)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.kind, again.delivered) == ("invalid_signature", "no")
    eiot.verify_webhook(case["payload"], case["secret"], max_age=10**10)


@pytest.mark.parametrize("payload", ["", "[]", "<html>", '{"a":1}', b"\xff", "\ud800", '{"sign":"a","sign":"b"}'])
def test_webhook_that_cannot_be_verified_is_rejected(payload: str | bytes) -> None:
    with pytest.raises(eiot.SignatureError):
        eiot.verify_webhook(payload, "s")


def test_webhook_arguments_that_are_invalid_are_rejected() -> None:
    with pytest.raises(eiot.InvalidArgumentError, match="secret is empty"):
        eiot.verify_webhook("{}", "")
    with pytest.raises(eiot.InvalidArgumentError, match="max_age"):
        eiot.verify_webhook("{}", "s", max_age=-1)
    with pytest.raises(eiot.ConfigurationError, match="sha1"):
        eiot.verify_webhook("{}", "s", sign_method="sha256")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        eiot.verify_webhook({}, "s")  # type: ignore[arg-type]
