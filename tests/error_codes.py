"""The meaning of error codes, through every driver and in every language: published, unknown and configured ones."""

import contextlib
import http.server
import json
import threading

from conftest import vectors
from test_refusals import EID, STATUS, YES

PAGE_HEADERS = {"Content-Type": "text/html", "Server": "nginx", "X-Request-Id": "req-4711", "X-Private": "not kept"}
PUBLISHED = vectors("error_codes.json")["codes"]


@contextlib.contextmanager
def answering(answers):
    """A platform that answers each EID with a code and a message of its own; `answers` has them by EID.

    An answer can also be a function of the request, and a text by itself is sent as an HTML page.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):
            eid = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["eid"]
            answer = answers[eid](self) if callable(answers[eid]) else answers[eid]
            self.send_response_only(200)
            if isinstance(answer, str):
                body = answer.encode()
                for header in PAGE_HEADERS.items():
                    self.send_header(*header)
            else:
                code, message = answer
                body = json.dumps({"code": code, "message": message}, ensure_ascii=False).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        try:
            account = {"appkey": "k", "secret": "s", "rate_limit": "0", "max_attempts": "1", "outage_timeout": "0"}
            yield account | {"base_url": f"http://127.0.0.1:{server.server_port}"}
        finally:
            server.shutdown()


def error_codes_that_are_published_have_one_meaning(driver, simulator):
    """With the platform's Chinese words; the English ones are part of the message."""
    answers = {str(8904_0000 + place): (case["code"], case["zh"]) for place, case in enumerate(PUBLISHED)}
    with answering(answers) as options:
        outcomes = driver.refresh(list(answers), options)
    for case, eid, outcome in zip(PUBLISHED, answers, outcomes, strict=True):
        assert (outcome["kind"], outcome["final"]) == (case["kind"], case["final"]), (case, outcome)
        assert outcome["status"] == STATUS[f"EIOT_ERR_{case['kind'].upper()}"], (case, outcome)
        assert (outcome["code"], outcome["platform_message"]) == (case["code"], case["zh"]), (case, outcome)
        begin = f"EID {eid}: the platform refused with code {case['code']}: {case['zh']} ({case['en'].removesuffix('.')})"
        assert outcome["message"].startswith(begin), (case, outcome)
        assert (outcome["delivered"], outcome["attempts"], outcome["http_status"]) == (YES, 1, 200), (case, outcome)


def error_codes_of_the_simulator_are_the_published_ones(driver, simulator):
    faults = [word for case in PUBLISHED for word in ("--fault", f"refuse={case['code']}")]
    outcomes = driver.refresh([EID] * len(PUBLISHED), simulator("--unlimited", *faults).options)
    for case, outcome in zip(PUBLISHED, outcomes, strict=True):
        assert (outcome["code"], outcome["kind"], outcome["final"]) == (case["code"], case["kind"], case["final"])
        assert outcome["platform_message"] == case["en"], (case, outcome)
        assert outcome["message"].count(case["en"].removesuffix(".")) == 1, "the same words are not said twice"


def error_codes_that_are_unpublished_are_not_final_and_configurable(driver, simulator):
    answers = {"1": ("45109", "不明"), "2": ("502", "IP白名单错误"), "3": (45110, "busy"), "4": ("41007", None)}
    with answering(answers) as options:
        unknown, allow_list, _, _ = driver.refresh(list(answers), options)
        assert (unknown["kind"], unknown["final"], unknown["code"]) == ("platform", False, "45109"), unknown
        assert unknown["platform_message"] == "不明" and 'error_codes to "45109=KIND"' in unknown["message"], unknown
        assert "not published" in unknown["message"] and "allow-list" in allow_list["message"]
        taught = driver.refresh(list(answers), options | {"error_codes": "45109=final,502=retry,45110=unavailable,41007=cooldown"})
    assert [(outcome["kind"], outcome["final"], outcome["code"]) for outcome in taught] == [
        ("platform", True, "45109"), ("platform", False, "502"), ("unavailable", False, "45110"), ("cooldown", False, "41007"),
    ]  # fmt: skip
    assert "IP whitelist error" in taught[1]["message"] and "KIND" not in taught[0]["message"]
    assert taught[3]["platform_message"] is None


PROMISES = [
    error_codes_that_are_published_have_one_meaning,
    error_codes_of_the_simulator_are_the_published_ones,
    error_codes_that_are_unpublished_are_not_final_and_configurable,
]
