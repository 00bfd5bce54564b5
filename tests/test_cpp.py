"""The C++ wrapper: its additions to the C library."""

import re
import subprocess

import pytest
from conftest import PREFIX, TESTS, WARNINGS, run
from test_header import compiler

# The oldest standard, and one with std::string_view.
STANDARD = pytest.mark.parametrize("standard", ["c++11", "c++17"])

# Functions that the wrapper leaves out, and why.
LEFT_OUT = {
    "eiot_refresh_usage": "client::from_env() is the simplest entry point",
    "eiot_refresh_usage_n": "client::from_env() is the simplest entry point",
    "eiot_refresh_usage_to_buffer": "for hosts that cannot hold pointers",
    "eiot_client_refresh_usage": "the variant with a cancellation token is the same without one",
    "eiot_copy_padded": "for fixed-width fields",
    "eiot_error_status": "the function that failed has returned it",
    "eiot_delivered_name": "eiot::delivered is an enumeration",
    "eiot_version_number": "EIOT_VERSION_NUM and version() suffice",
}


def test_wrapper_uses_every_function_of_the_header():
    header, wrapper = ((PREFIX / "include" / name).read_text(encoding="utf-8") for name in ("eiot.h", "eiot.hpp"))
    code = re.compile(r"/\*.*?\*/", re.S)
    declared = set(re.findall(r"\b(eiot_\w+)\(", code.sub("", header)))
    used = set(re.findall(r"\b(eiot_\w+)\b", code.sub("", wrapper)))
    assert declared - used == set(LEFT_OUT)


# The other tests here compile the programs with GCC in the older standards.
@pytest.mark.parametrize("name, standard", [("gcc", "c++20"), ("clang", "c++11"), ("clang", "c++20")])
def test_wrapper_is_clean_where_it_is_used(name, standard, tmp_path):
    for program in sorted((TESTS / "cpp").glob("*.cpp")):
        command = [
            *compiler(name, "cpp"), f"-std={standard}", *WARNINGS, "-Wconversion", f"-I{PREFIX / 'include'}",
            "-c", "-o", tmp_path / "program.o", program,
        ]  # fmt: skip
        subprocess.run([str(word) for word in command], check=True)


@STANDARD
def test_wrapper_needs_no_platform_for_options_signatures_and_eids(build, standard):
    run([build("cpp/offline.cpp", "-pthread", f"-std={standard}")])


@STANDARD
def test_wrapper_reports_outcomes_and_events_and_cancels(build, simulator, standard):
    # Real time: the platform takes 300 ms to answer; the cancelled call ends after 100.
    running = simulator("--unlimited", "--latency-ms", "300")
    run([build("cpp/wrapper.cpp", "-pthread", f"-std={standard}")], environment=running.environment)


def test_wrapper_is_clean_under_valgrind(build, simulator, valgrind):
    running = simulator("--unlimited", "--latency-ms", "300")
    run([*valgrind, build("cpp/offline.cpp", "-pthread", "-std=c++17")])
    run([*valgrind, build("cpp/wrapper.cpp", "-pthread", "-std=c++17")], environment=running.environment)
