"""A stand-in for the platform, for the tests of programs that use eiot.

    from eiot.testing import Simulator

    with Simulator("--fault", "status=503,1") as platform:
        client = eiot.Client(**platform.options)

With pytest, put `pytest_plugins = ["eiot.testing"]` into the top `conftest.py`, and tests can ask for `eiot_simulator`:

    def test_billing(eiot_simulator):
        client = eiot.Client(**eiot_simulator("--unlimited").options)

Both run the command `eiot-sim`, which does not come with the Python package: it is built with the C library, and found
through the variable `EIOT_SIM` or in `PATH`. This module is not loaded by `import eiot`.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

__all__ = ["Simulator"]


class Simulator:
    """A running `eiot-sim` on 127.0.0.1, on a free port unless `"--port"` says which; it stops when the `with` block or
    the process ends.

    `arguments` are those of the command, such as `"--unlimited"`, `"--tls"` or `"--fault", "reset"`; `eiot-sim --help`
    lists them. Raises `FileNotFoundError` when there is no such command, and `RuntimeError` when it does not start.

    >>> from eiot.testing import Simulator
    >>> with Simulator("--refuse", "45109") as platform:
    ...     eiot.Client(**platform.options, error_codes={"45109": "cooldown"}).refresh_usage("8904")
    Traceback (most recent call last):
      ...
    eiot.CooldownError: EID 8904: the platform ...
    """

    url: str
    """Where it listens."""

    options: dict[str, Any]
    """What a client needs to get there: keyword arguments of `Client` and `AsyncClient`."""

    def __init__(self, *arguments: str) -> None:
        command = [_command(), "--stop-with-stdin", *arguments]
        if "--port" not in arguments:
            command += ["--port", "0"]
        self.options = {"appkey": "demo-appkey", "secret": "demo-secret"}
        with contextlib.ExitStack() as undo:
            if "--tls" in arguments:
                folder = undo.enter_context(tempfile.TemporaryDirectory(prefix="eiot-sim-"))
                self.options["ca_file"] = os.path.join(folder, "ca.pem")
                command += ["--ca-out", self.options["ca_file"]]
            pipe = subprocess.PIPE
            # Leaving its context closes its standard input, which stops it, and waits.
            process = undo.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
            self.url = process.stdout.readline().strip() if process.stdout else ""
            if not self.url:
                raise RuntimeError("eiot-sim did not start; what it says is on standard error")
            self.options["base_url"] = self.url
            self._running = undo.pop_all()

    @property
    def environment(self) -> dict[str, str]:
        """The same as `options` for programs that read the environment: `EIOT_BASE_URL` and so on."""
        return {f"EIOT_{name.upper()}": value for name, value in self.options.items()}

    def counters(self) -> dict[str, Any]:
        """What it has seen: `calls`, `refused` by code, `per_eid` and more. Not with `--tls`."""
        with urllib.request.urlopen(f"{self.url}/sim/counters", timeout=10) as reply:
            counters: dict[str, Any] = json.load(reply)
        return counters

    def stop(self) -> None:
        """Stops it, and waits until it has. To stop it a second time does nothing."""
        self._running.close()

    def __enter__(self) -> "Simulator":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<eiot.testing.Simulator {self.url}>"


def _command() -> str:
    named = os.environ.get("EIOT_SIM")
    found = shutil.which(named or "eiot-sim")
    if found is None:
        missing = f"EIOT_SIM names {named}, which" if named else "the command eiot-sim"
        raise FileNotFoundError(
            f"{missing} is not there; build it with eiot's sources (make install), and put it into PATH or name it in "
            "the variable EIOT_SIM"
        )
    return found


try:
    import pytest
except ImportError:
    pass  # programs without pytest have no use for its fixture
else:
    __all__ += ["eiot_simulator"]

    @pytest.fixture
    def eiot_simulator() -> Iterator[Callable[..., Simulator]]:
        """Starts simulators with the given arguments, and stops them after the test; skips it where there is none."""
        with contextlib.ExitStack() as running:

            def start(*arguments: str) -> Simulator:
                try:
                    return running.enter_context(Simulator(*arguments))
                except FileNotFoundError as missing:
                    pytest.skip(str(missing))

            yield start
