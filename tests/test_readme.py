"""The README is correct: its examples are the files that the demo runs, its table has every option."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import CLEAN, PKG_CONFIG, PREFIX, TESTS, run
from test_refusals import EID

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


def test_readme_lines_for_linking_work_without_library_path(simulator, tmp_path):
    (block,) = re.findall(r"```sh\n(export PKG_CONFIG_PATH=.*?)```", README, re.S)
    export, *lines = block.replace("/opt/eiot", str(PREFIX)).strip().splitlines()
    assert len(lines) == 2
    shutil.copy(ROOT / "examples" / "c" / "refresh.c", tmp_path)
    compiler = {"cc": os.environ["EIOT_TEST_CC"], "pkg-config": f"'{PKG_CONFIG}'"}
    shared = []
    for line in lines:
        for name, here in compiler.items():
            line = re.sub(rf"(^|\(){name} ", rf"\1{here} ", line)
        subprocess.run(["sh", "-ec", f"{export}\n{line}"], cwd=tmp_path, env={"PATH": CLEAN["PATH"]}, check=True)
        environment = simulator("--tls").environment | {"LD_LIBRARY_PATH": ""}
        assert run([tmp_path / "a.out", EID], environment=environment).stdout == f"{EID} refreshed\n"
        shared.append("libeiot.so" in subprocess.check_output(["readelf", "-d", tmp_path / "a.out"], text=True))
    assert shared == [True, False]


def test_readme_names_the_installed_suppressions():
    for name in re.findall(r"/opt/eiot/(share/eiot/\S+)", README):
        assert (PREFIX / name).exists(), name
    assert README.count("/opt/eiot/share/eiot/") == 2
