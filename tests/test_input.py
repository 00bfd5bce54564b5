"""The input of `eiot refresh --from` and `eiot check`: every row of the file is accounted for, or the file is refused by line."""

import gzip
import json
import random
import re
import subprocess
import time

import pytest
from conftest import CLEAN, PREFIX, run
from test_batch_command import EIOT, begin, eid, refresh
from workbook import workbook

LIST = "".join(f"{eid(number)}\n" for number in range(3))
TABLE = "名称,eid\r\n北京,{0}\r\n联通,{1}\r\n一二三,{2}\r\n".format(*map(eid, range(3)))


def write(directory, content, name="cards"):
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def check(path, *arguments):
    return run([EIOT, "check", path, *arguments], check=False)


def counts(path, *arguments):
    done = check(path, "--json", *arguments)
    return json.loads(done.stdout)


def assert_refused(simulator, path, words, *arguments):
    """By refresh before anything is sent, and by check; both say why."""
    running = simulator("--unlimited")
    for done in (refresh(running, "--from", path, *arguments), check(path, *arguments)):
        assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
        assert all(word in done.stderr for word in words), done.stderr
    assert running.counters()["calls"] == 0


@pytest.mark.parametrize("field", ['"5 inch', '"5 inch, red', '"', '"two\nlines"'])
def test_input_with_a_quote_that_does_not_end_on_its_line_is_refused_by_line(simulator, tmp_path, field):
    rows = "".join(f"x,{eid(number)}\n" for number in range(700))
    path = write(tmp_path, f"note,eid\n{rows}{field},{eid(900)}\n{rows}\n")
    assert_refused(simulator, path, ["line 702: a quoted field does not end on its line"])


def test_input_with_quotes_inside_of_fields_loses_no_row(simulator, tmp_path):
    running = simulator("--unlimited")
    path = write(tmp_path, f'note,eid\n5" inch,{eid(0)}\n6" inch,{eid(1)}\n"7"" inch",{eid(2)}\n')
    done = refresh(running, "--from", path)
    assert done.returncode == 0 and "3 cards: 3 refreshed" in done.stderr, done.stderr


