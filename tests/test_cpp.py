"""The C++ wrapper: what it adds to the C library."""

from conftest import run


def test_outcomes_logs_and_cancellation(build, simulator):
    # Real time: the platform takes 300 ms to answer; the call that is broken off ends after 100.
    running = simulator("--unlimited", "--latency-ms", "300")
    run([build("cpp/wrapper.cpp", "-pthread")], environment=running.environment)


def test_outcomes_logs_and_cancellation_are_clean_under_valgrind(build, simulator, valgrind):
    running = simulator("--unlimited", "--latency-ms", "300")
    run([*valgrind, build("cpp/wrapper.cpp", "-pthread")], environment=running.environment)
