"""The requirements for every language binding, tested through a driver program per language.

The tables are those of all tests: tests/vectors/, the header, `Config::OPTIONS` through the command's help.
"""

import json
import os
import re
import shutil
import subprocess
import time

import batches
import error_codes
import pytest
import responses
import signed_call
from conftest import CLEAN, IS_EMULATED, PREFIX, TESTS, Driver, run, vectors
from languages import LANGUAGES, NOT_FOR_WRAPPERS, ROOT
from test_consumers import SONAME
from test_faults import MATRIX, STATUS_OF
from test_refusals import EID, INVALID, NO, REFUSED, STATUS, UNKNOWN, WRONG, YES

OPTIONS = re.findall(r"^  EIOT_([A-Z_]+)(?:  |$)", run([PREFIX / "bin" / "eiot", "--help"]).stdout, re.M)


class LanguageDriver(Driver):
    """A language's driver; the environment is the language's own."""

    def __init__(self, language):
        super().__init__(language.name, language.filled(language.driver))
        self.language = language

    def ask(self, *words, environment=None):
        """The driver's output, one object per line."""
        done = run([*self.command, *words], environment=self.language.variables() | (environment or {}))
        assert done.stderr == "", done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def refresh(self, eids, options=None, environment=None, verb=()):
        return self.ask(*verb, *_words(options), "--", *eids, environment=environment)

    def call(self, running, path, parameters, *more, **options):
        words = _words(running.options | options)
        (outcome,) = self.ask("call", *words, "--", path, parameters, *more)
        return outcome

    def verify(self, payload, secret, method="sha1", max_age_ms=0):
        (outcome,) = self.ask("verify", "--", payload, secret, method, str(max_age_ms))
        return outcome

    def can_say(self, eid):
        if eid == "null:":
            return False
        return not eid.startswith("hex:") or self.language.bytes_as_eids


def _words(options):
    return [f"{name}={value}" for name, value in (options or {}).items()]


_made = {}


@pytest.fixture(params=LANGUAGES)
def driver(request):
    """The driver of the language, built once."""
    language = LANGUAGES[request.param]
    if why := language.missing():
        pytest.skip(why)
    if language.name not in _made:
        _made[language.name] = None
        language.make()
        _made[language.name] = LanguageDriver(language)
    if _made[language.name] is None:
        pytest.fail(f"{language.name} could not be built, see the first failure")
    return _made[language.name]


def test_signing_agrees_with_the_golden_sample_and_every_vector(driver):
    for case in vectors("signing.json")["cases"]:
        parameters = [f"{name}={value}" for name, value in case["params"].items()]
        for method in ("sha1", "md5"):
            assert driver.ask("sign", "--", case["secret"], method, *parameters) == [{"sign": case[method]}], case["name"]
    (refused,) = driver.ask("sign", "--", "", "sha1", "a=1")
    assert refused["kind"] == "invalid_argument" and "secret" in refused["message"]


def test_refresh_accepts_and_rejects_the_eids_of_the_table(driver, simulator):
    running = simulator("--tls", "--unlimited")
    cases = vectors("eids.json")["valid"]
    outcomes = driver.refresh([case["eid"] for case in cases], running.options)
    assert all(outcome["ok"] and outcome["attempts"] == 1 for outcome in outcomes), outcomes
    assert {(outcome["code"], outcome["message"]) for outcome in outcomes} == {("200", "success")}
    assert [outcome["eid"] for outcome in outcomes] == [case["eid"].strip() for case in cases]
    wrong = [(eid, says) for eid, says in [*INVALID, ("hex:8904fffe", "UTF-8")] if "\0" not in eid and driver.can_say(eid)]
    outcomes = driver.refresh([eid for eid, _ in wrong], running.options)
    for (eid, says), outcome in zip(wrong, outcomes, strict=True):
        assert outcome["kind"] == "invalid_eid" and says in outcome["message"], (eid, outcome)
        assert outcome["status"] == STATUS["EIOT_ERR_INVALID_EID"] and outcome["delivered"] == NO
    nul = next(eid for eid, _ in INVALID if "\0" in eid) if any("\0" in eid for eid, _ in INVALID) else "8904\x0011"
    if driver.can_say("hex:"):
        (outcome,) = driver.refresh([f"hex:{nul.encode().hex()}"], running.options)
        assert outcome["kind"] == "invalid_eid", "what stands behind a NUL counts too"


