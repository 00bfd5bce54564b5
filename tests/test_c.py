"""C programs against the installed library: threads, fork, idle connections, misuse, and nothing leaked."""

import os
import re
import sys

import pytest
from conftest import PREFIX, TESTS, Face, compiled, run, vectors
from test_refusals import EID

HEADER = PREFIX / "include" / "eiot.h"


def test_every_signing_vector_is_signed_in_c(build):
    program = build("c/signing.c")
    for case in vectors("signing.json")["cases"]:
        words = [word for pair in case["params"].items() for word in pair]
        for method in ("sha1", "md5"):
            assert run([program, method, case["secret"], *words]).stdout.strip() == case[method], case["name"]


def test_eight_threads_share_a_client_and_the_library_starts_none(build, simulator):
    running = simulator("--tls", "--unlimited")
    run([build("c/threads.c", "-lpthread"), "2000"], environment=running.environment)


@pytest.mark.parametrize("arguments", [(), ("--tls",)], ids=["http", "tls"])
def test_no_call_fails_when_the_server_closes_idle_connections(build, simulator, arguments):
    # Real time: only a real server that really closes shows what the engine notices. 30 calls, 60 ms apart.
    running = simulator(*arguments, "--unlimited", "--idle-timeout-ms", "20")
    run([build("c/idle.c"), "30", "60"], environment=running.environment)


def test_no_nonce_repeats_within_90_000_of_200_000_calls(build, simulator):
    # One thread, so that the calls arrive in the order in which they were signed.
    running = simulator("--unlimited")
    run([build("c/idle.c"), "200000", "0"], environment=running.environment, timeout=300)
    counters = running.counters()
    assert counters["calls"] == 200_000
    assert counters["shortest_nonce_distance"] >= 90_000


@pytest.mark.parametrize("arguments", [(), ("--tls",)], ids=["http", "tls"])
def test_parent_and_children_go_on_after_fork(build, simulator, arguments):
    running = simulator(*arguments, "--unlimited")
    run([build("c/fork.c")], environment=running.environment)


def test_batch_of_a_forked_child_gives_every_card_back_with_an_error(build, simulator):
    running = simulator("--unlimited", "--latency-ms", "20")
    run([build("c/batch_fork.c")], environment=running.environment)
    assert running.counters()["calls"] == 20


def test_a_signal_handler_can_break_a_call_off(build, simulator):
    # Real time: 200 ms until the alarm, and a time-out of 600 ms for the call that nobody breaks off.
    running = simulator("--latency-ms", "2000")
    run([build("c/cancel.c")], environment=running.environment | {"EIOT_TIMEOUT": "0.6"})


def test_thread_cancellation_is_deferred_until_the_call_has_ended(build, simulator):
    running = simulator("--unlimited", "--latency-ms", "1000")
    run([build("c/thread_cancel.c", "-lpthread")], environment=running.environment)


def test_every_function_of_the_header_is_misused():
    """A new function must be tried with NULL too."""
    declared = set(re.findall(r"\b(eiot_\w+)\(", re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)))
    tried = set(re.findall(r"\b(eiot_\w+)\(", (TESTS / "c" / "misuse.c").read_text()))
    assert declared <= tried, declared - tried


def test_a_host_survives_a_peer_that_answers_once_and_resets(build, simulator):
    # Over TLS, where more is written than one small message; with retries every call succeeds.
    running = simulator("--tls", "--unlimited", "--fault", "reset-after", "--fault-repeat")
    environment = running.environment | {"EIOT_MAX_ATTEMPTS": "9"}
    run([build("c/sigpipe.c", "-lpthread"), "500", "0"], environment=environment)
    run([build("c/sigpipe.c", "-lpthread"), "50", "3"], environment=environment)


@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
def test_a_panic_inside_the_shipped_library_becomes_an_internal_error_and_prints_nothing(tmp_path, simulator, static):
    program = compiled(TESTS / "c" / "panic.c", tmp_path / "panic", "-static-libgcc", static=static)
    running = simulator("--unlimited")
    # A name, so that it must be looked up.
    url = running.url.replace("127.0.0.1", "localhost")
    done = run([program], environment=running.environment | {"EIOT_BASE_URL": url})
    assert done.stdout + done.stderr == ""


def test_nothing_grows_over_many_faulty_calls(build, simulator):
    _soak([build("c/soak.c", "-lpthread")], simulator)


def test_nothing_grows_over_many_faulty_calls_from_python(simulator):
    _soak([sys.executable, TESTS / "faces" / "soak.py"], simulator)


def _soak(program, simulator):
    # The short form; `make soak` makes 100,000 calls.
    calls = int(os.environ.get("EIOT_SOAK_CALLS", "4000"))
    running = simulator("--unlimited", "--tls", "--fault-chance", "0.8", "--fault-seed", "42")
    run([*program, str(calls // 4)], environment=running.environment, timeout=1800)


def test_misuse_has_defined_results(build, simulator):
    run([build("c/misuse.c")], environment=simulator("--unlimited").environment)


def test_misuse_is_clean_under_valgrind(build, simulator, valgrind):
    run([*valgrind, build("c/misuse.c")], environment=simulator("--unlimited").environment)


@pytest.mark.parametrize("arguments", [(), ("--tls",)], ids=["http", "tls"])
def test_calls_are_clean_under_valgrind(build, simulator, valgrind, arguments):
    running = simulator(*arguments)
    face = Face("c", [*valgrind, build("faces/face.c")])
    outcomes = face.refresh([EID, EID, "8.9E+31", "null:", "hex:ff"], running.options)
    assert [outcome["ok"] for outcome in outcomes] == [True, False, False, False, False]
    assert not face.refresh([EID], running.options | {"secret": "wrong"})[0]["ok"]
    assert not face.refresh([EID], running.options | {"base_url": "http://127.0.0.1:1"})[0]["ok"]


def test_threads_are_clean_under_valgrind(build, simulator, valgrind):
    running = simulator("--unlimited")
    run([*valgrind, build("c/threads.c", "-lpthread"), "20"], environment=running.environment)


def test_the_static_library_links_through_pkg_config(tmp_path, simulator):
    running = simulator()
    program = compiled(TESTS / "faces" / "face.c", tmp_path / "static", "-static-libgcc", static=True)
    assert Face("c", [program]).refresh([EID], running.options)[0]["ok"]
