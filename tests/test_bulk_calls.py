"""`eiot call --from`: a call for each row of a file. A call that is not idempotent is never made twice, whatever happens to the run."""

import contextlib
import json
import random
import resource
import signal
import subprocess
import time

import pytest
from conftest import CLEAN, run
from test_batch_command import EIOT, eid
from test_resumed_run import again

PURCHASE, GET, LIST = (f"/api/v3/cloudesim/{name}" for name in ("purchase", "get", "list"))


def command(path, *arguments):
    return [str(word) for word in [EIOT, "call", path, *arguments]]


def call(running, path, *arguments, check=False, **options):
    environment = running.environment | {f"EIOT_{name.upper()}": value for name, value in options.items()}
    return run(command(path, *arguments), environment=environment, check=check)


def begin(running, path, *arguments, **options):
    environment = CLEAN | running.environment | {f"EIOT_{name.upper()}": value for name, value in options.items()}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command(path, *arguments), env=environment, text=True, **pipes)


def orders_file(directory, count, name="orders.csv"):
    path = directory / name
    rows = (f"{eid(number)},P{number % 3},A{number}\n" for number in range(count))
    path.write_text("eid,packageCode,outTradeNo\n" + "".join(rows))
    return path


def outcomes(path):
    """The last result of each line of the input, and calls without one."""
    results, open_calls = {}, {}
    for line in map(json.loads, path.read_text().splitlines()[1:]):
        if "sending" in line:
            open_calls[line["sending"]] = line["parameters"]["outTradeNo"]
        elif "unsent" in line:
            del open_calls[line["unsent"]]
        elif "call" in line:
            open_calls.pop(line["call"], None)
            results[line["line"]] = line
    return results, set(open_calls.values())


def journal(*arguments):
    return run([EIOT, "journal", *arguments], check=False)


def test_calls_have_the_parameters_of_their_rows_and_all_outcomes_are_told(simulator, tmp_path):
    running = simulator("--unlimited")
    rows, path, out = orders_file(tmp_path, 30), tmp_path / "journal", tmp_path / "out"
    arguments = ["--from", rows, "--journal", path, "--out", out]
    done = call(running, PURCHASE, *arguments, "--json", "--summary", tmp_path / "summary", "--report", tmp_path / "page")
    assert done.returncode == 0 and "30 calls: 30 succeeded, 0 failed; " in done.stderr, done.stderr
    assert running.counters()["orders"] == {f"A{number}": 1 for number in range(30)}
    told = sorted((json.loads(line) for line in out.read_text().splitlines()), key=lambda line: line["line"])
    for number, line in enumerate(told):
        assert (line["line"], line["ok"], line["unknown"], line["eid"]) == (number + 2, True, False, eid(number))
        assert line["parameters"] == {"eid": eid(number), "packageCode": f"P{number % 3}", "outTradeNo": f"A{number}"}
        assert line["data"]["orderId"].startswith("sim-") and len(line["call"]) == 32
    assert len({line["call"] for line in told}) == len(told) == 30
    summary = json.loads((tmp_path / "summary").read_text())
    assert (summary["call"], summary["cards"]["refreshed"], summary["cards"]["unknown"]) == (PURCHASE, 30, 0)
    page = (tmp_path / "page").read_text()
    assert "<h1>Calls of orders.csv</h1>" in page and ">succeeded<" in page and "Unknown" not in page

    # The same command sends nothing; what was not written is written from the journal; the header must be of the same call.
    whole = out.read_text()
    out.write_text(whole[:-40])
    second = call(running, PURCHASE, *arguments, "--json")
    assert second.returncode == 0 and "0 succeeded, 0 failed, 30 succeeded before" in second.stderr
    assert "this run was finished at" in second.stderr
    assert out.read_text() == whole and running.counters()["calls"] == 30
    other = call(running, GET, "--from", rows, "--journal", path)
    assert other.returncode == 2 and f"a run that calls {PURCHASE}, and this one calls {GET}" in other.stderr
    cards = run([EIOT, "refresh", "--from", rows, "--journal", path], environment=running.environment, check=False)
    assert cards.returncode == 2 and "this one refreshes cards" in cards.stderr
    shown = json.loads(journal("show", "--json", path).stdout)
    assert (shown["call"], shown["refreshed"], shown["unknown"]) == (PURCHASE, 30, 0)
    assert journal("check", path).returncode == 0


