"""C programs with everything instrumented, library, standard library and program: AddressSanitizer and ThreadSanitizer."""

import os
import pathlib
import subprocess

import pytest
from conftest import PREFIX, TESTS, Driver, run
from test_refusals import EID

SANITIZED = pathlib.Path(os.environ["EIOT_TEST_SANITIZED"])
# A report ends the program with this status; leaks are reported too. Memory that was freed is kept from reuse
# for a while, here a short one, since a test watches the memory.
OPTIONS = {
    "ASAN_OPTIONS": "exitcode=99:quarantine_size_mb=1:detect_leaks=1",
    "TSAN_OPTIONS": "exitcode=99:halt_on_error=1",
}


@pytest.fixture(scope="session")
def instrumented(tmp_path_factory):
    """Compiles a program with a sanitizer: instrumented("address", "c/misuse.c")."""
    made = {}

    def build_once(sanitizer, name):
        library = next(SANITIZED.glob(f"{sanitizer}/*/debug/libeiot.a"), None)
        if library is None:
            pytest.skip("there is no nightly toolchain with rust-src here")
        if (sanitizer, name) not in made:
            output = tmp_path_factory.mktemp("instrumented") / pathlib.Path(name).stem
            question = ["rustc", "+nightly", "--print", "target-libdir"]
            runtimes = pathlib.Path(subprocess.check_output(question, text=True).strip())
            runtime = next(runtimes.glob(f"librustc-nightly_rt.{sanitizer[0]}san.a"))
            other_threads = 1 if sanitizer == "thread" else 0
            is_cpp = name.endswith(".cpp")
            compiler = os.environ["EIOT_TEST_CXX" if is_cpp else "EIOT_TEST_CC"].split()
            # The C compiler instruments the program; the runtime is that of the library's compiler, for both.
            compile_ = [
                *compiler, "-std=c++17" if is_cpp else "-std=gnu99", "-g", "-O1", "-fPIE", f"-fsanitize={sanitizer}",
                f"-DOTHER_THREADS={other_threads}", f"-I{PREFIX / 'include'}", "-c", TESTS / name, "-o", f"{output}.o",
            ]  # fmt: skip
            link = [
                *compiler, "-pie", "-o", output, f"{output}.o", library,
                "-Wl,--whole-archive", runtime, "-Wl,--no-whole-archive", "-Wl,--export-dynamic",
                "-lpthread", "-ldl", "-lm", "-lrt", "-lgcc_s",
            ]  # fmt: skip
            for command in (compile_, link):
                subprocess.run([str(word) for word in command], check=True)
            made[sanitizer, name] = output
        return made[sanitizer, name]

    return build_once


def watched(program, *arguments, environment):
    done = run([program, *arguments], environment=OPTIONS | environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "sanitizer, report, where",
    [("address", "heap-buffer-overflow", "eid.rs"), ("thread", "data race", "config.rs")],
)
def test_sanitizer_is_inside_the_library(instrumented, sanitizer, report, where):
    done = run([instrumented(sanitizer, f"c/sanitizers/{sanitizer}.c")], environment=OPTIONS, check=False)
    assert done.returncode == 99
    assert report in done.stderr and where in done.stderr


def test_misuse_is_clean_under_address_sanitizer(instrumented, simulator):
    watched(instrumented("address", "c/misuse.c"), environment=simulator("--unlimited").environment)


@pytest.mark.parametrize("arguments", [(), ("--tls",)], ids=["http", "tls"])
def test_calls_are_clean_under_address_sanitizer(instrumented, simulator, arguments):
    running = simulator(*arguments)
    driver = Driver("c", [instrumented("address", "drivers/driver.c")])
    outcomes = driver.refresh([EID, "8.9E+31", "null:", "hex:ff"], running.options, OPTIONS)
    assert [outcome["ok"] for outcome in outcomes] == [True, False, False, False]
    assert not driver.refresh([EID], running.options | {"secret": "wrong"}, OPTIONS)[0]["ok"]
    assert not driver.refresh([EID], running.options | {"base_url": "http://127.0.0.1:1"}, OPTIONS)[0]["ok"]


@pytest.mark.parametrize("sanitizer", ["address", "thread"])
def test_threads_on_one_client_are_clean(instrumented, simulator, sanitizer):
    running = simulator("--tls", "--unlimited")
    watched(instrumented(sanitizer, "c/threads.c"), "100", environment=running.environment)


