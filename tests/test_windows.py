"""What is particular to Windows, run by `make test-platforms` under wine: the DLLs, the shared rate file, the journal, Ctrl-C."""

import os
import re
import signal
import ssl
import subprocess
import time

import pytest
import visual_basic
from conftest import PREFIX, TESTS, run
from test_batch_command import EIOT, begin, cards_file, refresh
from test_refusals import EID, STATUS

PLATFORM = os.environ.get("EIOT_TEST_PLATFORM", "")
pytestmark = pytest.mark.skipif(not PLATFORM.startswith("windows-"), reason="for programs of Windows only")
IS_32_BIT = PLATFORM == "windows-i686"
for_32_bit = pytest.mark.skipif(not IS_32_BIT, reason="64-bit Windows has one calling convention")
MINGW = f"{PLATFORM.removeprefix('windows-')}-w64-mingw32"
DLLS = ["eiot.dll", "eiot_stdcall.dll"]
# What every Windows has, and what Rust's standard library needs.
OF_WINDOWS = {
    "advapi32", "bcrypt", "bcryptprimitives", "crypt32", "kernel32", "msvcrt", "ncrypt", "ntdll", "secur32", "user32", "userenv", "ws2_32",
}  # fmt: skip


def tables(file):
    """The names of the DLLs that a file needs, and of the functions that it exports."""
    text = run([f"{MINGW}-objdump", "-p", PREFIX / "bin" / file]).stdout
    needed = {name.lower().removesuffix(".dll") for name in re.findall(r"DLL Name: (\S+)", text)}
    exported = re.findall(r"^\s+\[ *\d+\] (?:\+base\[ *\d+\]\s+\w+ )?(eiot_\w+)$", text, re.M)
    return {name for name in needed if not name.startswith("api-ms-win-")}, exported


@pytest.mark.parametrize("file", [*DLLS, "eiot.exe", "eiot-sim.exe"])
def test_binary_needs_nothing_but_windows_and_says_its_version(file):
    needed, exported = tables(file)
    assert needed <= OF_WINDOWS, needed
    if file in DLLS:
        assert sorted(exported) == (TESTS.parent / "abi" / "symbols.txt").read_text().split()
    content = (PREFIX / "bin" / file).read_bytes()
    version = (PREFIX / "lib" / "pkgconfig" / "eiot.pc").read_text().partition("Version: ")[2].split()[0]
    for word in ("ProductVersion", version, file):
        assert f"{word}\0".encode("utf-16-le") in content, word


def test_import_library_names_every_function():
    names = (TESTS.parent / "abi" / "symbols.txt").read_text().split()
    prefix = "_" if IS_32_BIT else ""
    text = run([f"{MINGW}-nm", PREFIX / "lib" / "eiot.lib"], check=False).stdout
    assert {name for name in names if re.search(rf" T {prefix}{name}$", text, re.M)} == set(names)


def compile_windows(build_directory, name, *flags):
    program = build_directory / name.removesuffix(".c")
    command = [os.environ["EIOT_TEST_CC"], "-std=gnu99", "-Wall", "-Wextra", "-Werror", "-I", PREFIX / "include", "-I", build_directory]
    command += ["-o", program, TESTS / "c" / "windows" / name, *flags]
    subprocess.run([str(word) for word in command], check=True)
    return program


@for_32_bit
@pytest.mark.parametrize("dll", DLLS)
def test_stack_pointer_is_the_same_after_each_function(tmp_path, dll):
    header = (PREFIX / "include" / "eiot.h").read_text()
    convention = "__stdcall" if dll == "eiot_stdcall.dll" else "__cdecl"
    lines = []
    functions = visual_basic.prototypes(header)
    for name, (result, parameters) in functions.items():
        types = ", ".join(c_type for c_type, _ in parameters) or "void"
        lines.append(f"CALL({result}, {convention}, {name}, ({types}), ({', '.join('0' for _ in parameters)}));\n")
    (tmp_path / "calls.h").write_text("".join(lines))
    program = compile_windows(
        tmp_path, "stack_pointer.c", "-include", "eiot.h", "-O0", "-fno-omit-frame-pointer", "-mno-accumulate-outgoing-args", "-mno-stack-arg-probe"
    )
    told = dict(line.split() for line in run([program, dll]).stdout.splitlines())
    assert told == dict.fromkeys(functions, "0") and len(told) > 90


