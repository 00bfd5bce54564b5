"""The response that an error carries, through every driver and in every language."""

import unicodedata

import pytest
from error_codes import answering
from test_refusals import EID, STATUS, YES

PAGE = "<!DOCTYPE html>\n<title>Sign in</title>\n<p>名称 \"é\"</p>\n" + "<!-- filler -->\n" * 200
EVIL = "a\nb\x1b[2J\u202e"


def page_is_kept_with_the_headers_that_help_support(driver, simulator):
    if driver.name == "cobol":
        pytest.skip("EIOT-REPLY has no fields for them, as the README says")
    with answering({"1": PAGE, "2": ("45109", "no")}) as options:
        page, refusal = driver.refresh(["1", "2"], options)
    assert (page["status"], page["http_status"], page["delivered"]) == (STATUS["EIOT_ERR_PROTOCOL"], 200, YES), page
    assert page["body"].encode() == PAGE.encode()[:2048]
    assert page["headers"] == {"content-type": "text/html", "server": "nginx", "x-request-id": "req-4711"}
    assert (refusal["kind"], refusal["body"], refusal["headers"] or {}) == ("platform", None, {}), refusal
    (malformed,) = driver.refresh(["x"], options)
    assert (malformed["kind"], malformed["body"], malformed["headers"] or {}) == ("invalid_eid", None, {}), malformed


def message_with_control_characters_is_escaped_to_one_line(driver, simulator):
    with answering({"1": ("45109", EVIL)}) as options:
        (outcome,) = driver.refresh(["1"], options)
    assert outcome["platform_message"] == EVIL, "verbatim"
    unsafe = [c for c in outcome["message"] if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
    assert unsafe == [] and r"a\nb\u{1b}[2J\u{202e}" in outcome["message"], outcome


def source_address_is_used(driver, simulator):
    with answering({EID: lambda request: ("45109", request.client_address[0])}) as options:
        for address in ("127.0.0.2", "127.0.0.3"):
            (outcome,) = driver.refresh([EID], options | {"source_address": address})
            assert outcome["platform_message"] == address, outcome


PROMISES = [
    page_is_kept_with_the_headers_that_help_support,
    message_with_control_characters_is_escaped_to_one_line,
    source_address_is_used,
]
