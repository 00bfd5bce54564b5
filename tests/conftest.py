"""Shared fixtures of the cross-language tests: the installed library, the simulator as a process, and the four drivers.

`make test` says where things are; nothing here looks into the source tree of the library.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import urllib.request

import pytest
from redis_server import redis  # noqa: F401, a fixture

TESTS = pathlib.Path(__file__).parent
VECTORS = TESTS / "vectors"
PREFIX = pathlib.Path(os.environ["EIOT_TEST_PREFIX"])
PKG_CONFIG = pathlib.Path(sys.executable).with_name("pkgconf")
WARNINGS = ["-g", "-Wall", "-Wextra", "-pedantic", "-Werror"]
# Whether `make test-platforms` runs programs of another platform.
IS_EMULATED = "EIOT_TEST_PLATFORM" in os.environ
IS_WINDOWS = os.environ.get("EIOT_TEST_PLATFORM", "").startswith("windows-")
# What a program takes to start on a busy machine, in seconds.
START = 12 if IS_EMULATED else 3

# The whole environment of every child process: no EIOT_ variable of the developer leaks in.
CLEAN = {
    "PATH": os.environ["PATH"],
    "LD_LIBRARY_PATH": str(PREFIX / "lib"),
}


# A process that is started in the background, by cron or nohup for example, may ignore SIGINT or SIGHUP, and its children
# inherit that. The programs under test start as in a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def vectors(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


class Simulator:
    """A running eiot-sim; `options` are the options of a client to reach it."""

    appkey = "demo-appkey"
    secret = "demo-secret"

    def __init__(self, directory, *arguments):
        arguments = list(arguments)
        self.ca_file = directory / "ca.pem"
        if "--tls" in arguments:
            arguments += ["--ca-out", str(self.ca_file)]
        port = [] if "--port" in arguments else ["--port", "0"]
        command = [os.environ["EIOT_SIM"], *port, "--stop-with-stdin", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        assert self.url, "eiot-sim did not say where it listens"
        self.tls = "--tls" in arguments
        self.unlimited = "--unlimited" in arguments

    @property
    def options(self):
        """If the simulator has no limit, the client needs none either; a single attempt makes every failure visible."""
        options = {"base_url": self.url, "appkey": self.appkey, "secret": self.secret}
        options |= {"max_attempts": "1", "outage_timeout": "0"}
        if self.unlimited:
            options["rate_limit"] = "0"
        return options | {"ca_file": str(self.ca_file)} if self.tls else options

    @property
    def environment(self):
        return {f"EIOT_{name.upper()}": value for name, value in self.options.items()}

    def counters(self):
        assert not self.tls
        with urllib.request.urlopen(f"{self.url}/sim/counters", timeout=10) as reply:
            return json.load(reply)

    def stop(self):
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=10)


@pytest.fixture
def simulator(tmp_path):
    """Starts simulators with the given arguments, and stops them after the test."""
    with contextlib.ExitStack() as stack:

        def start(*arguments):
            directory = tmp_path / f"simulator-{len(list(tmp_path.glob('simulator-*')))}"
            directory.mkdir()
            simulator = Simulator(directory, *arguments)
            stack.callback(simulator.stop)
            return simulator

        yield start


def compiled(source, output, *flags, static=False):
    """Compiles a C or C++ program against the installed library, with the flags that pkg-config gives."""
    question = [PKG_CONFIG, "--cflags", "--libs", *(["--static"] if static else []), "eiot"]
    environment = CLEAN | {"PKG_CONFIG_PATH": str(PREFIX / "lib" / "pkgconfig")}
    found = subprocess.run(question, env=environment, check=True, capture_output=True, text=True).stdout.split()
    compiler, standard = ("CXX", "-std=c++11") if source.suffix == ".cpp" else ("CC", "-std=gnu99")
    command = [*os.environ[f"EIOT_TEST_{compiler}"].split(), standard, *WARNINGS, "-o", output, source, *flags]
    subprocess.run([str(word) for word in command + found], check=True)
    return output


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """Compiles a test program once per session: build("c/threads.c", "-lpthread")."""
    made = {}
    directory = tmp_path_factory.mktemp("programs")

    def build_once(name, *flags):
        key = (name, flags)
        if key not in made:
            output = directory / f"{len(made)}-{pathlib.Path(name).stem}"
            made[key] = compiled(TESTS / name, output, *flags)
        return made[key]

    return build_once


def run(command, *, environment=None, timeout=120, check=True):
    """Runs a program in the clean environment; its output is text."""
    done = subprocess.run(
        [str(word) for word in command],
        env=CLEAN | (environment or {}),
        capture_output=True,
        # The body of a reply can be anything.
        encoding="utf-8",
        errors="replace",
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
    if check:
        assert done.returncode == 0, (done.args, done.returncode, done.stdout, done.stderr)
    return done


def best_of_three(check):
    """For promises about time: a busy machine breaks them once or twice, a bug breaks them always."""
    for is_last in (False, False, True):
        try:
            return check()
        except AssertionError:
            if is_last:
                raise


@pytest.fixture(scope="session")
def valgrind():
    """The command that runs a program under valgrind and fails on any bad access and any leak, with the installed suppressions.

    "Possibly lost" is left out: Rust's hash tables point into the middle of their memory, which looks like that.
    """
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed (on Debian: apt-get install valgrind)")
    return [
        "valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
        "--errors-for-leak-kinds=definite,indirect", "--show-leak-kinds=definite,indirect",
        "--child-silent-after-fork=no", f"--suppressions={PREFIX / 'share' / 'eiot' / 'valgrind.supp'}",
    ]  # fmt: skip


class Driver:
    """One way to call eiot. `refresh` returns one outcome per EID, with the names of the C library."""

    def __init__(self, name, command):
        self.name, self.command = name, command

    def can_say(self, eid):
        """Python and the shell cannot pass NULL, and Python's text is always UTF-8; C++ has no NULL strings."""
        if eid == "null:":
            return self.name == "c"
        return not eid.startswith("hex:") or self.name in ("c", "cpp") or _is_utf8(eid) and self.name == "python"

    def refresh(self, eids, options=None, environment=None, verb=()):
        words = [f"{name}={value}" for name, value in (options or {}).items()]
        done = run([*self.command, *verb, *words, "--", *eids], environment=environment)
        assert done.stderr == "", done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def call(self, running, path, parameters, *more, **options):
        """One outcome of any signed call."""
        words = [f"{name}={value}" for name, value in (running.options | options).items()]
        return json.loads(run([*self.command, "call", *words, "--", path, parameters, *more]).stdout)

    def verify(self, payload, secret, method="sha1", max_age_ms=0):
        """The outcome of a webhook's verification."""
        return json.loads(run([*self.command, "verify", "--", payload, secret, method, max_age_ms]).stdout)


