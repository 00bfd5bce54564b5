"""The canary: a known secret is used in success and failure through every driver, and appears nowhere; nor does a
signature."""

import re

import pytest
from conftest import PREFIX, every_driver, run
from test_refusals import EID

CANARY = "canary-7Qm2"
SIGNATURE = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-F]{40}|[0-9A-F]{32})(?![0-9A-Fa-f])")

SITUATIONS = {
    "accepted": ([], {}),
    "another secret there": (["--secret", "other"], {}),
    "refused with HTTP 401": (["--secret", "other", "--http-refusals"], {}),
    "too slow": (["--latency-ms", "2000"], {"timeout": "0.2"}),
    "an untrusted certificate": (["--tls"], {"ca_file": ""}),
    "a closed port": ([], {"base_url": "http://127.0.0.1:1"}),
    "a wrong option": ([], {"base_url": "nonsense"}),
    "an appkey that cannot be": ([], {"appkey": "a b"}),
}


@every_driver
@pytest.mark.parametrize("situation", SITUATIONS)
def test_secret_and_signature_appear_in_no_output(driver, situation, simulator):
    arguments, changes = SITUATIONS[situation]
    if "--secret" not in arguments:
        arguments = [*arguments, "--secret", CANARY]
    running = simulator(*arguments)
    options = running.options | {"secret": CANARY} | changes
    options = {name: value for name, value in options.items() if value}
    outcomes = driver.refresh([EID, "8.9E+31"] if driver.name != "command" else [EID], options)
    seen = repr(outcomes)
    assert CANARY not in seen
    # EIDs have 32 digits at most and are decimal; a signature has letters.
    assert not [word for word in SIGNATURE.findall(seen) if not word.isdecimal()], seen


def test_secret_appears_in_neither_log_nor_help(simulator):
    running = simulator("--secret", CANARY)
    environment = running.environment | {"EIOT_SECRET": CANARY}
    eiot = PREFIX / "bin" / "eiot"
    for words in (["refresh", "-v", EID, EID], ["refresh", "--help"], ["sign", "--explain", "a=1"], ["--help"]):
        done = run([eiot, *words], environment=environment, check=False)
        assert CANARY not in done.stdout + done.stderr
        assert not [word for word in SIGNATURE.findall(done.stdout + done.stderr) if not word.isdecimal()]
