"""Every failure has its exception class, and its details in attributes."""

import copy
import json
import pickle
import socket
from collections.abc import Callable
from typing import Any, get_args

import eiot
import pytest
from conftest import EID, python, vectors
from eiot import _native
from eiot._exceptions import BY_KIND, Kind, from_native
from responder import HANG_UP, STALL, Answer, Responder

REFUSED = [case for case in vectors("replies.json")["cases"] if case["kind"] != "ok"]
GROUPS = [eiot.EiotError, eiot.TransportError, eiot.PlatformError]
CLASSES = [cls for name in eiot.__all__ if name.endswith("Error") and (cls := getattr(eiot, name)) not in GROUPS]
Start = Callable[..., Responder]


def failure(options: dict[str, Any], cls: type[eiot.EiotError]) -> eiot.EiotError:
    """The exception of a call with these options: exactly this class."""
    with pytest.raises(eiot.EiotError) as caught:
        eiot.Client(**options).refresh_usage(EID)
    assert type(caught.value) is cls, repr(caught.value)
    return caught.value


def test_exceptions_cover_every_kind_of_the_core() -> None:
    assert {cls.kind for cls in CLASSES} == set(_native.kinds()) == set(get_args(Kind))
    assert set(BY_KIND.values()) == set(CLASSES)
    assert len(CLASSES) == len(_native.kinds())


@pytest.mark.parametrize(
    "cls, built_in",
    [
        (eiot.InvalidArgumentError, ValueError),
        (eiot.InvalidEidError, ValueError),
        (eiot.ConnectError, ConnectionError),
        (eiot.EiotTimeoutError, TimeoutError),
        (eiot.ConnectionLostError, ConnectionError),
    ],
)
def test_exceptions_derive_from_built_in_ones(
    cls: type[eiot.EiotError], built_in: type[Exception]
) -> None:
    assert issubclass(cls, built_in)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["name"])
def test_rejection_is_reported_verbatim(case: dict[str, Any], responder: Start) -> None:
    server = responder(Answer(case["http_status"], case["body"], {"Location": "/elsewhere"}))
    error = failure(server.options, BY_KIND[case["kind"]])
    assert (error.kind, error.code, error.platform_message) == (case["kind"], case["code"], case["message"])
    assert (error.http_status, error.attempts, error.delivered) == (
        case["http_status"],
        len(server.requests),
        "yes",
    )
    assert error.eid == EID and str(error).startswith(f"EID {EID}: ")
    assert isinstance(error, eiot.TransportError if case["kind"] in ("http", "protocol") else eiot.PlatformError)


def test_retry_after_is_in_seconds(responder: Start) -> None:
    server = responder(Answer(429, "", {"Retry-After": "7"}))
    assert failure(server.options, eiot.RateLimitedError).retry_after == 7.0
    assert failure(responder(Answer(429, "")).options, eiot.RateLimitedError).retry_after is None


def test_closed_port_is_a_connect_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failure({"appkey": "k", "secret": "s", "base_url": f"http://127.0.0.1:{port}"}, eiot.ConnectError)
    assert (error.delivered, error.http_status, error.code) == ("no", None, None)


def test_port_without_tls_is_a_tls_error(responder: Start) -> None:
    server = responder()
    error = failure({**server.options, "base_url": server.url.replace("http", "https")}, eiot.TlsError)
    assert error.delivered == "no"


def test_untrusted_certificate_is_a_tls_error(
    simulator: Callable[..., dict[str, str]],
) -> None:
    options = {name: value for name, value in simulator("--tls").items() if name != "ca_file"}
    error = failure(options, eiot.TlsError)
    assert error.delivered == "no" and "ca_file" in str(error)


def test_timeout_has_an_unknown_outcome(responder: Start) -> None:
    server = responder(STALL)
    error = failure({**server.options, "timeout": 0.2}, eiot.EiotTimeoutError)
    assert (error.delivered, error.attempts, error.eid) == ("unknown", len(server.requests), EID)


def test_lost_connection_has_an_unknown_outcome(responder: Start) -> None:
    server = responder(HANG_UP)
    error = failure(server.options, eiot.ConnectionLostError)
    assert (error.delivered, error.attempts, error.eid) == ("unknown", len(server.requests), EID)


