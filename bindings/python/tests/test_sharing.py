"""Clients from with_options or from pickles share connections and the rate limit."""

import copy
import pathlib
import pickle
import time
from collections.abc import Callable
from typing import Any

import eiot
import pytest
from conftest import EID
from eiot import _native, _pickle
from eiot._options import CallOptions
from responder import Answer, Responder

Start = Callable[..., Responder]
CLIENTS = pytest.mark.parametrize("make", [eiot.Client, eiot.AsyncClient])


def connections(server: Responder) -> int:
    return len({request.connection for request in server.requests})


def test_with_options_uses_the_same_connection(responder: Start) -> None:
    server = responder(Answer(503, "", {"Retry-After": "0"}))
    client = eiot.Client(**server.options)
    persistent = client.with_options(max_attempts=2)
    for caller, attempts in [
        (client, 1),
        (persistent, 2),
        (client, 1),
        (persistent.with_options(timeout=9), 2),
    ]:
        with pytest.raises(eiot.HttpError) as caught:
            caller.refresh_usage(EID)
        assert caught.value.attempts == attempts
    assert connections(server) == 1


def test_with_options_keeps_the_same_rate(responder: Start) -> None:
    client = eiot.Client(**{**responder().options, "rate_limit": 0.1})
    client.refresh_usage(EID)
    with pytest.raises(eiot.RateLimitedError, match="rate_wait"):
        client.with_options(rate_wait=False).refresh_usage(EID)


def test_with_options_outlives_the_original_client(responder: Start) -> None:
    with eiot.Client(**responder().options) as client:
        quick = client.with_options(timeout=3)
    assert quick.refresh_usage(EID).message == "success" and "timeout=3.0" in repr(quick)
    with pytest.raises(eiot.InvalidArgumentError, match="closed"):
        client.with_options(timeout=4)


@CLIENTS
def test_with_options_accepts_the_per_call_options_of_the_core(make: type[eiot.Client]) -> None:
    own = [name for name, _, is_per_call in _native.options() if is_per_call]
    assert sorted(CallOptions.__annotations__) == sorted(own)
    documentation = make.with_options.__doc__ or ""
    assert all(f"`{name}`" in documentation for name in own)


@CLIENTS
def test_with_options_rejects_a_shared_option_with_advice(make: type[eiot.Client]) -> None:
    client = make(appkey="k", secret="s")
    for name in [name for name, _, is_per_call in _native.options() if not is_per_call] + ["time_out"]:
        with pytest.raises(TypeError, match=f"does not take {name}: .* timeout, .* a separate client"):
            client.with_options(**{name: 1})  # type: ignore[arg-type]
    with pytest.raises(eiot.ConfigurationError, match="^timeout: "):
        client.with_options(timeout=0)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@CLIENTS
def test_pickle_preserves_all_options_of_a_client(make: type[eiot.Client], protocol: int) -> None:
    options: dict[str, Any] = {
        "appkey": "k",
        "secret": "s",
        "connect_timeout": 2,
        "rate_share": (2, 5),
        "error_codes": {"1": "auth"},
        "strict_eid": True,
    }
    client = make(**options).with_options(timeout=3)
    other = pickle.loads(pickle.dumps(client, protocol))
    handle: Any = other._handle
    assert type(other) is make and repr(other) == repr(client)
    assert handle.recipe() == (options, {"timeout": 3})


def test_pickle_preserves_every_option(responder: Start, tmp_path: pathlib.Path) -> None:
    (tmp_path / "secret").write_text("s")
    given: dict[str, Any] = {"appkey": "k", "secret_file": tmp_path / "secret", "base_url": responder().url}
    client = eiot.Client(**given, eid_cooldown=300)
    other = pickle.loads(pickle.dumps(client))
    other.refresh_usage(EID)
    with pytest.raises(eiot.CooldownError):
        other.refresh_usage(EID)


def test_pickle_makes_clients_that_share_connection_and_rate(responder: Start) -> None:
    server = responder()
    pickled = pickle.dumps(eiot.Client(**{**server.options, "rate_limit": 0.1}))
    hasty = pickle.dumps(eiot.Client(**{**server.options, "rate_limit": 0.1}).with_options(rate_wait=False))
    pickle.loads(pickled).refresh_usage(EID)
    with pytest.raises(eiot.RateLimitedError, match="rate_wait"):
        pickle.loads(hasty).refresh_usage(EID)
    free = pickle.dumps(eiot.Client(**server.options))
    for _ in range(3):
        pickle.loads(free).refresh_usage(EID)
    assert connections(server) == 2


def test_pickle_cache_keeps_only_the_last_few_clients() -> None:
    for number in range(3 * _pickle._MOST):
        pickle.loads(pickle.dumps(eiot.Client(appkey=f"k{number}", secret="s")))
    assert len(_pickle._handles) <= _pickle._MOST


def test_pickle_of_an_environment_client_reads_the_environment_on_loading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"APPKEY": "here", "SECRET": "canary-5f2a"}.items():
        monkeypatch.setenv(f"EIOT_{name}", value)
    pickled = pickle.dumps(eiot.Client(timeout=4))
    assert b"canary-5f2a" not in pickled and b"here" not in pickled
    assert "appkey='here'" in repr(pickle.loads(pickled))
    monkeypatch.setenv("EIOT_APPKEY", "there")
    assert "appkey='there'" in repr(pickle.loads(pickled)) and "timeout=4.0" in repr(pickle.loads(pickled))


def test_client_copies_its_arguments(responder: Start) -> None:
    codes = {"45109": "cooldown"}
    client = eiot.Client(**responder(Answer(body='{"code": "45109"}')).options, error_codes=codes)
    codes.clear()
    with pytest.raises(eiot.CooldownError):
        pickle.loads(pickle.dumps(client)).refresh_usage(EID)


class Labelled(eiot.Client):
    def __init__(self, label: str, **options: Any) -> None:
        super().__init__(**options)
        self.label = label


def test_pickle_preserves_attributes_of_a_subclass() -> None:
    client = Labelled("billing", appkey="k", secret="s")
    for other in [pickle.loads(pickle.dumps(client)), copy.copy(client), copy.deepcopy(client)]:
        assert type(other) is Labelled and other.label == "billing" and repr(other) == repr(client)


def test_close_of_an_unpickled_client_closes_its_connections(responder: Start) -> None:
    server = responder()
    pickled = pickle.dumps(eiot.Client(**server.options).with_options(timeout=9))
    with pickle.loads(pickled) as client:
        client.refresh_usage(EID)
    del client
    deadline = time.monotonic() + 10
    while server.connections and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not server.connections
    assert pickle.loads(pickled).refresh_usage(EID).message == "success"


def test_pickle_of_a_closed_client_raises() -> None:
    client = eiot.Client(appkey="k", secret="s")
    client.close()
    with pytest.raises(eiot.InvalidArgumentError, match="closed"):
        pickle.dumps(client)
