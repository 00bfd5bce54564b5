"""Signatures."""

from typing import Any

import eiot
import pytest
from conftest import vectors

CASES = vectors("signing.json")["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_sign_agrees_with_every_vector(case: dict[str, Any]) -> None:
    params, secret = case["params"], case["secret"]
    assert eiot.sign(params, secret) == eiot.sign(params, secret, "sha1") == case["sha1"]
    assert eiot.sign(params, secret, method="md5") == case["md5"]
    masked = case["string_to_sign"].removesuffix(secret) + "[redacted]"
    assert eiot.string_to_sign(params) == masked


def test_sign_formats_values_as_the_vendors_signer_does() -> None:
    params = {
        "int": 7,
        "big": 2**70,
        "yes": True,
        "no": False,
        "none": None,
        "empty": "",
        "zero": 0,
        "sign": "x",
    }
    text = f"big={2**70}&int=7&no=0&yes=1&zero=0&secret=[redacted]"
    assert eiot.string_to_sign(params) == text
    spelled = {"int": "7", "big": str(2**70), "yes": "1", "no": "0", "zero": "0"}
    assert eiot.sign(params, "s") == eiot.sign(spelled, "s")


@pytest.mark.parametrize(
    "value, says", [(1.5, "more than one spelling"), ([1], "list"), ({}, "dict"), (b"x", "bytes")]
)
def test_sign_of_a_nested_value_is_a_type_error(value: Any, says: str) -> None:
    with pytest.raises(TypeError, match=f"'amount'.*{says}"):
        eiot.sign({"amount": value}, "s")


def test_sign_rejects_invalid_parameters() -> None:
    with pytest.raises(TypeError, match="mapping"):
        eiot.sign([("a", "1")], "s")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="name"):
        eiot.sign({1: "1"}, "s")  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        eiot.sign({"a": "1"}, b"s")  # type: ignore[arg-type]
    with pytest.raises(eiot.InvalidArgumentError, match="secret is empty"):
        eiot.sign({"a": "1"}, "")
    with pytest.raises(eiot.InvalidArgumentError, match="name is empty"):
        eiot.sign({"": "1"}, "s")
    with pytest.raises(eiot.InvalidArgumentError, match="UTF-8"):
        eiot.sign({"a": "\ud800"}, "s")
    with pytest.raises(eiot.ConfigurationError, match="sha1"):
        eiot.sign({"a": "1"}, "s", "sha256")  # type: ignore[arg-type]