NO_ROOM_FOR_A_THREAD = f"""
import eiot, resource
client = eiot.Client(base_url="http://localhost:1")
with open("/proc/self/statm") as statm:
    in_use = int(statm.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + (3 << 19), -1))
try:
    client.refresh_usage({EID!r})
except Exception as error:
    print(type(error).__name__, error.kind, error.delivered, error)
"""


def test_panic_is_an_internal_error_and_not_a_base_exception() -> None:
    """A real one, in the shipped module: DNS lookups need a thread, and here the machine refuses it."""
    with python(NO_ROOM_FOR_A_THREAD, {"EIOT_APPKEY": "k", "EIOT_SECRET": "s"}) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert stdout.startswith("InternalError internal unknown internal error in eiot"), stdout + stderr
    assert process.returncode == 0 and "panicked" in stderr, "Rust says on stderr where it was"


FIELDS: dict[str, Any] = {
    "code": "45109",
    "platform_message": "套餐不存在",
    "http_status": 200,
    "attempts": 2,
    "retry_after": 1.5,
    "delivered": "unknown",
    "eid": EID,
    "final": True,
    "body": b"<html>\xff",
    "headers": {"server": "nginx"},
}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_exceptions_survive_pickling_and_copying_with_all_fields(cls: type[eiot.EiotError]) -> None:
    error = from_native(cls.kind, f"EID {EID}: no", FIELDS)
    assert type(error) is cls
    copies = [pickle.loads(pickle.dumps(error, n)) for n in range(pickle.HIGHEST_PROTOCOL + 1)]
    for other in [error, copy.copy(error), copy.deepcopy(error), *copies]:
        assert type(other) is cls and str(other) == f"EID {EID}: no" and other.args == error.args
        assert {name: getattr(other, name) for name in FIELDS} == FIELDS
        assert other.kind == cls.kind and not isinstance(other, OSError) or other.errno is None


def test_exceptions_can_be_constructed_by_users() -> None:
    error = eiot.RejectedError("no", code="1")
    assert (error.code, error.delivered, error.attempts, error.eid) == ("1", "unknown", 0, None)
    assert repr(error) == "RejectedError('no')" and f"{error}" == "no" and error.args[0] == "no"
    assert (error.body, error.headers) == (None, {})
    assert error.final is False and eiot.RejectedError("no", final=True).final is True
    assert eiot.InvalidEidError("no").final is True and eiot.InvalidArgumentError("no").final is True


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_exceptions_survive_serializers_that_keep_class_and_args_as_json(cls: type[eiot.EiotError]) -> None:
    error = from_native(cls.kind, f"EID {EID}: no", FIELDS)
    other = cls(*json.loads(json.dumps(error.args)))
    assert {name: getattr(other, name) for name in FIELDS} == FIELDS | {"body": None}
    assert str(other) == str(error)


def test_exceptions_made_from_their_text_do_not_know_whether_the_request_was_delivered() -> None:
    for cls in CLASSES:
        known = "no" if cls.kind in ("invalid_argument", "invalid_eid", "invalid_signature") else "unknown"
        assert cls("EID 8904: no").delivered == known


@pytest.mark.parametrize("case", vectors("error_codes.json")["codes"], ids=lambda case: case["code"])
def test_error_codes_that_are_published_have_their_class_and_finality(case: dict[str, Any], responder: Start) -> None:
    body = json.dumps({"code": case["code"], "message": case["zh"]})
    error = failure(responder(Answer(body=body)).options, BY_KIND[case["kind"]])
    assert (error.code, error.platform_message, error.final) == (case["code"], case["zh"], case["final"])
    assert case["en"].removesuffix(".") in str(error)
    assert pickle.loads(pickle.dumps(error)).final is case["final"]


def test_error_codes_that_are_unpublished_are_not_final_unless_configured(responder: Start) -> None:
    options = responder(Answer(body='{"code": 45109}')).options
    error = failure(options, eiot.RejectedError)
    assert error.final is False and '"45109=KIND"' in str(error)
    assert failure({**options, "error_codes": {"45109": "final"}}, eiot.RejectedError).final is True
    assert failure({**options, "error_codes": {"45109": "unavailable"}}, eiot.UnavailableError).final is False
