"""One account, one rate: however many clients, threads, processes and hosts call, the platform sees one well-behaved caller.

Real time, at ten calls per second as the platform counts them. With EIOT_LONG=1 (`make account-rate`, on a machine with nothing
else to do) the runs are longer, and hold the limiter to 97 % of what its spacing allows; in `make test` a busy machine may make
permits late, which are then given back, so that the bound is looser.
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import pytest
from conftest import CLEAN, IS_EMULATED, PREFIX
from hosts import Host, clock_shift, why_no_namespaces
from test_batch_command import cards_file, eid

LONG = os.environ.get("EIOT_LONG") == "1"
# Calls of the account in each run, and which part of what the spacing allows must be used; an emulator may be slower than the rate.
CALLS, USED = (320, 0.97) if LONG else (64, 0 if IS_EMULATED else 0.8)
# The limiter uses 95 % of ten calls per second.
SPACING_S = 1 / 9.5
EIOT = PREFIX / "bin" / "eiot"
HOSTS = 8


@pytest.fixture
def platform(simulator):
    """Limit 10 and nonce check on; a card may be refreshed again at once."""
    return simulator("--cooldown", "off")


def defaults(running):
    """Only the options to reach the platform: all others have their defaults."""
    return CLEAN | {f"EIOT_{name}": running.environment[f"EIOT_{name}"] for name in ("BASE_URL", "APPKEY", "SECRET")}


@contextlib.contextmanager
def started(commands):
    """Processes that are started together, given as (command, environment), and ended with the block."""
    processes = []
    try:
        for command, environment in commands:
            words = [str(word) for word in command]
            processes.append(
                subprocess.Popen(
                    words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
                )
            )
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def succeed(processes):
    for process in processes:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err


def run_all(*commands):
    """Runs processes that are started together to their successful ends."""
    with started(commands) as processes:
        succeed(processes)


def used_part(arrivals_us):
    """The fraction of the allowed rate that these calls used, by the platform's clock from the first to the last of them."""
    return (len(arrivals_us) - 1) * SPACING_S / ((arrivals_us[-1] - arrivals_us[0]) / 1e6)


def assert_kept(running, calls):
    """No call was rejected, no nonce was repeated, and no closed second had more calls than the limit. Returns the arrivals."""
    counters = running.counters()
    assert counters["refused"] == {} and counters["accepted"] == calls
    assert counters["repeated_nonces"] == 0 and counters["busiest_second"] <= 10
    return counters["arrivals_us"]


def assert_used(what, arrivals_us):
    used = used_part(arrivals_us)
    print(f"{what}: {len(arrivals_us)} calls, {used:.1%} of what the spacing allows")
    assert used >= USED


def assert_kept_and_used(running, calls):
    assert_used("all", assert_kept(running, calls))


