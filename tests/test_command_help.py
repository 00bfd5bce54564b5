"""The documentation of the installed commands: manual pages and the simulator's example."""

import re
import socket
import subprocess

from conftest import CLEAN, PREFIX, TESTS, run

PAGES = PREFIX / "share" / "man" / "man1"
CHINESE_PAGES = PREFIX / "share" / "man" / "zh_CN" / "man1"


def test_manual_pages_that_a_page_refers_to_are_installed():
    pages = {page.stem: page.read_text().replace("\\", "") for page in PAGES.glob("*.1")}
    assert {"eiot-journal", "eiot-journal-show", "eiot-journal-failed", "eiot-journal-csv", "eiot-journal-check"} <= pages.keys()
    assert {"eiot", "eiot-refresh", "eiot-webhook", "eiot-webhook-verify", "eiot-sim"} <= pages.keys()
    references = {name: set(re.findall(r"([a-z-]+)\(1\)", text)) for name, text in pages.items()}
    assert len(references["eiot"]) >= 8 and references["eiot-webhook"] == {"eiot-webhook-verify"}
    for name, referenced in references.items():
        assert f".TH {name} 1" in pages[name]
        assert referenced <= pages.keys(), name


def test_manual_pages_are_those_of_the_installed_commands():
    assert (PAGES / "eiot-refresh.1").read_text() == run([PREFIX / "bin" / "eiot", "man", "refresh"]).stdout
    assert (PAGES / "eiot-sim.1").read_text() == run([PREFIX / "bin" / "eiot-sim", "--man"]).stdout
    chinese = run([PREFIX / "bin" / "eiot", "man", "refresh"], environment={"LANG": "zh_CN.UTF-8"}).stdout
    assert (CHINESE_PAGES / "eiot-refresh.1").read_text(encoding="utf-8") == chinese


def test_manual_pages_exist_in_chinese_too():
    assert {page.name for page in CHINESE_PAGES.iterdir()} == {page.name for page in PAGES.iterdir()}
    for page in CHINESE_PAGES.iterdir():
        assert ".SH 名称\n" in page.read_text(encoding="utf-8"), page.name


def test_examples_of_operations_are_installed():
    installed = PREFIX / "share" / "doc" / "eiot" / "operations"
    examples = TESTS.parent / "examples" / "operations"
    assert {path.name: path.read_bytes() for path in installed.iterdir()} == {path.name: path.read_bytes() for path in examples.iterdir()}
    assert (installed / "eiot-nightly").stat().st_mode & 0o111


def test_simulator_example_of_help_runs_as_a_terminal_of_80_columns_shows_it(tmp_path):
    help_text = run([PREFIX / "bin" / "eiot-sim", "--help"], environment={"COLUMNS": "80"}).stdout
    (example,) = re.findall(r"^Example:\n((?:  .*\n)+)", help_text, re.M)
    assert "--port 8080 &" in example
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # A person types the next line when the URL is there.
    started = "& simulator=$!; trap 'kill $simulator' EXIT; until grep -q ^http out; do sleep 0.1; done\n"
    script = example.replace("8080", str(port)).replace("&\n", started, 1)
    environment = CLEAN | {"PATH": f"{PREFIX / 'bin'}:{CLEAN['PATH']}", "EIOT_RATE_SCOPE": "process"}
    # The simulator would keep a captured output open.
    with (tmp_path / "out").open("w") as out:
        done = subprocess.run(
            ["sh", "-ec", script], env=environment, cwd=tmp_path, stdout=out, stderr=subprocess.STDOUT, timeout=60, check=False
        )
    output = (tmp_path / "out").read_text()
    assert done.returncode == 0 and "89044011112233441122334411223321\tok\t" in output, output
