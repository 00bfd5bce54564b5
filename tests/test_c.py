"""C programs against the installed library: threads, fork, idle connections, misuse, and nothing leaked."""

import json
import os
import re
import sys

import pytest
from conftest import PREFIX, TESTS, Driver, compiled, run, vectors
from test_refusals import EID

HEADER = PREFIX / "include" / "eiot.h"
FAULTY = ("--unlimited", "--fault-chance", "0.8", "--fault-seed", "42")
# The short form; `make soak` makes 100,000 calls.
CALLS = int(os.environ.get("EIOT_SOAK_CALLS", "4000"))


def test_signing_agrees_with_every_vector(build):
    program = build("c/signing.c")
    for case in vectors("signing.json")["cases"]:
        words = [word for pair in case["params"].items() for word in pair]
        for method in ("sha1", "md5"):
            assert run([program, method, case["secret"], *words]).stdout.strip() == case[method], case["name"]


def test_client_is_shared_by_eight_threads_and_the_library_starts_none(build, simulator):
    running = simulator("--tls", "--unlimited")
    run([build("c/threads.c", "-lpthread"), "2000"], environment=running.environment)


@pytest.mark.parametrize("arguments", [(), ("--tls",)], ids=["http", "tls"])
def test_idle_connections_that_the_server_closes_fail_no_call(build, simulator, arguments):
    # Real time: only a real server that really closes tests what the event loop detects. 30 calls, 60 ms apart.
    running = simulator(*arguments, "--unlimited", "--idle-timeout-ms", "20")
    run([build("c/idle.c"), "30", "60"], environment=running.environment)


def test_nonces_do_not_repeat_within_90_000_of_120_000_calls(build, simulator):
    # One thread, so that the calls arrive in the order in which they were signed.
    running = simulator("--unlimited")
    run([build("c/idle.c"), "120000", "0"], environment=running.environment, timeout=300)
    counters = running.counters()
    assert counters["calls"] == 120_000
    assert counters["shortest_nonce_distance"] >= 90_000


@pytest.mark.parametrize("arguments", [(), ("--tls",)], ids=["http", "tls"])
def test_fork_leaves_parent_and_children_working(build, simulator, arguments):
    running = simulator(*arguments, "--unlimited")
    run([build("c/fork.c")], environment=running.environment)


def test_batch_in_a_forked_child_returns_every_card_with_an_error(build, simulator):
    running = simulator("--unlimited", "--latency-ms", "20")
    run([build("c/batch_fork.c")], environment=running.environment)
    assert running.counters()["calls"] == 20


def test_results_events_options_and_counters_belong_to_their_cards_and_calls(build, simulator):
    # Real time: the answers take 50 ms, and the program looks for them every 5 ms.
    running = simulator("--unlimited", "--latency-ms", "50", "--fault", "status=503")
    run([build("c/results.c")], environment=running.environment | {"EIOT_MAX_ATTEMPTS": "3"})


def test_call_can_be_cancelled_by_a_signal_handler(build, simulator):
    # Real time: 200 ms until the alarm, and a timeout of 600 ms for the call that is not cancelled.
    running = simulator("--latency-ms", "2000")
    run([build("c/cancel.c")], environment=running.environment | {"EIOT_TIMEOUT": "0.6"})


def test_thread_cancellation_is_deferred_until_the_call_has_ended(build, simulator):
    running = simulator("--unlimited", "--latency-ms", "1000")
    run([build("c/thread_cancel.c", "-lpthread")], environment=running.environment)


def test_misuse_covers_every_function_of_the_header():
    """A new function must be tried with NULL too."""
    declared = set(re.findall(r"\b(eiot_\w+)\(", re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)))
    tried = set(re.findall(r"\b(eiot_\w+)\(", (TESTS / "c" / "misuse.c").read_text()))
    assert declared <= tried, declared - tried


def test_sigpipe_does_not_end_the_host(build, simulator):
    # Over TLS, which writes more than one small message; with retries every call succeeds.
    running = simulator("--tls", "--unlimited", "--fault", "reset-after", "--fault-repeat")
    environment = running.environment | {"EIOT_MAX_ATTEMPTS": "9"}
    run([build("c/sigpipe.c", "-lpthread"), "500", "0"], environment=environment)
    run([build("c/sigpipe.c", "-lpthread"), "50", "3"], environment=environment)


@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
def test_panic_in_the_shipped_library_becomes_an_internal_error_and_prints_nothing(tmp_path, simulator, static):
    program = compiled(TESTS / "c" / "panic.c", tmp_path / "panic", "-static-libgcc", static=static)
    running = simulator("--unlimited")
    # A host name, to force a DNS lookup.
    url = running.url.replace("127.0.0.1", "localhost")
    done = run([program], environment=running.environment | {"EIOT_BASE_URL": url})
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("arguments", [(), ("--tls",)], ids=["http", "tls"])
def test_stack_that_the_header_asks_for_is_enough_with_a_reserve(build, simulator, arguments):
    kib = int(re.search(r"needs (\d+) KiB of stack", HEADER.read_text()).group(1))
    running = simulator(*arguments, "--unlimited")
    used = json.loads(run([build("c/stack.c", "-lpthread"), kib], environment=running.environment).stdout)
    print(used)
    assert all(0 < size <= 0.75 * kib * 1024 for size in used.values()), used