def test_environment_is_sufficient_and_missing_variables_are_named(driver, simulator):
    running = simulator("--tls", "--unlimited")
    (outcome,) = driver.refresh([EID], environment=running.environment)
    assert outcome["ok"], outcome
    (outcome,) = driver.refresh([EID], environment={"EIOT_SECRET": "s"})
    assert outcome["kind"] == "config" and "EIOT_APPKEY" in outcome["message"], outcome


def test_rejection_is_reported_verbatim(driver, simulator):
    for case in ("wrong secret", "wrong secret, as HTTP 401", "unknown appkey"):
        arguments, changes, status, code = REFUSED[case]
        running = simulator("--tls", *arguments)
        (outcome,) = driver.refresh([EID], running.options | changes)
        assert (outcome["status"], outcome["code"], outcome["delivered"]) == (STATUS[status], code, YES), outcome
        assert outcome["message"].startswith(f"EID {EID}: ") and outcome["platform_message"] in outcome["message"]
        assert outcome["http_status"] == (401 if status == "EIOT_ERR_AUTH" else 200)
    assert "sign" in outcome["message"] or "appkey" in outcome["message"], "says what to look at"


def test_chinese_text_is_preserved(driver, simulator):
    (outcome,) = driver.refresh([EID], simulator("--tls", "--fault", "chinese").options)
    assert outcome["ok"] and outcome["message"] == "操作成功", outcome
    running = simulator("--tls", "--refuse", "套餐-503016")
    (outcome,) = driver.refresh([EID], running.options)
    assert (outcome["kind"], outcome["code"]) == ("platform", "套餐-503016"), outcome
    (outcome,) = driver.refresh([EID], running.options | {"error_codes": "套餐-503016=cooldown"})
    assert (outcome["kind"], outcome["code"]) == ("cooldown", "套餐-503016"), outcome


def test_fault_of_each_kind_is_reported_in_time(driver, simulator):
    tried = {}
    for fault, expected in MATRIX.items():
        tried.setdefault((expected["kind"], expected["delivered"]), fault)
    for (kind, delivered), fault in tried.items():
        running = simulator("--tls", "--unlimited", "--fault", fault)
        began = time.monotonic()
        (outcome,) = driver.refresh([EID], running.options | {"timeout": "0.5"})
        assert outcome["status"] == STATUS_OF[kind], (fault, outcome)
        assert outcome.get("kind", "ok") == kind
        assert outcome.get("delivered", YES) == ["no", "yes", "unknown"].index(delivered), (fault, outcome)
        # The start of a virtual machine does not count.
        assert time.monotonic() - began < 5
    assert {kind for kind, _ in tried} >= {"ok", "timeout", "connection_lost", "http", "protocol"}


def test_timeout_reports_that_the_refresh_may_have_happened(driver, simulator):
    (outcome,) = driver.refresh([EID], simulator("--tls", "--latency-ms", "5000").options | {"timeout": "0.3"})
    assert (outcome["kind"], outcome["delivered"], outcome["retry_after_ms"]) == ("timeout", UNKNOWN, -1), outcome
    assert "may have taken effect" in outcome["message"]


def test_retry_after_is_reported(driver, simulator):
    running = simulator("--tls", "--unlimited", "--fault", "status=429,7")
    (outcome,) = driver.refresh([EID], running.options)
    assert (outcome["kind"], outcome["retry_after_ms"], outcome["http_status"]) == ("rate_limited", 7000, 429), outcome