def test_calls_of_json_lines_keep_their_types_and_common_parameters_are_added(simulator, tmp_path):
    running = simulator("--unlimited")
    rows = tmp_path / "pages.jsonl"
    rows.write_text('{"pageNum": 1, "eids": ["1", "2"]}\n\n{"pageNum": 2}\n{"pageNum": 2 }\n')
    done = call(running, LIST, '{"pageSize": 500}', "--from", rows, "--json")
    assert done.returncode == 0 and "3 calls: 2 succeeded, 0 failed, 1 duplicates" in done.stderr, done.stderr
    told = {line["line"]: line["parameters"] for line in map(json.loads, done.stdout.splitlines())}
    assert told == {1: {"pageSize": 500, "pageNum": 1, "eids": ["1", "2"]}, 3: {"pageSize": 500, "pageNum": 2}}
    text = call(running, LIST, '{"pageSize": 500}', "--from", rows).stdout.splitlines()
    assert {line.split("\t")[0] for line in text} == {"1", "3"}
    assert all(line.split("\t")[1] == "ok" and json.loads(line.split("\t")[3])["total"] == 0 for line in text)


def test_calls_of_a_list_take_its_column_and_a_malformed_eid_fails_alone(simulator, tmp_path):
    running = simulator("--unlimited")
    cards = tmp_path / "cards.txt"
    cards.write_text(f"{eid(1)}\n8.9E+31\n{eid(2)}\n{eid(1)}\n")
    dry = call(running, GET, "--from", cards, "--column", "eid=1", "--dry-run")
    assert dry.returncode == 2 and "4 calls: 2 to make" in dry.stdout and "1 malformed, 1 duplicates" in dry.stdout, dry
    assert running.counters()["calls"] == 0
    done = call(running, GET, "--from", cards, "--column", "eid=1", "--json")
    assert done.returncode == 2 and "4 calls: 2 succeeded, 1 failed, 1 duplicates" in done.stderr, done.stderr
    kinds = {line["line"]: line["kind"] for line in map(json.loads, done.stdout.splitlines())}
    assert kinds == {1: "ok", 2: "invalid_eid", 3: "ok"}
    assert running.counters()["per_eid"] == {eid(1): 1, eid(2): 1}
    # The outcomes of a run are the input of the next one.
    (tmp_path / "told").write_text(done.stdout)
    refused = call(running, GET, "--from", tmp_path / "told")
    assert refused.returncode == 2 and "is an outcome of eiot" in refused.stderr
    assert call(running, GET, "--from", tmp_path / "told", "--column", "eid", "--quiet").returncode == 2
    assert running.counters()["per_eid"] == {eid(1): 2, eid(2): 2}


# What is wrong, the file, and what the message says.
ERRORS = {
    "no header": (f"{eid(1)},P1,A1\n{eid(2)},P1,A2\n", "has no header with the names of the parameters"),
    "a stray comma": ("eid,packageCode,outTradeNo\n1,P1,A1\n2,P,1,A2\n", "line 3: field 4 has no name in the header"),
    "a reserved name": ('{"eid": "1"}\n{"eid": "2", "sign": "x"}\n', 'line 2: "sign" is added to each request'),
    "a duplicate name": ('{"eid": "1"}\n{"eid": "2", "eid": "3"}\n', 'line 2: not a JSON object: duplicate member "eid"'),
    "a name that is common": ('{"eid": "1"}\n{"renew": 1}\n', 'line 2: the parameters are not a JSON object: duplicate parameter "renew"'),
}


@pytest.mark.parametrize("cause", ERRORS)
def test_row_that_cannot_be_a_call_is_named_and_nothing_is_sent(simulator, tmp_path, cause):
    running = simulator("--unlimited")
    text, says = ERRORS[cause]
    (tmp_path / "rows").write_text(text)
    arguments = ["--from", tmp_path / "rows", "--journal", tmp_path / "journal"]
    done = call(running, PURCHASE, '{"renew": 0}', *arguments)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert running.counters()["calls"] == 0 and not (tmp_path / "journal").exists()


