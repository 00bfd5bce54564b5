"""Any other signed call of the platform's API."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import eiot
import pytest
from conftest import EID, vectors
from responder import STALL, Answer, Responder

Start = Callable[..., Responder]
GET, PURCHASE = "/api/v3/cloudesim/get", "/api/v3/cloudesim/purchase"
CASES = vectors("calls.json")["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_call_of_every_vector_is_accepted_by_the_simulator(
    case: dict[str, Any], simulator: Callable[..., dict[str, Any]]
) -> None:
    client = eiot.Client(**simulator("--tls", "--unlimited"))
    reply = client.call(case["path"], json.loads(case["parameters"]))
    assert (reply.code, reply.message, reply.delivered) == ("200", "success", "yes")


def test_call_sends_its_parameters_verbatim(responder: Start) -> None:
    server = responder(Answer(body='{"code":"200","message":"成功","data":{"剩余":[1]}}'))
    parameters = {"eid": EID, "memo": {"z": [1, True, None, "a/b"], "a": "备注"}, "none": None, "empty": "", "n": 10**30}
    reply = eiot.Client(**server.options).call(PURCHASE, parameters)
    assert (reply.eid, reply.message, reply.data) == (EID, "成功", {"剩余": [1]})
    (request,) = server.requests
    body = dict(request.body)
    assert {body.pop(name) and name for name in ("appkey", "timestamp", "nonce", "sign")} == set("appkey timestamp nonce sign".split())
    assert body == parameters and list(body["memo"]) == ["z", "a"]


def test_call_whose_reply_is_lost_is_retried_only_if_idempotent(responder: Start) -> None:
    for idempotent, sent in ((False, 1), (True, 3)):
        server = responder(Answer(503))
        client = eiot.Client(**{**server.options, "max_attempts": 3})
        with pytest.raises(eiot.HttpError, match=f"^{PURCHASE}, EID {EID}: "):
            client.call(PURCHASE, {"eid": EID}, idempotent=idempotent)
        assert len(server.requests) == sent


@pytest.mark.parametrize("name", ["appkey", "timestamp", "nonce", "sign", "secret"])
def test_call_rejects_system_parameters(name: str, responder: Start) -> None:
    server = responder()
    with pytest.raises(eiot.InvalidArgumentError, match=name):
        eiot.Client(**server.options).call(GET, {name: "x"})
    assert server.requests == []


def test_call_rejects_values_that_are_not_json(responder: Start) -> None:
    client = eiot.Client(**responder().options)
    for parameters, says in [([("eid", EID)], "mapping"), ({1: "x"}, "name"), ({"eid": 8.9e31}, "lost digits"), ({"b": b"x"}, "bytes")]:
        with pytest.raises(TypeError, match=says):
            client.call(GET, parameters)  # type: ignore[arg-type]
    for value in (float("nan"), "\ud800"):
        with pytest.raises(ValueError):
            client.call(GET, {"value": value})
    with pytest.raises(eiot.InvalidArgumentError, match="path"):
        client.call("get")


def test_call_can_be_awaited_and_cancelled(responder: Start) -> None:
    async def main(server: Responder) -> eiot.Reply:
        async with eiot.AsyncClient(**server.options) as client:
            return await asyncio.wait_for(client.call(GET, {"eid": EID}), 0.3)

    assert asyncio.run(main(responder())).eid == EID
    with pytest.raises((asyncio.TimeoutError, TimeoutError)):
        asyncio.run(main(responder(STALL)))