def test_process_without_memory_is_aborted_and_prints_nothing(build, simulator):
    run([build("c/memory.c")], environment=simulator("--unlimited").environment)


def test_memory_does_not_grow_over_many_faulty_calls(build, simulator):
    _soak([build("c/soak.c", "-lpthread")], simulator("--tls", *FAULTY))


def test_memory_does_not_grow_over_many_faulty_calls_from_python(simulator):
    _soak([sys.executable, TESTS / "drivers" / "soak.py"], simulator("--tls", *FAULTY))


def test_memory_does_not_grow_and_counters_add_up_over_many_faulty_calls(build, simulator):
    running = simulator(*FAULTY)
    stats = _soak([build("c/soak.c", "-lpthread")], running)
    _counters_agree(stats, running.counters())


def test_counters_add_up_when_calls_are_retried(build, simulator):
    # Real time: some seconds of backoff and Retry-After.
    running = simulator(*FAULTY)
    stats = _soak([build("c/soak.c", "-lpthread")], running, calls=200, EIOT_MAX_ATTEMPTS="2")
    assert stats["retries"] > 25
    _counters_agree(stats, running.counters())


def _soak(program, running, calls=CALLS, **environment):
    """The counters of the client, which the last line of the output has; they add up."""
    done = run([*program, str(calls // 4)], environment=running.environment | environment, timeout=1800)
    print(done.stdout)
    stats = json.loads(done.stdout.splitlines()[-1])
    for counted in (stats["calls"], stats["attempts"]):
        assert counted["started"] == counted["ok"] + sum(counted["failed"].values()) and counted["in_flight"] == 0
    assert stats["calls"]["started"] == stats["attempts"]["started"] - stats["retries"] == calls
    return stats


def _counters_agree(stats, seen):
    """What the client has counted is what the simulator has counted."""
    attempts, faults = stats["attempts"], seen["faults"]
    # Requests on connections that the simulator had just closed, after a reply.
    unseen = attempts["started"] - seen["calls"]
    assert 0 <= unseen <= faults["close-after"] + faults["reset-after"]
    lost = sum(faults[name] for name in ("close", "reset", "reset-headers", "reset-body"))
    failed = {kind: count for kind, count in attempts["failed"].items() if count}
    assert failed == {
        "connection_lost": lost + unseen,
        "protocol": sum(faults[name] for name in ("broken-json", "truncated-json", "html", "garbage")),
        "unavailable": seen["refused"]["500"],
        "http": failed["http"],
        "rate_limited": faults["status"] - failed["http"],
    }
    assert attempts["ok"] == seen["accepted"] - lost == stats["calls"]["ok"]


def test_misuse_has_defined_results(build, simulator):
    run([build("c/misuse.c")], environment=simulator("--unlimited").environment)


def test_misuse_is_clean_under_valgrind(build, simulator, valgrind):
    run([*valgrind, build("c/misuse.c")], environment=simulator("--unlimited").environment)


@pytest.mark.parametrize("arguments", [(), ("--tls",)], ids=["http", "tls"])
def test_calls_are_clean_under_valgrind(build, simulator, valgrind, arguments):
    running = simulator(*arguments)
    driver = Driver("c", [*valgrind, build("drivers/driver.c")])
    outcomes = driver.refresh([EID, EID, "8.9E+31", "null:", "hex:ff"], running.options)
    assert [outcome["ok"] for outcome in outcomes] == [True, False, False, False, False]
    assert not driver.refresh([EID], running.options | {"secret": "wrong"})[0]["ok"]
    assert not driver.refresh([EID], running.options | {"base_url": "http://127.0.0.1:1"})[0]["ok"]


def test_results_events_and_counters_are_clean_under_valgrind(build, simulator, valgrind):
    # Slow enough that the program, which valgrind slows down, still polls in vain.
    running = simulator("--unlimited", "--latency-ms", "500", "--fault", "status=503")
    run([*valgrind, build("c/results.c")], environment=running.environment | {"EIOT_MAX_ATTEMPTS": "3"})


def test_threads_are_clean_under_valgrind(build, simulator, valgrind):
    running = simulator("--unlimited")
    run([*valgrind, build("c/threads.c", "-lpthread"), "20"], environment=running.environment)


def test_static_library_links_through_pkg_config(tmp_path, simulator):
    running = simulator()
    program = compiled(TESTS / "drivers" / "driver.c", tmp_path / "static", "-static-libgcc", static=True)
    assert Driver("c", [program]).refresh([EID], running.options)[0]["ok"]