def test_options_are_complete_and_invalid_values_are_named_before_anything_is_sent(driver, simulator):
    (offered,) = driver.ask("options")
    assert offered["options"] == "any" or sorted(offered["options"]) == sorted(name.lower() for name in OPTIONS)
    running = simulator()
    right = {
        "allow_http": "on", "timeout": "9.5", "connect_timeout": "2", "max_attempts": "2", "rate_limit": "9",
        "rate_scope": "process", "rate_share": "1/2", "rate_wait": "on", "eid_cooldown": "1", "clock_skew": "off",
        "error_codes": "1=auth", "max_auth_failures": "5", "outage_timeout": "60", "strict_eid": "on",
        "allow_rounded_eid": "on", "sign_method": "sha1",
        "source_address": "127.0.0.1", "user_agent_suffix": "billing/2.3",
    }  # fmt: skip
    strict = next(case["eid"] for case in vectors("eids.json")["valid"] if case["strict"])
    (outcome,) = driver.refresh([strict], running.options | right)
    assert outcome["ok"], outcome
    calls = running.counters()["calls"]
    wrong = [(changes, names) for changes, names in WRONG.values()]
    wrong += [({"max_attempts": "0"}, "max_attempts"), ({"rate_share": "3/2"}, "rate_share"), ({"error_codes": "1=x"}, "error_codes")]
    for changes, names in wrong:
        (outcome,) = driver.refresh([EID], running.options | changes)
        assert outcome["kind"] == "config" and names in outcome["message"], (changes, outcome)
    assert running.counters()["calls"] == calls


def test_statuses_are_complete(driver):
    told = {status["status"]: status["kind"] for status in driver.ask("statuses")}
    kinds = {STATUS_OF[kind]: kind for kind in STATUS_OF if kind not in ("io", "signature")}
    assert told == kinds


def test_missing_library_error_says_what_to_set(driver):
    language = driver.language
    words = ["sign", "--", "a-secret", "sha1", "a=1"]
    missing = run([*driver.command, *words], environment=language.variables() | {"LD_LIBRARY_PATH": ""}, check=False)
    assert missing.returncode != 0, "a library is installed where the system looks"
    said = missing.stdout + missing.stderr
    assert SONAME in said, said
    if language.is_linked:
        # The system's loader says it, so the README has to.
        readme = (language.folder / "README.md").read_text(encoding="utf-8")
        assert f"libraries: {SONAME}" in said and f"{SONAME}: cannot open shared object file" in readme
        assert "LD_LIBRARY_PATH" in readme and "-rpath" in readme
        return
    assert all(way in said for way in language.finds_library_by), said
    if "EIOT_LIBRARY" not in language.finds_library_by:
        return
    named = {"LD_LIBRARY_PATH": "", "EIOT_LIBRARY": str(PREFIX / "lib" / "libeiot.so")}
    assert driver.ask(*words, environment=named) == driver.ask(*words)


def test_functions_are_used_or_excluded_for_a_reason(driver):
    text = (driver.language.folder / driver.language.wrapper).read_text(encoding="utf-8")
    functions = (TESTS.parent / "abi" / "symbols.txt").read_text().split()
    setters = [function for function in functions if function.startswith("eiot_config_set_") and "option" not in function]
    # One setter takes every option by its name.
    through_options = setters if "eiot_config_set_option" in text else []
    unused = [function for function in functions if not re.search(rf"\b{function}\b", text)]
    assert set(unused) <= {*NOT_FOR_WRAPPERS, *through_options}, "not in the wrapper, and no reason given"


def test_empty_batch_has_no_results(driver, simulator):
    assert driver.refresh([], simulator("--tls").options, verb=["batch"]) == []


def test_rounded_eid_is_refused_unless_allowed(driver, simulator):
    rounded = str(int(float("89044011112233441122334411223321")))
    running = simulator("--tls", "--unlimited")
    (outcome,) = driver.refresh([rounded], running.options)
    assert outcome["kind"] == "invalid_eid" and "rounded" in outcome["message"], outcome
    (outcome,) = driver.refresh([rounded], running.options | {"allow_rounded_eid": "on"})
    assert outcome["ok"], outcome


def test_derived_client_has_its_own_options(driver, simulator):
    running = simulator("--tls", "--unlimited", "--latency-ms", "1500")
    hasty, patient = driver.ask("derived", *_words(running.options), "--", "timeout", "0.3", EID)
    assert hasty["kind"] == "timeout" and patient["ok"], (hasty, patient)
    (refused,) = driver.ask("derived", *_words(running.options), "--", "appkey", "another", EID)
    assert refused["kind"] == "config" and "appkey" in refused["message"], refused


