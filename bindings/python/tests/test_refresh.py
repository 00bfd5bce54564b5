"""refresh_usage: one card, one reply."""

import copy
import dataclasses
import json
import logging
import pathlib
import pickle
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import eiot
import pytest
from conftest import EID, EIDS, output_of, vectors
from responder import Answer, Responder

OK = [case for case in vectors("replies.json")["cases"] if case["kind"] == "ok"]
Start = Callable[..., Responder]
Simulator = Callable[..., dict[str, str]]


@pytest.mark.parametrize("arguments", [(), ("--tls",)], ids=["http", "tls"])
def test_refresh_works_for_every_valid_eid_with_the_simulator(
    arguments: tuple[str, ...], simulator: Simulator
) -> None:
    with eiot.Client(**simulator("--unlimited", *arguments)) as client:  # type: ignore[arg-type]
        replies = [client.refresh_usage(eid) for eid in EIDS]
    assert [reply.eid for reply in replies] == [eid.strip() for eid in EIDS]
    assert {(reply.message, reply.attempts, reply.delivered) for reply in replies} == {("success", 1, "yes")}


def test_refresh_with_a_wrong_secret_is_rejected_by_the_simulator(simulator: Simulator) -> None:
    client = eiot.Client(**{**simulator(), "secret": "wrong"})  # type: ignore[arg-type]
    with pytest.raises(eiot.RejectedError) as caught:
        client.refresh_usage(EID)
    assert caught.value.code == "sim.bad-sign"


@pytest.mark.parametrize("case", OK, ids=lambda case: case["name"])
def test_reply_is_returned_verbatim(case: dict[str, Any], responder: Start) -> None:
    server = responder(Answer(case["http_status"], case["body"]))
    reply = eiot.Client(**server.options).refresh_usage(EID)
    data = json.loads(case["data_json"]) if "data_json" in case else None
    assert reply == eiot.Reply(eid=EID, code="200", message=case["message"], data=data, attempts=1, delivered="yes")


@pytest.mark.parametrize(
    "data", ["9" * 5000, "[" * 30_000 + "]" * 30_000], ids=["a huge number", "a deep list"]
)
def test_reply_with_data_that_python_cannot_parse_is_still_a_success(data: str, responder: Start) -> None:
    server = responder(Answer(body=f'{{"code":"200","data":{data}}}'))
    assert eiot.Client(**server.options).refresh_usage(EID).data == data


def test_request_is_signed_and_names_the_python_package(responder: Start) -> None:
    server = responder()
    eiot.Client(**server.options).refresh_usage(EID)
    (request,) = server.requests
    body = request.body
    sent = body.pop("sign")
    assert sent == eiot.sign(body, server.options["secret"])
    assert body["eid"] == EID and body["appkey"] == "test-appkey"
    assert request.headers["user-agent"] == f"eiot/{eiot.__version__} (python)"


def test_sign_method_can_be_md5(responder: Start) -> None:
    server = responder()
    eiot.Client(**server.options, sign_method="md5").refresh_usage(EID)
    body = server.requests[0].body
    assert body["sign"] == eiot.sign(body, server.options["secret"], "md5")


@pytest.mark.parametrize("make", [str, pathlib.Path])
def test_secret_can_come_from_a_file(
    make: Callable[[str], str | pathlib.Path], tmp_path: pathlib.Path, responder: Start
) -> None:
    server = responder()
    (tmp_path / "secret").write_text("test-secret\n")
    options = {name: value for name, value in server.options.items() if name != "secret"}
    eiot.Client(**options, secret_file=make(str(tmp_path / "secret"))).refresh_usage(EID)
    body = server.requests[0].body
    assert body["sign"] == eiot.sign(body, "test-secret")


def test_connection_is_reused_for_the_next_call(responder: Start) -> None:
    server = responder()
    client = eiot.Client(**server.options)
    for _ in range(3):
        client.refresh_usage(EID)
    assert len({request.connection for request in server.requests}) == 1


def test_client_is_shared_by_eight_threads_and_no_nonce_repeats(responder: Start) -> None:
    server = responder()
    client = eiot.Client(**server.options)
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda _: client.refresh_usage(EID), range(200)))
    assert [reply.message for reply in replies] == ["success"] * 200
    assert len({request.body["nonce"] for request in server.requests}) == 200
    assert len({request.connection for request in server.requests}) <= 8


