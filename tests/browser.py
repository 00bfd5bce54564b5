"""A headless Chromium for tests, by its DevTools protocol over two pipes."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time


# How long the browser may say nothing, in seconds.
PATIENCE = 60


def chromium():
    """The browser's path, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Browser:
    """One page. `requests` has the addresses that it asked for, `errors` what its console and its scripts reported."""

    def __init__(self, profile):
        # Not 3 and 4, which are those of the child.
        to_read, self._write = _pipe()
        self._read, to_write = _pipe()

        def give_pipes():
            os.dup2(to_read, 3)
            os.dup2(to_write, 4)

        # Root has no sandbox; the pages are the tests' own.
        flags = [
            "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", "--disable-extensions",
            "--disable-background-networking", "--no-first-run", "--disable-dev-shm-usage", f"--user-data-dir={profile}", "about:blank",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            [chromium(), *flags], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, preexec_fn=give_pipes,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._last, self._session = b"", 0, None
        self.requests, self.errors, self._events = [], [], []
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.command(f"{domain}.enable")

    def close(self):
        try:
            self._session = None
            self.command("Browser.close")
        except (OSError, EOFError):
            pass
        os.close(self._write)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)

    def command(self, method, **parameters):
        """Sends a command and waits for its result."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]

    def _receive(self):
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], PATIENCE)[0]:
                raise AssertionError(f"the browser has said nothing for {PATIENCE} s; the last events: {self._events[-5:]}")
            part = os.read(self._read, 1 << 16)
            if not part:
                raise EOFError("the browser has ended")
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer = json.loads(message)
        method, parameters = answer.get("method"), answer.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "assert"):
            self.errors.append(json.dumps(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
        if method:
            self._events.append(method)
        return answer

    def open(self, address):
        self._events.clear()
        self.command("Page.navigate", url=address)
        while "Page.loadEventFired" not in self._events:
            self._receive()

    def resize(self, width, height=800):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def evaluate(self, script):
        """The value of an expression in the page; a promise is waited for."""
        done = self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait_for(self, script, seconds=20):
        """Waits until an expression is true, and returns it."""
        end = time.monotonic() + seconds
        while True:
            try:
                if value := self.evaluate(script):
                    return value
            except AssertionError as failed:
                # On the way to another page.
                if "navigated" not in str(failed) and "context was destroyed" not in str(failed):
                    raise
            assert time.monotonic() < end, f"not true in {seconds} s: {script}"
            time.sleep(0.02)

    def type(self, text):
        self.command("Input.insertText", text=text)
        for kind in ("rawKeyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key="Shift", code="ShiftLeft", windowsVirtualKeyCode=16)


def _pipe():
    """Two descriptors that are not inherited, both above those that the child gets."""
    read, write = os.pipe()
    high = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in (read, write)]
    os.close(read)
    os.close(write)
    return high