def test_call_that_is_not_idempotent_needs_a_journal(simulator, tmp_path):
    running = simulator("--unlimited")
    rows = orders_file(tmp_path, 2)
    done = call(running, PURCHASE, "--from", rows)
    assert done.returncode == 2 and "name a --journal" in done.stderr and running.counters()["calls"] == 0
    assert call(running, PURCHASE, "--from", rows, "--dry-run").stdout.startswith("2 calls: 2 to make")
    assert call(running, PURCHASE, "--from", rows, "--idempotent").returncode == 0


def test_call_whose_outcome_is_unknown_is_repeated_only_if_requested(simulator, tmp_path):
    # One in flight at a time: rows 0, 4, 8 lose their reply, 1, 5, 9 meet a server that fails, 2, 6, 10 are refused.
    faults = ["reset", "status=503", "refuse=45109", "none"]
    running = simulator("--unlimited", *[f"--fault={fault}" for fault in faults], "--fault-repeat")
    rows, path = orders_file(tmp_path, 12), tmp_path / "journal"
    arguments = ["--from", rows, "--journal", path, "--concurrency", 1, "--json"]
    first = call(running, PURCHASE, *arguments)
    assert first.returncode == 1 and "12 calls: 3 succeeded, 9 failed; the outcome of 6 is unknown" in first.stderr, first.stderr
    assert "3 calls failed and may succeed later" in first.stderr and "eiot journal failed --unknown lists them" in first.stderr
    told = [json.loads(line) for line in first.stdout.splitlines()]
    unknown = [line for line in told if line["unknown"]]
    assert {line["line"] for line in unknown} == {2, 3, 6, 7, 10, 11}
    assert all("is not repeated. Find out there whether it has" in line["message"] for line in unknown)
    assert all(line["message"].startswith(f"line {line['line']}: {PURCHASE}, EID {line['eid']}: ") for line in unknown)

    listed = journal("failed", path)
    assert [json.loads(line)["outTradeNo"] for line in listed.stdout.splitlines()] == ["A2", "A6", "A10"]
    assert "6 calls whose outcome is unknown are not printed" in listed.stderr
    listed = journal("failed", "--unknown", path).stdout.splitlines()
    assert [json.loads(line)["outTradeNo"] for line in listed] == ["A0", "A1", "A4", "A5", "A8", "A9"]
    table = journal("csv", path).stdout
    assert table.splitlines()[0].endswith(",time,line,unknown,parameters") and table.count(",true,") >= 6

    well = again(simulator, running)
    arguments += ["--summary", tmp_path / "summary", "--metrics", tmp_path / "run.prom", "--report", tmp_path / "page"]
    second = call(well, PURCHASE, *arguments)
    # The refused ones are made, the unknown ones are not, and the exit code says that they are left.
    assert second.returncode == 1 and "3 succeeded, 0 failed, 3 succeeded before, 6 failed before" in second.stderr, second.stderr
    assert "the outcome of 6 is unknown" in second.stderr
    assert well.counters()["orders"] == {"A2": 1, "A6": 1, "A10": 1}
    assert json.loads((tmp_path / "summary").read_text())["cards"]["unknown"] == 6
    assert 'eiot_run_unknown_calls{run="run"} 6\n' in (tmp_path / "run.prom").read_text()
    assert "<h2>Unknown outcomes</h2>" in (tmp_path / "page").read_text()
    shown = journal("show", path).stdout
    assert "calls     12: 6 succeeded, 6 failed, of which 0 may succeed later, and the outcome of 6 is unknown" in shown, shown

    # A list of the failed ones does not lead around the rule, and the flag does.
    for rule in ("final", "invalid", "none"):
        assert call(well, PURCHASE, *arguments, "--retry", rule).returncode == 1
    assert well.counters()["calls"] == 3
    third = call(well, PURCHASE, *arguments, "--retry", "unknown")
    assert third.returncode == 0 and "6 succeeded, 0 failed, 6 succeeded before" in third.stderr
    assert well.counters()["orders"] == {f"A{number}": 1 for number in range(12) if number % 4 != 3}