def test_statistics_add_up(driver, simulator):
    running = simulator("--unlimited")
    *outcomes, said = driver.ask("stats", *_words(running.options), "--", EID, "8904", "8.9E+31")
    assert [outcome["ok"] for outcome in outcomes] == [True, True, False]
    calls, attempts = said["stats"]["calls"], said["stats"]["attempts"]
    assert (calls["started"], calls["in_flight"], calls["ok"], calls["failed"]["invalid_eid"]) == (3, 0, 2, 1)
    assert (attempts["started"], attempts["ok"]) == (2, 2) and running.counters()["calls"] == 2


def test_events_report_each_attempt_and_each_local_refusal(driver, simulator):
    if not driver.language.has_events:
        pytest.skip(f"{driver.name} has no callbacks")
    running = simulator("--tls", "--unlimited", "--fault", "status=503,0")
    said = driver.ask("events", *_words(running.options | {"max_attempts": "2"}), "--", EID, "8.9E+31")
    events = [line["event"] for line in said if "event" in line]
    assert [event["attempt"] for event in events] == [1, 2, 0]
    assert [event["outcome"] for event in events] == ["http", "ok", "invalid_eid"]
    assert [event["http_status"] for event in events] == [503, 200, None]
    assert events[0]["next_wait_ms"] is not None and events[1]["next_wait_ms"] is None
    assert {event["eid"] for event in events[:2]} == {EID}
    assert len({event["nonce"] for event in events}) == 3 and "demo-secret" not in json.dumps(said)
    assert [line["ok"] for line in said if "event" not in line] == [True, False]


@pytest.mark.parametrize("promise", signed_call.PROMISES, ids=lambda promise: promise.__name__)
def test_other_calls_and_webhooks(promise, driver, simulator):
    promise(driver, simulator)


@pytest.mark.parametrize("promise", error_codes.PROMISES, ids=lambda promise: promise.__name__)
def test_error_codes(promise, driver, simulator):
    promise(driver, simulator)


@pytest.mark.parametrize("promise", responses.PROMISES, ids=lambda promise: promise.__name__)
def test_responses(promise, driver, simulator):
    promise(driver, simulator)


@pytest.mark.parametrize("promise", [*batches.PROMISES, *batches.RESULTS], ids=lambda promise: promise.__name__)
def test_batches(promise, driver, simulator):
    promise(driver, simulator)


def test_closed_client_is_an_error_or_impossible(driver, simulator):
    (outcome,) = driver.ask("closed", *_words(simulator().options))
    assert outcome["ok"] or outcome["kind"] == "invalid_argument", outcome


def test_secret_appears_in_no_view_of_a_client(driver, simulator):
    (shown,) = driver.ask("shown", *_words(simulator().options | {"secret": "canary-hunter2"}))
    assert shown["shown"] and "hunter2" not in shown["shown"], shown


def test_cancellation_ends_waiting_calls(driver, simulator):
    if not driver.language.can_cancel:
        pytest.skip(f"{driver.name} ends calls by their timeout only")
    running = simulator("--tls", "--unlimited", "--latency-ms", "8000")
    began = time.monotonic()
    outcomes = driver.refresh([EID, "8904"], running.options, verb=["cancelled"])
    assert time.monotonic() - began < 5
    # Two calls, and the same two as a batch. An emulated machine may take longer than the 200 ms of the driver to send a request.
    assert [outcome["kind"] for outcome in outcomes] == ["cancelled"] * 4, outcomes
    delivered = {outcome["delivered"] for outcome in outcomes}
    assert delivered == {UNKNOWN} or (IS_EMULATED and delivered <= {NO, UNKNOWN}), outcomes


def test_client_is_shared_by_many_threads(driver, simulator):
    if not driver.language.has_threads:
        pytest.skip(f"{driver.name} has no threads that share objects")
    running = simulator("--tls", "--unlimited")
    assert driver.refresh(["8", "50", EID], running.options, verb=["threads"]) == [{"ok": 400}]


