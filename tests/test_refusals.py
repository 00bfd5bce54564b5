"""Failures are the same typed error in every driver, and are detected before any network use if possible."""

import re

import pytest
from conftest import TESTS, every_driver, vectors

EID = vectors("eids.json")["valid"][0]["eid"]
STATUS = {
    name: int(number)
    for name, number in re.findall(
        r"#define (EIOT_(?:OK|ERR_\w+)) (\d+)", (TESTS.parent / "include" / "eiot.h").read_text()
    )
}
NO, YES, UNKNOWN = 0, 1, 2

REFUSED = {
    "wrong secret": ([], {"secret": "wrong"}, "EIOT_ERR_PLATFORM", "sim.bad-sign"),
    "unknown appkey": ([], {"appkey": "unknown"}, "EIOT_ERR_PLATFORM", "sim.unknown-appkey"),
    "our clock slow": (["--clock-offset", "3600"], {}, "EIOT_ERR_PLATFORM", "sim.stale-timestamp"),
    "our clock fast": (["--clock-offset", "-3600"], {}, "EIOT_ERR_PLATFORM", "sim.stale-timestamp"),
    "repeated nonce": (["--refuse", "sim.nonce-reused"], {}, "EIOT_ERR_PLATFORM", "sim.nonce-reused"),
    "address not allowed": (["--allow-ip", "127.0.0.9"], {}, "EIOT_ERR_AUTH", "502"),
    "no permission": (["--refuse", "403"], {}, "EIOT_ERR_AUTH", "403"),
    "the other hash": (["--sign-method", "md5"], {}, "EIOT_ERR_PLATFORM", "sim.bad-field"),
    "wrong secret, as HTTP 401": (["--http-refusals"], {"secret": "wrong"}, "EIOT_ERR_AUTH", "sim.bad-sign"),
}


@every_driver
@pytest.mark.parametrize("case", REFUSED)
def test_rejection_by_the_platform_is_reported_verbatim(driver, case, simulator):
    arguments, changes, status, code = REFUSED[case]
    running = simulator(*arguments)
    (outcome,) = driver.refresh([EID], running.options | changes)
    assert outcome["status"] == STATUS[status], outcome
    assert outcome["code"] == code and outcome["platform_message"], outcome
    assert outcome["delivered"] == YES and outcome["attempts"] == 1
    assert outcome["http_status"] == (401 if "--http-refusals" in arguments else 200)
    assert outcome["message"].startswith(f"EID {EID}: ") and outcome["platform_message"] in outcome["message"]


@every_driver
def test_cooldown_of_the_platform_rejects_a_card(driver, simulator):
    first, second = driver.refresh([EID, EID], simulator().options)
    assert first["ok"] and second["code"] == "sim.cooldown", (first, second)


INVALID = [(case["eid"], case["says"]) for case in vectors("eids.json")["invalid"]]


@every_driver
def test_malformed_eid_is_rejected_before_anything_is_sent(driver, simulator):
    running = simulator()
    for eid, says in [*INVALID, ("hex:8904fffe", "UTF-8"), ("null:", "NULL")]:
        word = f"hex:{eid.encode().hex()}" if "\0" in eid else eid
        if not driver.can_say(word):
            continue
        (outcome,) = driver.refresh([word], running.options)
        expected = "EIOT_ERR_INVALID_ARGUMENT" if eid == "null:" else "EIOT_ERR_INVALID_EID"
        assert outcome["status"] == STATUS[expected], (eid, outcome)
        assert says in outcome["message"], (eid, outcome)
        assert outcome["delivered"] == NO and outcome["attempts"] == 0
    assert running.counters()["calls"] == 0


