"""Arguments of a wrong type: each error names the argument, and does not repeat its value."""

import asyncio
from collections.abc import Callable
from typing import Any

import eiot
import pytest

CLIENT: Any = eiot.Client(appkey="k", secret="s", base_url="http://127.0.0.1:1")
AWAITED: Any = eiot.AsyncClient(appkey="k", secret="s", base_url="http://127.0.0.1:1")
EIOT: Any = eiot

WRONG: list[tuple[str, Callable[[], object]]] = [
    ("payload", lambda: EIOT.verify_webhook({}, "s")),
    ("secret", lambda: EIOT.verify_webhook("{}", 73519)),
    ("max_age", lambda: EIOT.verify_webhook("{}", "s", max_age="73519")),
    ("sign_method", lambda: EIOT.verify_webhook("{}", "s", sign_method=73519)),
    ("params", lambda: EIOT.sign([73519], "s")),
    ("params", lambda: EIOT.sign({73519: "a"}, "s")),
    ("params", lambda: EIOT.sign({"a": 7.3519}, "s")),
    ("secret", lambda: EIOT.sign({}, 73519)),
    ("method", lambda: EIOT.sign({}, "s", 73519)),
    ("path", lambda: CLIENT.call(73519)),
    ("path", lambda: asyncio.run(AWAITED.call(73519))),
    ("parameters", lambda: CLIENT.call("/a", [73519])),
    ("parameters", lambda: CLIENT.call("/a", {"x": object()})),
    ("idempotent", lambda: CLIENT.call("/a", {}, idempotent="73519")),
    ("timeout", lambda: CLIENT.call("/a", timeout="73519")),
    ("timeout", lambda: CLIENT.refresh_usage("1", timeout="73519")),
    ("timeout", lambda: CLIENT.refresh_many([], timeout="73519")),
    ("timeout", lambda: asyncio.run(AWAITED.refresh_usage("1", timeout="73519"))),
    ("eid", lambda: CLIENT.refresh_usage([73519])),
    ("eid", lambda: asyncio.run(AWAITED.refresh_usage([73519]))),
    ("eids", lambda: CLIENT.refresh_many(73519)),
    ("eids", lambda: AWAITED.refresh_many("73519")),
    ("concurrency", lambda: CLIENT.refresh_many([], concurrency="73519")),
    ("concurrency", lambda: AWAITED.refresh_many([], concurrency=7.3519)),
    ("on_attempt", lambda: EIOT.Client(appkey="k", secret="s", on_attempt=73519)),
]


@pytest.mark.parametrize("name, call", WRONG)
def test_argument_of_a_wrong_type_is_named(name: str, call: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match=f"^{name}: ") as refused:
        call()
    assert "73519" not in str(refused.value)
