"""`make bench`: compares eiot with its alternatives on this machine. Writes docs/benchmarks.md and its pictures.

Everything is on loopback. `--short` only tests whether everything works, in seconds: its figures are imprecise.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from typing import Any

import goals
import growth
import plot
import report
from contenders import BENCH, COMMAND, HERE, PREFIX, WORKS, contenders, programs
from measure import Server, pinned, prove, run_once, take_turns

ROOT = HERE.parent.parent
Results = dict[str, Any]


def say(text: str) -> None:
    print(text, flush=True)


def measure_works(made: dict[str, str], cores: list[int], short: bool, work: pathlib.Path) -> Results:
    """Every client with every workload: with a core each for client and server, and with both on one."""
    rounds, turn_seconds = (5, 0.01) if short else (61, 0.05)
    placements = {"one core for both": (cores[0], cores[0])}
    if len(cores) > 1:
        placements = {"a core each": (cores[0], cores[1])} | placements
    results: Results = {}
    for name, title in WORKS.items():
        everybody = contenders(name, made)
        present = [contender for contender in everybody if contender.command]
        say(f"{title}: {prove(present, work)} clients have made calls that eiot-sim accepts")
        for missing in (contender for contender in everybody if not contender.command):
            say(f"  not run: {missing.label}: {missing.missing}")
        results[name] = {
            "title": title,
            "clients": {one.name: {"label": one.label, "ours": one.ours} for one in present},
            "missing": {
                one.name: {"label": one.label, "why": one.missing} for one in everybody if not one.command
            },
            "placements": {},
        }
        for placement, pair in placements.items():
            turns = take_turns(present, pair, rounds, turn_seconds, work)
            results[name]["placements"][placement] = {name: vars(one) for name, one in turns.items()}
            for contender in present:
                one = turns[contender.name]
                say(
                    f"  {placement}: {contender.label}: {one.calls_per_second:.0f}/s, {one.cpu_us:.1f} us of CPU"
                )
    return results


def measure_cold(made: dict[str, str], cores: list[int], short: bool, work: pathlib.Path) -> Results:
    """Whole programs that load, configure themselves, make one call over TLS and end; in turns."""
    commands = {"c": [made["eiot"], "cold"], "command": [str(COMMAND), "refresh", "--quiet", "8904"]}
    if "libcurl" in made:
        commands["libcurl"] = [made["libcurl"], "cold"]
    found: dict[str, list[float]] = {name: [] for name in commands}
    with Server.fast(work, cores[-1]) as server:
        for _ in range(5 if short else 61):
            for name, command in commands.items():
                with pinned(cores[0]):
                    found[name].append(run_once(command, server.environment)[0])
    results: Results = {name: statistics.median(seconds) * 1e3 for name, seconds in found.items()}
    if "libcurl" in found:
        pairs = zip(found["c"], found["libcurl"], strict=True)
        results["ratio"] = statistics.median(ours / theirs for ours, theirs in pairs)
    say(f"cold start: {results}")
    return results


def measure_signing(core: int) -> Results:
    with pinned(core):
        text = subprocess.run([BENCH, "signing"], check=True, capture_output=True, text=True).stdout
    hash_ns, body_ns, ratio = map(float, text.split())
    return {"hash_ns": hash_ns, "body_ns": body_ns, "ratio": ratio}


def measure_parts(core: int) -> Results:
    """The parts of a call, in nanoseconds."""
    with pinned(core):
        text = subprocess.run([BENCH, "parts"], check=True, capture_output=True, text=True).stdout
    return {name: float(took) for took, name in (line.split(" ", 1) for line in text.splitlines())}


def library_bytes(work: pathlib.Path) -> int | None:
    """The shared library's size without its symbols, as in `make dist`."""
    library = (PREFIX / "lib" / "libeiot.so").resolve()
    stripped = work / "stripped.so"
    if not shutil.which("strip"):
        return None
    subprocess.run(["strip", "-o", stripped, library], check=True)
    return stripped.stat().st_size


def versions(made: dict[str, str]) -> list[str]:
    found = [subprocess.check_output([COMMAND, "--version"], text=True).strip()]
    found.append(subprocess.check_output(["rustc", "--version"], text=True).split(" (")[0])
    if "libcurl" in made:
        found.append(" ".join(subprocess.check_output([made["libcurl"], "version"], text=True).split()[:2]))
    locked = re.search(r'name = "reqwest"\nversion = "(.*)"', (ROOT / "Cargo.lock").read_text())
    found.append(f"reqwest {locked[1]}")
    found.append(f"Python {platform.python_version()}")
    for package in ("requests", "httpx", "aiohttp", "pycurl"):
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def machine() -> str:
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0))
    return f"{models[0] if models else platform.machine()}, {cores} cores, Linux {platform.release()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="seconds instead of minutes; the figures say little"
    )
    parser.add_argument(
        "--report",
        type=pathlib.Path,
        default=ROOT / "docs" / "benchmarks.md",
        help="where the report goes, its pictures beside it",
    )
    parser.add_argument(
        "--check", action="store_true", help="write no report; fail if a goal is missed"
    )
    parser.add_argument("--results", type=pathlib.Path, help="keep the figures here, as JSON")
    parser.add_argument(
        "--from-results", type=pathlib.Path, help="measure nothing; write the report of these figures"
    )
    arguments = parser.parse_args()
    if arguments.from_results:
        results = json.loads(arguments.from_results.read_text())
    else:
        results = measure_all(arguments.short)
    if arguments.results:
        arguments.results.write_text(json.dumps(results, indent=1))
    if arguments.check:
        sys.exit(check(results))
    plot.write_all(results, arguments.report)
    report.write(results, arguments.report)
    say(f"written: {arguments.report}")


def check(results: Results) -> int:
    """Prints the goals; 1 if one of them is missed."""
    listed = goals.goals(results)
    for one in listed:
        verdict = {True: "met", False: "MISSED", None: "not measured"}[one.met]
        say(f"{verdict:12}  {one.work}: {one.measured} ({one.goal})")
    return int(any(one.met is False for one in listed))


def measure_all(short: bool) -> Results:
    cores = sorted(os.sched_getaffinity(0))[:2]
    calls = int(os.environ.get("BENCH_GROWTH", "5000" if short else "1000000"))
    with tempfile.TemporaryDirectory(prefix="eiot-bench-") as folder:
        work = pathlib.Path(folder)
        made = programs(work)
        results: Results = {"machine": machine(), "versions": versions(made), "short": short}
        results["works"] = measure_works(made, cores, short, work)
        results["cold"] = measure_cold(made, cores, short, work)
        results["signing"] = measure_signing(cores[0])
        results["library_bytes"] = library_bytes(work)
        results["growth"] = growth.measure(made, cores, calls, 5 if short else 41, work, say)
        results["parts"] = measure_parts(cores[0])
    return results


if __name__ == "__main__":
    main()
