"""The account's rate, shared by the processes of a machine."""

import subprocess

from conftest import CLEAN, best_of_three


def test_four_processes_of_eight_threads_keep_one_rate_and_use_it(build, simulator):
    # Real time, about 7 s: at ten calls a second, as the platform counts them. 64 calls, 105 ms apart.
    program = build("c/pace.c", "-lpthread")

    def check():
        running = simulator("--cooldown", "off")
        environment = CLEAN | running.environment
        command = [program, "2"]
        processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        spans = [process.communicate(timeout=60)[0].split() for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0, 0]
        # From the first answer to the last, so that what a process takes to start does not count.
        took = max(float(last) for _, last in spans) - min(float(first) for first, _ in spans)
        counters = running.counters()
        assert counters["accepted"] == 64 and counters["refused"] == {}
        # A machine that is busy for a moment takes nothing from the best second.
        assert 9 <= counters["busiest_second"] <= 10
        allowed = 63 / 9.5
        assert allowed - 0.1 <= took <= 2 * allowed, f"{took} s for what the spacing allows in {allowed} s"

    best_of_three(check)


def test_processes_that_do_not_share_the_rate_are_refused(build, simulator):
    """What sharing the rate is for, which is the default: without it, two processes are twice as fast as the platform takes."""
    running = simulator("--cooldown", "off", "--nonce-check", "off", "--rate-limit", "3")
    environment = CLEAN | running.environment | {"EIOT_RATE_LIMIT": "3", "EIOT_RATE_SCOPE": "process"}
    processes = [
        subprocess.Popen(
            [build("c/pace.c", "-lpthread"), "1"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    for process in processes:
        process.wait(timeout=60)
    assert running.counters()["refused"].get("501", 0) > 0