def test_rate_of_eight_clients_in_one_process_is_one(build, platform):
    run_all(([build("c/pace.c", "-lpthread"), CALLS // 8, 0, 8], defaults(platform)))
    assert_kept_and_used(platform, CALLS)


def test_rate_of_four_forked_children_with_eight_threads_each_is_one(build, platform):
    run_all(([build("c/pace.c", "-lpthread"), CALLS // 32, 4, 1], defaults(platform)))
    assert_kept_and_used(platform, CALLS)


def test_rate_of_eight_processes_is_one(platform, tmp_path):
    cards = [cards_file(tmp_path, CALLS // 8, f"cards-{number}.txt") for number in range(8)]
    environment = defaults(platform) | {"EIOT_RATE_SCOPE": "host"}
    run_all(*(([EIOT, "refresh", "--from", file], environment) for file in cards))
    assert_kept_and_used(platform, CALLS)


def test_rate_is_exceeded_by_processes_that_do_not_share_it(build, simulator):
    """What sharing the rate is for, which is the default: without it, two processes are twice as fast as the platform takes."""
    running = simulator("--cooldown", "off", "--nonce-check", "off", "--rate-limit", "3")
    environment = CLEAN | running.environment | {"EIOT_RATE_LIMIT": "3", "EIOT_RATE_SCOPE": "process"}
    with started([([build("c/pace.c", "-lpthread"), "1"], environment)] * 2) as processes:
        for process in processes:
            process.communicate(timeout=60)
    assert running.counters()["refused"].get("501", 0) > 0


def test_clock_of_a_host_is_shifted_for_the_library(platform, tmp_path):
    """The next test relies on this."""
    environment = defaults(platform) | clock_shift(tmp_path)(100_000)
    command = [EIOT, "refresh", "-v", eid(1)]
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True, timeout=60)
    (timestamp,) = re.findall(r"timestamp=(\d+)", done.stderr)
    assert 90 < int(timestamp) - time.time() < 110


def test_rate_of_eight_hosts_with_a_redis_is_one_although_their_clocks_differ(build, platform, redis, tmp_path):
    if reason := why_no_namespaces():
        pytest.skip(reason)
    shift, ports = clock_shift(tmp_path), [redis.port, int(platform.url.rpartition(":")[2])]
    with contextlib.ExitStack() as stack:
        hosts = []
        for number in range(HOSTS):
            # From 2 s behind to 2 s ahead.
            clock = shift(round((number / (HOSTS - 1) - 0.5) * 4000))
            environment = defaults(platform) | clock | {"EIOT_RATE_SCOPE": redis.url}
            host = Host(
                [build("c/pace.c", "-lpthread"), CALLS // HOSTS // 8], ports, env=environment, stderr=subprocess.PIPE, text=True
            )
            stack.callback(host.close)
            hosts.append(host)
        succeed(host.process for host in hosts)
    assert_kept_and_used(platform, CALLS)


@pytest.mark.parametrize("machines", [2, 3, 4, 8, 20])
def test_rate_shares_that_start_together_are_one_rate(platform, tmp_path, machines):
    each = max(CALLS // machines // 2, 4)
    cards = cards_file(tmp_path, each)
    run_all(
        *(
            ([EIOT, "refresh", "--from", cards], defaults(platform) | {"EIOT_RATE_SHARE": f"{which}/{machines}"})
            for which in range(1, machines + 1)
        )
    )
    arrivals = assert_kept(platform, machines * each)
    # Without the beginning and the end, when not all of them are there: no machine takes the permits of another.
    assert_used("all at work", arrivals[machines:-machines])


@pytest.mark.parametrize("where", ["host", "redis"])
def test_nonces_of_eight_processes_repeat_only_when_all_others_were_used(request, simulator, tmp_path, where):
    """There are 90,000. A call that others overtake on its way comes that many calls nearer to the next use of its nonce, and
    where there is no limit, a process that has to wait for a processor is overtaken by thousands."""
    running = simulator("--cooldown", "off", "--rate-limit", "off", "--nonce-check", "off")
    scope, limit = request.getfixturevalue("redis").url if where == "redis" else where, "3000" if LONG else "off"
    environment = defaults(running) | {"EIOT_RATE_SCOPE": scope, "EIOT_RATE_LIMIT": limit}
    cards = cards_file(tmp_path, 12_500)
    run_all(*[([EIOT, "refresh", "--quiet", "--concurrency", "4", "--from", cards], environment)] * HOSTS)
    counters = running.counters()
    distance = counters["shortest_nonce_distance"]
    print(f"{where}: at least {distance} calls from one use of a nonce to the next")
    assert counters["accepted"] == 100_000 and distance >= 90_000 - (1_000 if LONG else 15_000)


def test_rate_of_a_killed_redis_host_goes_to_the_others_within_two_seconds(platform, redis, tmp_path):
    cards = cards_file(tmp_path, 1000)
    environment = defaults(platform) | {"EIOT_RATE_SCOPE": redis.url}
    with started([([EIOT, "refresh", "--from", cards], environment)] * HOSTS) as hosts:
        wait_for_calls(platform, 20)
        hosts[0].kill()
        before = len(platform.counters()["arrivals_us"])
        wait_for_calls(platform, before + 50)
    counters = platform.counters()
    assert counters["refused"] == {} and counters["busiest_second"] <= 10
    after = counters["arrivals_us"][before:]
    assert_used("from 2 s after", [arrival for arrival in after if arrival >= after[0] + 2_000_000])


def wait_for_calls(running, calls):
    deadline = time.monotonic() + 60
    while len(running.counters()["arrivals_us"]) < calls:
        assert time.monotonic() < deadline, f"fewer than {calls} calls in 60 s"
        time.sleep(0.02)


def test_command_holds_its_cards_while_the_redis_is_away_and_refreshes_each_once(platform, redis, tmp_path):
    environment = defaults(platform) | {"EIOT_RATE_SCOPE": redis.url}
    with started([([EIOT, "refresh", "--from", cards_file(tmp_path, 40)], environment)]) as (command,):
        wait_for_calls(platform, 10)
        redis.stop()
        calls = len(platform.counters()["arrivals_us"])
        time.sleep(1.5)
        # One may have had its permit.
        assert len(platform.counters()["arrivals_us"]) <= calls + 1
        redis.start()
        _, err = command.communicate(timeout=60)
    assert command.returncode == 0, err
    assert "cannot be reached, holding back all cards: next probe in 0.5 s" in err and redis.url[8:] in err
    assert "the Redis that the rate is shared by can be reached again" in err
    assert_kept(platform, 40)
    assert set(platform.counters()["per_eid"].values()) == {1}


def test_command_says_what_it_waits_for_when_that_takes_longer_than_two_seconds(platform, tmp_path):
    environment = defaults(platform) | {"EIOT_RATE_DIR": str(tmp_path / "rate")}
    run_all(([EIOT, "refresh", eid(1)], environment | {"EIOT_RATE_LIMIT": "0.3"}))
    command = [EIOT, "refresh", "--from", cards_file(tmp_path, 3)]
    with started([(command, environment)]) as (waiting,):
        _, err = waiting.communicate(timeout=60)
    (file,) = (tmp_path / "rate").iterdir()
    # It is 3.3 s, less what the machine takes to begin.
    said = re.findall(rf"^eiot: rate limit: waiting [23]\.\d s for the next call, set by {re.escape(str(file))}$", err, re.M)
    assert waiting.returncode == 0 and len(said) == 1, err


@contextlib.contextmanager
def directory_for_all():
    """A directory that other users can look into, which pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="eiot-rate-") as directory:
        os.chmod(directory, 0o755)
        yield pathlib.Path(directory)


OTHER_USER = 54_321


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to be another user")
@pytest.mark.parametrize("made", [True, False], ids=["read-only directory", "read-only parent"])
def test_rate_directory_that_cannot_be_written_to_is_a_configuration_error_that_names_it(platform, made):
    with directory_for_all() as parent:
        command, directory = shutil.copy(EIOT, parent), parent / "rate"
        if made:
            directory.mkdir(0o555)
            os.chown(directory, OTHER_USER, -1)
        environment = defaults(platform) | {"EIOT_RATE_DIR": str(directory)}
        done = subprocess.run(
            [command, "refresh", eid(1)], env=environment, user=OTHER_USER, capture_output=True, text=True, timeout=10
        )
        assert done.returncode == 2 and "rate_scope: " in done.stderr, done.stderr
        assert str(directory) in done.stderr and "Permission denied" in done.stderr, done.stderr
    assert platform.counters()["calls"] == 0
