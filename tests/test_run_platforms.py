"""What `make test-platforms` says of a platform."""

import run_platforms
import run_suites
from platforms.platform import Platform


class Here(Platform):
    """This machine, on which nothing needs to be built."""

    def prepare(self):
        pass


def test_tests_of_a_platform_are_run_and_counted(tmp_path):
    (tmp_path / "test_some.py").write_text(
        "import os\n"
        "def test_good(): assert os.environ['EIOT_TEST_PLATFORM'] == 'here'\n"
        "def test_bad(): assert False\n"
    )
    result, line = run_platforms.test(Here("here", "", [str(tmp_path / "test_some.py")]), run_suites.Stop())
    assert (result.passed, len(result.failed)) == (1, 1)
    assert line.startswith("failed, 1 of 2 (") and line.endswith("::test_bad"), line


def test_few_failed_tests_of_a_platform_are_run_again(tmp_path, monkeypatch):
    monkeypatch.setattr(run_suites, "ROOT", tmp_path)
    (tmp_path / "test_some.py").write_text(
        "import pathlib\n"
        "def test_second_time():\n"
        "    before = pathlib.Path(__file__).with_name('before')\n"
        "    is_second = before.exists()\n"
        "    before.touch()\n"
        "    assert is_second\n"
    )
    result, line = run_platforms.test(Here("here", "", [str(tmp_path / "test_some.py")]), run_suites.Stop())
    assert (result.passed, len(result.failed)) == (1, 0)
    assert line.startswith("passed, 1 (") and line.endswith("; unsteady: " + result.unsteady[0]), line


def test_platform_without_tests_is_compiled_and_counts_as_not_run():
    result, line = run_platforms.test(Here("here", "", []), run_suites.Stop())
    assert (result.passed, result.failed) == (0, [])
    assert line.startswith("compiled (") and "not run" in line
