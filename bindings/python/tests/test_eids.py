"""Valid and invalid EIDs, and the error messages."""

from collections.abc import Callable
from typing import Any

import eiot
import pytest
from conftest import vectors
from responder import Responder

Start = Callable[..., Responder]
VALID = vectors("eids.json")["valid"]
INVALID = vectors("eids.json")["invalid"]


def test_eid_of_every_valid_vector_is_sent_without_padding(responder: Start) -> None:
    server = responder()
    client = eiot.Client(**server.options)
    expected = [case.get("trimmed", case["eid"]) for case in VALID]
    assert [client.refresh_usage(case["eid"]).eid for case in VALID] == expected
    assert [request.body["eid"] for request in server.requests] == expected


def test_eid_can_be_an_int(responder: Start) -> None:
    server = responder()
    client = eiot.Client(**server.options)
    for case in VALID:
        client.refresh_usage(int(case["eid"]))
    assert [request.body["eid"] for request in server.requests] == [case["eid"].strip() for case in VALID]


def test_eid_of_every_invalid_vector_is_rejected_before_anything_is_sent(responder: Start) -> None:
    server = responder()
    client = eiot.Client(**server.options)
    odd = [
        ("8904\ud800", "not valid UTF-8"),
        (-89, "'-'"),
        (10**32, "33 digits"),
        (10**5000, "digits, at most 32 are allowed"),
    ]
    for eid, says in [(case["eid"], case["says"]) for case in INVALID] + odd:
        with pytest.raises(eiot.InvalidEidError) as caught:
            client.refresh_usage(eid)
        assert says in str(caught.value), (eid, caught.value)
        assert (caught.value.delivered, caught.value.attempts) == ("no", 0)
    assert server.requests == []


def test_strict_eid_requires_a_gsma_eid(responder: Start) -> None:
    client = eiot.Client(**responder().options, strict_eid=True)
    for case in VALID:
        if case["strict"]:
            client.refresh_usage(case["eid"])
        else:
            with pytest.raises(eiot.InvalidEidError):
                client.refresh_usage(case["eid"])


@pytest.mark.parametrize(
    "eid, advice",
    [
        (8.904401111223344e31, "dtype=str"),
        (float("nan"), "dtype=str"),
        (None, "dtype=str"),
        (True, "not bool"),
        (b"89", "decode"),
        (["89"], "not list"),
    ],
)
def test_eid_of_another_type_is_a_type_error_with_advice(eid: Any, advice: str, responder: Start) -> None:
    server = responder()
    with pytest.raises(TypeError, match=advice):
        eiot.Client(**server.options).refresh_usage(eid)
    assert server.requests == []
