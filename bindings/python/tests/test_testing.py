"""`eiot.testing`, for the tests of users."""

import pathlib
import sys

import eiot
import pytest
import readme
from conftest import EID, output_of
from eiot.testing import Simulator

pytest_plugins = ["pytester"]

CONFTEST, TESTS_OF_THE_README = readme.PROGRAMS
TESTS_OF_A_USER = f"""
def test_billing(eiot_simulator):
    platform = eiot_simulator("--unlimited")
    assert eiot.Client(**platform.options).refresh_usage({EID!r}).message == "success"
    assert platform.counters()["calls"] == 1

def test_an_outage(eiot_simulator, monkeypatch):
    for name, value in eiot_simulator("--tls", "--fault", "status=503", "--fault-repeat").environment.items():
        monkeypatch.setenv(name, value)
    try:
        eiot.Client(max_attempts=1).refresh_usage({EID!r})
    except eiot.HttpError as error:
        assert error.http_status == 503
    else:
        raise AssertionError
"""


@pytest.fixture
def users_tests(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS_OF_THE_README + TESTS_OF_A_USER)
    return pytester


def test_fixture_starts_simulators_for_users(users_tests: pytest.Pytester) -> None:
    users_tests.runpytest_subprocess("-W", "error").assert_outcomes(passed=3)


def test_fixture_skips_without_the_command_and_says_what_to_do(
    users_tests: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EIOT_SIM", "/nonexistent/eiot-sim")
    result = users_tests.runpytest_subprocess("-rs")
    result.assert_outcomes(skipped=3)
    result.stdout.fnmatch_lines(["*EIOT_SIM names /nonexistent/eiot-sim*make install*"])


def test_fixture_finds_the_command_in_path(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.delenv("EIOT_SIM")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="PATH"):
        Simulator()
    command = tmp_path / "eiot-sim"
    command.write_text("#!/bin/sh\necho http://127.0.0.1:9\nread nothing\n")
    command.chmod(0o755)
    with Simulator() as platform:
        assert platform.options["base_url"] == platform.url == "http://127.0.0.1:9"


def test_simulator_that_does_not_start_raises(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="standard error"):
        Simulator("--no-such-option")
    assert "--no-such-option" in capfd.readouterr().err


def test_simulator_that_is_stopped_leaks_nothing() -> None:
    platform = Simulator("--tls")
    platform.stop()
    platform.stop()
    assert not pathlib.Path(platform.options["ca_file"]).parent.exists()
    with pytest.raises(eiot.ConfigurationError, match="ca_file"):
        eiot.Client(**platform.options)


def test_import_of_eiot_loads_neither_testing_nor_pytest_nor_asyncio() -> None:
    code = "import sys, eiot; print([m for m in ('eiot.testing', 'pytest', 'asyncio') if m in sys.modules])"
    assert output_of(code, {}) == "[]\n"
    assert "pytest" in sys.modules