def test_calls_of_visual_basic_refresh_report_refusals_and_run_batches(tmp_path, simulator):
    module = (TESTS.parent / "bindings" / "vb" / "Eiot.bas").read_text(encoding="ascii")
    (tmp_path / "declarations.h").write_text(visual_basic.as_c(module))
    program = compile_windows(tmp_path, "visual_basic.c", "-Wno-unused-variable")
    running = simulator("--tls", "--unlimited")

    def call(*words, **options):
        environment = running.environment | {f"EIOT_{name.upper()}": value for name, value in options.items()}
        return run([program, "eiot_stdcall.dll", *words], environment=environment).stdout.splitlines()

    assert call("try", EID) == ["0 1 0 success"]
    assert call("refresh", EID) == [f"{EID} 200 success 1"]
    (refused,) = call("refresh", EID, secret="wrong")
    assert refused.startswith(f"{STATUS['EIOT_ERR_PLATFORM']} EID {EID}: ")
    (malformed,) = call("try", "8.9E+31")
    assert malformed.startswith(f"{STATUS['EIOT_ERR_INVALID_EID']} 0 0 EID ") and "spreadsheet" in malformed
    cards = [f"8904{number:04d}" for number in range(50)] + ["8904"]
    told = [line.split() for line in call("batch", *cards)]
    assert sorted((int(tag), status, eid) for tag, status, eid in told) == [(tag, "0", eid) for tag, eid in enumerate(cards)]


def test_dll_that_is_unloaded_while_a_name_is_looked_up_stays(tmp_path):
    program = compile_windows(tmp_path, "unload.c")
    environment = {
        "EIOT_BASE_URL": "https://platform.invalid", "EIOT_APPKEY": "k", "EIOT_SECRET": "s", "EIOT_MAX_ATTEMPTS": "1", "EIOT_TIMEOUT": "0.2",
    }  # fmt: skip
    status, there = run([program, "eiot.dll"], environment=environment).stdout.split()
    assert int(status) in (STATUS["EIOT_ERR_CONNECT"], STATUS["EIOT_ERR_TIMEOUT"]) and there == "loaded"


def test_cas_of_the_users_store_are_trusted(tmp_path, simulator):
    program = compile_windows(tmp_path, "trust.c", "-lcrypt32")
    running = simulator("--tls", "--unlimited")
    environment = {name: value for name, value in running.environment.items() if name != "EIOT_CA_FILE"}
    der = tmp_path / "ca.der"
    der.write_bytes(ssl.PEM_cert_to_DER_cert(running.ca_file.read_text()))
    before = run([EIOT, "refresh", EID], environment=environment, check=False)
    assert "not signed by a trusted CA" in before.stderr, before
    run([program, "add", der])
    try:
        run([EIOT, "refresh", EID], environment=environment)
    finally:
        run([program, "remove", der])


def test_rate_file_is_in_the_users_profile(simulator):
    (profile,) = (PREFIX.parent / "wine" / "drive_c" / "users").glob("*/AppData/Local")
    shared = profile / "eiot"
    for path in shared.glob("rate-*"):
        path.unlink()
    run([EIOT, "refresh", EID], environment=simulator("--unlimited").environment | {"EIOT_RATE_LIMIT": "9", "EIOT_RATE_SCOPE": "host"})
    assert [path.stat().st_size > 0 for path in shared.glob("rate-*")] == [True]


def test_rate_directory_without_a_drive_is_on_the_current_one(simulator, tmp_path):
    settings = {"EIOT_RATE_DIR": str(tmp_path / "rate"), "EIOT_RATE_LIMIT": "9", "EIOT_RATE_SCOPE": "host"}
    run([EIOT, "refresh", EID], environment=simulator("--unlimited").environment | settings)
    assert len(list((tmp_path / "rate").glob("rate-*"))) == 1


def test_journal_is_used_by_one_run_only(simulator, tmp_path):
    running = simulator("--unlimited", "--latency-ms", "100")
    cards, journal = cards_file(tmp_path, 40), tmp_path / "journal"
    runs = [begin(running, "--from", cards, "--journal", journal, "--concurrency", "2") for _ in range(2)]
    told = [(process, process.communicate(timeout=60)[1]) for process in runs]
    assert sorted(process.returncode for process, _ in told) == [0, 2], told
    assert any("in use by another process" in error for _, error in told), told
    assert running.counters()["calls"] == 40


def test_journal_in_use_can_be_read(simulator, tmp_path):
    running = simulator("--unlimited", "--latency-ms", "300")
    cards, journal = cards_file(tmp_path, 20), tmp_path / "journal"
    busy = begin(running, "--from", cards, "--journal", journal, "--concurrency", "1")
    while not journal.exists() or journal.read_text().count("\n") < 3:
        time.sleep(0.01)
    done = refresh(running, "--from", cards, "--journal", journal, "--dry-run")
    assert "refreshed before" in done.stdout, done
    # Wine makes of it what Ctrl-C is on Windows.
    busy.send_signal(signal.SIGINT)
    _, told = busy.communicate(timeout=20)
    assert busy.returncode == 130 and "interrupted" in told, told
    done = refresh(running, "--from", cards, "--journal", journal, check=True)
    assert running.counters()["per_eid"] and set(running.counters()["per_eid"].values()) == {1}
