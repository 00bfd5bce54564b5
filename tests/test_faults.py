"""The fault matrix: every fault of the simulator, through every driver: the right kind, the right `delivered`, in time.

The faults are those that `eiot-sim --help` lists; one that this table does not know fails the first test.
"""

import re
import socket
import subprocess
import time

import pytest
from conftest import IS_EMULATED, PREFIX, START, every_driver, run, vectors
from test_refusals import EID, STATUS

NO, YES = 0, 1
# The timeout of a call that a fault makes wait, in seconds. Real time, because of real peers.
TIMEOUT = 2 if IS_EMULATED else 1
# The timeout of all others, which a busy machine must not exceed.
AMPLE_TIMEOUT = 20

# The statuses of C, by the names of the kinds.
STATUS_OF = {name.removeprefix("EIOT_").removeprefix("ERR_").lower(): number for name, number in STATUS.items()}
STATUS_OF["connection_lost"] = STATUS["EIOT_ERR_IO"]
STATUS_OF["invalid_signature"] = STATUS["EIOT_ERR_SIGNATURE"]
MATRIX = {case["fault"]: case for case in vectors("faults.json")["cases"]}


def test_the_matrix_has_every_fault():
    # Wrapped at whatever width.
    told = run([PREFIX / "bin" / "eiot-sim", "--help"]).stdout
    (listed,) = re.findall(r"^Faults: (.*?)\.$", told, re.M | re.S)
    names = {re.split(r"[=\[]", fault)[0] for fault in re.split(r",\s+", listed)}
    assert names == {fault.split("=")[0] for fault in MATRIX}


@every_driver
@pytest.mark.parametrize("fault", MATRIX)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_fault_has_its_kind_of_error_in_time(driver, fault, tls, simulator):
    expected = MATRIX[fault]
    running = simulator("--unlimited", "--fault", fault, *(["--tls"] if tls else []))
    timeout = TIMEOUT if expected["kind"] == "timeout" else AMPLE_TIMEOUT
    began = time.monotonic()
    (outcome,) = driver.refresh([EID], running.options | {"timeout": str(timeout)})
    took = time.monotonic() - began
    assert outcome["status"] == STATUS_OF[expected["kind"]], outcome
    assert outcome.get("delivered", YES) == ["no", "yes", "unknown"].index(expected["delivered"]), outcome
    assert outcome["attempts"] == 1 and outcome["eid"] == EID
    # The deadline, and what a process takes to start on a busy machine; a stalled peer stalls for far longer.
    assert took < timeout + START, took


@every_driver
def test_name_server_that_never_answers_times_out(driver, tmp_path):
    """Real DNS lookups, in a separate mount namespace whose resolv.conf names a silent server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        try:
            silent.bind(("127.0.0.53", 53))
        except PermissionError:
            pytest.skip("binding port 53 is not allowed here")
        resolv_conf = tmp_path / "resolv.conf"
        resolv_conf.write_text("nameserver 127.0.0.53\n")
        namespace = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(resolv_conf)]
        if subprocess.run([*namespace, "true"], capture_output=True).returncode != 0:
            pytest.skip("mount namespaces cannot be made here")
        driver.command = [*namespace, *driver.command]
        options = {"base_url": "https://platform.example", "appkey": "k", "secret": "s", "max_attempts": "1"}
        for limits in ({"timeout": str(TIMEOUT)}, {"timeout": "5", "connect_timeout": str(TIMEOUT)}):
            began = time.monotonic()
            (outcome,) = driver.refresh([EID], options | limits)
            took = time.monotonic() - began
            assert outcome["status"] == STATUS["EIOT_ERR_TIMEOUT"], outcome
            assert outcome["delivered"] == NO
            # Without it, `timeout` or the resolver's own 5 s would count.
            assert took < TIMEOUT + 3, took


@every_driver
def test_retries_make_every_call_succeed(driver, simulator):
    """Real time: one backoff for each kind of failure."""
    names = ["close", "reset", "reset-headers", "reset-body", "status=503", "reset-after"]
    faults = [word for name in names for word in ("--fault", name, "--fault", "none")]
    running = simulator("--unlimited", *faults, "--fault-repeat")
    outcomes = driver.refresh([EID] * 6, running.options | {"max_attempts": "9", "timeout": "30"})
    assert all(outcome["ok"] for outcome in outcomes), outcomes
    # A reset after the reply fails the next call, if any.
    assert sum(outcome["attempts"] for outcome in outcomes) >= 6 + 5