@every_driver
def test_strict_eid_requires_a_gsma_eid(driver, simulator):
    running = simulator("--unlimited")
    cases = vectors("eids.json")["valid"]
    outcomes = driver.refresh([case["eid"] for case in cases if case["strict"]], running.options | {"strict_eid": "on"})
    assert all(outcome["ok"] for outcome in outcomes), outcomes
    for case in cases:
        if not case["strict"]:
            (outcome,) = driver.refresh([case["eid"]], running.options | {"strict_eid": "on"})
            assert outcome["status"] == STATUS["EIOT_ERR_INVALID_EID"], outcome


WRONG = {
    "no appkey": ({"appkey": ""}, "appkey"),
    "no secret": ({"secret": ""}, "secret"),
    "plain http to another host": ({"base_url": "http://oapi.eiotclub.com"}, "base_url"),
    "not a URL": ({"base_url": "oapi"}, "base_url"),
    "a CA file that is absent": ({"ca_file": "/nonexistent/ca.pem"}, "/nonexistent/ca.pem"),
    "a secret file that is absent": ({"secret": "", "secret_file": "/nonexistent/secret"}, "/nonexistent/secret"),
    "no time at all": ({"timeout": "0"}, "timeout"),
    "a client certificate that is absent": (
        {"client_cert_file": "/nonexistent/client.pem", "client_key_file": "/nonexistent/key.pem"}, "/nonexistent/client.pem"
    ),
    "a client certificate without its key": ({"client_cert_file": "/nonexistent/client.pem"}, "client_key_file"),
    "a client key without its certificate": ({"client_key_file": "/nonexistent/key.pem"}, "client_cert_file"),
    "a proxy that is no URL": ({"proxy": "socks://127.0.0.1:1"}, "proxy"),
    "a source address that is a name": ({"source_address": "localhost"}, "source_address"),
}


@every_driver
@pytest.mark.parametrize("case", WRONG)
def test_invalid_option_is_named_before_anything_is_sent(driver, case, simulator):
    changes, names = WRONG[case]
    running = simulator()
    (outcome,) = driver.refresh([EID], running.options | changes)
    assert outcome["status"] == STATUS["EIOT_ERR_CONFIG"], outcome
    assert names in outcome["message"], outcome
    assert outcome["delivered"] == NO
    assert running.counters()["calls"] == 0


@every_driver
def test_missing_configuration_names_the_variable(driver):
    (outcome,) = driver.refresh([EID], environment={"EIOT_SECRET": "s"})
    assert outcome["status"] == STATUS["EIOT_ERR_CONFIG"] and "EIOT_APPKEY" in outcome["message"], outcome
    (outcome,) = driver.refresh([EID], environment={"EIOT_APPKEY": "k", "EIOT_SECRET": "s", "EIOT_TIMEOUT": "soon"})
    assert outcome["status"] == STATUS["EIOT_ERR_CONFIG"] and "EIOT_TIMEOUT" in outcome["message"], outcome


@every_driver
def test_closed_port_is_a_connect_error(driver):
    options = {"base_url": "http://127.0.0.1:1", "appkey": "k", "secret": "s"}
    (outcome,) = driver.refresh([EID], options)
    assert outcome["status"] == STATUS["EIOT_ERR_CONNECT"], outcome
    assert outcome["delivered"] == NO and "127.0.0.1:1" in outcome["message"]


@every_driver
def test_untrusted_certificate_is_a_tls_error(driver, simulator):
    running = simulator("--tls")
    options = {name: value for name, value in running.options.items() if name != "ca_file"}
    (outcome,) = driver.refresh([EID], options)
    assert outcome["status"] == STATUS["EIOT_ERR_TLS"], outcome
    assert outcome["delivered"] == NO and "ca_file" in outcome["message"]


@every_driver
def test_slow_platform_is_a_timeout_with_unknown_outcome(driver, simulator):
    running = simulator("--latency-ms", "5000")
    (outcome,) = driver.refresh([EID], running.options | {"timeout": "0.3"})
    assert outcome["status"] == STATUS["EIOT_ERR_TIMEOUT"], outcome
    assert outcome["delivered"] == UNKNOWN and "may have taken effect" in outcome["message"]