def test_memory_does_not_grow_over_1000_calls(driver, simulator):
    """Half of them are rejected. Samples memory and descriptors of the driver from outside while it runs."""
    running = simulator("--tls", "--unlimited", "--latency-ms", "1")
    words = [*driver.command, *_words(running.options), "--", *[EID, "8.9E+31"] * 500]
    # Without it glibc extends its heap by 128 KiB at a time, which looks like growth.
    environment = CLEAN | driver.language.variables() | {"MALLOC_TOP_PAD_": "0"}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        seen = []
        for line in process.stdout:
            assert line.startswith("{")
            seen.append(_footprint(process.pid))
        assert process.wait(timeout=60) == 0
    assert len(seen) == 1000
    early, late = _largest(seen[200:300]), _largest(seen[900:])
    assert late[1] <= early[1] + 2, (early, late)
    assert late[0] <= early[0] + driver.language.growth_kib, (early, late)


def _largest(footprints):
    """KiB and descriptors; the process may have ended before the last samples."""
    there = [footprint for footprint in footprints if footprint]
    return max(kib for kib, _ in there), max(descriptors for _, descriptors in there)


def _footprint(pid):
    """KiB and descriptors; nothing if the process has ended. Without the pages of files, which come and go with the system's memory."""
    try:
        with open(f"/proc/{pid}/statm") as statm:
            _, resident, of_files, *_ = map(int, statm.read().split())
        kib = (resident - of_files) * 4
        return (kib, len(os.listdir(f"/proc/{pid}/fd"))) if kib else None
    except OSError:
        return None


def test_language_passes_its_own_tests(driver):
    language = driver.language
    if not language.own_tests:
        pytest.skip(f"{driver.name} has no test runner of its own here")
    environment = CLEAN | language.variables() | {"EIOT_SIM": os.environ["EIOT_SIM"]}
    command = language.filled(language.own_tests)
    done = subprocess.run(command, cwd=language.folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_example_refreshes_and_reports_errors(driver, simulator):
    language = driver.language
    running = simulator("--tls")
    environment = language.variables() | running.environment | {"EIOT_RATE_LIMIT": "0"}
    command = language.filled(language.example)
    cards = [EID, "89001012012341234012345678901224"]
    done = run([*command, *cards], environment=environment, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert all(f"{card}: success" in done.stdout for card in cards), done
    again = run([*command, EID], environment=environment, check=False)
    assert again.returncode != 0, again
    said = again.stdout + again.stderr
    assert "sim.cooldown" in said and "delivered yes" in said and f"EID {EID}" in said, again


def test_readme_example_is_short_and_works(driver, simulator, tmp_path):
    """The first block of code that has "refresh" in it is a program's own lines: at most ten."""
    readme = (driver.language.folder / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w+\n(.*?)^```", readme, re.M | re.S)
    main_job = next(block for block in blocks if re.search("refresh", block, re.I) and "apt-get" not in block)
    lines = [line for line in main_job.splitlines() if line.strip()]
    assert len(lines) <= 10, main_job
    example = "".join(path.read_text(encoding="utf-8") for path in (driver.language.folder / "example").rglob("*.*"))
    # It is what the example is made of, and the example runs.
    squeezed = re.sub(r"\s+", "", example)
    missing = [line for line in lines if re.sub(r"\s+", "", line) not in squeezed]
    assert not missing, f"not in the example: {missing}"


def test_readme_lines_compile_and_run_the_example(driver, simulator, tmp_path):
    language = driver.language
    readme = (language.folder / "README.md").read_text(encoding="utf-8")
    (lines,) = [block for block in re.findall(r"^```sh\n(.*?)^```", readme, re.M | re.S) if "/opt/eiot" in block]
    (eid,) = re.findall(r"\b89\d{30}\b", lines)
    copy = shutil.copytree(language.folder, tmp_path / language.name, ignore=shutil.ignore_patterns("node_modules"))
    # As in a new shell, but for the account and for where compilers keep their caches.
    set_by_the_lines = {"LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "NODE_PATH"}
    environment = {name: value for name, value in language.variables().items() if name not in set_by_the_lines}
    done = subprocess.run(
        ["sh", "-ec", lines.replace("/opt/eiot", str(PREFIX))],
        env=environment | simulator("--tls").environment, cwd=copy, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0 and f"{eid}: success" in done.stdout, done


def test_languages_have_a_folder_each():
    for language in LANGUAGES.values():
        for path in (language.wrapper, "README.md", "example", "test"):
            assert (language.folder / path).exists(), (language.name, path)
