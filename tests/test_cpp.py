"""The C++ wrapper: its additions to the C library."""

from conftest import run


def test_wrapper_reports_outcomes_and_logs_and_cancels(build, simulator):
    # Real time: the platform takes 300 ms to answer; the cancelled call ends after 100.
    running = simulator("--unlimited", "--latency-ms", "300")
    run([build("cpp/wrapper.cpp", "-pthread")], environment=running.environment)


def test_wrapper_is_clean_under_valgrind(build, simulator, valgrind):
    running = simulator("--unlimited", "--latency-ms", "300")
    run([*valgrind, build("cpp/wrapper.cpp", "-pthread")], environment=running.environment)
