"""Testing programs that use eiot, offline: a simulator of the platform, and clients that make no calls.

    from eiot.testing import Simulator

    with Simulator("--fault", "status=503,1") as platform:
        client = eiot.Client(**platform.options)

With pytest, use the fixture `eiot_simulator`, which comes with the package:

    def test_billing(eiot_simulator):
        client = eiot.Client(**eiot_simulator("--unlimited").options)

Both run the command `eiot-sim`, which is a package of its own (`eiot_sim-….whl`). It is found through the variable
`EIOT_SIM`, beside this Python, and in `PATH`. Without it, tests that use the fixture fail; they are skipped if pytest's option
`eiot_skip_without_simulator` is true. `import eiot` does not import this module.

For unit tests that need no HTTP, `FakeClient` and `FakeAsyncClient` stand in for the clients.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
import urllib.request
from types import TracebackType
from typing import Any

from eiot._fake import FakeAsyncClient, FakeClient

__all__ = ["FakeAsyncClient", "FakeClient", "Simulator"]


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
    if named:
        found = shutil.which(named)
    else:
        beside = os.path.join(sysconfig.get_path("scripts"), "eiot-sim")
        found = shutil.which(beside) or shutil.which("eiot-sim")
    if found is None:
        missing = f"EIOT_SIM names {named}, which" if named else "the command eiot-sim"
        raise FileNotFoundError(
            f"{missing} was not found; install the package eiot-sim, or build the command from the eiot sources (make "
            "install), and add it to PATH or set the variable EIOT_SIM"
        )
    return found
