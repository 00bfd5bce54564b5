"""The modules of the Rust crates: which may import which, and how large a file may grow.

Each crate's top-level modules are boxes; `use crate::box` is an arrow. Arrows must not form a cycle. In the core they must
also follow the directions in its `lib.rs`.
"""

import pathlib
import re

import pytest

CRATES = pathlib.Path(__file__).resolve().parents[1] / "crates"
# Modules that are there for tests and benchmarks only.
NOT_THE_PRODUCT = {"fuzzing", "internals"}
MAX_LINES = 450

# What each module of the core may import, besides the small modules that import none of these.
CORE = {
    "batch": {"client", "protocol", "transport"},
    "client": {"config", "protocol", "rate_limit", "retry", "signing", "transport"},
    "config": {"rate_limit", "signing", "transport"},
    "protocol": {"signing", "transport"},
    "rate_limit": {"signing"},
    "signing": set(),
    "transport": set(),
}


def without_comments_and_tests(text: str) -> str:
    return re.sub(r"//.*", "", re.split(r"#\[cfg\(test\)\]\s*mod tests", text)[0])


def arrows(crate: pathlib.Path) -> dict[str, set[str]]:
    """For each top-level module those that it uses."""
    source = crate / "src"
    found: dict[str, set[str]] = {}
    for path in source.rglob("*.rs"):
        box = path.relative_to(source).parts[0].removesuffix(".rs")
        if box not in {"lib", "main"} | NOT_THE_PRODUCT:
            used = re.findall(r"\bcrate::([a-z_]+)\b", without_comments_and_tests(path.read_text()))
            found.setdefault(box, set()).update(set(used) - {box})
    return {box: used & found.keys() for box, used in found.items()}


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Some cycle; empty where there is none."""
    done: set[str] = set()

    def walk(box: str, path: list[str]) -> list[str]:
        if box in path:
            return [*path[path.index(box) :], box]
        if box in done:
            return []
        for used in sorted(graph[box]):
            if found := walk(used, [*path, box]):
                return found
        done.add(box)
        return []

    return next((found for box in sorted(graph) if (found := walk(box, []))), [])


def crates() -> list[pathlib.Path]:
    return sorted(path.parent for path in CRATES.glob("*/Cargo.toml"))


@pytest.mark.parametrize("crate", crates(), ids=lambda crate: crate.name)
def test_modules_have_no_import_cycle(crate):
    assert cycle(arrows(crate)) == []


def test_cycle_is_found_if_there_is_one():
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_core_modules_are_imported_in_the_stated_directions():
    graph = arrows(CRATES / "core")
    for room, allowed in CORE.items():
        assert graph[room] & CORE.keys() <= allowed, f"{room} uses {sorted(graph[room] & CORE.keys() - allowed)}"
    small = graph.keys() - CORE.keys()
    assert all(not graph[module] & CORE.keys() for module in small), "a small module uses a room"


def test_core_has_at_most_16_modules_at_the_top():
    assert len(arrows(CRATES / "core")) <= 16


def test_source_files_have_a_bounded_number_of_lines():
    lengths = {path.name: len(path.read_text().splitlines()) for path in (CRATES / "core/src").rglob("*.rs")}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_run_asks_the_operating_system_in_one_place():
    """So that a run can happen in simulated time: of its modules, `system/` knows files, clocks, waits and the environment."""
    source = CRATES / "cli/src"
    asks = re.compile(
        r"\bstd::fs\b|\b(?:Instant|SystemTime)::now|\.elapsed\(\)|\bthread::sleep|\bprocess::id|\benv::var|\bio::std(?:out|err)\(\)"
    )
    asking = {
        str(path.relative_to(source))
        for room in ("batch", "input", "options", "output")
        for path in (source / room).rglob("*.rs")
        for line in re.split(r"#\[cfg\((?:all\()?test\b", path.read_text())[0].splitlines()
        if asks.search(line.partition("//")[0])
    }
    # The ignored signals of the real process; the width and the colors of the real terminal.
    assert asking == {"batch/signals.rs", "batch/progress.rs", "output/color.rs"}
