"""Extracts the programs and the interactive sessions of the README."""

import doctest
import re

from conftest import HERE

PATH = HERE.parent / "README.md"
TEXT = PATH.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)


PROGRAMS = blocks("python")
# What reads tables needs packages that need not be installed, and that have no types.
TABLES = [session for session in blocks("pycon") if re.search("pandas|openpyxl|sheet", session)]
SESSION = "".join(session for session in blocks("pycon") if session not in TABLES)


def typed_at_the_prompt() -> str:
    """The whole program that a reader of the tutorial has typed in the end."""
    return "".join(example.source for example in doctest.DocTestParser().get_examples(SESSION))
