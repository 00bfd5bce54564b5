"""The secret is only in the signature, and the signature only in the request."""

import pathlib
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import eiot
import pytest
from conftest import EID, vectors
from eiot import _pickle
from responder import HANG_UP, STALL, Answer, Responder

CANARY = "canary-5f2a"
Start = Callable[..., Responder]


def everything(error: BaseException) -> str:
    """Everything that a program could log about an exception."""
    chain = [error, *filter(None, [error.__cause__, error.__context__])]
    texts = ["".join(traceback.format_exception(one, chain=False)) for one in chain]
    for one in chain:
        texts += [str(one), repr(one), repr(vars(one)), repr(one.args), repr(pickle.dumps(one))]
    return "\n".join(texts)


PLANS = [Answer(case["http_status"], case["body"]) for case in vectors("replies.json")["cases"]]


@pytest.mark.parametrize("plan", [*PLANS, STALL, HANG_UP])
def test_secret_and_signature_are_in_no_outcome(plan: Answer | str, responder: Start) -> None:
    server = responder(plan)
    client = eiot.Client(**{**server.options, "secret": CANARY, "timeout": 0.3})
    try:
        reply = client.refresh_usage(EID)
        said = repr(reply) + repr(pickle.dumps(reply))
    except eiot.EiotError as error:
        said = everything(error)
    assert server.requests and CANARY not in said
    for request in server.requests:
        assert request.body["sign"] not in said
        assert CANARY.encode() not in request.raw and CANARY not in str(request.headers)


@pytest.mark.parametrize("make", [eiot.Client, eiot.AsyncClient])
def test_secret_is_not_shown_by_a_client(make: type[eiot.Client] | type[eiot.AsyncClient]) -> None:
    client = make(appkey="k", secret=CANARY, proxy="http://user:swordfish@127.0.0.1:1")
    handle: Any = client._handle
    shown = [repr(client), str(client), repr(handle)]
    shown += [repr(getattr(handle, name)) for name in dir(handle)]
    assert CANARY not in "".join(shown) and "swordfish" not in "".join(shown)


def test_secret_is_not_shown_by_the_cache_of_unpickled_clients() -> None:
    client = pickle.loads(pickle.dumps(eiot.Client(appkey="k", secret=CANARY)))
    assert _pickle._handles and CANARY not in repr(_pickle._handles) + repr(client)


@pytest.mark.parametrize(
    "secret", [f"{CANARY} ", f"{CANARY}\0", f"{CANARY}\ud800", CANARY.encode(), [CANARY]]
)
def test_secret_that_is_invalid_is_not_repeated(secret: Any, tmp_path: pathlib.Path) -> None:
    said = []
    for call in (
        lambda: eiot.Client(appkey="k", secret=secret),
        lambda: eiot.Client(appkey="k", secret=secret),
        lambda: eiot.sign({"a": "1"}, secret) and eiot.sign({"": "1"}, secret),
    ):
        with pytest.raises((eiot.EiotError, TypeError)) as caught:
            call()
        said.append(everything(caught.value))
    assert CANARY not in "".join(said)


@pytest.mark.parametrize(
    "proxy", ["ftp://user:swordfish@proxy:1", "http://user:swordfish@", "swordfish\ud800"]
)
def test_proxy_password_is_not_repeated(proxy: str) -> None:
    with pytest.raises(eiot.ConfigurationError) as caught:
        eiot.Client(appkey="k", secret="s", proxy=proxy)
    assert "swordfish" not in everything(caught.value)
