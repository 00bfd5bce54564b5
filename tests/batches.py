"""Batches, through every driver and in every language except the command."""

import concurrent.futures
import time

from test_refusals import NO, STATUS

CARDS = [str(8904_0000 + card) for card in range(1000)]
# The maximum number of calls that a driver has in flight.
CONCURRENCY = 32


def wait_for_calls(running, count):
    """Waits until the simulator has seen this many calls; the start of a virtual machine does not count."""
    deadline = time.monotonic() + 60
    while running.counters()["calls"] < count:
        assert time.monotonic() < deadline, running.counters()
        time.sleep(0.02)


def restarted(running, simulator, *arguments):
    """A simulator on the port of an earlier one."""
    running.process.kill()
    running.process.wait()
    return simulator("--port", running.url.rsplit(":", 1)[1], *arguments)


def batch_stops_after_repeated_authentication_failures_and_returns_each_card(driver, simulator):
    running = simulator("--unlimited", "--refuse", "502")
    outcomes = driver.refresh(CARDS, running.options, verb=["batch"])
    assert sorted(outcome["eid"] for outcome in outcomes) == CARDS
    assert {(outcome["kind"], outcome["status"]) for outcome in outcomes} == {("auth", STATUS["EIOT_ERR_AUTH"])}
    unsent = [outcome for outcome in outcomes if outcome["attempts"] == 0]
    calls = running.counters()["calls"]
    assert 20 <= calls <= 20 + CONCURRENCY and len(unsent) == 1000 - calls
    for outcome in unsent:
        assert outcome["message"].startswith(f"EID {outcome['eid']}: not sent, because 20 calls in a row were refused"), outcome
        assert (outcome["delivered"], outcome["final"], outcome["code"]) == (NO, False, None), outcome
    # The cause is fixed: the same cards are all refreshed.
    accepts = restarted(running, simulator, "--unlimited")
    outcomes = driver.refresh(CARDS, accepts.options, verb=["batch"])
    assert all(outcome["ok"] for outcome in outcomes) and len(outcomes) == 1000
    assert accepts.counters()["calls"] == 1000


def outage_loses_no_card(driver, simulator):
    """Real time: the platform is unreachable for two seconds."""
    running = simulator("--unlimited", "--latency-ms", "8")
    options = running.options | {"outage_timeout": "900", "max_attempts": "3"}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        done = pool.submit(driver.refresh, CARDS, options, verb=["batch"])
        wait_for_calls(running, 50)
        running.process.kill()
        time.sleep(2)
        restarted(running, simulator, "--unlimited")
        outcomes = done.result(timeout=60)
    assert [outcome for outcome in outcomes if not outcome["ok"]] == []
    assert sorted(outcome["eid"] for outcome in outcomes) == CARDS


def card_comes_back_exactly_once_with_its_index_and_input(driver, simulator):
    running = simulator("--unlimited")
    cards = CARDS[:60]
    given = [*cards, *(f" {card}" for card in cards[:5]), "8.9E+31"]
    outcomes = driver.refresh(given, running.options, verb=["batch"])
    assert sorted(outcome["index"] for outcome in outcomes) == list(range(66))
    by_index = {outcome["index"]: outcome for outcome in outcomes}
    assert [by_index[index]["input"] for index in range(66)] == given
    assert {index for index, outcome in by_index.items() if outcome["duplicate"]} == set(range(60, 65))
    malformed = by_index.pop(65)
    assert (malformed["kind"], malformed["retryable"]) == ("invalid_eid", False)
    assert all(outcome["ok"] and outcome["eid"] == cards[index % 60] for index, outcome in by_index.items())
    assert running.counters()["calls"] == 60, "nothing is sent for duplicates"


def duplicate_has_the_failure_of_the_first(driver, simulator):
    outcomes = driver.refresh(["8904", "8904"], simulator("--unlimited", "--refuse", "41007").options, verb=["batch"])
    assert [(outcome["kind"], outcome["code"]) for outcome in outcomes] == [("platform", "41007")] * 2
    assert sorted(outcome["duplicate"] for outcome in outcomes) == [False, True]


# Whether an error says that the call can be repeated, by what the platform does.
RETRYABLE = {("--fault", "status=503,0"): True, ("--fault", "reset"): True, ("--refuse", "41007"): False, ("--refuse", "403"): False}


def error_says_whether_to_repeat_the_call(driver, simulator):
    for arguments, retryable in RETRYABLE.items():
        (outcome,) = driver.refresh(["8904"], simulator("--unlimited", *arguments).options, verb=["batch"])
        assert outcome["ok"] is False and outcome["retryable"] is retryable, outcome


PROMISES = [batch_stops_after_repeated_authentication_failures_and_returns_each_card, outage_loses_no_card]
# What a result of a batch says beside the outcome.
RESULTS = [
    card_comes_back_exactly_once_with_its_index_and_input,
    duplicate_has_the_failure_of_the_first,
    error_says_whether_to_repeat_the_call,
]
