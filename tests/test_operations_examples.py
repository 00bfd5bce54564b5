"""examples/operations: the units, the cron lines, the CronJob and the image do what they say."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from conftest import CLEAN, PREFIX, TESTS, run
from test_batch_command import eid
from test_operations import Machine

EXAMPLES = TESTS.parent / "examples" / "operations"
SERVICE = (EXAMPLES / "eiot-nightly.service").read_text()
CRON = (EXAMPLES / "eiot-nightly.cron").read_text()
CRONJOB = yaml.safe_load((EXAMPLES / "cronjob.yaml").read_text())
CONTAINER = CRONJOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]


class Host(Machine):
    """A machine with eiot-nightly, and a clock that the test sets."""

    def __init__(self, directory, running, cards=30):
        super().__init__(directory, running, cards)
        shutil.copy(EXAMPLES / "eiot-nightly", directory / "bin" / "eiot-nightly")
        (directory / "var").mkdir()

    def set_clock(self, time):
        """date(1) at this time, in UTC."""
        self._executable("bin/date", f'#!/bin/sh\n[ "$1" = +%s ] && exec {shutil.which("date")} -u -d "{time}" +%s\n'
                                     f'exec {shutil.which("date")} -u "$@"\n')  # fmt: skip

    def nightly(self, *flags):
        return self.shell(f"eiot-nightly '{self.directory}/var' '{self.directory}/cards.csv' {' '.join(flags)}")

    def shell(self, command, **environment):
        return subprocess.run(
            ["sh", "-c", command], cwd=self.directory, env=self.environment | environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def results(self, night):
        return [json.loads(line) for line in (self.directory / "var" / f"night-{night}.jsonl").read_text().splitlines()]


@pytest.fixture
def host(simulator, tmp_path):
    return lambda *arguments, **options: Host(tmp_path, simulator("--unlimited", *arguments), **options)


@pytest.fixture
def systemd_analyze():
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (on Debian: apt-get install systemd)")
    return ["systemd-analyze", "--no-pager"]


@pytest.fixture
def units(tmp_path):
    """The units, with the script where this test has it."""
    (tmp_path / "bin").mkdir()
    shutil.copy(EXAMPLES / "eiot-nightly", tmp_path / "bin" / "eiot-nightly")
    copies = []
    for name in ("eiot-nightly.service", "eiot-nightly.timer"):
        text = (EXAMPLES / name).read_text()
        (tmp_path / name).write_text(text.replace("/usr/local/bin", str(tmp_path / "bin")))
        copies.append(tmp_path / name)
    return copies


def test_units_are_accepted_by_systemd(systemd_analyze, units):
    done = run([*systemd_analyze, "verify", "--man=no", *units])
    assert done.stdout + done.stderr == ""


def test_units_with_a_mistake_are_refused_by_systemd(systemd_analyze, units):
    units[0].write_text(units[0].read_text().replace("RestartSec=", "RestartSeconds="))
    done = run([*systemd_analyze, "verify", "--man=no", *units], check=False)
    assert "RestartSeconds" in done.stderr


def test_service_may_do_little(systemd_analyze, units):
    run([*systemd_analyze, "security", "--offline=true", "--threshold=20", units[0]])


def test_service_shares_the_rate_in_its_runtime_directory_and_all_its_variables_exist(simulator):
    assignments = dict(re.findall(r"^Environment=(\w+)=(.*)$", SERVICE, re.M))
    assert "RuntimeDirectory=eiot\n" in SERVICE and assignments["EIOT_RATE_DIR"] == "%t/eiot"
    done = run([PREFIX / "bin" / "eiot", "doctor", "--json"], environment=assignments, check=False)
    (environment,) = [check for check in map(json.loads, done.stdout.splitlines()) if check["check"] == "environment"]
    assert environment["status"] == "ok"


def test_service_command_leaves_results_summary_report_and_metrics_of_the_night(host):
    here = host()
    (command,) = re.findall(r"^ExecStart=/usr/local/bin/(.*)$", SERVICE, re.M)
    here.set_clock("2026-11-26 22:00")
    done = here.shell(command.replace("/var/lib/eiot/cards.csv", "cards.csv").replace("/var/lib/eiot", "var"))
    assert done.returncode == 0, done
    assert sorted(result["eid"] for result in here.results("2026-11-26")) == [eid(number) for number in range(30)]
    made = {path.name for path in (here.directory / "var").iterdir()}
    assert made == {f"night-2026-11-26.{kind}" for kind in ("journal", "jsonl", "json", "html")} | {"eiot.prom"}


def test_night_goes_on_after_midnight_and_the_next_evening_is_another_one(host):
    here = host("--fault=status=503")
    for time, calls in [
        ("2026-11-26 22:00", 30), ("2026-11-27 00:01", 31), ("2026-11-27 11:59", 31), ("2026-11-27 22:00", 61),
    ]:  # fmt: skip
        here.set_clock(time)
        here.nightly("--column", "eid")
        assert here.running.counters()["calls"] == calls, time
    assert len(list((here.directory / "var").glob("*.journal"))) == 2


def test_nightly_files_older_than_30_days_are_deleted_and_no_others(host):
    here = host(cards=1)
    for name in ("night-2026-01-01.journal", "other.journal"):
        (here.directory / "var" / name).write_text("")
        subprocess.run(["touch", "-d", "40 days ago", here.directory / "var" / name], check=True)
    here.set_clock("2026-11-26 22:00")
    here.nightly()
    names = {path.name for path in (here.directory / "var").iterdir()}
    assert "other.journal" in names and "night-2026-01-01.journal" not in names


def cron_commands():
    """The commands of the cron lines, which cron gives to /bin/sh; a percent sign would end them."""
    lines = re.findall(r"^\d+ \d+ \* \* \* eiot (.*)$", CRON, re.M)
    assert len(lines) == 2 and not any("%" in line for line in lines)
    return [line.replace("/var/lib/eiot/cards.csv", "cards.csv").replace("/var/lib/eiot", "var") for line in lines]


def test_cron_lines_print_nothing_and_send_nothing_twice(host):
    here = host()
    for command, time in zip(cron_commands(), ["2026-11-26 22:00", "2026-11-27 05:30"], strict=True):
        here.set_clock(time)
        done = here.shell(command)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert here.running.counters()["calls"] == 30


def test_cron_line_prints_the_reason_of_a_night_that_stops(host):
    here = host("--refuse", "502")
    here.set_clock("2026-11-26 22:00")
    done = here.shell(cron_commands()[0])
    assert done.returncode == 3 and "no more cards are sent, because 20 calls in a row were refused" in done.stderr


def test_cronjob_runs_the_command_with_variables_that_exist(host):
    here = host()
    here.set_clock("2026-11-26 22:00")
    command = " ".join(CONTAINER["command"]).replace("/data/cards.csv", "cards.csv").replace("/data", "var")
    secret = here.directory / "secret"
    secret.write_text(here.running.secret + "\n")
    secret.chmod(0o440)
    values = {"EIOT_APPKEY": here.running.appkey, "EIOT_SECRET_FILE": str(secret)}
    environment = {each["name"]: values.get(each["name"], each.get("value")) for each in CONTAINER["env"]}
    del here.environment["EIOT_SECRET"]
    done = here.shell(f"eiot doctor && {command}", **environment)
    assert done.returncode == 0 and "warning" not in done.stdout, done
    assert here.running.counters()["accepted"] >= 30


def test_cronjob_has_a_volume_for_each_mount_and_no_secret_in_it():
    pod = CRONJOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert {volume["name"] for volume in pod["volumes"]} == {mount["name"] for mount in CONTAINER["volumeMounts"]}
    assert pod["securityContext"]["runAsNonRoot"] and CONTAINER["securityContext"]["readOnlyRootFilesystem"]
    assert not any("secret" in each["name"].lower() and "FILE" not in each["name"] for each in CONTAINER["env"])
    uid = str(pod["securityContext"]["runAsUser"])
    assert f"--uid {uid} " in (EXAMPLES / "Dockerfile").read_text()


def test_dockerfile_copies_files_that_exist():
    text = (EXAMPLES / "Dockerfile").read_text()
    (script,) = re.findall(r"^COPY --chmod=755 (\S+) /usr/local/bin/$", text, re.M)
    assert (TESTS.parent / script).is_file()
    rust = re.search(r'^rust-version = "(.*)"$', (TESTS.parent / "Cargo.toml").read_text(), re.M)[1]
    assert f"FROM rust:{rust}-" in text


def test_script_is_portable_shell():
    for shell in ("dash", "bash --posix", "busybox sh"):
        if shutil.which(shell.split()[0]):
            run([*shell.split(), "-n", EXAMPLES / "eiot-nightly"], environment={"PATH": CLEAN["PATH"]})
