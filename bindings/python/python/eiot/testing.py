"""A simulator of the platform, for testing programs that use eiot offline.

    from eiot.testing import Simulator

    with Simulator("--fault", "status=503,1") as platform:
        client = eiot.Client(**platform.options)

With pytest, put `pytest_plugins = ["eiot.testing"]` into the top-level `conftest.py` and use the fixture
`eiot_simulator`:

    def test_billing(eiot_simulator):
        client = eiot.Client(**eiot_simulator("--unlimited").options)

Both run the command `eiot-sim`, which is not part of the Python package: it is built with the C library, and found
through the variable `EIOT_SIM` or in `PATH`. `import eiot` does not import this module.
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
    """A running `eiot-sim` on 127.0.0.1, on a free port unless you pass `"--port"`. It stops at the end of the `with`
    block or of the process.

    `arguments` are those of the command, such as `"--unlimited"`, `"--tls"` or `"--fault", "reset"`; see `eiot-sim
    --help`. Raises `FileNotFoundError` if the command is not found, and `RuntimeError` if it does not start.

    >>> from eiot.testing import Simulator
    >>> with Simulator("--refuse", "45109") as platform:
    ...     eiot.Client(**platform.options, error_codes={"45109": "cooldown"}).refresh_usage("8904")
    Traceback (most recent call last):
      ...
    eiot.CooldownError: EID 8904: the platform ...
    """

    url: str
    """The URL of the simulator."""

    options: dict[str, Any]
    """Keyword arguments for `Client` and `AsyncClient`."""

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
            # Leaving its context closes its standard input, which stops it, and waits for it.
            process = undo.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
            self.url = process.stdout.readline().strip() if process.stdout else ""
            if not self.url:
                raise RuntimeError("eiot-sim did not start; see its messages on standard error")
            self.options["base_url"] = self.url
            self._running = undo.pop_all()

    @property
    def environment(self) -> dict[str, str]:
        """The same as environment variables: `EIOT_BASE_URL` and so on."""
        return {f"EIOT_{name.upper()}": value for name, value in self.options.items()}

    def counters(self) -> dict[str, Any]:
        """Returns the simulator's counters: `calls`, `refused` by code, `per_eid` and more. Not with `--tls`."""
        with urllib.request.urlopen(f"{self.url}/sim/counters", timeout=10) as reply:
            counters: dict[str, Any] = json.load(reply)
        return counters

    def stop(self) -> None:
        """Stops the simulator and waits for it. Stopping again has no effect."""
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
            f"{missing} was not found; build it from the eiot sources (make install), and add it to PATH or set the "
            "variable EIOT_SIM"
        )
    return found


try:
    import pytest
except ImportError:
    pass  # without pytest, there is no fixture
else:
    __all__ += ["eiot_simulator"]

    @pytest.fixture
    def eiot_simulator() -> Iterator[Callable[..., Simulator]]:
        """A function that starts simulators. They stop after the test; without `eiot-sim`, the test is skipped."""
        with contextlib.ExitStack() as running:

            def start(*arguments: str) -> Simulator:
                try:
                    return running.enter_context(Simulator(*arguments))
                except FileNotFoundError as missing:
                    pytest.skip(str(missing))

            yield start
