"""The certificates of the simulator and of the benchmark's server pass the strict checks of RFC 5280, which Python 3.13 and
newer make by default."""

import os
import pathlib
import socket
import ssl
import subprocess
import urllib.parse

import pytest

BENCH = pathlib.Path(os.environ["EIOT_TEST_BIN"]) / "eiot-bench"


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


def test_the_simulators_certificate_passes_strict_checks(simulator):
    running = simulator("--tls")
    shown = strict_handshake(running.url, running.ca_file)
    assert ("DNS", "localhost") in shown["subjectAltName"]


@pytest.mark.skipif(not BENCH.exists(), reason="there is no eiot-bench; `make bench-tools` makes it")
def test_the_benchmark_servers_certificate_passes_strict_checks(tmp_path):
    command = [BENCH, "server", tmp_path / "ca.pem"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            shown = strict_handshake(server.stdout.readline().strip(), tmp_path / "ca.pem")
        finally:
            server.stdin.close()
    assert ("IP Address", "127.0.0.1") in shown["subjectAltName"]
