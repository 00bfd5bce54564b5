"""Tests specific to COBOL: RETURN-CODE, fixed-width fields, run-time checks, dialects."""

import re
import shutil
import subprocess

import pytest
from conftest import run
from languages import LANGUAGES, PREFIX
from test_refusals import EID, STATUS

COBOL = LANGUAGES["cobol"]

pytestmark = pytest.mark.skipif(COBOL.missing() is not None, reason=str(COBOL.missing()))


@pytest.fixture
def program(tmp_path):
    """Compiles a program of these lines with the wrapper; `copybook` changes the copybook before that."""

    def compiled(lines, *flags, copybook=lambda text: text):
        for name in ("eiot.cob", "eiot.cpy"):
            shutil.copy(COBOL.folder / name, tmp_path)
        (tmp_path / "eiot.cpy").write_text(copybook((tmp_path / "eiot.cpy").read_text()))
        source = ["IDENTIFICATION DIVISION.", "PROGRAM-ID. MINE.", "DATA DIVISION.", "WORKING-STORAGE SECTION."]
        source += ['COPY "eiot.cpy".', *lines.strip().splitlines(), "    STOP RUN.", "END PROGRAM MINE."]
        assert max(map(len, source)) <= 65, "what goes beyond column 72 does not count"
        (tmp_path / "mine.cob").write_text("".join(f"       {line}\n" for line in source))
        _cobc(tmp_path, *flags, "-o", "mine", "mine.cob")
        return tmp_path / "mine"

    return compiled


