"""The README is correct: its examples are the files that the demo runs, its table has every option."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import CLEAN, PKG_CONFIG, PREFIX, TESTS, compiled, run
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


# Language: the most lines that the main job takes, and the program around them.
MAIN_JOB = {
    "c": (
        8,
        """#include <eiot.h>
#include <stdio.h>

static void keep(const char *eid) { puts(eid); }

int main(int count, char **eids) {
    int i;
    count--;
    eids++;
    @
    return 0;
}
""",
    ),
    "cpp": (
        6,
        """#include <eiot.hpp>
#include <iostream>

static void keep(const std::string &eid) { std::cout << eid << '\\n'; }

int main(int argc, char **argv) {
    const std::vector<std::string> eids(argv + 1, argv + argc);
    @
}
""",
    ),
}


@pytest.mark.parametrize("language", MAIN_JOB)
def test_readme_does_the_main_job_right_in_few_lines(language, simulator, tmp_path):
    (lines,) = re.findall(rf"<!-- main job -->\n```{language}\n(.*?)```", README, re.S)
    most, around = MAIN_JOB[language]
    assert len(lines.splitlines()) <= most
    source = tmp_path / f"job.{language}"
    source.write_text(around.replace("@", lines))
    program = compiled(source, tmp_path / "job", "-lpthread")

    unavailable = simulator("--unlimited", "--fault", "status=503", "--fault-repeat")
    done = run([program, EID, "8.9E+31"], environment=unavailable.environment)
    assert done.stdout == f"{EID}\n"
    assert len(done.stderr.splitlines()) == 2 and "HTTP 503" in done.stderr and "spreadsheet" in done.stderr

    running = simulator("--unlimited")
    done = run([program, EID, "7"], environment=running.environment)
    assert (done.stdout, done.stderr) == ("", "")
    assert running.counters()["accepted"] == 2


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
