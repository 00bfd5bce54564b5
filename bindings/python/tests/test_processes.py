"""Many processes, many threads, and the end of the program while calls are in flight."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import eiot
import pool_tasks
import pytest
from conftest import EID, EIDS, output_of
from eiot import _native
from eiot._exceptions import BY_KIND
from responder import Answer, Request, Responder

Start = Callable[..., Responder]


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Eight processes that are spawned, not forked: they get everything from pickles."""
    with ProcessPoolExecutor(8, multiprocessing.get_context("spawn")) as pool:
        yield pool


def test_pool_of_eight_passes_clients_and_replies_around(
    pool: ProcessPoolExecutor, responder: Start
) -> None:
    all_eight = threading.Barrier(8)

    def answer(request: Request) -> Answer:
        if len(server.requests) <= 8:
            all_eight.wait(60)
        return Answer()

    server = responder(answer)
    client = eiot.Client(**server.options).with_options(timeout=60)
    eids = [EIDS[n % len(EIDS)] for n in range(64)]
    done = list(pool.map(pool_tasks.refresh, [client] * 64, eids))
    assert [reply for _, reply, _ in done] == [client.refresh_usage(eid) for eid in eids]
    assert {repr(back) for _, _, back in done} == {repr(client)}
    assert len({pid for pid, _, _ in done}) == 8
    assert len({request.connection for request in server.requests}) == 9, "one each, and one of this process"


def test_client_method_can_be_a_pool_task(pool: ProcessPoolExecutor, responder: Start) -> None:
    client = eiot.Client(**responder().options)
    assert [reply.eid for reply in pool.map(client.refresh_usage, [EID] * 16, chunksize=4)] == [EID] * 16


@pytest.mark.parametrize("kind", _native.kinds())
def test_exceptions_are_returned_from_a_pool(kind: str, pool: ProcessPoolExecutor) -> None:
    with pytest.raises(BY_KIND[kind]) as caught:
        pool.submit(pool_tasks.fail, kind, EID).result(timeout=60)
    error = caught.value
    assert type(error) is BY_KIND[kind] and str(error) == f"EID {EID}: no"
    assert (error.code, error.platform_message, error.http_status) == ("45109", "套餐不存在", 200)
    assert (error.attempts, error.retry_after, error.delivered, error.eid) == (2, 1.5, "unknown", EID)
    assert error.final is True and (error.body, error.headers) == (b"<html>", {"server": "nginx"})


def test_failure_is_returned_from_a_pool(pool: ProcessPoolExecutor, responder: Start) -> None:
    client = eiot.Client(**responder(Answer(429, "", {"Retry-After": "7"})).options)
    with pytest.raises(eiot.RateLimitedError) as caught:
        pool.submit(client.refresh_usage, EID).result(timeout=60)
    assert (caught.value.retry_after, caught.value.http_status, caught.value.eid) == (7.0, 429, EID)


def test_client_is_shared_by_sixty_four_threads(responder: Start) -> None:
    def answer(request: Request) -> Answer:
        return Answer(body=f'{{"code": "200", "message": "{request.body["eid"]}"}}')

    server = responder(answer)
    client = eiot.Client(**server.options)
    with ThreadPoolExecutor(64) as threads:
        replies = list(threads.map(client.refresh_usage, (EIDS[n % len(EIDS)] for n in range(640))))
    assert all(reply.eid == reply.message for reply in replies), (
        "each thread gets the answer to its own question"
    )
    assert len({request.body["nonce"] for request in server.requests}) == 640


FORKED = f"""
import multiprocessing, os, warnings
import eiot
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads, from Python 3.12
client = eiot.Client()
client.refresh_usage({EID!r})
with multiprocessing.get_context("fork").Pool(4) as pool:
    replies = pool.map(client.refresh_usage, [{EID!r}] * 40)
print({{reply.message for reply in replies}}, client.refresh_usage({EID!r}).message)
"""


def test_forked_pool_uses_a_client_of_its_parent(responder: Start) -> None:
    assert output_of(FORKED, responder().environment) == "{'success'} success\n"


BUSY_END = f"""
import threading, eiot
client = eiot.Client()
begun = threading.Barrier(9)
def call():
    client.refresh_usage({EID!r})
    begun.wait()
    while True:
        client.refresh_usage({EID!r})
for _ in range(8):
    threading.Thread(target=call, daemon=True).start()
begun.wait()
"""


def test_program_can_end_while_calls_of_daemon_threads_complete(
    simulator: Callable[..., dict[str, str]],
) -> None:
    environment = {f"EIOT_{name.upper()}": str(value) for name, value in simulator("--unlimited").items()}
    for _ in range(5):
        assert output_of(BUSY_END, environment) == ""
