"""The benchmark's short form: it runs, and nothing has become many times slower."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import PKG_CONFIG, TESTS


@pytest.mark.skipif(shutil.which("curl-config") is None, reason="needs libcurl4-openssl-dev")
def test_a_call_costs_about_what_libcurls_costs():
    # A noisy machine is no reason to fail; a timer that rounds up to a millisecond in each call made it 0.03.
    environment = os.environ | {"ROUNDS": "3", "CALLS": "300", "BATCH_CALLS": "2000", "PKG_CONFIG": str(PKG_CONFIG)}
    command = ["sh", TESTS / "bench" / "run.sh"]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=300)
    ratios = [float(ratio) for ratio in re.findall(r"calls a second ([\d.]+)", done.stdout)]
    assert ratios and min(ratios) > 0.5, done.stdout