@pytest.mark.parametrize("sanitizer", ["address", "thread"])
@pytest.mark.parametrize("scope", ["process", "host"])
def test_threads_that_share_the_rate_are_clean(instrumented, simulator, sanitizer, scope):
    # Real time: 160 calls at 95 % of 200 a second.
    running = simulator("--unlimited")
    rate = {"EIOT_RATE_LIMIT": "200", "EIOT_RATE_SCOPE": scope}
    watched(instrumented(sanitizer, "c/pace.c"), "20", environment=running.environment | rate)


@pytest.mark.parametrize("sanitizer", ["address", "thread"])
def test_faults_are_clean(instrumented, simulator, sanitizer):
    running = simulator("--unlimited", "--tls", "--fault-chance", "0.8", "--fault-seed", "7")
    driver = Driver("c", [instrumented(sanitizer, "drivers/driver.c")])
    options = running.options | {"timeout": "0.3"}
    outcomes = driver.refresh([EID] * 60, options, OPTIONS)
    assert len({outcome["status"] for outcome in outcomes}) > 3


@pytest.mark.parametrize("sanitizer", ["address", "thread"])
@pytest.mark.parametrize("program", ["fork", "cancel", "refresh_many"])
def test_processes_and_signals_are_clean(instrumented, simulator, sanitizer, program):
    arguments = ["--latency-ms", "2000"] if program == "cancel" else ["--tls", "--unlimited"]
    environment = simulator(*arguments).environment | ({"EIOT_TIMEOUT": "0.6"} if program == "cancel" else {})
    # A forked child leaves its parent's connections alone, and so does not free them: that is no leak.
    options = {"ASAN_OPTIONS": f"{OPTIONS['ASAN_OPTIONS']}:detect_leaks=0"} if program == "fork" else {}
    watched(instrumented(sanitizer, f"c/{program}.c"), environment=environment | options)


@pytest.mark.parametrize("sanitizer", ["address", "thread"])
def test_results_events_and_counters_are_clean(instrumented, simulator, sanitizer):
    running = simulator("--unlimited", "--latency-ms", "200", "--fault", "status=503")
    watched(instrumented(sanitizer, "c/results.c"), environment=running.environment | {"EIOT_MAX_ATTEMPTS": "3"})


@pytest.mark.parametrize("sanitizer", ["address", "thread"])
def test_cpp_wrapper_is_clean(instrumented, simulator, sanitizer):
    running = simulator("--unlimited", "--latency-ms", "300")
    watched(instrumented(sanitizer, "cpp/offline.cpp"), environment={})
    watched(instrumented(sanitizer, "cpp/wrapper.cpp"), environment=running.environment)


@pytest.fixture
def as_users_do(build, simulator):
    """Runs a program that only the C compiler's ThreadSanitizer knows, with the shipped library and the installed suppressions."""

    def runs(name, *arguments, simulated=("--tls", "--unlimited")):
        program = build(name, "-fsanitize=thread", "-DOTHER_THREADS=1", "-lpthread")
        options = f"{OPTIONS['TSAN_OPTIONS']}:suppressions={PREFIX / 'share' / 'eiot' / 'tsan.supp'}"
        environment = simulator(*simulated).environment | {"TSAN_OPTIONS": options}
        done = run([program, *arguments], environment=environment, check=False)
        if "unexpected memory mapping" in done.stderr:
            pytest.skip("this C compiler's ThreadSanitizer does not work with this kernel's address space layout")
        return done

    return runs


def test_shared_library_is_clean_under_thread_sanitizer_with_the_suppressions(as_users_do):
    done = as_users_do("c/threads.c", "50")
    assert done.returncode == 0, done.stderr


def test_cpp_wrapper_is_clean_under_thread_sanitizer_with_the_suppressions(as_users_do):
    done = as_users_do("cpp/wrapper.cpp", simulated=("--unlimited", "--latency-ms", "300"))
    assert done.returncode == 0, done.stderr


def test_suppressions_do_not_hide_a_race_in_a_callback(as_users_do):
    done = as_users_do("c/sanitizers/callback.c")
    assert done.returncode == 99, done
    assert "data race" in done.stderr and "callback.c" in done.stderr
