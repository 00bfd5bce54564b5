"""`eiot explain`: whatever the command reports can be looked up offline, in both languages."""

import json

import pytest
from conftest import PREFIX, run
from error_codes import PUBLISHED
from test_refusals import EID, STATUS

EIOT = PREFIX / "bin" / "eiot"


def explain(*words, **environment):
    return run([EIOT, "explain", *words], environment=environment).stdout


@pytest.mark.parametrize("arguments", [("--refuse", "502"), ("--refuse", "41001"), ("--fault", "status=404"), ("--fault", "html")])
def test_explain_knows_what_a_failure_reports(arguments, simulator):
    """Its kind, its status in C, its code, and the exit code of the command."""
    done = run([EIOT, "refresh", "--json", EID], environment=simulator(*arguments).environment, check=False)
    failure = json.loads(done.stdout)
    for language, title in (("en", "kind"), ("zh", "类别")):
        by_kind = explain(failure["kind"], "--lang", language)
        assert by_kind.startswith(f"{title} {failure['kind']}\n")
        assert by_kind in explain(str(failure["status"]), "--lang", language)
        assert f" {done.returncode}\n" in explain(str(done.returncode), "--lang", language)
        if failure["code"]:
            assert by_kind in explain(failure["code"], "--lang", language)


def test_explain_knows_every_kind_and_published_code_in_both_languages():
    for language in ("en", "zh"):
        listed = explain("--lang", language)
        for case in PUBLISHED:
            assert f"  {case['code']} " in listed and case[language].rstrip(".") in listed, case
        for name, number in STATUS.items():
            if name != "EIOT_OK":
                assert f"{name} {number}\n" in explain(name, "--lang", language), name


def test_explain_follows_the_locale():
    assert explain("timeout", LANG="zh_CN.UTF-8") == explain("timeout", "--lang", "zh") != explain("timeout")
