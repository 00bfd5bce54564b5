"""Many cards, through the C library: nothing lost, nothing twice, memory flat."""

import json
import os
import time

import pytest
from conftest import run


def batch(program, running, cards, concurrency, how="all", *, timeout=120, **options):
    environment = running.environment | {f"EIOT_{name.upper()}": value for name, value in options.items()}
    return json.loads(run([program, cards, concurrency, how], environment=environment, timeout=timeout).stdout)


@pytest.mark.parametrize("arguments", [(), ("--tls",)], ids=["http", "tls"])
def test_every_card_is_refreshed_once(build, simulator, arguments):
    running = simulator("--unlimited", *arguments)
    told = batch(build("c/batch.c"), running, 2000, 32)
    assert (told["given"], told["back"], told["EIOT_OK"]) == (2000, 2000, 2000)
    if not running.tls:
        counters = running.counters()
        assert (counters["calls"], len(counters["per_eid"])) == (2000, 2000)
        assert set(counters["per_eid"].values()) == {1}


def test_an_array_of_cards_and_a_callback(build, simulator):
    run([build("c/refresh_many.c")], environment=simulator("--unlimited").environment)


def test_an_array_of_cards_is_clean_under_valgrind(build, simulator, valgrind):
    run([*valgrind, build("c/refresh_many.c")], environment=simulator("--unlimited").environment)


def test_stop_finishes_what_is_under_way(build, simulator):
    running = simulator("--unlimited", "--latency-ms", "50")
    told = batch(build("c/batch.c"), running, 1000, 8, "stop", rate_limit="100")
    assert told["given"] == told["back"]
    assert running.counters()["calls"] == told["EIOT_OK"] < 30


def test_a_signal_handler_can_break_a_batch_off(build, simulator):
    # Real time: the platform takes 20 s to answer, the batch ends after 350 ms at the latest.
    running = simulator("--unlimited", "--latency-ms", "20000")
    told = batch(build("c/batch.c"), running, 1000, 8, "cancel", timeout=5)
    assert told["given"] == told["back"] == told["EIOT_ERR_CANCELLED"] == 8


def test_failures_of_all_kinds_add_up(build, simulator):
    running = simulator("--unlimited", "--tls", "--fault-chance", "0.1", "--fault-seed", "11")
    told = batch(build("c/batch.c"), running, 2000, 32)
    kinds = [name for name in told if name.startswith("EIOT_ERR")]
    assert told["given"] == told["back"] == 2000 and len(kinds) > 3
    assert 1700 < told["EIOT_OK"] < 1900


def test_a_raised_rate_is_used_and_never_exceeded(build, simulator):
    # Real time: 1,500 cards at 475 a second, somewhat more than three seconds; the long form takes 10,000.
    cards = int(os.environ.get("EIOT_BATCH_CARDS", "1500"))
    running = simulator("--unlimited", "--latency-ms", "20")
    program = build("c/batch.c")
    begin = time.monotonic()
    told = batch(program, running, cards, 64, rate_limit="500")
    took = time.monotonic() - begin
    # 95 % of the limit is used; the program's start and the last answer belong to the measured time, too.
    wanted = (cards - 1) / (500 * 0.95)
    assert told["EIOT_OK"] == cards
    assert running.counters()["busiest_second"] <= 500
    assert wanted <= took <= wanted / 0.99 + 0.25, (wanted, took)


def test_memory_does_not_grow_with_the_cards(build, simulator):
    # The short form; `make batch` has a million.
    cards = int(os.environ.get("EIOT_BATCH_MOST", "60000"))
    program = build("c/batch.c")
    peaks = []
    for count in (10_000, cards):
        told = batch(program, simulator("--unlimited"), count, 32, timeout=900)
        assert told["EIOT_OK"] == count
        peaks.append(told["peak_kib"])
    print(peaks)
    assert peaks[1] <= peaks[0] * 1.1