class CommandDriver(Driver):
    """The command has one flag per option, and reads the secret from the environment only."""

    def refresh(self, eids, options=None, environment=None):
        options, environment = dict(options or {}), dict(environment or {})
        if "secret" in options:
            environment["EIOT_SECRET"] = options.pop("secret")
        flags = []
        for name, value in options.items():
            flag = f"--{name.replace('_', '-')}"
            flags.append(f"{flag}={value}")
        done = run([*self.command, *flags, "--", *eids], environment=environment, check=False)
        outcomes = []
        for line in done.stdout.splitlines():
            said = json.loads(line)
            said["delivered"] = ["no", "yes", "unknown"].index(said["delivered"])
            said["http_status"] = said.get("http_status") or 0
            outcomes.append(said)
        worst = [outcome for outcome in outcomes if not outcome["ok"]]
        assert (done.returncode == 0) == (not worst), (done.returncode, done.stdout, done.stderr)
        return outcomes

    def call(self, running, path, parameters, *more, **options):
        options = running.options | options
        environment = {"EIOT_SECRET": options.pop("secret")}
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        flags += [f"--{word}" for word in more]
        command = [self.command[0], "call", "--json", *flags, "--", path, parameters]
        said = json.loads(run(command, environment=environment, check=False).stdout)
        said |= {"delivered": ["no", "yes", "unknown"].index(said["delivered"]), "data_json": json.dumps(said["data"])}
        return said | ({"code": "200"} if said["ok"] else {})

    def verify(self, payload, secret, method="sha1", max_age_ms=0):
        flags = [f"--max-age={max_age_ms // 1000}"] if max_age_ms else []
        command = [self.command[0], "webhook", "verify", f"--sign-method={method}", *flags]
        done = subprocess.run(
            command, input=payload.encode(), env=CLEAN | {"EIOT_SECRET": secret}, capture_output=True, timeout=60
        )
        if done.returncode == 0:
            return {"ok": True, "status": 0}
        assert done.returncode == 3, done
        return {"ok": False, "status": 60, "kind": "invalid_signature", "message": done.stderr.decode()}


def _is_utf8(eid):
    try:
        bytes.fromhex(eid[4:]).decode()
    except UnicodeDecodeError:
        return False
    return True


DRIVERS = ["c", "cpp", "python", "command"]


@pytest.fixture
def driver(request, build):
    """The driver that the test is parametrized with."""
    match request.param:
        case "c" | "cpp":
            return Driver(request.param, [build(f"drivers/driver.{request.param}")])
        case "python":
            return Driver("python", [sys.executable, TESTS / "drivers" / "driver.py"])
        case "command":
            return CommandDriver("command", [PREFIX / "bin" / "eiot", "refresh", "--json"])


def every_driver(test):
    return pytest.mark.parametrize("driver", DRIVERS, indirect=True)(test)


def pytest_collection_modifyitems(items):
    """Under `make test-platforms`, skips what does not apply to the platform."""
    if name := os.environ.get("EIOT_TEST_PLATFORM"):
        from platforms import ALL

        (platform,) = [platform for platform in ALL if platform.name == name]
        items[:] = [item for item in items if not any(re.search(variant, item.nodeid) for variant in platform.left_out)]
        for item in items:
            for test, why in platform.not_here.items():
                if re.search(test, item.nodeid):
                    item.add_marker(pytest.mark.skip(reason=why))


def pytest_terminal_summary(terminalreporter):
    """One line per language binding: passed, failed, or not run and why."""
    from languages import LANGUAGES

    told = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            # A language is a parameter of the shared tests; its other tests are in a file with its name.
            words = re.search(r"test_bindings\.py.*\[(.*)\]$|test_bindings_(\w+)\.py", report.nodeid)
            for name in set((words[1] or words[2]).split("-")) & LANGUAGES.keys() if words else ():
                told.setdefault(name, {}).setdefault(outcome, []).append(report)
    if told:
        terminalreporter.section("languages")
    for name, outcomes in sorted(told.items()):
        passed, failed = len(outcomes.get("passed", [])), len(outcomes.get("failed", []) + outcomes.get("error", []))
        if failed:
            terminalreporter.line(f"{name}: failed, {failed} of {passed + failed}")
        elif passed:
            terminalreporter.line(f"{name}: passed, {passed}")
        else:
            terminalreporter.line(f"{name}: not run, {outcomes['skipped'][0].longrepr[2].removeprefix('Skipped: ')}")