def test_other_threads_run_while_a_call_waits(responder: Start) -> None:
    """The server runs in this process: if the call held the GIL, the server could not answer."""
    ticks, enough = 0, threading.Event()

    def tick() -> None:
        nonlocal ticks
        while ticks < 100_000:
            ticks += 1
        enough.set()

    def answer_after_ticks(_: object) -> Answer:
        ticking = threading.Thread(target=tick)
        ticking.start()
        assert enough.wait(10)
        ticking.join()
        return Answer()

    server = responder(answer_after_ticks)
    eiot.Client(**server.options, timeout=10).refresh_usage(EID)
    assert ticks == 100_000


FORK = f"""
import os, eiot
client = eiot.Client()
client.refresh_usage({EID!r})
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        for _ in range(10):
            client.refresh_usage({EID!r})
        del client
        os._exit(0)
    children.append(child)
for _ in range(10):
    client.refresh_usage({EID!r})
print([os.waitpid(child, 0)[1] for child in children])
client.refresh_usage({EID!r})
"""


def test_forked_children_use_their_parents_client_and_the_parent_continues(responder: Start) -> None:
    server = responder()
    assert output_of(FORK, server.environment) == "[0, 0, 0, 0]\n"
    calls: dict[int, int] = {}
    for request in server.requests:
        calls[request.connection] = calls.get(request.connection, 0) + 1
    assert sorted(calls.values()) == [10, 10, 10, 10, 12], "each process has a connection of its own"


def test_reply_is_frozen_and_survives_pickling_and_copying(responder: Start) -> None:
    body = '{"code":"200","message":"成功","data":{"used":[1.5,null]}}'
    reply = eiot.Client(**responder(Answer(body=body)).options).refresh_usage(EID)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(reply, protocol)) == reply
    assert copy.copy(reply) == copy.deepcopy(reply) == reply
    assert len({reply, copy.deepcopy(reply)}) == 1, "hashable, whatever its data"
    with pytest.raises(dataclasses.FrozenInstanceError):
        reply.message = "other"  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        reply.surprise = 1  # type: ignore[attr-defined]
    assert repr(reply) == (
        f"Reply(eid={EID!r}, code='200', message='成功', data={{'used': [1.5, None]}}, attempts=1, delivered='yes')"
    )


def test_log_has_a_line_per_attempt(
    responder: Callable[..., Responder], caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([Answer(503, ""), Answer()])
    server = responder(lambda request: next(answers))
    caplog.set_level(logging.DEBUG, "eiot")
    eiot.Client(**{**server.options, "max_attempts": 2}).refresh_usage(EID)
    failed, succeeded = caplog.records
    assert (failed.levelname, succeeded.levelname) == ("INFO", "DEBUG")
    assert (
        failed.getMessage().startswith(f"eid={EID} attempt=1 ") and "http_status=503" in failed.getMessage()
    )
    assert succeeded.getMessage().endswith(" outcome=ok")
    for record, request in zip(caplog.records, server.requests, strict=True):
        sent = f" timestamp={request.body['timestamp']} nonce={request.body['nonce']} took_ms="
        assert sent in record.getMessage(), "as the platform's support sees them"


def test_log_escapes_control_characters_of_a_message(
    responder: Callable[..., Responder], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "eiot")
    body = json.dumps({"code": "7\n\x1b[2J", "message": "a\nb\x1b[2J\u202e"})
    with pytest.raises(eiot.RejectedError) as refused:
        eiot.Client(**responder(Answer(body=body)).options).refresh_usage(EID)
    assert (refused.value.code, refused.value.platform_message) == ("7\n\x1b[2J", "a\nb\x1b[2J\u202e")
    (record,) = caplog.records
    for line in (str(refused.value), record.getMessage()):
        assert line.isprintable(), line


@pytest.mark.parametrize("raises, ends", [(ZeroDivisionError, False), (KeyboardInterrupt, True)])
def test_log_handler_that_fails_fails_no_call_and_ctrl_c_in_one_is_honored(
    responder: Callable[..., Responder],
    monkeypatch: pytest.MonkeyPatch,
    raises: type[BaseException],
    ends: bool,
) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise raises

    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    logger, handler = logging.getLogger("eiot"), Broken()
    logger.addHandler(handler)
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    try:
        client = eiot.Client(**responder().options)
        if ends:
            with pytest.raises(raises):
                client.refresh_usage(EID)
        else:
            assert client.refresh_usage(EID).attempts == 1
            assert [type(argument.exc_value) for argument in unraisable] == [raises]
    finally:
        logger.removeHandler(handler)
