"""A Redis for the tests, on its own port and in its own folder, without persistence."""

import os
import re
import shutil
import socket
import subprocess
import time

import pytest

INSTALL = "redis-server is not installed (on Debian: apt-get install redis-server)"


class RedisServer:
    def __init__(self, directory):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.directory = directory
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        """Also after `stop`: on the same port, and empty."""
        settings = ["--port", self.port, "--bind", "127.0.0.1", "--dir", self.directory, "--save", "", "--appendonly", "no"]
        command = ["redis-server", *(str(word) for word in settings)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.02)

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def calls(self, command):
        """How often it received this command."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(b"INFO commandstats\r\nQUIT\r\n")
            told = connection.makefile().read()
        found = re.search(rf"^cmdstat_{command}:calls=(\d+),", told, re.MULTILINE)
        return int(found[1]) if found else 0

    def stop(self):
        self.process.kill()
        self.process.wait(timeout=30)


@pytest.fixture
def redis(tmp_path):
    """Skips without a Redis; with EIOT_TEST_REDIS=required that is a failure."""
    if shutil.which("redis-server") is None:
        (pytest.fail if os.environ.get("EIOT_TEST_REDIS") == "required" else pytest.skip)(INSTALL)
    server = RedisServer(tmp_path)
    yield server
    server.stop()
