"""One eSIM refreshed, from every driver, over plain HTTP and over TLS."""

import json
import re
import socket
import threading

import pytest
import yaml
from conftest import TESTS, every_driver, vectors
from openapi_schema_validator import OAS30Validator

EIDS = [case["eid"] for case in vectors("eids.json")["valid"]]


@every_driver
@pytest.mark.parametrize("arguments", [(), ("--tls",)], ids=["http", "tls"])
def test_refresh_accepts_every_valid_eid(driver, arguments, simulator):
    running = simulator(*arguments, "--unlimited")
    outcomes = driver.refresh(EIDS, running.options)
    assert [outcome["eid"] for outcome in outcomes] == [eid.strip() for eid in EIDS]
    assert all(outcome["ok"] and outcome["attempts"] == 1 for outcome in outcomes), outcomes
    assert all(outcome["message"] == "success" for outcome in outcomes)


@every_driver
def test_environment_is_sufficient(driver, simulator):
    running = simulator("--tls", "--unlimited")
    (outcome,) = driver.refresh(EIDS[:1], environment=running.environment)
    assert outcome["ok"], outcome


@every_driver
def test_sign_method_can_be_md5(driver, simulator):
    running = simulator("--sign-method", "md5")
    (outcome,) = driver.refresh(EIDS[:1], running.options | {"sign_method": "md5"})
    assert outcome["ok"], outcome


@every_driver
def test_secret_can_come_from_a_file(driver, simulator, tmp_path):
    running = simulator()
    (tmp_path / "secret").write_text(running.secret + "\n")
    options = {name: value for name, value in running.options.items() if name != "secret"}
    (outcome,) = driver.refresh(EIDS[:1], options | {"secret_file": str(tmp_path / "secret")})
    assert outcome["ok"], outcome


@every_driver
def test_user_agent_names_version_and_binding(driver, simulator):
    running = simulator()
    driver.refresh(EIDS[:1], running.options)
    name = {"c": "c", "cpp": "c", "python": "python", "command": "cli"}[driver.name]
    assert running.counters()["last_user_agent"] == f"eiot/0.1.0 ({name})"


@every_driver
def test_request_body_matches_the_owners_openapi_document(driver):
    document = yaml.safe_load((TESTS / "vectors" / "refresh-usage.openapi.yaml").read_text(encoding="utf-8"))
    (path, operations), = document["paths"].items()
    schema = operations["post"]["requestBody"]["content"]["application/json"]["schema"]

    listener = socket.create_server(("127.0.0.1", 0))
    received = []
    answering = threading.Thread(target=_answer, args=(listener, received), daemon=True)
    answering.start()
    options = {"base_url": f"http://127.0.0.1:{listener.getsockname()[1]}", "appkey": "k", "secret": "s"}
    (outcome,) = driver.refresh(EIDS[:1], options)
    answering.join(timeout=10)
    assert outcome["ok"], outcome

    head, body = received
    request_line, *headers = head.split("\r\n")
    assert request_line == f"POST {path} HTTP/1.1"
    headers = dict(line.lower().split(": ", 1) for line in headers)
    assert headers["content-type"] == "application/json;charset=utf-8"
    assert headers["accept"] == "application/json"
    body = json.loads(body)
    OAS30Validator(schema).validate(body)
    assert list(body) == schema["x-apifox-orders"], "all five fields, in the document's order"
    assert len(str(body["timestamp"])) == 10


def _answer(listener, received):
    """Accepts one request and reports success. A connection that comes without one was too late for its permit."""
    with listener:
        while not received:
            with listener.accept()[0] as connection:
                request = _request(connection)
                if request is None:
                    continue
                received += request
                reply = b'{"code":"200","message":"success"}'
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(reply), reply))


def _request(connection):
    """Head and body; None at the end of the connection."""
    data = b""
    while True:
        head, blank, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length: *(\d+)", head)
        if blank and len(body) >= int(length[1]):
            return head.decode(), body.decode()
        more = connection.recv(65536)
        if not more:
            return None
        data += more
