"""The pictures: plain SVG, on a ground of its own, that is dark where the reader's desktop is."""

import math
import pathlib
from typing import Any
from xml.sax.saxutils import escape

from goals import turns_of

Results = dict[str, Any]
STYLE = """
  .ground { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 15px }
  .small { font-size: 12px; fill: #57606a }
  .ours { fill: #0969da } .others { fill: #8c959f } .limit { fill: #d0d7de }
  .line-single { fill: none; stroke: #0969da; stroke-width: 2 }
  .line-batch { fill: none; stroke: #bc4c00; stroke-width: 2 }
  .key-single { fill: #0969da } .key-batch { fill: #bc4c00 }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #3d444d }
    text { fill: #e6edf3 } .small { fill: #9198a1 }
    .ours { fill: #4493f8 } .others { fill: #6e7681 } .limit { fill: #3d444d }
    .line-single { stroke: #4493f8 } .line-batch { stroke: #f0883e }
    .key-single { fill: #4493f8 } .key-batch { fill: #f0883e }
    .grid { stroke: #3d444d }
  }
"""
ROW, LABELS, BARS, FIGURES = 26, 275, 200, 70


def write_all(results: Results, report: pathlib.Path) -> None:
    for work in ("single", "batch"):
        picture(report, work, bars(results, work))
    picture(report, "growth", growth(results))


def picture(report: pathlib.Path, name: str, content: tuple[int, int, list[str]]) -> None:
    width, height, elements = content
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    ground = f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6" class="ground"/>'
    body = "\n".join([head, f"<style>{STYLE}</style>", ground, *elements, "</svg>", ""])
    report.with_name(f"{report.stem}-{name}.svg").write_text(body, encoding="utf-8")


def label(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def bars(results: Results, work: str) -> tuple[int, int, list[str]]:
    """Two columns of bars, a client a row: calls per second (the longer the better), and processor time."""
    found = results["works"][work]
    placement = next(iter(found["placements"]))
    turns = turns_of(results, work, placement)
    columns = [
        (
            "calls per second (more is better)",
            {name: one.calls_per_second for name, one in turns.items()},
            "{:,.0f}",
        ),
        (
            "CPU time per call (less is better)",
            {name: one.cpu_us for name, one in turns.items()},
            "{:,.1f} µs",
        ),
    ]
    # The best first.
    order = sorted(turns, key=lambda name: -turns[name].calls_per_second)
    elements = [
        label(14, 24, found["title"], "title"),
        label(14, 44, f"client and server: {placement}", "small"),
    ]
    for index, (title, values, form) in enumerate(columns):
        left = LABELS + index * (BARS + FIGURES + 20)
        elements.append(label(left, 66, title, "small"))
        most = max(values.values())
        for row, name in enumerate(order):
            y = 78 + row * ROW
            client = found["clients"][name]
            kind = "ours" if client["ours"] else "limit" if name == "socket" else "others"
            length = max(1.0, values[name] / most * BARS)
            if index == 0:
                elements.append(label(LABELS - 10, y + 14, client["label"], anchor="end"))
            elements.append(
                f'<rect x="{left}" y="{y}" width="{length:.1f}" height="18" rx="2" class="{kind}"/>'
            )
            elements.append(label(left + length + 6, y + 14, form.format(values[name]), "small"))
    return LABELS + 2 * (BARS + FIGURES + 20), 90 + len(order) * ROW, elements


def round_step(least: float) -> float:
    """The next round number: 1, 2, 2.5 or 5 times a power of ten."""
    tens = 10 ** math.floor(math.log10(least))
    return next(step * tens for step in (1, 2, 2.5, 5, 10) if step * tens >= least)


def growth(results: Results) -> tuple[int, int, list[str]]:
    """CPU time per call and memory, over the calls made so far."""
    width, height, panel, top = 820, 300, 300, 70
    elements = [label(14, 24, "As calls add up, from C", "title")]
    for x, work, name in [(14, "single", "sequential calls"), (230, "batch", "32 in flight")]:
        elements.append(f'<rect x="{x}" y="36" width="12" height="12" rx="2" class="key-{work}"/>')
        elements.append(label(x + 18, 47, name, "small"))
    panels = [("CPU time per call, µs", "cost_us", 1.0), ("resident memory, MiB", "memory_kib", 1024.0)]
    for index, (title, field, unit) in enumerate(panels):
        left = 60 + index * (panel + 90)
        bottom = height - 50
        series = {work: results["growth"][work][field] for work in ("single", "batch")}
        max_x = max(calls for points in series.values() for calls, _ in points)
        step_y = round_step(max(value / unit for points in series.values() for _, value in points) / 3.5)
        max_y = 4 * step_y
        elements.append(label(left, top, title, "small"))
        for step in range(5):
            y = bottom - (bottom - top - 14) * step / 4
            elements.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + panel}" y2="{y:.1f}" class="grid"/>')
            elements.append(label(left - 8, y + 4, f"{step * step_y:g}", "small", "end"))
        for calls in (0, max_x // 2, max_x):
            elements.append(
                label(left + panel * calls / max_x, bottom + 20, f"{calls:,}", "small", "middle")
            )
        elements.append(label(left + panel / 2, bottom + 40, "calls made", "small", "middle"))
        for work, points in series.items():
            places = " ".join(
                f"{left + panel * calls / max_x:.1f},{bottom - (bottom - top - 14) * value / unit / max_y:.1f}"
                for calls, value in points
            )
            elements.append(f'<polyline points="{places}" class="line-{work}"/>')
    return width, height, elements