def test_calls_are_made_at_most_once_however_often_the_run_is_killed(simulator, tmp_path):
    # 20 kills at random moments, up to 60 ms after the first line of the run in the journal; then one run to the end.
    running = simulator("--unlimited", "--latency-ms", "5")
    rows, path, out = orders_file(tmp_path, 2000), tmp_path / "journal", tmp_path / "out"
    arguments = ["--from", rows, "--journal", path, "--out", out, "--json", "--concurrency", "4"]
    moments, kills = random.Random(18), 0
    for _ in range(20):
        size = path.stat().st_size if path.exists() else 0
        process = begin(running, PURCHASE, *arguments, rate_limit="500")
        while process.poll() is None and not (path.exists() and path.stat().st_size > size):
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.06))
        kills += process.poll() is None
        process.kill()
        process.communicate()
    assert kills >= 15
    _, in_flight = outcomes(path)
    done = call(running, PURCHASE, *arguments, rate_limit="off")
    placed = running.counters()["orders"]
    assert set(placed.values()) == {1}, "no order twice"
    results, left = outcomes(path)
    assert len(results) == 2000 and not left
    succeeded = {line["parameters"]["outTradeNo"] for line in results.values() if line["kind"] == "ok"}
    unknown = {line["parameters"]["outTradeNo"] for line in results.values() if line["unknown"]}
    assert in_flight <= unknown and len(succeeded) + len(unknown) == 2000
    # Every order is accounted for, and few are unknown: those in flight and those that wait for a permit.
    assert succeeded <= placed.keys() <= succeeded | unknown
    assert done.returncode == (1 if unknown else 0) and len(unknown) <= kills * (4 + 5)
    told = [json.loads(line)["line"] for line in out.read_text().splitlines()]
    assert sorted(told) == list(range(2, 2002)), "each outcome is told once"
    # Found out by hand: those that the platform does not know are ordered by a list of their own.
    missing = [line for line in journal("failed", "--unknown", path).stdout.splitlines() if json.loads(line)["outTradeNo"] not in placed]
    (tmp_path / "missing").write_text("".join(f"{line}\n" for line in missing))
    arguments = ["--from", tmp_path / "missing", "--journal", tmp_path / "second", "--allow-empty"]
    assert call(running, PURCHASE, *arguments).returncode == 0
    assert running.counters()["orders"] == {f"A{number}": 1 for number in range(2000)}


def test_calls_that_a_signal_kept_from_being_sent_are_made_by_the_next_run(simulator, tmp_path):
    running = simulator("--unlimited", "--latency-ms", "100")
    rows, path = orders_file(tmp_path, 60), tmp_path / "journal"
    process = begin(running, PURCHASE, "--from", rows, "--journal", path, rate_limit="20")
    while running.counters()["calls"] < 5:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130 and "unknown" not in err, err
    results, left = outcomes(path)
    assert not left and len(results) == running.counters()["calls"] < 60
    done = call(running, PURCHASE, "--from", rows, "--journal", path, rate_limit="off")
    assert done.returncode == 0, done.stderr
    assert running.counters()["orders"] == {f"A{number}": 1 for number in range(60)}


def test_call_that_cannot_be_recorded_beforehand_is_not_made(simulator, tmp_path):
    running = simulator("--unlimited")
    rows, path = orders_file(tmp_path, 200), tmp_path / "journal"

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = subprocess.run(
        command(PURCHASE, "--from", rows, "--journal", path), env=CLEAN | running.environment,
        capture_output=True, text=True, preexec_fn=small_files, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1 and f"{path} cannot be written: File too large" in done.stderr
    results, left = outcomes(path)
    placed = running.counters()["orders"].keys()
    recorded = {line["parameters"]["outTradeNo"] for line in results.values()}
    assert 0 < len(placed) < 200 and recorded <= placed <= recorded | left
    resumed = call(running, PURCHASE, "--from", rows, "--journal", path)
    assert set(running.counters()["orders"].values()) == {1}
    assert resumed.returncode == (1 if left else 0), resumed.stderr


def test_calls_of_a_stream_are_made_as_its_lines_come(simulator, tmp_path):
    running = simulator("--unlimited")
    arguments = command(PURCHASE, "--from", "-", "--journal", tmp_path / "journal")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(arguments, env=CLEAN | running.environment, text=True, **pipes)
    with contextlib.closing(process.stdin):
        for number in range(3):
            row = {"eid": eid(number), "packageCode": "P", "outTradeNo": f"A{number}"}
            process.stdin.write(json.dumps(row) + "\n")
            process.stdin.flush()
            assert process.stdout.readline().split("\t")[:2] == [str(number + 1), "ok"]
    assert process.wait(timeout=20) == 0
