"""The README is correct: its examples are the files that the demo runs, its table has every option."""

import re

import pytest
from conftest import PREFIX, TESTS, run

ROOT = TESTS.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUOTES = re.findall(r"<!-- (examples/\S+) -->\n```\w+\n(.*?)```", README, re.S)


def test_readme_quotes_every_language():
    assert [path.rsplit(".", 1)[1] for path, _ in QUOTES] == ["c", "cpp", "py"]


@pytest.mark.parametrize("path, quoted", QUOTES)
def test_readme_quotes_examples_verbatim(path, quoted):
    _first_comment, _, code = (ROOT / path).read_text(encoding="utf-8").partition("\n")
    assert quoted.strip() == code.strip()


def test_readme_shell_example_of_signing_works():
    (words,) = re.findall(r"^eiot (sign --explain .*?) +#", README, re.M)
    done = run([PREFIX / "bin" / "eiot", *words.split()], environment={"EIOT_SECRET": "canary-5f2a"})
    assert "appkey=000001&eid=11111111111111111111111111&secret=" in done.stdout
    assert "canary-5f2a" not in done.stdout + done.stderr
