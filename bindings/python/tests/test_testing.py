"""`eiot.testing`, for the tests of users."""

import asyncio
import pathlib
import sys
from typing import Any

import eiot
import pytest
import readme
from conftest import EID, output_of
from eiot.testing import FakeAsyncClient, FakeClient, Simulator

pytest_plugins = ["pytester"]

(TESTS_OF_THE_README,) = [program for program in readme.PROGRAMS if "eiot_simulator" in program]
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
    pytester.makepyfile(TESTS_OF_THE_README + TESTS_OF_A_USER)
    return pytester


def test_fixture_starts_simulators_for_users(users_tests: pytest.Pytester) -> None:
    users_tests.runpytest_subprocess("-W", "error").assert_outcomes(passed=3)


def test_fixture_fails_without_the_command_unless_told_to_skip(
    users_tests: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EIOT_SIM", "/nonexistent/eiot-sim")
    result = users_tests.runpytest_subprocess()
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["*EIOT_SIM names /nonexistent/eiot-sim*install the package eiot-sim*"])
    users_tests.makeini("[pytest]\neiot_skip_without_simulator = true\n")
    users_tests.runpytest_subprocess("-rs").assert_outcomes(skipped=3)


def test_fixture_finds_the_command_in_path(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.delenv("EIOT_SIM")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path / name))
    with pytest.raises(FileNotFoundError, match="PATH"):
        Simulator()
    command = tmp_path / "eiot-sim"
    command.write_text("#!/bin/sh\necho http://127.0.0.1:9\nread nothing\n")
    command.chmod(0o755)
    with Simulator() as platform:
        assert platform.options["base_url"] == platform.url == "http://127.0.0.1:9"
    monkeypatch.setenv("PATH", "/nonexistent")
    (tmp_path / "scripts").mkdir()
    command.rename(tmp_path / "scripts" / "eiot-sim")
    with Simulator() as platform:
        assert platform.url == "http://127.0.0.1:9", "beside this Python, where the package puts it"


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


def test_fake_clients_answer_as_told_and_record_calls() -> None:
    answers: dict[str, Any] = {"8904": eiot.CooldownError("too soon", delivered="yes"), "8905": {"used": 7}}
    client = FakeClient(answers)
    assert client.refresh_usage(8905, timeout=3).data == {"used": 7}
    with pytest.raises(eiot.CooldownError):
        client.with_options(max_attempts=1).refresh_usage("8904")
    with pytest.raises(eiot.InvalidEidError):
        client.refresh_usage("8.9E+31")
    items: list[Any] = ["8903", "8904", "8905", None]
    results = client.refresh_many(items, concurrency=2)
    assert [(result.ok, result.input) for result in results] == list(zip([True, False, True, False], items))
    assert results.summary == eiot.Summary(4, 2, 2, 0, {"cooldown": 1, "invalid_eid": 1})
    assert len(client.calls) == 5
    client.close()
    with pytest.raises(eiot.InvalidArgumentError, match="closed"):
        client.refresh_usage("8905")

    async def main() -> None:
        async with FakeAsyncClient(lambda path, parameters: {"path": path}) as awaited:
            assert (await awaited.call("/api/v3/cloudesim/list", {"pageNum": 1})).data == {
                "path": "/api/v3/cloudesim/list"
            }
            assert [result.index async for result in awaited.refresh_many(iter(["1", "2", "3"]), concurrency=2)] == [0, 1, 2]
            assert awaited.calls[0] == ("/api/v3/cloudesim/list", {"pageNum": 1})

    asyncio.run(main())
