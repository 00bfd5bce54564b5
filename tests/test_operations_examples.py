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


def system_calls_of(systemd_analyze, groups):
    """The system calls in these groups of systemd and in the groups that they contain."""
    text, found, left = run([*systemd_analyze, "syscall-filter"]).stdout, set(), list(groups)
    members = {}
    for line in text.splitlines():
        if line.startswith("@"):
            group = members.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            group.append(line.strip())
    while left:
        for name in members[left.pop()]:
            left.append(name) if name.startswith("@") else found.add(name)
    return found


# How strace shows a call: with the process, and perhaps as the rest of one that another process has interrupted.
CALL = re.compile(r"^\d+ +(\w+)\((.*)", re.M)


def test_service_may_make_every_system_call_that_a_run_makes(systemd_analyze, simulator, tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed (on Debian: apt-get install strace)")
    # The filter is a list of allowed groups and one of forbidden ones.
    allowed, forbidden = re.findall(r"^SystemCallFilter=(~?)(.*)$", SERVICE, re.M)
    assert (allowed[0], forbidden[0]) == ("", "~")
    may_make = system_calls_of(systemd_analyze, allowed[1].split()) - system_calls_of(systemd_analyze, forbidden[1].split())
    assert {"read", "execve", "socket"} <= may_make and "reboot" not in may_make, "the groups were read"
    families = set(re.search(r"^RestrictAddressFamilies=(.*)$", SERVICE, re.M)[1].split())

    made = set()
    # Faults, TLS and a name, an outage that a signal ends.
    here = Host(tmp_path, simulator("--unlimited", "--fault=reset", "--fault=status=503"), cards=20)
    here.environment |= {"EIOT_MAX_ATTEMPTS": "3"}
    secure = simulator("--unlimited", "--tls")
    by_name = {"EIOT_BASE_URL": secure.url.replace("127.0.0.1", "localhost"), "EIOT_CA_FILE": str(secure.ca_file)}
    gone = {"EIOT_BASE_URL": "http://127.0.0.1:1", "EIOT_OUTAGE_TIMEOUT": "60"}
    flags = "--column eid --metrics var/eiot.prom"
    stop = f"timeout -s TERM 3 eiot-nightly var cards.csv {flags}"
    for number, (command, environment) in enumerate(
        [(f"eiot-nightly var cards.csv {flags}", {}), (f"eiot-nightly var cards.csv {flags}", by_name), (stop, gone)]
    ):
        here.set_clock(f"2026-11-{number + 10} 22:00")
        traced = tmp_path / f"trace-{number}"
        here.shell(f"strace -f -qq -o '{traced}' {command}", **environment)
        calls = CALL.findall(traced.read_text())
        # timeout(1) is not part of the service.
        made |= {name for name, _ in calls}
        used = {arguments.split(",")[0] for name, arguments in calls if name == "socket"}
        # glibc asks for the addresses of this machine, and goes on without them.
        assert used - {"AF_NETLINK"} <= families, used
        assert not [arguments for name, arguments in calls if name in ("mmap", "mprotect") and "PROT_WRITE|PROT_EXEC" in arguments]
    assert len(made) > 50 and {"connect", "flock", "rename"} & made
    assert made <= may_make, f"not allowed: {sorted(made - may_make)}"
    assert len(here.results("2026-11-10")) == 20


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
