"""The examples of the documentation work: each is run against the simulator."""

import asyncio
import doctest
import importlib
import pathlib
import pkgutil
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import eiot
import pytest
import readme
from eiot import _environment

FLAGS = doctest.ELLIPSIS
MODULES = ["eiot", *(f"eiot.{module.name}" for module in pkgutil.iter_modules(eiot.__path__))]
CARDS = """customer,eid
Ada,89044011112233441122334411223321
Bob,
Cyd,89001012012341234012345678901224
"""


@pytest.fixture(autouse=True)
def a_readers_machine(
    simulator: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """The account is in the environment, and the file of cards in the current directory."""
    for name, value in simulator("--unlimited").items():
        monkeypatch.setenv(f"EIOT_{name.upper()}", str(value))
    monkeypatch.setattr(_environment, "_client", {})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cards.csv").write_text(CARDS, encoding="utf-8")


def run(session: str, name: str, names: dict[str, Any]) -> None:
    test = doctest.DocTestParser().get_doctest(session, names, name, None, None)
    report: list[str] = []
    failed, tried = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
    assert not failed, "".join(report)
    assert tried, f"{name} has no example"


def test_readme_tutorial_works() -> None:
    run(readme.SESSION, "README.md", {})


def test_readme_recipes_for_tables_keep_all_digits_and_refuse_rounded_ones(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed")
    book = openpyxl.Workbook()
    # The second number was typed into a cell that is not text.
    for row in [("customer", "eid"), ("Ada", "89034011560010000000000000000121"), ("Bob", 89044011112233441122334411223321)]:
        book.active.append(row)
    book.save(tmp_path / "cards.xlsx")
    assert len(readme.TABLES) == 3
    run("".join(readme.TABLES), "README.md", {"eiot": eiot})


def documented(module: ModuleType) -> list[doctest.DocTest]:
    found = doctest.DocTestFinder().find(module, extraglobs={"eiot": eiot, "asyncio": asyncio})
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", [name for name in MODULES if documented(importlib.import_module(name))])
def test_docstring_examples_run(name: str) -> None:
    for test in documented(importlib.import_module(name)):
        report: list[str] = []
        assert not doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append).failed, "".join(
            report
        )


@pytest.mark.parametrize(
    "call",
    [
        eiot.refresh_usage,
        eiot.sign,
        eiot.string_to_sign,
        eiot.Client,
        eiot.Client.with_options,
        eiot.Client.refresh_usage,
        eiot.Client.refresh_many,
        eiot.AsyncClient,
        eiot.AsyncClient.refresh_many,
        eiot.Results,
        eiot.AsyncResults,
        eiot.Success,
        eiot.Failure,
        eiot.EiotError,
    ],
    ids=lambda call: call.__qualname__,
)
def test_public_functions_have_an_example(call: Any) -> None:
    assert ">>> " in call.__doc__


def test_readme_lists_every_exception() -> None:
    table = re.findall(r"^\| `(\w+Error)` \|", readme.TEXT, re.M)
    groups = {"EiotError", "TransportError", "PlatformError"}
    assert sorted(table) == sorted(n for n in eiot.__all__ if n.endswith("Error") and n not in groups)