@pytest.mark.parametrize("text", [LIST, TABLE], ids=["list", "table"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_input_is_read_with_any_line_end(tmp_path, text, end):
    path = write(tmp_path, "\n".join(text.splitlines()).replace("\n", end))
    assert counts(path) == {"ok": True, "cards": 3, "valid": 3, "malformed": 0, "duplicates": 0}


@pytest.mark.parametrize("content", ["", "\n\n", "# May\n", "eid\n", "name,eid\n", "name;eid\r\n\r\n;\r\n"])
def test_input_without_rows_is_refused_unless_that_is_allowed(simulator, tmp_path, content):
    path = write(tmp_path, content)
    assert_refused(simulator, path, ["has no rows", "--allow-empty"])
    assert check(path, "--allow-empty").returncode == 0
    done = refresh(simulator("--unlimited"), "--from", path, "--allow-empty")
    assert done.returncode == 0 and "0 cards: 0 refreshed" in done.stderr


def test_input_of_standard_input_without_rows_is_refused(simulator):
    running = simulator("--unlimited")
    done = refresh(running, "--from", "-")
    assert done.returncode == 2 and "standard input has no rows" in done.stderr
    assert refresh(running, "--from", "-", "--allow-empty").returncode == 0


ENCODINGS = {
    "utf-8": TABLE.encode(),
    "utf-8 with a mark": TABLE.encode("utf-8-sig"),
    "gb18030": TABLE.encode("gb18030"),
    "utf-16 with a mark": TABLE.encode("utf-16"),
    "utf-16le": TABLE.encode("utf-16le"),
    "utf-16be": TABLE.encode("utf-16be"),
    "gzip": gzip.compress(TABLE.encode("gb18030")),
    "gzip in two parts": gzip.compress(TABLE[:20].encode()) + gzip.compress(TABLE[20:].encode()),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_input_is_read_in_any_encoding(simulator, tmp_path, encoding):
    path = write(tmp_path, ENCODINGS[encoding])
    assert counts(path) | {"ok": True} == {"ok": True, "cards": 3, "valid": 3, "malformed": 0, "duplicates": 0}
    by_name = check(write(tmp_path, TABLE.replace("eid", "卡号").encode("gb18030"), "named"), "--column", "卡号")
    assert by_name.returncode == 0 and "3 valid" in by_name.stdout
    running = simulator("--unlimited")
    with path.open("rb") as file:
        command = [str(EIOT), "refresh", "--from", "-"]
        done = subprocess.run(command, stdin=file, env=CLEAN | running.environment, capture_output=True, timeout=60)
    assert done.returncode == 0 and set(running.counters()["per_eid"]) == set(map(eid, range(3)))


def test_input_encoding_can_be_named(tmp_path):
    path = write(tmp_path, f"stra\u00dfe|eid\ncaf\u00e9|{eid(0)}\n".encode("cp1252"))
    assert check(path, "--encoding", "windows-1252").returncode == 0
    done = check(path, "--encoding", "klingon")
    assert done.returncode == 2 and 'unknown encoding "klingon"' in done.stderr


def test_input_without_header_is_read_by_position(tmp_path):
    path = write(tmp_path, "".join(f"7|{eid(number)}|x\n" for number in range(3)))
    assert counts(path, "--column", "2")["valid"] == 3
    done = check(path)
    assert done.returncode == 2 and "--column 1" in done.stderr
    # A row that is too short is a row.
    assert counts(write(tmp_path, f"7,{eid(0)}\n8\n"), "--column", "2")["malformed"] == 1


def test_input_may_be_the_output_or_the_journal_of_another_run(simulator, tmp_path):
    running = simulator("--unlimited", "--refuse", "45109")
    journal, out = tmp_path / "journal", tmp_path / "out.jsonl"
    first = refresh(running, "--from", write(tmp_path, LIST), "--journal", journal, "--out", out, "--json")
    assert first.returncode == 1
    for path in (journal, out):
        well = simulator("--unlimited")
        done = refresh(well, "--from", path, "--journal", tmp_path / f"{path.name}.journal")
        assert done.returncode == 0 and "3 cards: 3 refreshed" in done.stderr, done.stderr
        assert set(well.counters()["per_eid"]) == set(map(eid, range(3)))


def test_input_of_json_lines_keeps_the_digits_of_numbers_and_refuses_other_json(simulator, tmp_path):
    path = write(tmp_path, f'{{"eid": {eid(1)}}}\n{{"card": 1}}\n{{"eid": "{eid(2)}"}}\n')
    found = counts(path)
    assert (found["valid"], found["malformed"]) == (2, 1)
    assert_refused(simulator, write(tmp_path, f'{{"eid": "{eid(1)}"}}\n{{"eid"\n'), ["line 2: not a JSON object"])
    assert_refused(simulator, write(tmp_path, f'[{{"eid": "{eid(1)}"}}]'), ["JSON array", "jq"])


def test_input_workbook_is_read_and_cells_with_numbers_are_refused_by_row(simulator, tmp_path):
    running = simulator("--unlimited")
    rows = [["name", None, "EID"], ["a", None, eid(0)], [], ["b", 7, float(eid(1))], ["c", None, 8904], ["d"], [None, None, eid(2)]]
    path = write(tmp_path, workbook(rows, []), "cards.xlsx")
    done = refresh(running, "--from", path)
    assert done.returncode == 2 and "5 cards: 2 refreshed, 3 failed" in done.stderr
    assert set(running.counters()["per_eid"]) == {eid(0), eid(2)}
    for line in (4, 5):
        assert re.search(rf"line {line}: EID .*the cell is a number, of which a spreadsheet keeps 15 digits", done.stdout), done.stdout
    assert "line 6: EID" in done.stdout
    assert counts(write(tmp_path, workbook([[eid(0)], [eid(1)]]), "list.xlsx"), "--column", "1")["valid"] == 2


def test_input_workbook_with_several_sheets_is_refused_until_one_is_named(simulator, tmp_path):
    path = write(tmp_path, workbook([["eid"], [eid(0)]], [["eid"], [eid(1)], [eid(2)]]), "cards.xlsx")
    assert_refused(simulator, path, ["has 2 sheets", "--sheet", "Sheet1, Sheet2"])
    assert counts(path, "--sheet", "Sheet2")["valid"] == 2
    assert_refused(simulator, path, ['no sheet "Sheet3"'], "--sheet", "Sheet3")
    assert_refused(simulator, write(tmp_path, b"PK\x03\x04 and no more"), ["is a ZIP archive"])
    assert_refused(simulator, write(tmp_path, workbook([["eid"], [eid(0)]])[:-700]), ["is a ZIP archive"])


@pytest.mark.parametrize(
    "content, name",
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ".xls"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd"),
        (b"\xfd7zXZ\x00\x00", "xz"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\x00\x01\x02\x00\x00\x00\x05", "binary"),
        (gzip.compress(b"%PDF-1.7"), "PDF"),
        (gzip.compress(LIST.encode() * 999)[:-9], "line "),
    ],
)
def test_input_that_is_no_table_is_refused_by_its_name(simulator, tmp_path, content, name):
    assert_refused(simulator, write(tmp_path, content), [name])


def test_input_lines_of_a_stream_are_sent_as_they_come(simulator):
    # Real time: the platform takes 400 ms for each of 3 calls. One after the other they would take 1,200 ms.
    running = simulator("--unlimited", "--latency-ms", "400")
    command = [str(EIOT), "refresh", "--from", "-"]
    process = subprocess.Popen(
        command, env=CLEAN | running.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for number in range(3):
        process.stdin.write(f"{eid(number)}\n")
        process.stdin.flush()
        deadline = time.monotonic() + 5
        while running.counters()["calls"] <= number:
            assert time.monotonic() < deadline, "the line was not sent while the next one is awaited"
            time.sleep(0.02)
    # The stream is open, and all outcomes come nevertheless.
    assert sorted(process.stdout.readline().split("\t")[0] for _ in range(3)) == [eid(number) for number in range(3)]
    _, err = process.communicate(timeout=10)
    assert process.returncode == 0 and "3 cards: 3 refreshed" in err


# What the generator of odd files puts together.
FIELDS = ["", "a", '"', '"a', 'a"', '"a"', '"a""b"', '"a"b', "a b", "北京", "é", "=", "#", "# x", "0", "8.9E+31", "\u00a0", "\ufffd"]
FORMATS = ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16le", "utf-16be"]


def odd_file(chance):
    """A random file: its bytes, the arguments, and how many rows it has."""
    kind = chance.choice(["list", "table", "headerless", "json", "workbook"])
    end, count = chance.choice(["\n", "\r\n", "\r"]), chance.choice([0, 1, 2, 5, 40, 300])
    delimiter = chance.choice([",", ";", "\t", "|"])

    def card():
        good = eid(chance.randrange(10**6))
        return chance.choice([good] * 8 + ['="' + good + '"', '"' + good + '"', f" {good} ", good[:-1], "x" + good, "", "8.9E+31"])

    if kind == "workbook":
        numbers = [chance.choice([eid(7), eid(8), 8904, float(eid(9)), "x"]) for _ in range(count)]
        return workbook([["note", "eid"], *(["a", number] for number in numbers)]), [], count
    rows, lines, arguments = 0, [], []
    if kind == "json":
        for _ in range(count):
            rows += 1
            lines.append(json.dumps(chance.choice([{"eid": card()}, {"EID": card(), "a": [1]}, {"a": "\u2028"}, {"eid": None}]), ensure_ascii=False))
            if chance.random() < 0.01:
                lines.append('{"eid": ')
    else:
        width = 1 if kind == "list" else chance.randrange(2, 6)
        place = chance.randrange(width)
        if kind == "table":
            lines.append(delimiter.join("eid" if column == place else f"n{column}" for column in range(width)))
        if kind == "headerless":
            arguments = ["--column", str(place + 1)]
            # The first line shows the delimiter.
            lines.append(delimiter.join(eid(1) if column == place else "a" for column in range(width)))
            rows += 1
        odd = chance.random() < 0.5
        for _ in range(count):
            fields = [chance.choice(FIELDS if odd else FIELDS[:2]) for _ in range(width)]
            fields[place] = card() if kind != "list" else chance.choice([card(), eid(1)])
            if chance.random() < 0.03:
                fields = fields[: chance.randrange(width + 1)] + ["a"]
            line = delimiter.join(fields)
            lines.append(line)
            blank = all(not re.sub(r'^=?"?\s*"?$', "", field.strip()) for field in fields)
            comment = kind == "list" and line.strip().startswith("#")
            rows += not (blank or comment)
    text = end.join(lines) + chance.choice(["", end, end * 3])
    form = chance.choice(FORMATS)
    try:
        content = text.encode(form)
    except UnicodeEncodeError:
        content = text.encode()
    if chance.random() < 0.1 and len(content) > 60:
        content = content[: chance.randrange(30, len(content))]
        # How many rows are left cannot be said here.
        rows = None
    if chance.random() < 0.2:
        content = gzip.compress(content)
    return content, arguments, rows


def test_input_property_rows_in_are_rows_accounted_for_or_the_line_is_named(simulator, tmp_path):
    running = simulator("--unlimited")
    chance = random.Random(18)
    told = {"accounted": 0, "refused": 0}
    for number in range(200):
        content, arguments, rows = odd_file(chance)
        path = write(tmp_path, content, f"odd-{number}")
        done = refresh(running, "--from", path, "--json", "--concurrency", "64", *arguments)
        where = f"file {number}, {len(content)} bytes, {arguments}: {done.stderr}"
        assert "panicked" not in done.stderr and done.returncode in (0, 2), where
        summary = re.search(r"eiot: (\d+) cards: (\d+) refreshed, (\d+) failed(?:, (\d+) duplicates)?;", done.stderr)
        if summary is None:
            told["refused"] += 1
            assert done.returncode == 2 and re.search(r"line \d+: |has no rows|has no column|JSON array|binary", done.stderr), where
            assert done.stdout == "" and (rows != 0 or "has no rows" in done.stderr or "has no column" in done.stderr), where
            continue
        told["accounted"] += 1
        cards, refreshed, failed, duplicates = (int(figure or 0) for figure in summary.groups())
        assert cards == refreshed + failed + duplicates, where
        assert len(done.stdout.splitlines()) == refreshed + failed, where
        if rows is not None:
            assert cards == rows, where
        checked = counts(path, *arguments)
        assert (checked["cards"], checked["malformed"]) == (cards, failed), where
    assert told["accounted"] > 100 and told["refused"] > 10, told