def _cobc(folder, *words):
    command = ["cobc", "-Wall", "-Werror", "-x", *words, "eiot.cob", f"-L{PREFIX}/lib", "-leiot"]
    done = subprocess.run(command, cwd=folder, env=COBOL.variables(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done


PADDED = f"""
01  CARD-EID PIC X(32).
PROCEDURE DIVISION.
    MOVE "{EID}" TO CARD-EID
    CALL "EIOT-REFRESH" USING CARD-EID EIOT-REPLY
    DISPLAY RETURN-CODE " " FUNCTION TRIM(EIOT-MESSAGE)
    CALL "EIOT-REFRESH" USING "8904" EIOT-REPLY
    DISPLAY RETURN-CODE " " EIOT-STATUS " " EIOT-DELIVERED
    MOVE "8905" TO CARD-EID
    CALL "EIOT-REFRESH" USING CARD-EID EIOT-REPLY
    DISPLAY RETURN-CODE " " EIOT-STATUS " " EIOT-DELIVERED
    MOVE SPACES TO CARD-EID
    CALL "EIOT-REFRESH" USING CARD-EID EIOT-REPLY
    DISPLAY FUNCTION TRIM(EIOT-MESSAGE)
"""


def test_return_code_is_the_status_and_becomes_the_exit_code(program, simulator):
    refuses = simulator("--tls", "--refuse", "sim.no")
    mine = program(PADDED)
    done = run([mine], environment=COBOL.variables() | refuses.environment, check=False)
    first, second, third, fourth = done.stdout.splitlines()
    assert int(first.split()[0]) == STATUS["EIOT_ERR_PLATFORM"]
    assert f"EID {EID}: the platform refused with code sim.no" in first
    assert [int(word) for word in second.split()[:2]] == [STATUS["EIOT_ERR_PLATFORM"]] * 2 and second.split()[2] == "yes"
    assert "empty" in fourth
    assert done.returncode == STATUS["EIOT_ERR_INVALID_EID"], "what the last call left in RETURN-CODE"
    accepts = simulator("--tls", "--unlimited")
    done = run([mine], environment=COBOL.variables() | accepts.environment, check=False)
    assert [line.split() for line in done.stdout.splitlines()[1:3]] == [["+000000000", "+0000000000", "yes"]] * 2


NARROW = f"""
01  PARAMETERS PIC X(64) VALUE
    '{{"eid": "{EID}"}}'.
PROCEDURE DIVISION.
    CALL "EIOT-OPEN-FROM-ENV" USING EIOT-CLIENT EIOT-REPLY
    CALL "EIOT-CLIENT-REFRESH"
        USING EIOT-CLIENT "{EID}" EIOT-REPLY
    DISPLAY "[" EIOT-PLATFORM-MESSAGE "]"
    CALL "EIOT-CALL" USING EIOT-CLIENT
        "/api/v3/cloudesim/pkg/list" PARAMETERS "Y" EIOT-REPLY
    DISPLAY "[" EIOT-DATA "]" EIOT-DATA-LENGTH
    DISPLAY "[" EIOT-EID "]"
"""


def test_fields_truncate_between_characters_and_can_be_widened(program, simulator):
    def narrower(text):
        text = text.replace("EIOT-PLATFORM-MESSAGE     PIC X(512)", "EIOT-PLATFORM-MESSAGE     PIC X(10)")
        return text.replace("EIOT-DATA                 PIC X(4096)", "EIOT-DATA                 PIC X(20)")

    running = simulator("--tls", "--unlimited", "--fault", "chinese")
    done = run([program(NARROW, copybook=narrower)], environment=COBOL.variables() | running.environment)
    message, data, eid = done.stdout.splitlines()
    assert message == "[操作成 ]", "three characters of four, and the rest of the field is a space"
    assert data.startswith("[") and data.index("]") == 21 and int(data[22:]) > 20, "how long it would be is told"
    assert eid == f"[{EID:<96}]"


MANY = """
01  CARD-NUMBER PIC 9(8) VALUE 10000000.
01  GO-ON PIC X.
01  COUNTER PIC 9(8) COMP-5.
PROCEDURE DIVISION.
    CALL "EIOT-OPEN-FROM-ENV" USING EIOT-CLIENT EIOT-REPLY
    PERFORM 2 TIMES
      CALL "EIOT-BATCH-OPEN"
        USING EIOT-BATCH EIOT-CLIENT EIOT-REPLY
      PERFORM UNTIL EIOT-BATCH-AT-END
        PERFORM UNTIL EIOT-BATCH-FULL OR EIOT-BATCH-GIVEN = 20000
          ADD 1 TO CARD-NUMBER
          CALL "EIOT-BATCH-PUSH"
            USING EIOT-BATCH CARD-NUMBER EIOT-REPLY
        END-PERFORM
        CALL "EIOT-BATCH-NEXT" USING EIOT-BATCH EIOT-REPLY
        IF NOT EIOT-OK
          STOP RUN
        END-IF
      END-PERFORM
      CALL "EIOT-BATCH-CLOSE" USING EIOT-BATCH EIOT-REPLY
      PERFORM VARYING COUNTER FROM 1 BY 1 UNTIL COUNTER > 20000
        CALL "EIOT-CLIENT-REFRESH"
          USING EIOT-CLIENT "x" EIOT-REPLY
      END-PERFORM
      DISPLAY "done"
      ACCEPT GO-ON
    END-PERFORM
"""


def test_replies_and_errors_are_freed(program, simulator):
    """A thousand calls do not show 200 bytes each; 20,000 do."""
    environment = COBOL.variables() | simulator("--tls", "--unlimited").environment
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([program(MANY)], env=environment, **pipes) as mine:
        kib = []
        for _ in range(2):
            assert mine.stdout.readline() == "done\n"
            with open(f"/proc/{mine.pid}/statm") as statm:
                kib.append(int(statm.read().split()[1]) * 4)
            mine.stdin.write("\n")
            mine.stdin.flush()
        mine.wait(timeout=60)
    assert kib[1] - kib[0] < 1024, kib


def test_run_time_checks_find_nothing(tmp_path, simulator):
    """cobc -debug checks subscripts, lengths and pointers while the program runs."""
    _cobc(COBOL.folder, "-debug", "-o", str(tmp_path / "checked"), "test/driver.cob")
    environment = COBOL.variables() | simulator("--tls", "--unlimited").environment
    cases = [["sign", "--", "s", "sha1", *[f"name{i}={'v' * 256}" for i in range(32)]], ["--", EID, "8905", "x", ""]]
    cases += [["verify", "--", "{}", "s", "sha1", "0"], ["batch", "appkey=x", "secret=y", "base_url=http://127.0.0.1:1", "--", EID]]
    for words in cases:
        done = run([tmp_path / "checked", *words], environment=environment)
        assert done.stderr == "" and done.stdout.count("\n") == max(1, len(words) - 1 if words[0] == "--" else 1), done


@pytest.mark.parametrize("dialect", ["default", "ibm", "mf"])
def test_dialects_of_the_readme_compile_it(program, dialect):
    assert re.search(rf"-std=.*`?{dialect}`", (COBOL.folder / "README.md").read_text())
    program(PADDED, f"-std={dialect}")
