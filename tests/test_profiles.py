"""Profiles of the command: named sets of options in a configuration file, below flags and environment."""

import json
import os

import pytest
from conftest import PREFIX, run

EIOT = PREFIX / "bin" / "eiot"
CARD = "89044011112233441122334411223321"
SECRET = "canary-hunter2"


class Home:
    """A home directory with a configuration file."""

    def __init__(self, directory):
        self.directory = directory / ".config" / "eiot"
        self.directory.mkdir(parents=True)
        self.file = self.directory / "config.toml"
        self.environment = {"HOME": str(directory)}

    def write(self, text, mode=0o644):
        self.file.write_text(text)
        self.file.chmod(mode)

    def secret(self, name, text, mode=0o600):
        path = self.directory / name
        path.write_text(text)
        path.chmod(mode)

    def eiot(self, *arguments, **environment):
        done = run([EIOT, *arguments], environment=self.environment | environment, check=False)
        assert SECRET not in done.stdout + done.stderr
        return done

    def doctor(self, *arguments, **environment):
        """The check `configuration`."""
        done = self.eiot("doctor", "--no-call", "--json", *arguments, **environment)
        return json.loads(done.stdout.splitlines()[0])


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def test_profiles_refresh_the_cards_of_two_accounts(home, simulator):
    billing, test = simulator("--appkey", "billing", "--secret", "one"), simulator("--appkey", "test", "--secret", "two")
    home.secret("billing.secret", "one\n")
    home.secret("test.secret", "two")
    home.write(
        f'[profile.default]\nappkey = "billing"\nsecret_file = "billing.secret"\nbase_url = "{billing.url}"\n'
        f'[profile.test]\nappkey = "test"\nsecret_file = "test.secret"\nbase_url = "{test.url}"\nmax_attempts = 1\n'
    )
    for arguments, environment in [(["--profile", "test"], {}), ([], {"EIOT_PROFILE": "test"}), ([], {})]:
        done = home.eiot("refresh", CARD, *arguments, **environment)
        # The second refresh of a card within five minutes is refused.
        assert done.returncode == (1 if environment else 0), done.stderr
    assert (billing.counters()["accepted"], test.counters()["accepted"]) == (1, 1)
    assert home.eiot("sign", "--profile", "test", "a=b").stdout != home.eiot("sign", "a=b").stdout


def test_flag_overrides_environment_which_overrides_profile_which_overrides_default(home):
    home.secret("a.secret", SECRET)
    home.write('[profile.default]\nappkey = "p"\nsecret_file = "a.secret"\ntimeout = 7.5\nmax_attempts = 2\nstrict_eid = true\n')
    shown = home.doctor("--timeout", "9", EIOT_TIMEOUT="8", EIOT_MAX_ATTEMPTS="4")
    wanted = {
        "timeout": ("9", "flag"), "max_attempts": ("4", "environment"), "appkey": ("p", "profile"),
        "strict_eid": ("on", "profile"), "connect_timeout": ("5", "default"),
        "secret_file": (str(home.directory / "a.secret"), "profile"),
    }  # fmt: skip
    assert {name: (shown["options"][name], shown["sources"][name]) for name in wanted} == wanted
    assert (shown["profile"], shown["config_file"]) == ("default", str(home.file))
    text = home.eiot("doctor", "--no-call", "--timeout", "9").stdout
    assert "appkey=p (profile)" in text and "timeout=9 (flag)" in text and f'profile "default" of {home.file}' in text


