"""The Python package on another platform, in a Python of that platform. Run by `make test-platforms`."""

import os
import platform
import subprocess

import pytest
from conftest import CLEAN

from .platform import BUILD

FOLDER = BUILD / os.environ.get("EIOT_TEST_PLATFORM", "none")
EID = "89044011112233441122334411223321"

EVERYTHING = f"""
import asyncio, pickle, eiot
from concurrent.futures import ThreadPoolExecutor
client = eiot.Client(rate_limit=0)
with ThreadPoolExecutor(4) as threads:
    assert {{reply.message for reply in threads.map(client.refresh_usage, [{EID!r}] * 20)}} == {{"success"}}
assert pickle.loads(pickle.dumps(client)).with_options(timeout=9).refresh_usage({EID}).delivered == "yes"
async def main():
    async with eiot.AsyncClient(rate_limit=0) as client:
        assert [result.ok async for result in client.refresh_many(iter(["1", "2"]))] == [True, True]
        return await asyncio.gather(*(client.refresh_usage({EID!r}) for _ in range(20)))
assert len(asyncio.run(main())) == 20
assert sum(result.ok for result in client.refresh_many([str(number) for number in range(20)])) == 20
try:
    client.refresh_usage("8.9E+31")
except eiot.InvalidEidError as error:
    assert isinstance(pickle.loads(pickle.dumps(error)), ValueError)
else:
    raise AssertionError("no error")
print("done")
"""


def python(code, environment):
    """What a Python of the platform prints."""
    settings = {**CLEAN, "PYTHONPATH": str(FOLDER / "site"), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    done = subprocess.run([FOLDER / "python", "-c", code], env=settings, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_is_one_of_the_platform():
    said = python("import platform, sys; print(platform.machine(), sys.version_info[:2])", {})
    machine = "AMD64" if "windows" in FOLDER.name else "aarch64" if "aarch64" in FOLDER.name else platform.machine()
    assert said == f"{machine} (3, 11)\n"
    if "musl" in FOLDER.name:
        assert "ld-musl" in python("print(open('/proc/self/maps').read())", {}) or "linux-musl" in python(
            "import importlib.machinery as m; print(m.EXTENSION_SUFFIXES)", {}
        )


def test_package_refreshes_in_threads_asyncio_and_batches(simulator):
    assert python(EVERYTHING, simulator("--tls", "--unlimited").environment) == "done\n"


def test_processes_share_the_rate_of_the_account(simulator, tmp_path):
    running = simulator("--nonce-check", "on", "--cooldown", "off")
    # Fewer than the ten per second that are allowed, for an emulator may hold a call back until the next ones are due.
    settings = running.environment | {"EIOT_RATE_DIR": str(tmp_path / "rate"), "EIOT_RATE_SCOPE": "host", "EIOT_RATE_LIMIT": "6"}
    code = "import eiot; c = eiot.Client(); print(sum(c.refresh_usage(str(i)).delivered == 'yes' for i in range(1, 9)))"
    command = [FOLDER / "python", "-c", code]
    environment = {**CLEAN, "PYTHONPATH": str(FOLDER / "site"), **settings}
    # Windows' Python does not start if wine cannot pass a stream on: pytest's is a file without a name.
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = [subprocess.Popen(command, env=environment, **pipes, text=True) for _ in range(3)]
    assert [process.communicate(timeout=120)[0] for process in started] == ["8\n"] * 3
    counters = running.counters()
    assert counters["accepted"] == 24 and counters["busiest_second"] <= 10 and counters["repeated_nonces"] == 0


@pytest.mark.skipif(not (FOLDER / "prefix" / "bin" / "eiot-sim").exists(), reason="the simulator is not built there")
def test_simulator_of_the_platform_answers(simulator, monkeypatch):
    monkeypatch.setenv("EIOT_SIM", str(FOLDER / "prefix" / "bin" / "eiot-sim"))
    running = simulator("--tls", "--unlimited")
    code = f"import eiot; print(eiot.Client().refresh_usage({EID!r}).message)"
    assert python(code, running.environment) == "success\n"
