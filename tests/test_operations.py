"""The shell recipes of docs/operations.md, verbatim."""

import json
import re
import signal
import subprocess
import textwrap
import time

import pytest
from conftest import CLEAN, PREFIX, TESTS
from test_batch_command import eid

DOCUMENT = (TESTS.parent / "docs" / "operations.md").read_text(encoding="utf-8")
RECIPES = [textwrap.dedent(recipe) for recipe in re.findall(r"^ *```sh\n(.*?)^ *```$", DOCUMENT, re.S | re.M)]
(NIGHTLY,) = [recipe for recipe in RECIPES if recipe.startswith("#!/bin/sh")]
BULK_CALLS = [recipe for recipe in RECIPES if "eiot call" in recipe and "--from" in recipe]
COMMANDS = [recipe for recipe in RECIPES if recipe not in (NIGHTLY, *BULK_CALLS)]


class Machine:
    """A directory with nightly.sh and a file of cards, and a date that the test sets."""

    def __init__(self, directory, running, cards):
        self.directory, self.running = directory, running
        (directory / "cards.csv").write_text("name,eid\n" + "".join(f"a,{eid(number)}\n" for number in range(cards)))
        (directory / "bin").mkdir()
        self._executable("nightly.sh", NIGHTLY)
        self.environment = CLEAN | running.environment
        self.environment["PATH"] = f"{directory / 'bin'}:{PREFIX / 'bin'}:{CLEAN['PATH']}"

    def _executable(self, name, text):
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o755)

    def set_date(self, date):
        self._executable("bin/date", f'#!/bin/sh\n[ "$*" = +%F ] || exit 1\necho {date}\n')

    def start(self, *command):
        return subprocess.Popen(
            command, cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *command):
        process = self.start(*command)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, (command, process.returncode, out, err)

    def outcomes(self, night):
        lines = (self.directory / f"outcomes-{night}.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def machine(simulator, tmp_path):
    """Makes a machine whose platform is a simulator with the given arguments."""
    return lambda *arguments, cards=50: Machine(tmp_path, simulator("--unlimited", *arguments), cards)


def test_operations_has_recipes_for_usage_invoices_and_the_first_night():
    assert len(COMMANDS) == 4 and all("eiot" in recipe for recipe in COMMANDS)


def test_operations_recipes_of_bulk_calls_make_each_order_and_list_those_that_are_unknown(machine):
    # Four cards are read, three orders are placed, and the reply to one of these is lost.
    here = machine(*["--fault=none"] * 5, "--fault=reset", cards=4)
    (here.directory / "cards.txt").write_text("".join(f"{eid(number)}\n" for number in range(4)))
    orders = "".join(f"{eid(number)},A{number},x\n" for number in range(3))
    (here.directory / "orders.csv").write_text(f"eid,order,note\n{orders}")
    make, repeat = BULK_CALLS
    process = here.start("sh", "-c", make)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "3 calls: 2 succeeded, 1 failed; the outcome of 1 is unknown" in err, err
    outcomes = [json.loads(line) for line in (here.directory / "orders.jsonl").read_text().splitlines()]
    assert {outcome["parameters"]["packageCode"] for outcome in outcomes} == {"P1"} and len(outcomes) == 3
    here.run("sh", "-ec", repeat)
    (unknown,) = map(json.loads, (here.directory / "unknown.jsonl").read_text().splitlines())
    assert unknown["outTradeNo"] in here.running.counters()["orders"].keys() == {"A0", "A1", "A2"}


@pytest.mark.parametrize("recipe", COMMANDS)
def test_operations_recipe_succeeds_and_calls_only_the_cards_that_it_names(machine, recipe):
    here = machine()
    here.run("sh", "-ec", recipe)
    assert all(card in recipe for card in here.running.counters()["per_eid"])


def test_nightly_job_refreshes_every_card_once_per_night(machine):
    here = machine()
    for count, night in enumerate(["2026-11-26", "2026-11-27"], start=1):
        here.set_date(night)
        here.run("./nightly.sh")
        assert here.running.counters()["per_eid"] == {eid(number): count for number in range(50)}
        refreshed = [outcome["eid"] for outcome in here.outcomes(night) if outcome["ok"]]
        assert sorted(refreshed) == [eid(number) for number in range(50)]
        assert (here.directory / f"cards-{night}.journal").exists()


def test_nightly_job_that_is_repeated_in_the_same_night_sends_nothing(machine):
    here = machine()
    here.set_date("2026-11-26")
    here.run("./nightly.sh")
    here.run("./nightly.sh")
    assert here.running.counters()["calls"] == 50


def test_nightly_job_goes_on_after_midnight_with_the_night_it_is_told(machine):
    # Real time: the platform takes 300 ms, so that the run is in the middle when it is stopped.
    here = machine("--latency-ms", "300", cards=200)
    here.set_date("2026-11-26")
    process = here.start("./nightly.sh")
    journal = here.directory / "cards-2026-11-26.journal"
    while not journal.exists() or journal.read_text().count("\n") < 10:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 130
    assert 0 < here.running.counters()["calls"] < 200

    here.set_date("2026-11-27")
    here.run("./nightly.sh", "2026-11-26")
    assert set(here.running.counters()["per_eid"].values()) == {1}
    assert len(here.outcomes("2026-11-26")) == 200
    assert not (here.directory / "cards-2026-11-27.journal").exists()
