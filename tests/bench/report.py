"""The report: figures between two marks, which preserves the handwritten text around them."""

import pathlib
from typing import Any

from goals import goals, turns_of
from turns import cpu_ratio, times_as_fast

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
Results = dict[str, Any]

# The works that have one.
PICTURES = ("single", "batch")


def write(results: Results, path: pathlib.Path) -> None:
    measured = f"{BEGIN}\n{text(results, path.stem)}\n{END}"
    if path.exists():
        before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
    else:
        before, after = "# Benchmarks\n\n", "\n"
    path.write_text(before + measured + after, encoding="utf-8")


def text(results: Results, stem: str) -> str:
    parts = [
        f"{results['machine']}. {', '.join(results['versions'])}.",
        "## Goals",
        goals_table(results),
        *(work_table(results, work, stem) for work in results["works"]),
        beside(results, stem),
    ]
    return "\n\n".join(parts)


def goals_table(results: Results) -> str:
    placements = list(results["works"]["single"]["placements"])
    lines = ["| work | goal | measured | |", "|---|---|---|---|"]
    verdict = {True: "met", False: "**missed**", None: "–"}
    lines += [f"| {one.work} | {one.goal} | {one.measured} | {verdict[one.met]} |" for one in goals(results)]
    if len(placements) > 1:
        lines += [
            "",
            f"Where there are two figures, the first is with {placements[0]} for client and server, and decides;",
            f"the second with {placements[1]}.",
        ]
    return "\n".join(lines)


def work_table(results: Results, work: str, stem: str) -> str:
    found = results["works"][work]
    lines = [f"## {found['title']}", ""]
    if work in PICTURES:
        lines += [f"![{found['title']}: calls per second and CPU time per call]({stem}-{work}.svg)", ""]
    for placement in found["placements"]:
        turns = turns_of(results, work, placement)
        base = turns.get("libcurl")
        lines += [
            f"Client and server: {placement}.",
            "",
            "| client | calls/s | of libcurl's | CPU per call | of libcurl's | memory |",
            "|---|---|---|---|---|---|",
        ]
        for name, one in turns.items():
            speed = f"{times_as_fast(one, base):.2f}" if base else "–"
            cpu = f"{cpu_ratio(one, base):.2f}" if base else "–"
            memory = f"{one.status['memory_kib'] / 1024:.1f} MiB" if one.status else "–"
            label = found["clients"][name]["label"]
            lines.append(
                f"| {label} | {one.calls_per_second:,.0f} | {speed} | {one.cpu_us:.1f} µs | {cpu} | {memory} |"
            )
        lines.append("")
    lines += [f"Not run: {one['label']} ({one['why']})." for one in found["missing"].values()]
    return "\n".join(lines).strip()


def beside(results: Results, stem: str) -> str:
    cold, signing, growth = results["cold"], results["signing"], results["growth"]
    curl = f", with libcurl {cold['libcurl']:.1f} ms" if "libcurl" in cold else ""
    lines = [
        "## Everything else",
        "",
        f"A program's start, configuration, first call over TLS and end: from C {cold['c']:.1f} ms{curl}, with the",
        f"`eiot` command {cold['command']:.1f} ms.",
        "",
        f"Signing and writing the body: {signing['body_ns']:.0f} ns; the bare SHA-1 of what is signed:",
        f"{signing['hash_ns']:.0f} ns.",
        "",
        f"![CPU time per call, and memory, as calls add up]({stem}-growth.svg)",
        "",
        "| | CPU per call after 1,000 | at the end | memory after 1,000 | at the end |",
        "|---|---|---|---|---|",
    ]
    for work, name in [("single", "sequential"), ("batch", "batch")]:
        one = growth[work]
        first, last = (f"{one['memory_kib'][place][1] / 1024:.1f} MiB" for place in (0, -1))
        cost = f"{one['young_us']:.1f} µs | {one['old_us']:.1f} µs"
        lines.append(f"| {one['calls']:,} calls, {name} | {cost} | {first} | {last} |")
    lines += ["", "| a part of a call | |", "|---|---|"]
    lines += [f"| {name} | {nanoseconds:.0f} ns |" for name, nanoseconds in results["parts"].items()]
    return "\n".join(lines)
