"""The performance goals, and whether they are met: computed, so that no report claims more than was measured."""

import dataclasses
from collections.abc import Callable
from typing import Any

from turns import Turns, cpu_ratio, times_as_fast

MAX_LIBRARY_BYTES = 3_300_000
Results = dict[str, Any]


@dataclasses.dataclass
class Goal:
    """One line of the table. `met` is None if it could not be measured or has no goal."""

    work: str
    goal: str
    measured: str
    met: bool | None


def turns_of(results: Results, work: str, placement: str) -> dict[str, Turns]:
    found = results["works"][work]["placements"].get(placement, {})
    return {name: Turns(**one) for name, one in found.items()}


def goals(results: Results) -> list[Goal]:
    listed: list[Goal] = []
    placements = list(results["works"]["single"]["placements"])

    def compare(
        work: str,
        title: str,
        ours: str,
        theirs: str,
        how: Callable[[Turns, Turns], float],
        goal: str,
        least: float,
    ) -> None:
        """The first placement decides; the other is reported."""
        ratios = []
        for placement in placements:
            turns = turns_of(results, work, placement)
            if ours in turns and theirs in turns:
                ratios.append(how(turns[ours], turns[theirs]))
        if not ratios:
            listed.append(Goal(title, goal, "not run", None))
            return
        met = ratios[0] <= least if how is cpu_ratio else ratios[0] >= least
        listed.append(Goal(title, goal, " / ".join(f"{ratio:.2f}" for ratio in ratios), met))

    one = "sequential call from C"
    compare("single", f"{one}, CPU per call", "c", "libcurl", cpu_ratio, "≤ 0.92 of libcurl easy", 0.92)
    compare("single", f"{one}, throughput", "c", "libcurl", times_as_fast, "≥ 1.05 of libcurl easy", 1.05)
    compare(
        "threads",
        "8 threads on one client",
        "c",
        "libcurl",
        times_as_fast,
        "≥ 1.08 of libcurl, 8 handles",
        1.08,
    )
    many = "batch, 32 in flight, one thread"
    compare("batch", many, "c", "libcurl", times_as_fast, "≥ 1.25 of libcurl multi", 1.25)
    one = "sequential call from Python"
    compare("single", one, "python", "pycurl", times_as_fast, "≥ 1.05 of pycurl", 1.05)
    compare("single", one, "python", "requests", times_as_fast, "≥ 4 of requests", 4)
    compare("single", one, "python", "httpx", times_as_fast, "≥ 3 of httpx", 3)
    compare("batch", "batch from Python", "python", "aiohttp", times_as_fast, "≥ 5 of aiohttp", 5)

    signing = results["signing"]["ratio"]
    listed.append(
        Goal("signing and writing the body", "≤ 2.5 times the bare SHA-1", f"{signing:.2f}", signing <= 2.5)
    )
    cold = results["cold"].get("ratio")
    listed.append(
        Goal(
            "cold start: load, configure, first call over TLS",
            "≤ 0.35 of libcurl",
            "not run" if cold is None else f"{cold:.2f}",
            None if cold is None else cold <= 0.35,
        )
    )
    size = results["library_bytes"]
    listed.append(
        Goal(
            "library, stripped",
            "≤ 3.3 MB",
            "not run" if size is None else f"{size / 1e6:.2f} MB",
            None if size is None else size <= MAX_LIBRARY_BYTES,
        )
    )
    threads = {results["growth"][work]["threads"] for work in ("single", "batch")}
    listed.append(Goal("threads of ours", "none", str(max(threads) - 1), threads == {1}))
    for work, name in [("single", "sequential"), ("batch", "batch")]:
        grown = results["growth"][work]
        listed.append(
            Goal(
                f"CPU per call after {grown['calls']:,} calls, {name}",
                "within 5 % of after 1,000",
                f"{(grown['ratio'] - 1) * 100:+.1f} %",
                abs(grown["ratio"] - 1) <= 0.05,
            )
        )
    return listed