def test_secret_of_the_environment_replaces_the_secret_file_of_the_profile_and_doctor_warns(home):
    home.write('[profile.default]\nappkey = "p"\nsecret_file = "absent"\n')
    shown = home.doctor(EIOT_SECRET=SECRET)
    assert (shown["sources"]["secret"], shown["options"]["secret_file"]) == ("environment", None)
    assert shown["status"] == "warning" and "are they of one account?" in shown["message"]
    shown = home.doctor(EIOT_SECRET=SECRET, EIOT_APPKEY="mine")
    assert shown["status"] == "ok"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f'[profile.default]\nsecret = "{SECRET}"\n', "secret: this file must not hold secrets"),
        (f'[profile.default]\nproxy = "http://u:{SECRET}@p:1"\n', "set EIOT_PROXY instead"),
        (f'[profile.default]\nrate_scope = "redis://:{SECRET}@r"\n', "set EIOT_RATE_SCOPE instead"),
        (f"[profile.default]\nsecret = {SECRET}\n", "config.toml: line 2: "),
        ("[profile.default]\n\ntimeot = 3\n", "timeot: unknown option; valid options are appkey, "),
        ('[profile.default]\ntimeout = "soon"\n', 'profile "default": timeout: '),
        ("[profile.default]\ntimeout = [3]\n", "timeout: must be a string, a number, true or false"),
        ("[profiles.default]\n", "line 1: unknown field `profiles`, expected `profile`"),
        ("profile = 3\n", "profiles are tables such as [profile.default]"),
    ],
)
def test_configuration_file_that_is_wrong_is_refused_with_its_path_and_nothing_is_sent(home, simulator, text, problem):
    running = simulator()
    home.write(text)
    done = home.eiot("refresh", CARD, EIOT_BASE_URL=running.url, EIOT_APPKEY=running.appkey)
    assert done.returncode == 2 and str(home.file) in done.stderr and problem in done.stderr, done.stderr
    assert running.counters()["calls"] == 0


@pytest.mark.parametrize(("mode", "accepted"), [(0o600, True), (0o400, True), (0o644, False), (0o660, False), (0o604, False)])
def test_secret_file_of_a_profile_must_be_private(home, mode, accepted):
    home.secret("a.secret", SECRET, mode)
    home.write('[profile.default]\nappkey = "p"\nsecret_file = "a.secret"\n')
    shown = home.doctor()
    assert (shown["status"] == "ok") == accepted, shown
    assert accepted or f"has mode {mode:04o}, so that others can read or change it; run chmod" in shown["message"]


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to own a file of another user")
def test_secret_file_may_be_readable_by_its_group_only_if_root_owns_it(home):
    home.secret("a.secret", SECRET, 0o640)
    home.write('[profile.default]\nappkey = "p"\nsecret_file = "a.secret"\n')
    assert home.doctor()["status"] == "ok"
    os.chown(home.directory / "a.secret", 65534, 65534)
    assert home.doctor()["status"] == "failed"


def test_configuration_file_that_everybody_may_change_is_refused(home):
    home.write('[profile.default]\nappkey = "p"\n', mode=0o666)
    assert "run chmod o-w on it" in home.doctor(EIOT_SECRET=SECRET)["message"]


def test_profile_that_is_named_must_exist_and_an_unnamed_one_need_not(home, tmp_path):
    environment = {"EIOT_APPKEY": "k", "EIOT_SECRET": SECRET}
    assert home.doctor(**environment)["profile"] is None
    assert "No such file" in home.doctor("--profile", "a", **environment)["message"]
    assert "No such file" in home.doctor(EIOT_CONFIG="/absent", **environment)["message"]
    home.write('[profile.a]\nappkey = "p"\n[profile.b]\n')
    assert home.doctor(**environment)["profile"] is None
    assert 'no profile "c"; its profiles: a, b' in home.doctor("--profile", "c", **environment)["message"]
    assert home.doctor(EIOT_PROFILE="b", **environment)["profile"] == "b"
    # Its places, in order.
    other, xdg = tmp_path / "other.toml", tmp_path / "xdg" / "eiot" / "config.toml"
    xdg.parent.mkdir(parents=True)
    for place in (other, xdg):
        place.write_text("[profile.a]\n")
    named = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "EIOT_PROFILE": "a"} | environment
    assert home.doctor(**named)["config_file"] == str(xdg)
    assert home.doctor(EIOT_CONFIG=str(other), **named)["config_file"] == str(other)
    assert home.doctor(**named | {"XDG_CONFIG_HOME": "relative"})["config_file"] == str(home.file)
