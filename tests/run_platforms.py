"""Runs tests on platforms other than this one, and prints one line for each: passed, failed, or not run and why. Some can
only be compiled.

Called by `make test-platforms`. Takes from the environment:
  PLATFORMS          which ones, by name (default: all)
  LIMIT              seconds for everything: what has not begun by then is not run, and tests that run are stopped (default: no limit)
  EIOT_TEST_REQUIRE  `tools` makes a failure of every platform that cannot be run here
"""

import os
import subprocess
import sys
import threading
import time

import run_suites
from platforms import ALL
from platforms.platform import Platform

# Less than this is not enough to build and test a platform, in seconds.
LEAST = 240


def main() -> int:
    wanted = os.environ.get("PLATFORMS", "").split() or [platform.name for platform in ALL]
    unknown = set(wanted) - {platform.name for platform in ALL}
    if unknown:
        print(f"there is no platform {', '.join(sorted(unknown))}; there are {', '.join(platform.name for platform in ALL)}")
        return 2
    limit = float(os.environ.get("LIMIT") or "inf")
    began, stop = time.monotonic(), run_suites.Stop()
    is_over = threading.Event()
    if limit < float("inf"):
        timer = threading.Timer(limit, lambda: (is_over.set(), stop.came.set()))
        timer.daemon = True
        timer.start()
    required = os.environ.get("EIOT_TEST_REQUIRE") == "tools"
    lines, passed, failed, skipped = [], 0, 0, 0
    with stop.heeded():
        for platform in ALL:
            if platform.name not in wanted:
                continue
            left = limit - (time.monotonic() - began)
            if is_over.is_set() or left < LEAST:
                line = "not run, the time is over"
            elif stop.came.is_set():
                line = "not run, stopped"
            elif why := platform.missing():
                line, failed = f"not run, {why}", failed + required
            else:
                try:
                    result, line = test(platform, stop)
                finally:
                    platform.finish()
                passed, failed = passed + result.passed, failed + len(result.failed)
                skipped += len(result.skipped)
            lines.append(f"{platform.name}: {line}")
    print("\n== platforms", *lines, f"{passed} passed, {failed} failed, {skipped} skipped", sep="\n", flush=True)
    return 1 if failed else 130 if stop.came.is_set() and not is_over.is_set() else 0


def test(platform: Platform, stop: run_suites.Stop) -> tuple[run_suites.Result, str]:
    """Prepares a platform and runs its tests."""
    print(f"\n== {platform.name}: building", flush=True)
    began = time.monotonic()
    try:
        platform.prepare()
    except (OSError, subprocess.SubprocessError) as why:
        if stop.came.is_set():
            return run_suites.Result(), "not run, stopped while it was built"
        return run_suites.Result(failed=["build"]), f"failed, could not be built: {why}"
    built = time.monotonic() - began
    if stop.came.is_set():
        return run_suites.Result(), f"not run, stopped after it was built ({built:.0f} s)"
    if not platform.tests:
        return run_suites.Result(), f"compiled ({built:.0f} s), not run: its programs do not run here"
    tests = suite(platform)
    result = run_suites.run(tests, stop, sys.stdout.buffer)
    run_suites.run_again([tests], {tests.name: result}, stop, sys.stdout.buffer)
    took = f"{built:.0f} s to build, {time.monotonic() - began - built:.0f} s to test"
    if result.failed:
        line = f"failed, {len(result.failed)} of {len(result.failed) + result.passed} ({took}): {', '.join(result.failed[:10])}"
    elif result.unfinished:
        line = f"stopped before its end, {result.passed} passed, none failed ({took})"
    else:
        others = f"; {len(result.skipped)} do not apply" if result.skipped else ""
        line = f"passed, {result.passed} ({took}{others})"
    if result.unsteady:
        line += f"; unsteady: {', '.join(result.unsteady)}"
    return result, line


def suite(platform: Platform) -> run_suites.Suite:
    """The tests of a platform, which find there what they otherwise find on this machine."""
    environment = {
        "EIOT_TEST_PLATFORM": platform.name,
        "EIOT_TEST_PREFIX": str(platform.prefix),
        "EIOT_TEST_CC": str(platform.folder / "cc"),
        "EIOT_TEST_CXX": str(platform.folder / "c++"),
        "EIOT_TEST_BINDINGS": str(platform.folder / "bindings"),
        "PATH": f"{platform.folder / 'tools'}:{os.environ['PATH']}",
    }
    return run_suites.pytest_suite(platform.name, "-rs", *platform.tests, environment=environment)


if __name__ == "__main__":
    sys.exit(main())
