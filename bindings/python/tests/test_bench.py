"""The benchmark's short form: it runs, and what it is to show can be seen."""

import os
import re
import subprocess
import sys

import pytest
from conftest import HERE


def test_a_call_is_several_times_as_fast_as_with_requests_or_httpx() -> None:
    if not os.environ.get("EIOT_SIM"):
        pytest.skip("EIOT_SIM does not say where the eiot-sim command is")
    # Without the developer's mode, which the others feel more than we do.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, HERE.parent / "bench" / "compare.py"],
        env=environment | {"ROUNDS": "5", "CALLS": "60"},
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    shared, *apart = done.stdout.split("on a core each")
    for text, requests, httpx in [(shared, 4, 3), *((text, 2, 2) for text in apart)]:
        ratios = dict(re.findall(r"^(\w+) .* eiot makes ([\d.]+) calls", text, re.M))
        assert float(ratios["requests"]) >= requests and float(ratios["httpx"]) >= httpx, done.stdout
