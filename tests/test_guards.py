"""The guards that crates/night/guards.py takes out."""

import sys

from conftest import TESTS

CRATES = TESTS.parent / "crates"
sys.path.insert(0, str(CRATES / "night"))
import guards  # noqa: E402


def test_guards_stand_once_in_the_sources():
    times = {guard.name: (CRATES / guard.file).read_text().count(guard.whole) for guard in guards.GUARDS}
    assert {name: count for name, count in times.items() if count != 1} == {}
