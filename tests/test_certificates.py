"""The certificates of the simulator and of the benchmark's server pass the strict checks of RFC 5280, which Python 3.13 and
newer make by default."""

import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.parse

import pytest
from conftest import TESTS, every_driver
from test_refusals import EID

BENCH = pathlib.Path(os.environ.get("EIOT_TEST_BENCH", TESTS.parent / "target" / "debug" / "eiot-bench"))


def strict_handshake(url, ca_file):
    """The certificate that a strict client is shown and accepts."""
    context = ssl.create_default_context(cafile=str(ca_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    address = urllib.parse.urlsplit(url)
    with (
        socket.create_connection((address.hostname, address.port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=address.hostname) as encrypted,
    ):
        return encrypted.getpeercert()


def test_certificate_of_the_simulator_passes_strict_checks(simulator):
    running = simulator("--tls")
    shown = strict_handshake(running.url, running.ca_file)
    assert ("DNS", "localhost") in shown["subjectAltName"]


@pytest.mark.skipif(not BENCH.exists(), reason="there is no eiot-bench; `make bench-tools` makes it")
def test_certificate_of_the_benchmark_server_passes_strict_checks(tmp_path):
    command = [BENCH, "server", tmp_path / "ca.pem"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            shown = strict_handshake(server.stdout.readline().strip(), tmp_path / "ca.pem")
        finally:
            server.stdin.close()
    assert ("DNS", "localhost") in shown["subjectAltName"]


@every_driver
@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl, which makes the certificates (apt-get install openssl)")
def test_client_certificate_is_accepted_by_a_gateway_that_requires_one(driver, tmp_path):
    server, server_key = certificate(tmp_path, "server")
    client, client_key = certificate(tmp_path, "client")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server, server_key)
    context.load_verify_locations(client)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=one_reply_each, args=(listening, context), daemon=True).start()
        options = {"base_url": f"https://127.0.0.1:{listening.getsockname()[1]}", "ca_file": str(server), "max_attempts": "1"}
        options |= {"appkey": "k", "secret": "s", "rate_limit": "0"}
        (refused,) = driver.refresh([EID], options)
        (accepted,) = driver.refresh([EID], options | {"client_cert_file": str(client), "client_key_file": str(client_key)})
    assert not refused["ok"] and "client_cert_file" in refused["message"], refused
    assert accepted["ok"], accepted


def certificate(folder, name):
    """A self-signed certificate, and its key."""
    made, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run([*command, "-keyout", key, "-out", made], check=True, capture_output=True)
    return made, key


def one_reply_each(listening, context):
    """Accepts every refresh, on connections of one request each, until the listener is closed."""
    body = b'{"code": "200", "message": "success"}'
    while True:
        try:
            plain, _ = listening.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(plain, server_side=True) as encrypted:
                received = b""
                while not received.endswith(b"}") and (more := encrypted.recv(65536)):
                    received += more
                encrypted.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        except OSError:
            plain.close()
